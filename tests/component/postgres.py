#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL server for tests: temporary folder, UNIX socket only, dies with the test.

As a program: postgres.py PROGRAM ARGUMENT... starts one, sets BERTH_TEST_POSTGRESQL to what libpq
needs to reach it, runs the program and ends with its status.
"""
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "logging_collector": "off",
    "log_min_messages": "error",
    "timezone": "UTC",
}


def find_bin():
    """The folder of initdb and postgres; Debian keeps one for each version."""
    base = "/usr/lib/postgresql"
    versions = sorted((int(v) for v in os.listdir(base) if v.isdigit()), reverse=True) \
        if os.path.isdir(base) else []
    for version in versions:
        folder = f"{base}/{version}/bin"
        if os.path.exists(folder + "/initdb"):
            return folder
    initdb = shutil.which("initdb")
    if not initdb:
        sys.exit("postgresql is not installed: see tools/packages.txt")
    return os.path.dirname(initdb)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """Stays until stop(); crash() ends all its processes at once, start() brings it back."""

    def __init__(self, folder=None, **settings):
        self.folder = folder or tempfile.mkdtemp(prefix="berth-pg-")
        self.is_root = os.getuid() == 0
        self.user = "postgres" if self.is_root else pwd.getpwuid(os.getuid()).pw_name
        self.bin = find_bin()
        self.process = None
        if self.is_root:
            shutil.chown(self.folder, self.user, self.user)
        os.chmod(self.folder, 0o755)
        subprocess.run(self.command("initdb", "-D", self.data, "-A", "trust", "-U", self.user,
                                    "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        with open(self.data + "/postgresql.conf", "a", encoding="utf-8") as conf:
            for key, value in {**SETTINGS, "unix_socket_directories": self.folder,
                               **settings}.items():
                conf.write(f"{key} = '{value}'\n")
        self.start()

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    @property
    def conninfo(self):
        return f"host={self.folder} user={self.user}"

    def command(self, program, *args):
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] \
            if self.is_root else []
        return [*prefix, f"{self.bin}/{program}", *args]

    def start(self, env=None):
        """env: added for the server alone."""
        # setpriv would clear the wish to die with us; it is told to make it.
        command = self.command("postgres", "-D", self.data)
        if self.is_root:
            command[1:1] = ["--pdeathsig", "KILL"]
        if env:
            at = len(command) - 3
            command[at:at] = ["env", *(f"{key}={value}" for key, value in env.items())]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/",
                                            stdin=subprocess.DEVNULL, start_new_session=True,
                                            preexec_fn=die_with_parent)
        while subprocess.run([f"{self.bin}/pg_isready", "-q", "-t", "1", "-h", self.folder],
                             check=False).returncode != 0:
            if self.process.poll() is not None:
                with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
                    sys.exit("postgres ended: " + log.read())

    def crash(self):
        """Like a power cut of the server: every process is killed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as children:
            return [int(pid) for pid in children.read().split()]

    def signal_all(self, number):
        """SIGSTOP and SIGCONT of a whole server.

        The kernel's list may lack a child while another one ends, so it has to stay the same.
        """
        os.kill(self.process.pid, number)
        before = None
        while before != (children := set(self.children())):
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            before = children

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql, database="postgres"):
        """Rows as psql prints them, tab between columns."""
        result = subprocess.run([f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-F", "\t",
                                 "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", self.user,
                                 "-d", database, "-c", sql],
                                check=True, capture_output=True, text=True)
        return [line.split("\t") for line in result.stdout.splitlines()]

    def new_database(self, name):
        self.query(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        return f"postgresql:{self.conninfo} dbname={name}"


def main():
    server = Server()
    try:
        env = {**os.environ, "BERTH_TEST_POSTGRESQL": server.conninfo}
        status = subprocess.run(sys.argv[1:], env=env, check=False,
                                preexec_fn=die_with_parent).returncode
    finally:
        server.stop()
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()

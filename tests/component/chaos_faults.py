# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills and freezes processes again and again, and brings them back."""
import concurrent.futures
import os
import signal
import subprocess
import threading
import time

from broker_site import die_with_parent

# PR_SET_PDEATHSIG is about the thread that started a process: this one lives as long as we do.
SPAWNER = concurrent.futures.ThreadPoolExecutor(1)


def spawn(*args, **options):
    return SPAWNER.submit(subprocess.Popen, *args, preexec_fn=die_with_parent, **options).result()


def config_of(site, name, url, port=0):
    """Writes the configuration of one of several brokers of a site; returns its path."""
    with open(site.path("broker.conf"), encoding="utf-8") as file:
        text = file.read()
    folder = site.path(name)
    os.makedirs(os.path.join(folder, "state"), exist_ok=True)
    for key in ("state", "api.sock", "internal.sock"):
        text = text.replace(f"{site.dir}/{key}\n", f"{folder}/{key}\n")
    text = text.replace("127.0.0.1:0", f"127.0.0.1:{port}")
    text += f"\n[store]\nurl = {url}\n\n[auth]\npepper_file = {site.path('pepper.key')}\n"
    path = os.path.join(folder, "broker.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class BrokerProcess:
    """A broker that comes back on the port and the sockets that it had."""

    def __init__(self, program, site, name, url, env=None):
        self.program, self.site, self.name, self.url = program, site, name, url
        self.env = {**os.environ, **env} if env else None
        self.socket = os.path.join(site.path(name), "api.sock")
        self.port = 0
        self.log = open(site.path(name + ".log"), "ab")  # pylint: disable=consider-using-with
        self.config = config_of(site, name, url)
        self.process = None

    def start(self):
        """Whether it got ready."""
        read_fd, write_fd = os.pipe()
        self.process = spawn([self.program, "--config", self.config, "--ready-fd", str(write_fd)],
                             pass_fds=[write_fd], stderr=self.log, env=self.env)
        os.close(write_fd)
        with os.fdopen(read_fd) as ready:
            lines = ready.read().split("\n")
        if "ready" not in lines:
            self.process.kill()
            self.process.wait()
            return False
        port = int(dict(line.split("=") for line in lines if "=" in line)["agent_port"])
        if not self.port:
            self.port = port
            self.config = config_of(self.site, self.name, self.url, port)
        return True

    def crash(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)


class PostgresProcess:
    """The server of the fixture as something to kill."""

    name = "postgresql"

    def __init__(self, server):
        self.server = server

    def start(self):
        SPAWNER.submit(self.server.start).result()
        return True

    def crash(self):
        self.server.crash()

    def signal(self, number):
        self.server.signal_all(number)


class Faults:
    """One thread a target: waits, kills or freezes, brings back; counts and remembers when."""

    def __init__(self, random, n_wanted, freeze_s=(5, 10), share_of_freezes=0.1):
        self.random, self.n_wanted = random, n_wanted
        self.freeze_s, self.share_of_freezes = freeze_s, share_of_freezes
        self.lock = threading.Lock()
        self.n_done = {}     # name -> how often
        self.away = []       # (name, start, end), monotonic
        self.stop = threading.Event()
        self.threads = []

    @property
    def n_all(self):
        return sum(self.n_done.values())

    def bring_back(self, target):
        while not target.start():
            if self.stop.wait(0.1):
                target.start()
                return

    def strike(self, target):
        begin = time.monotonic()
        if self.random.random() < self.share_of_freezes:
            target.signal(signal.SIGSTOP)
            self.stop.wait(self.random.uniform(*self.freeze_s))
            target.signal(signal.SIGCONT)
        else:
            target.crash()
            self.bring_back(target)
        with self.lock:
            self.n_done[target.name] = self.n_done.get(target.name, 0) + 1
            self.away.append((target.name, begin, time.monotonic()))

    def run(self, target, pause_s):
        while not self.stop.wait(self.random.uniform(*pause_s)):
            with self.lock:
                if self.n_all >= self.n_wanted:
                    return
            self.strike(target)

    def begin(self, targets):
        """targets: (target, (least, most) seconds of peace between two faults)."""
        for target, pause_s in targets:
            thread = threading.Thread(target=self.run, args=(target, pause_s), daemon=True)
            thread.start()
            self.threads.append(thread)

    def wait(self, limit_s):
        """Until all faults were done; whether they were."""
        end = time.monotonic() + limit_s
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
        self.stop.set()
        for thread in self.threads:
            thread.join(90)
        return self.n_all >= self.n_wanted

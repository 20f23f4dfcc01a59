# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole Berth site on one machine: broker, gateway and one agent in a private folder.

The demo, the end-to-end tests and the benchmarks share it.  Everything listens on 127.0.0.1 with
ports that the kernel chooses; readiness comes through pipes, never by waiting for some time.

    with Lab(build="build", images={"tg": folder}) as lab:
        lab.add_pool("office", "tg", size=2, spares=1)
        lab.wait_machines(ready=1)
        lab.probe("--desktop", "office", "--screenshot", "x.png")

Nothing outlives the lab: all that it starts carries its folder in the environment, also what was
detached (virtual machines, session processes); the lab ends that, and so does a guard process if
the lab itself is killed.
"""
import ctypes
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import control_groups  # noqa: E402

# In the environment of everything that a lab starts: the lab's folder.
MARK = "BERTH_LAB"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)

START_LIMIT_S = 60
STOP_LIMIT_S = 30
CALL_LIMIT_S = 60
POLL_S = 0.05


class LabError(Exception):
    """Something did not work; the text is a sentence for people."""


def become_subreaper():
    """From now on a detached descendant whose parent dies becomes our child."""
    if LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise LabError(f"prctl: {os.strerror(ctypes.get_errno())}")


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def marked(folder):
    """The processes that belong to the lab in a folder, those it detached included."""
    def is_marked(name):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                return f"{MARK}={folder}".encode() in file.read().split(b"\0")
        except OSError:
            return False
    return [int(name) for name in filter(str.isdigit, os.listdir("/proc")) if is_marked(name)]


def kill_all(folder):
    """Kills what belongs to the lab in a folder and waits until it is gone."""
    def left():
        pids = marked(folder)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                pass
        return pids
    wait_until("the end of all processes", lambda: not left(), STOP_LIMIT_S)


def remove_groups(folder):
    """Removes the control groups of the lab's agents, which have ended."""
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.startswith("agent"):
            control_groups.remove(os.path.join(folder, name))


class Guard:
    """A process that ends a lab whose own process was killed, and removes its folder."""

    def __init__(self, folder, removes_folder):
        reader, self.writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.writer)
            try:
                self._watch(reader, folder, removes_folder)
            finally:
                os._exit(0)
        os.close(reader)

    @staticmethod
    def _watch(reader, folder, removes_folder):
        os.setsid()
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, signal.SIG_IGN)
        os.read(reader, 1)  # ends when the last writer is gone: with the lab's process
        kill_all(folder)
        remove_groups(folder)
        if removes_folder:
            shutil.rmtree(folder, ignore_errors=True)

    def end(self):
        """Lets the guard have its look; it finds nothing after a clean end."""
        os.close(self.writer)
        os.waitpid(self.pid, 0)


def command_line(pid):
    """The arguments of a process, or [] if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def wait_until(what, test, limit_s=START_LIMIT_S):
    """Returns the first true value of test(); raises LabError after the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what} did not happen within {limit_s} s")
        time.sleep(POLL_S)


def pipe_with(text):
    """A descriptor from which `text` can be read once: passwords never stand in arguments."""
    reader, writer = os.pipe()
    os.write(writer, text.encode() + b"\n")
    os.close(writer)
    return reader


class Daemon:
    """One program of ours with --ready-fd; its log goes to a file in the lab's folder."""

    def __init__(self, name, argv, lab):
        self.name, self.argv = name, argv
        self.log_path = lab.path(name.replace("berth-", "") + ".log")
        self.env = dict(os.environ, **{MARK: lab.folder})
        self.process, self.ready = None, {}

    def start(self):
        reader, writer = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.argv, "--ready-fd", str(writer)], pass_fds=[writer],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent,
                env=self.env)
        os.close(writer)
        try:
            self.ready = self._read_ready(reader)
        finally:
            os.close(reader)
        return self

    def _read_ready(self, reader):
        text, deadline = b"", time.monotonic() + START_LIMIT_S
        while not text.endswith(b"ready\n"):
            left = deadline - time.monotonic()
            readable, _, _ = select.select([reader], [], [], max(left, 0))
            chunk = os.read(reader, 4096) if readable else b""
            if not chunk:
                self.stop()
                raise LabError(f"{self.name} did not start: {self.last_words()}")
            text += chunk
        return dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)

    def last_words(self, n_lines=3):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return " / ".join(log.read().splitlines()[-n_lines:]) or "it said nothing"

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, sig=signal.SIGTERM):
        if self.is_running():
            self.process.send_signal(sig)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self):
        self.stop(signal.SIGKILL)

    def keep_port(self, config, port):
        """From now on the port that the kernel chose stands in the configuration: restarts, and
        those who know the address, find the same."""
        with open(config, encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("listen=127.0.0.1:0", f"listen=127.0.0.1:{self.ready[port]}"))
        return self


class ProbeScript:
    """A probe that takes commands one by one; each answer is a JSON object."""

    def __init__(self, lab, *args, user=None, password=None, env=None):
        fd = pipe_with(password or lab.password)
        self.errors = tempfile.TemporaryFile(dir=lab.folder)
        self.process = subprocess.Popen(
            [*lab.probe_argv(user, fd), *args, "--script", "-"], pass_fds=[fd], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, bufsize=1,
            preexec_fn=die_with_parent, env=env)
        os.close(fd)

    def command(self, text):
        """Sends one command; returns its answer.  LabError if the probe ended instead."""
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise LabError(f"the probe ended at '{text}': {self.reason()}")
        return json.loads(line)

    def reason(self):
        self.process.wait(CALL_LIMIT_S)
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def close(self):
        """Ends the input; returns the exit status."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            return self.process.wait(CALL_LIMIT_S)
        finally:
            self.process.stdout.close()
            self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.close()


class Lab:
    """See the module's text.  images: name -> folder that holds NAME.json and its files."""

    qemu_program = "/usr/bin/qemu-system-x86_64"  # a benchmark may put something in between

    def __init__(self, build, images, folder=None, template_dir=None, memory_limit_mib=8192,
                 agent_options=(), broker_options=(), gateway_options=(), accel="auto", n_hosts=1):
        self.build = os.path.abspath(build)
        self.images = images
        self.is_own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="berth-")
        os.chmod(self.folder, 0o700)
        self.template_dir = template_dir
        self.memory_limit_mib = memory_limit_mib
        self.agent_options, self.broker_options, self.accel = agent_options, broker_options, accel
        self.gateway_options = gateway_options
        self.user, self.password = "anna", secrets.token_urlsafe(12)
        self.admin, self.admin_password = "admin", secrets.token_urlsafe(18)
        self.host_names = [f"host-{i + 1}" for i in range(n_hosts)]
        self.host_ids, self.agents = [], []
        self.broker = self.gateway = None
        become_subreaper()
        self.guard = Guard(self.folder, self.is_own_folder)

    # Paths.

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def program(self, name):
        folders = {"berth-broker": "broker", "berth-gateway": "broker/gateway",
                   "berth-setup": "broker/setup", "berthctl": "broker/ctl",
                   "berth-agent": "host-agent", "berth-thaw": "host-agent",
                   "berth-session": "host-agent/session",
                   "berth-gpu": "host-agent/vhost-gpu",
                   "berth": "client"}
        return os.path.join(self.build, folders[name], name)

    def _write_config(self, name, group, values, extra=()):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[{group}]\n")
            file.writelines(f"{key}={value}\n" for key, value in values.items())
            file.writelines(f"{line}\n" for line in extra)
        return path

    # Life.

    def start(self):
        """Makes keys and starts the three daemons; then the host, the user and the images."""
        self._make_keys()
        self._start_broker()
        self._start_gateway()
        for name, host_id in zip(self.host_names, self.host_ids):
            self.berthctl("create", "host", name, "--id", host_id)
        for name in self.images:
            self.add_image(name)
        self.add_user(self.user, self.password)
        for name, host_id in zip(self.host_names, self.host_ids):
            self.agents.append(self._start_agent(name, host_id))
        return self

    @property
    def host_id(self):
        """Of the first host."""
        return self.host_ids[0]

    @property
    def agent(self):
        """Of the first host; None before it runs."""
        return self.agents[0] if self.agents else None

    def _make_keys(self):
        out = self.run([self.program("berth-setup"), self.path("keys"), "--gateway-name",
                        "localhost", "--address", "127.0.0.1",
                        *(word for name in self.host_names for word in ("--host", name))])
        ids = dict(line.split()[1:3] for line in out.splitlines() if line.startswith("host "))
        self.host_ids = [ids[name] for name in self.host_names]

    def _start_broker(self):
        keys = self.path("keys")
        os.makedirs(self.path("broker"), 0o700, exist_ok=True)
        config = self._write_config("broker.conf", "broker", {
            "state_dir": self.path("broker"), "api_socket": self.path("api.sock"),
            "internal_socket": self.path("internal.sock"), "agent_listen": "127.0.0.1:0",
            "ca_file": f"{keys}/ca.pem", "cert_file": f"{keys}/broker.pem",
            "key_file": f"{keys}/broker.key", "ticket_key_file": f"{keys}/ticket.key",
        }, self.broker_options)
        argv = [self.program("berth-broker"), "--config", config]
        fd = pipe_with(self.admin_password)
        self.run([*argv, "--create-admin", self.admin, "--password-fd", str(fd)], pass_fds=[fd])
        os.close(fd)
        self.broker = Daemon("berth-broker", argv, self).start()
        self.broker.keep_port(config, "agent_port")

    def _start_gateway(self):
        keys = self.path("keys")
        config = self._write_config("gateway.conf", "gateway", {
            "listen": "127.0.0.1:0", "cert_file": f"{keys}/gateway.pem",
            "key_file": f"{keys}/gateway.key", "api_socket": self.path("api.sock"),
            "internal_socket": self.path("internal.sock"),
        }, self.gateway_options)
        self.gateway = Daemon("berth-gateway", [self.program("berth-gateway"), "--config", config],
                              self).start().keep_port(config, "port")

    def host_folder(self, what, name="host-1"):
        """What a host has: its "agent" state or its "images"; the first host's is named so."""
        return self.path(what if name == self.host_names[0] else f"{what}-{name}")

    def _start_agent(self, name, host_id):
        keys, is_first = self.path("keys"), name == self.host_names[0]
        os.makedirs(self.host_folder("agent", name), 0o700, exist_ok=True)
        os.makedirs(self.host_folder("images", name), exist_ok=True)
        values = {
            "host_id": host_id, "broker": f"127.0.0.1:{self.broker.ready['agent_port']}",
            "broker_name": "localhost", "ca_file": f"{keys}/ca.pem",
            "cert_file": f"{keys}/host-{name}.pem", "key_file": f"{keys}/host-{name}.key",
            "state_dir": self.host_folder("agent", name),
            "image_dir": self.host_folder("images", name),
            "listen": "127.0.0.1:0", "session_program": self.program("berth-session"),
            "gpu_program": self.program("berth-gpu"), "thaw_program": self.program("berth-thaw"),
            "image_sandbox_program": os.path.join(self.build, "base", "depot",
                                                  "berth-image-sandbox"),
            "qemu_program": self.qemu_program,
            "memory_limit_mib": self.memory_limit_mib, "accel": self.accel,
        }
        if self.template_dir and is_first:
            values["template_dir"] = self.template_dir
            values["template_keep_s"] = 24 * 3600  # others may use the folder, too
        label = "agent" if is_first else f"agent-{name}"
        config = self._write_config(f"{label}.conf", "agent", values, self.agent_options)
        return Daemon(f"berth-{label}", [self.program("berth-agent"), "--config", config],
                      self).start().keep_port(config, "port")

    def stop(self):
        """Ends all that the lab started; removes its folder if the lab made it."""
        for daemon in (*self.agents, self.gateway, self.broker):
            if daemon is not None:
                daemon.stop()
        kill_all(self.folder)
        remove_groups(self.folder)
        if self.is_own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.guard.end()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # Administration.

    def run(self, argv, pass_fds=(), check=True, limit_s=CALL_LIMIT_S, env=None):
        """Runs a program to its end; returns its output, or the finished process if not check."""
        done = subprocess.run(argv, pass_fds=pass_fds, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=limit_s, env=env, check=False)
        if not check:
            return done
        if done.returncode != 0:
            name = os.path.basename(argv[0])
            raise LabError(f"{name} ended with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def url(self):
        return f"https://localhost:{self.gateway.ready['port']}"

    def berthctl(self, *args, secret=None, limit_s=CALL_LIMIT_S):
        """Runs an administrator's command; returns its JSON, or None if it printed nothing."""
        fds = [pipe_with(self.admin_password)]
        argv = [self.program("berthctl"), "--broker", self.url(),
                "--ca", self.path("keys", "ca.pem"), "--user", self.admin,
                "--password-fd", str(fds[0]), "--json", *args]
        if secret is not None:
            fds.append(pipe_with(secret))
            argv += ["--new-password-fd", str(fds[1])]
        try:
            out = self.run(argv, pass_fds=fds, limit_s=limit_s)
        finally:
            for fd in fds:
                os.close(fd)
        return json.loads(out) if out.strip() else None

    def add_user(self, name, password):
        self.berthctl("create", "user", name, secret=password)

    def add_image(self, name):
        """Links the image's files into the hosts' folders and tells the broker its manifest."""
        for host in self.host_names:
            folder = self.host_folder("images", host)
            os.makedirs(folder, exist_ok=True)
            for file in os.listdir(self.images[name]):
                target = os.path.join(folder, file)
                if not os.path.lexists(target):
                    os.symlink(os.path.join(os.path.abspath(self.images[name]), file), target)
        self.berthctl("create", "image", name, "--manifest", self.path("images", name + ".json"))

    def add_pool(self, name, image, size, spares, users=None, template=True):
        self.berthctl("create", "pool", name, "--image", image, "--size", str(size), "--spares",
                      str(spares), *(["--template"] if template else []))
        for user in users or [self.user]:
            self.berthctl("entitle", name, "--as-user", user)

    def rows(self, what):
        """The rows of one list of the administrator: machines, sessions, hosts, pools, ..."""
        return self.berthctl("get", what)[what]

    def wait_machines(self, ready, limit_s=120):
        """Waits until so many machines are ready and unassigned; returns all machine rows."""
        def enough():
            rows = self.rows("machines")
            return rows if sum(row["state"] == "ready" for row in rows) >= ready else None
        return wait_until(f"{ready} ready machines", enough, limit_s)

    # Users.

    def probe_argv(self, user, password_fd):
        return [self.program("berth"), "probe", "--broker", self.url(), "--ca",
                self.path("keys", "ca.pem"), "--user", user or self.user, "--password-fd",
                str(password_fd)]

    def probe(self, *args, user=None, password=None, limit_s=CALL_LIMIT_S):
        """Runs one probe to its end; returns the finished process.  It says nothing but reasons."""
        fd = pipe_with(password or self.password)
        try:
            argv = [*self.probe_argv(user, fd), "--quiet", *args]
            return self.run(argv, pass_fds=[fd], check=False, limit_s=limit_s)
        finally:
            os.close(fd)

    def probe_script(self, *args, **kwargs):
        return ProbeScript(self, *args, **kwargs)

    # What runs on the host.

    def processes(self, program):
        """Process ids of a program below the lab: "berth-session", "qemu-system-x86_64"."""
        return [pid for pid in marked(self.folder)
                if os.path.basename((command_line(pid) or [""])[0]) == program]

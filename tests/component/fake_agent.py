# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's agent that runs nothing: it speaks the control link and pretends."""
import json
import os
import secrets
import socket
import ssl
import struct
import threading
import time

HANDSHAKE_S = 10  # as the real agent: a frozen broker takes connections and says nothing


class FakeAgent(threading.Thread):
    """Drives pretended machines towards the desired state, as a real agent would.

    auto=False leaves machines where they are until the test calls set_machine().
    """

    SAME_S = 1.0

    def __init__(self, port, site, host_id, host_name, auto=True, memory_mib=65536, epoch=1,
                 cluster_epoch=0):
        super().__init__(daemon=True)
        self.port, self.site, self.host_id, self.host_name = port, site, host_id, host_name
        self.auto = auto
        self.memory_mib = memory_mib
        self.epoch = epoch
        self.cluster_epoch = cluster_epoch
        self.serial = 0
        self.conditions = []
        self.opens_sessions = True
        self.lock = threading.RLock()
        self.write_lock = threading.Lock()
        self.machines = {}   # id -> report
        self.sessions = {}   # id -> report
        self.images = {}     # version -> report
        self.templates = {}  # key -> report
        self.tasks = {}      # id -> report
        self.disks = {}      # id -> report
        self.disk_faults = {}
        self.run_task = lambda task: {"state": "done", "result": {}}  # None: leave it to the test
        self.desired = {"machines": [], "sessions": []}
        self.generation = 0
        self.n_desired = 0
        self.n_pongs = 0
        self.overlays_seen = []
        self.welcome = None
        self.refused = None
        self.stopped = threading.Event()
        self.is_mute = False
        self.changed = threading.Condition(self.lock)
        self.sock = None

    def run(self):
        while not self.stopped.is_set():
            try:
                self.serve_once()
            except (OSError, ssl.SSLError, EOFError):
                pass
            if self.refused:
                return
            self.stopped.wait(0.1)

    def serve_once(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(os.path.join(self.site, "ca.pem"))
        context.load_cert_chain(os.path.join(self.site, f"host-{self.host_name}.pem"),
                                os.path.join(self.site, f"host-{self.host_name}.key"))
        context.set_alpn_protocols(["berth-control/1"])
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=HANDSHAKE_S)
        sock = context.wrap_socket(raw, server_hostname="broker.berth")
        sock.settimeout(60)
        self.sock = sock
        self.send({"type": "hello", "version": 3, "host": self.host_id, "boot_id": "boot-1",
                   "agent_epoch": self.epoch, "cluster_epoch": self.cluster_epoch,
                   "display_address": "127.0.0.1:9", "accel": "tcg",
                   "memory_limit_mib": self.memory_mib, "vcpu_limit": 64, "start_slots": 4,
                   "qemu": "7.2.22", "labels": {}, "cgroup": "none",
                   "networks": ["user", "bridge"], "image_address": "127.0.0.1:8",
                   "cpu_model": "fake", "memory": {}})
        talker = threading.Thread(target=self.talk_forever, args=(sock,), daemon=True)
        talker.start()
        try:
            while not self.stopped.is_set():
                self.handle(self.receive(sock))
        finally:
            sock.close()

    def talk_forever(self, sock):
        """Says that nothing has changed, again and again."""
        while not self.stopped.wait(self.SAME_S) and sock is self.sock:
            try:
                if self.welcome and self.serial:
                    self.send({"type": "same", "serial": self.serial})
                else:
                    self.send({"type": "ping"})
            except OSError:
                return

    def receive(self, sock):
        head = self.read_exactly(sock, 4)
        return json.loads(self.read_exactly(sock, struct.unpack("<I", head)[0]))

    @staticmethod
    def read_exactly(sock, n):
        data = b""
        while len(data) < n:
            part = sock.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def send(self, message):
        if self.is_mute:
            return
        text = json.dumps(message).encode()
        with self.write_lock:
            self.sock.sendall(struct.pack("<I", len(text)) + text)

    def handle(self, message):
        with self.lock:
            if message["type"] == "welcome":
                if message["cluster_epoch"] < self.cluster_epoch and not message["safe_mode"]:
                    raise EOFError("this broker decides by an old store")
                self.welcome = message
                self.cluster_epoch = max(self.cluster_epoch, message["cluster_epoch"])
                self.send_inventory()
                self.send({"type": "poll", "generation": self.generation})
            elif message["type"] == "refused":
                self.refused = message
                self.stopped.set()
            elif message["type"] == "desired":
                self.generation = message["generation"]
                self.desired = message
                self.n_desired += 1
                self.converge()
                self.send({"type": "poll", "generation": self.generation})
            elif message["type"] == "same":
                self.send({"type": "poll", "generation": self.generation})
            elif message["type"] == "pong":
                self.n_pongs += 1
            self.changed.notify_all()

    def flush(self):
        """Returns when the broker has read everything that was sent before."""
        with self.lock:
            wanted = self.n_pongs + 2  # one may be on its way already
        for _ in range(2):
            self.send({"type": "ping"})
        self.wait_for(lambda a: a.n_pongs >= wanted)

    def converge(self):
        for machine in self.desired["machines"]:
            mine = self.machines.get(machine["id"])
            if machine["want"] == "absent":
                self.machines.pop(machine["id"], None)
            elif self.auto and (mine is None or mine["epoch"] < machine["epoch"]):
                if machine["keep"] and machine.get("overlay"):
                    continue  # its disk is not here, and there will be no other
                overlay = secrets.token_hex(16)
                self.overlays_seen.append(overlay)
                self.machines[machine["id"]] = {
                    "id": machine["id"], "epoch": machine["epoch"], "state": "ready",
                    "overlay": overlay, "condition": "", "code": "", "detail": "", "pid": 1,
                    "memory_mib": machine.get("memory_mib", 0)}
            mine = self.machines.get(machine["id"])
            if self.auto and mine and mine["epoch"] == machine["epoch"]:
                self.converge_power(mine, machine["want"])
        wanted = {session["id"] for session in self.desired["sessions"]}
        if not self.welcome["safe_mode"]:
            for gone in set(self.sessions) - wanted:
                del self.sessions[gone]
        for session in self.desired["sessions"]:
            self.converge_session(session)
        self.converge_parts()
        self.send_inventory()

    def converge_parts(self):
        """Images, templates, tasks and disks: with auto, all that is wanted is there at once."""
        for name, key, make in (("images", "version", self.make_image),
                                ("templates", "version", self.make_template),
                                ("tasks", "id", self.make_task), ("disks", "id", self.make_disk)):
            have, wanted = getattr(self, name), self.desired.get(name, [])
            for gone in set(have) - {item[key] for item in wanted}:
                del have[gone]
            for item in wanted:
                if item.get("want") == "absent":
                    have.pop(item[key], None)
                elif self.auto and item[key] not in have:
                    report = make(item)
                    if report is not None:
                        have[item[key]] = report
        if self.auto:
            self.converge_disks()

    def converge_disks(self):
        """A machine that should have a disk has it; disk_faults: id -> code of one that fails."""
        users = {machine["user_disk"]["id"]: machine for machine in self.desired["machines"]
                 if machine.get("user_disk")}
        for disk in self.desired.get("disks", []):
            user, fault = users.get(disk["id"]), self.disk_faults.get(disk["id"])
            is_gone = disk["want"] == "absent"
            self.disks[disk["id"]] = {
                "id": disk["id"], "epoch": disk["epoch"], "used_mib": 1, "detail": "",
                "code": "not-found" if is_gone else fault or "",
                "state": "failed" if is_gone or fault else "attached" if user else "present",
                **({"machine": user["id"]} if user else {})}

    @staticmethod
    def make_image(image):
        n = sum(file["size_bytes"] for file in image["manifest"].get("files", []))
        return {"version": image["version"], "state": "present", "bytes": n, "total_bytes": n,
                "code": "", "detail": ""}

    @staticmethod
    def make_template(template):
        return {"key": template["version"], "version": template["version"],
                "vcpus": template["vcpus"], "memory_mib": template["memory_mib"],
                "state": "ready", "forks": 0, "detail": ""}

    def make_task(self, task):
        done = self.run_task(task)
        return done and {"id": task["id"], "progress_pct": 100, "code": "", "detail": "",
                         "result": {}, **done}

    @staticmethod
    def make_disk(disk):
        return {"id": disk["id"], "epoch": disk["epoch"], "state": "present", "used_mib": 1,
                "code": "", "detail": ""}

    def set_part(self, name, key, **values):
        """Reports something about an image, template, task or disk: set_part("tasks", id, ...)."""
        with self.lock:
            getattr(self, name).setdefault(key, {"id": key}).update(values)
            self.send_inventory()

    @staticmethod
    def converge_power(mine, want):
        if want in ("stopped", "frozen") and mine["state"] in ("ready", "stopped", "frozen"):
            mine["state"] = want
        elif want == "running" and mine["state"] in ("stopped", "frozen"):
            mine["state"] = "ready"

    def converge_session(self, session):
        mine = self.sessions.get(session["id"])
        if session["want"] == "ended":
            if mine:
                mine.update(state="ended", code=session["reason"])
        elif session["want"] == "disconnected":
            if mine:
                mine["state"] = "listening"
        elif mine is None and self.opens_sessions:
            machine = self.machines.get(session["machine"])
            if machine and machine["state"] == "ready" and machine["epoch"] == session["epoch"]:
                self.sessions[session["id"]] = {
                    "id": session["id"], "machine": session["machine"], "epoch": session["epoch"],
                    "state": "listening", "session_key": secrets.token_hex(32),
                    "connection_epoch": session["connection_epoch"], "code": "", "idle_s": 0}

    def send_inventory(self):
        self.serial += 1
        self.send({"type": "inventory", "serial": self.serial, "conditions": self.conditions,
                   "machines": list(self.machines.values()),
                   "sessions": list(self.sessions.values()),
                   "images": list(self.images.values()),
                   "templates": list(self.templates.values()),
                   "tasks": list(self.tasks.values()), "disks": list(self.disks.values()),
                   "memory": {}, "usage": {"cpu_pct": 1, "memory_used_mib": 100, "disk_free_mib": 1000}})

    def set_machine(self, machine_id, **values):
        """Reports something about a machine."""
        with self.lock:
            self.machines.setdefault(machine_id, {
                "id": machine_id, "epoch": 1, "state": "creating", "overlay": "",
                "condition": "", "code": "", "detail": ""}).update(values)
            self.converge()

    def set_session(self, session_id, **values):
        with self.lock:
            self.sessions[session_id].update(values)
            self.send_inventory()

    def wait_for(self, predicate, timeout=60):
        """Waits until predicate(self) holds; asserts that it does in time."""
        end = time.monotonic() + timeout
        with self.lock:
            while not predicate(self):
                left = end - time.monotonic()
                assert left > 0, f"the agent never saw it: {self.desired}"
                self.changed.wait(left)

    def stop(self):
        self.stopped.set()
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.join(5)

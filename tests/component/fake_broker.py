# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker that speaks only the control link: says what a host should run, hears what it runs."""
import collections
import json
import os
import secrets
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

MAX_FRAME = 4 * 1024 * 1024


def run_openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_certificates(folder, host_id):
    """ca.pem, broker.pem/.key and host.pem/.key of a site of its own."""
    path = lambda name: os.path.join(folder, name)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run_openssl("req", "-x509", *ec, "-keyout", path("ca.key"), "-out", path("ca.pem"),
                "-days", "2", "-subj", "/CN=test site")
    for name, san in (("broker", "DNS:broker"), ("host", f"URI:berth:host:{host_id}")):
        run_openssl("req", "-x509", *ec, "-keyout", path(name + ".key"), "-out",
                    path(name + ".pem"), "-days", "2", "-subj", "/CN=" + name, "-CA",
                    path("ca.pem"), "-CAkey", path("ca.key"), "-addext", "subjectAltName=" + san,
                    "-addext", "basicConstraints=critical,CA:FALSE")


class FakeBroker:
    """Accepts one agent after the other and keeps what they said last."""

    def __init__(self, folder, port=0):
        self.cluster = secrets.token_hex(16)
        self.ticket_keys = [secrets.token_hex(32)]
        self.generation = 0
        self.machines = []
        self.sessions = []
        self.tasks = []
        self.images = []
        self.disks = []
        self.hello = None
        self.inventory = None
        self.cluster_epoch = 1
        self.is_safe_mode = False
        self.n_inventories = 0
        self.n_same = 0
        self.n_links = 0
        self.changed = threading.Condition()
        self.link = None
        self.is_closed = False
        # One thread alone touches the TLS object; the others leave bytes here and wake it.
        self.outbox = collections.deque()
        self.wake_receiver, self.wake_sender = socket.socketpair()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(os.path.join(folder, "broker.pem"),
                                os.path.join(folder, "broker.key"))
        context.load_verify_locations(os.path.join(folder, "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["berth-control/1"])
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.is_closed = True
        self.listener.close()
        self.drop()

    def drop(self):
        """Cuts the link as a dying broker would."""
        link, self.link = self.link, None
        if link is not None:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def want(self, machines=None, sessions=None, tasks=None, images=None, disks=None):
        """Sets what is wanted and tells it at once."""
        with self.changed:
            if machines is not None:
                self.machines = machines
            if sessions is not None:
                self.sessions = sessions
            if tasks is not None:
                self.tasks = tasks
            if images is not None:
                self.images = images
            if disks is not None:
                self.disks = disks
            self.generation += 1
        self._tell()

    def send_raw(self, text):
        self._send_bytes(text)

    def wait(self, what, check, timeout_s=60):
        """Waits until check(inventory) is true of an inventory that comes, and returns it."""
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while True:
                value = self.inventory is not None and check(self.inventory)
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{what}: not within {timeout_s} s; last inventory: "
                                         f"{json.dumps(self.inventory)}")
                self.changed.wait(left)

    def forget_inventory(self):
        with self.changed:
            self.inventory = None

    def _serve(self):
        while not self.is_closed:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(raw, server_side=True) as link:
                    self.link = link
                    with self.changed:
                        self.n_links += 1
                    self._talk(link)
            except (OSError, EOFError, ValueError):
                pass

    def _talk(self, link):
        buffer = b""
        self.outbox.clear()
        while True:
            if not link.pending():
                ready, _, _ = select.select([link, self.wake_receiver], [], [])
                if self.wake_receiver in ready:
                    self.wake_receiver.recv(4096)
                self._flush(link)
                if link not in ready:
                    continue
            data = link.recv(65536)
            if not data:
                raise EOFError
            buffer += data
            while len(buffer) >= 4 and len(buffer) >= 4 + struct.unpack("<I", buffer[:4])[0]:
                size = struct.unpack("<I", buffer[:4])[0]
                assert size <= MAX_FRAME
                message, buffer = json.loads(buffer[4:4 + size]), buffer[4 + size:]
                self._handle(message)
            self._flush(link)

    def _flush(self, link):
        while self.outbox:
            link.sendall(self.outbox.popleft())

    def _handle(self, message):
        kind = message["type"]
        if kind == "hello":
            self.hello = message
            self._send({"type": "welcome", "cluster": self.cluster,
                        "cluster_epoch": self.cluster_epoch, "lease_s": 60,
                        "safe_mode": self.is_safe_mode, "ticket_keys": self.ticket_keys})
        elif kind == "ping":
            self._send({"type": "pong"})
        elif kind == "poll":
            if message["generation"] < self.generation:
                self._tell()
        elif kind == "same":
            with self.changed:
                assert message["serial"] == self.serial
                self.n_same += 1
                self.changed.notify_all()
        elif kind == "inventory":
            with self.changed:
                self.serial = message["serial"]
                self.inventory = message
                self.n_inventories += 1
                self.changed.notify_all()

    def _tell(self):
        self._send({"type": "desired", "generation": self.generation, "machines": self.machines,
                    "sessions": self.sessions, "tasks": self.tasks,
                    "images": self.images, "disks": self.disks})

    def _send(self, message):
        self._send_bytes(json.dumps(message).encode())

    def _send_bytes(self, data):
        self.outbox.append(struct.pack("<I", len(data)) + data)
        self.wake_sender.send(b"x")

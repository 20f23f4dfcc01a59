# SPDX-License-Identifier: GPL-3.0-or-later
"""A real berth-session with the agent's end of its control socket, and a client to drive."""
import array
import json
import os
import secrets
import select
import socket
import subprocess
import sys

import display_fixture as fixture
import qmp

ANSWER_LIMIT_S = 60


class Client:
    """The program session-client: one command, one answer."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=qmp.die_with_parent)
        self.broker_key = self("broker-key")
        self.key = self("client-key")

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], ANSWER_LIMIT_S)[0]:
            sys.exit(f"the client does not answer \"{command[:60]}\"")
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"the client ended at \"{command[:60]}\"")
        return answer

    def state(self):
        return dict(word.split("=", 1) for word in self("state").split())

    def tap(self, code):
        for down in (1, 0):
            answer = self(f"key {code} {down}")
            if answer != "ok":
                sys.exit(f"key {code}: {answer}")

    def wait_for(self, **wanted):
        """Waits until the state has these values and returns it."""
        def check():
            state = self.state()
            return state if all(state[k] == v for k, v in wanted.items()) else None
        return fixture.wait_until(f"the client's state {wanted}", check)

    def close(self):
        self.process.kill()
        self.process.wait()


class Session:
    """A berth-session process, seen from the agent."""

    def __init__(self, program, folder, log=None):
        self.session, self.machine, self.host, self.user = (secrets.token_hex(16)
                                                            for _ in range(4))
        self.path = os.path.join(folder, f"control-{self.session[:8]}.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.path)
        listener.listen()
        self.process = subprocess.Popen(
            [program, "--control-fd", str(listener.fileno())], pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL, stderr=log, preexec_fn=qmp.die_with_parent)
        listener.close()
        self.states = []
        self.key = self.token = None
        self.epoch = 7
        self.attach()

    def attach(self):
        """Connects as an agent does, also as a restarted one."""
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.connect(self.path)
        self.control.settimeout(ANSWER_LIMIT_S)

    def send(self, packet, *fds):
        ancillary = []
        if fds:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        self.control.sendmsg([json.dumps(packet).encode()], ancillary)

    def receive(self):
        data = self.control.recv(65536)
        return json.loads(data) if data else None

    def start(self, broker_key, display, capture="qemu-dbus", token=None, **policy):
        """broker_key: None without tickets; token: of 64 digits, which lets in whoever knows it."""
        self.send({"op": "start", "session": self.session, "machine": self.machine,
                   "user": self.user, "user_name": "ann", "host": self.host, "epoch": self.epoch,
                   "ticket_keys": [broker_key] if broker_key else [], "policy": policy,
                   "capture": capture,
                   **({"share_token": token} if token else {})}, display.fileno())
        display.close()
        answer = self.receive()
        if answer is None or answer["op"] != "listening":
            sys.exit(f"start is answered by {answer}")
        self.key = answer["session_key"]
        self.token = token
        return answer

    def connection_file(self, path, port):
        """The way to it through a port, for one client that has the token."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "address": "127.0.0.1", "port": port, "token": self.token,
                       "session": self.session, "session_key": self.key, "sni": self.name()}, file)
        os.chmod(path, 0o600)
        return path

    def wait_for_state(self, **wanted):
        """Reads reports until one has these values."""
        while True:
            packet = self.receive()
            if packet is None:
                sys.exit(f"the session ended before {wanted}")
            if packet["op"] == "state" and all(packet[k] == v for k, v in wanted.items()):
                return packet

    def dial(self):
        """A fresh TCP connection to the session: (its client port, accept function)."""
        listener = socket.create_server(("127.0.0.1", 0))
        return listener.getsockname()[1], listener

    def pass_client(self, listener):
        connection, _ = listener.accept()
        self.send({"op": "client"}, connection.fileno())
        connection.close()
        listener.close()

    def name(self):
        return f"{self.session}.{self.host}.session.berth"

    def ticket(self, client, connection_epoch, life_s=60, **other):
        values = {"session": self.session, "machine": self.machine, "host": self.host,
                  "user": self.user, "epoch": self.epoch, "key": self.key,
                  "client_key": client.key, "rights": 3}
        values.update(other)
        return client(f"ticket {values['session']} {values['machine']} {values['host']} "
                      f"{values['user']} {values['epoch']} {connection_epoch} {life_s} "
                      f"{values['key']} {values['client_key']} {values['rights']}")

    def connect(self, client, ticket):
        port, listener = self.dial()
        answer = client(f"connect {port} {self.name()} {self.key} {ticket}")
        if answer != "ok":
            sys.exit(f"connect: {answer}")
        self.pass_client(listener)

    def resume(self, client, token):
        port, listener = self.dial()
        answer = client(f"resume {port} {self.name()} {self.key} {self.session} {token}")
        if answer != "ok":
            sys.exit(f"resume: {answer}")
        self.pass_client(listener)

    def status(self):
        """Selected lines of /proc/PID/status."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return dict(line.split(":", 1) for line in file.read().replace("\t", "").splitlines())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.control.close()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs shell scripts in the guest of a lab's machine, through the port of QEMU's guest agent.

QEMU serves one client at a time; the host's agent hangs up when it has nothing to ask for a while,
so a connection may have to wait for its turn.
"""
import base64
import json
import secrets
import socket
import time

LIMIT_S = 60
POLL_S = 0.02


class GuestError(Exception):
    """The guest did not do what it was asked; the text is a sentence for people."""


class GuestAgent:
    """One connection: with GuestAgent(folder of the machine) as guest: guest.run(script)"""

    def __init__(self, folder):
        self.port = socket.socket(socket.AF_UNIX)
        self.port.settimeout(LIMIT_S)
        self.port.connect(f"{folder}/guest-agent.sock")
        self.received = b""
        self._synchronise()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.port.close()

    def _line(self):
        while b"\n" not in self.received:
            data = self.port.recv(65536)
            if not data:
                raise GuestError("the guest agent's port was closed")
            self.received += data
        line, _, self.received = self.received.partition(b"\n")
        return line

    def _synchronise(self):
        """What a former client left unread is dropped."""
        number = secrets.randbelow(2 ** 31)
        self.port.sendall(b"\xff" + json.dumps({"execute": "guest-sync-delimited",
                                                "arguments": {"id": number}}).encode() + b"\n")
        while True:
            _, mark, line = self._line().rpartition(b"\xff")
            if mark and json.loads(line).get("return") == number:
                return

    def command(self, name, **arguments):
        request = {"execute": name, "arguments": arguments}
        self.port.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self._line())
        if "error" in answer:
            raise GuestError(f"{name}: {answer['error']['desc']}")
        return answer["return"]

    def run(self, script):
        """What a POSIX shell script writes; GuestError if it fails."""
        pid = self.command("guest-exec", path="/bin/sh", **{
            "arg": ["-eu"], "capture-output": True,
            "input-data": base64.b64encode(script.encode()).decode()})["pid"]
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            status = self.command("guest-exec-status", pid=pid)
            if status["exited"]:
                out, err = (base64.b64decode(status.get(key, "")).decode(errors="replace")
                            for key in ("out-data", "err-data"))
                if status.get("exitcode") != 0:
                    raise GuestError(f"a script failed: {err or out or status}")
                return out
            time.sleep(POLL_S)
        raise GuestError(f"a script did not end within {LIMIT_S} s")

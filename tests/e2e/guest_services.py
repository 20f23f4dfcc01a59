#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clipboard, files and monitors between a client and a Debian desktop with its own spice-vdagent.

usage: guest_services.py BUILD

BERTH_TEST_FILE_MIB is the size of the dropped file, 20 MiB by itself.
"""
import base64
import hashlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "component"))
import display_fixture as fixture  # noqa: E402
import qmp  # noqa: E402
from session_fixture import Client, Session  # noqa: E402

# For a guest without KVM on a machine that is busy with other things.
LIMIT_S = 300
FILE_MIB = int(os.environ.get("BERTH_TEST_FILE_MIB", "20"))
TEXT, PNG = 1, 2
OK, REFUSED, TOO_LARGE = "0", "2", "3"
DONE, CANCELLED, NO_AGENT, NOT_ALLOWED, FILE_TOO_LARGE = "3", "1", "6", "7", "8"
USER = "DISPLAY=:0 XAUTHORITY=$(ls -t ~user/.Xauthority /tmp/serverauth.* 2>/dev/null | head -1) " \
       "runuser -u user -- "


def make_png(side):
    """A picture of noise: it does not get smaller."""
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))

    def part(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))


class Story:
    def __init__(self, folder):
        self.folder = folder
        port = os.path.join(folder, "vdagent.sock")
        self.qemu = fixture.DisplayQemu(os.path.join(folder, "demo.json"), [
            "-chardev", f"socket,id=vdagent,path={port},server=on,wait=off",
            "-device", "virtserialport,chardev=vdagent,name=com.redhat.spice.0"])
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(port)
        self.client = Client(os.path.join(BUILD, "tests", "component", "session-client"))
        self.session = Session(os.path.join(BUILD, "host-agent", "session", "berth-session"), folder)
        self.epoch = 0

    # ---- the guest ----

    def run(self, script):
        """What a script in the guest writes, as root."""
        answer = self.qemu.agent_command(
            "guest-exec", 60, path="/bin/sh", arg=["-eu"], **{
                "capture-output": True,
                "input-data": base64.b64encode(script.encode()).decode()})
        pid = answer["return"]["pid"]

        def ended():
            status = self.qemu.agent_command("guest-exec-status", 60, pid=pid)
            return status and status["return"]["exited"] and status["return"]
        status = fixture.wait_until("a script in the guest", ended, LIMIT_S)
        if status["exitcode"] != 0:
            sys.exit(f"in the guest failed: {script}\n" +
                     base64.b64decode(status.get("err-data", "")).decode(errors="replace"))
        return base64.b64decode(status.get("out-data", ""))

    def guest_copies(self, data, target):
        # A pipe to xclip stays open as long as it owns the selection.
        self.run(f"base64 -d > /tmp/copy <<'END'\n{base64.b64encode(data).decode()}\nEND\n"
                 f"chmod 644 /tmp/copy; {USER} xclip -selection clipboard -t {target} -i /tmp/copy "
                 "> /dev/null 2>&1 < /dev/null")

    def guest_pastes(self, target):
        return self.run(f"{USER} timeout 60 xclip -selection clipboard -t {target} -o")

    # ---- the client ----

    def path(self, name, data=None):
        path = os.path.join(self.folder, name)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        return path

    def client_copies(self, kind, data):
        given = int(self.client.state()["given"])
        assert self.client(f"clip-grab 0 {kind} {self.path('own', data)}") == "ok"
        return given

    def client_pastes(self, kind, wanted=OK):
        path = self.path("pasted", b"")
        assert self.client(f"clip-get 0 {kind} {path}") == "ok"
        state = fixture.wait_until("the guest's content",
                                   lambda: (s := self.client.state())["got"] != "255" and s, LIMIT_S)
        if state["got"] != wanted:
            sys.exit(f"pasting ended with {state['got']}, not {wanted}")
        with open(path, "rb") as file:
            return file.read()

    def wait_for_grab(self, before):
        fixture.wait_until("what the guest has copied", lambda: int(self.client.state()["grabs"]) > before,
                           LIMIT_S)

    # ---- the story ----

    def begin(self):
        self.session.start(self.client.broker_key, self.qemu.add_display(), clipboard_max_kib=4096,
                           files_max_mib=max(FILE_MIB, 64))
        self.session.send({"op": "guest", "port": "spice"}, self.port.fileno())
        self.port.close()
        self.epoch += 1
        self.session.connect(self.client, self.session.ticket(self.client, self.epoch))
        self.client.wait_for(phase="open", clip_flags="3")
        assert self.client(f"file-send {self.path('early', b'x')} early") == "ok"
        self.client.wait_for(file=NO_AGENT)
        print("ok: without an agent the client is told so", flush=True)
        print(f"ok: the guest lives after {self.qemu.wait_for_agent(LIMIT_S):.0f} s", flush=True)
        fixture.wait_until("the guest's agent", lambda: self.client.state()["clip_flags"] == "7", LIMIT_S)
        print("ok: the guest's agent is there", flush=True)

    def clipboard(self):
        text = "Grüße, 日本 \u2764\n".encode() * 20000
        picture = make_png(400)
        for kind, target, data in ((TEXT, "UTF8_STRING", b"short"), (TEXT, "UTF8_STRING", text),
                                   (PNG, "image/png", picture)):
            self.client_copies(kind, data)
            fixture.wait_until("the guest's new owner",
                               lambda t=target: t.encode() in self.guest_pastes("TARGETS").split(), LIMIT_S)
            if self.guest_pastes(target) != data:
                sys.exit(f"the guest pasted other bytes of {target}")
            print(f"ok: {len(data)} bytes of {target} to the guest", flush=True)
            grabs = int(self.client.state()["grabs"])
            own = data[::-1] if kind == TEXT and data.isascii() else (
                make_png(300) if kind == PNG else "Äpfel\n".encode() * 30000)
            self.guest_copies(own, target)
            self.wait_for_grab(grabs)
            if self.client_pastes(kind) != own:
                sys.exit(f"the client pasted other bytes of {target}")
            print(f"ok: {len(own)} bytes of {target} from the guest", flush=True)

    def no_echo(self):
        """A program that copies what it pasted tells the client nothing."""
        self.client_copies(TEXT, b"went there")
        fixture.wait_until("the guest's paste", lambda: self.guest_pastes("UTF8_STRING") == b"went there",
                           LIMIT_S)
        grabs = int(self.client.state()["grabs"])
        self.guest_copies(b"went there", "UTF8_STRING")
        self.guest_copies(b"another", "UTF8_STRING")
        self.wait_for_grab(grabs)
        if self.client_pastes(TEXT) != b"another" or int(self.client.state()["grabs"]) != grabs + 1:
            sys.exit("what the client had copied came back to it")
        print("ok: no echo", flush=True)

    def policy(self):
        self.session.send({"op": "policy", "policy": {"clipboard_max_kib": 1, "clipboard_types": ["text"],
                                                      "files_max_mib": 1}})
        self.client.wait_for(clip_kib="1", clip_types="1")
        grabs = int(self.client.state()["grabs"])
        self.guest_copies(b"x" * 5000, "UTF8_STRING")
        self.wait_for_grab(grabs)
        self.client_pastes(TEXT, TOO_LARGE)
        self.client_pastes(PNG, REFUSED)
        assert self.client(f"file-send {self.path('large', bytes(1100000))} large") == "ok"
        self.client.wait_for(file=FILE_TOO_LARGE)
        self.session.send({"op": "policy", "policy": {"clipboard_from_guest": False,
                                                      "files_to_guest": False}})
        self.client.wait_for(clip_flags="5", file_flags="4")
        self.client_pastes(TEXT, REFUSED)
        assert self.client(f"file-send {self.path('small', b'x')} small") == "ok"
        self.client.wait_for(file=NOT_ALLOWED)
        self.session.send({"op": "policy", "policy": {"files_max_mib": max(FILE_MIB, 64)}})
        self.client.wait_for(clip_flags="7", file_flags="5")
        print("ok: the policy decides on size, type and direction", flush=True)

    def sha(self, name):
        return self.run(f"sha256sum < \"$(find ~user -name '{name}' | head -1)\" | cut -c 1-64").decode().strip()

    def files(self):
        data = os.urandom(1 << 20) * FILE_MIB
        started = time.monotonic()
        assert self.client(f"file-send {self.path('big', data)} Größe.bin") == "ok"
        fixture.wait_until("the file", lambda: self.client.state()["file"] not in ("255", "0"), LIMIT_S)
        taken = time.monotonic() - started
        state = self.client.state()
        if state["file"] != DONE or state["acked"] != str(len(data)):
            sys.exit(f"the file ended with {state['file']} after {state['acked']} bytes")
        if self.sha("Größe.bin") != hashlib.sha256(data).hexdigest():
            sys.exit("the file has other bytes in the guest")
        print(f"ok: a file of {FILE_MIB} MiB with its hash, {FILE_MIB / taken:.1f} MiB/s", flush=True)
        assert self.client(f"file-send {self.path('empty', b'')} empty.txt") == "ok"
        self.client.wait_for(file=DONE)
        print("ok: an empty file", flush=True)
        assert self.client(f"file-send {self.path('big')} cancelled.bin") == "ok"
        fixture.wait_until("progress", lambda: int(self.client.state()["acked"]) > 0, LIMIT_S)
        assert self.client("file-cancel") == "ok"
        self.client.wait_for(file=CANCELLED)
        fixture.wait_until("nothing left of it", lambda: not self.run(
            "find ~user -name 'cancelled*'"), LIMIT_S)
        print("ok: a file that is cancelled leaves nothing", flush=True)

    def monitors(self):
        assert self.client("resize 1024 700") == "ok"
        fixture.wait_until("a new size", lambda: self.client.state()["mode"] == "1024x700", LIMIT_S)
        print("ok: the desktop follows the client's size", flush=True)

    def reconnect(self):
        """The next client hears what the guest has copied, and may paste it."""
        grabs = int(self.client.state()["grabs"])
        self.guest_copies(b"kept for later", "UTF8_STRING")
        self.wait_for_grab(grabs)
        self.epoch += 1
        self.session.connect(self.client, self.session.ticket(self.client, self.epoch))
        self.client.wait_for(phase="open", clip_flags="7", grabs="1")
        if self.client_pastes(TEXT) != b"kept for later":
            sys.exit("the next client pasted other bytes")
        print("ok: another client takes it over", flush=True)

    def run_all(self):
        self.begin()
        self.clipboard()
        self.no_echo()
        self.policy()
        self.files()
        self.monitors()
        self.reconnect()
        self.client.close()
        self.qemu.close()


def run(folder):
    build = os.path.join(HERE, "..", "..", "tools", "demo-image", "build.sh")
    if subprocess.run([build, folder], check=False).returncode != 0:
        raise unittest.SkipTest("the demo's image cannot be built here")
    Story(folder).run_all()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-guest-") as temporary:
        fixture.run_or_skip(lambda: run(temporary))

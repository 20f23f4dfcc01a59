# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU whose display is a socket of ours: D-Bus peer to peer, or RFB."""
import array
import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import qmp  # noqa: E402


def build_guest(build_tg_sh, folder):
    """Builds (or finds) the test guest and returns the path of its manifest."""
    subprocess.run([build_tg_sh, folder], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "tg.json")


def without_kernel(manifest):
    """The same machine with nothing to boot: its firmware says so, in text."""
    with open(manifest, encoding="utf-8") as file:
        machine = json.load(file)
    machine["kernel"] = None
    path = os.path.join(os.path.dirname(manifest), "no-kernel.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(machine, file)
    return path


class DisplayQemu(qmp.Qemu):
    """The test guest with a D-Bus display (and, if asked for, VNC on a unix socket)."""

    def __init__(self, manifest, extra=()):
        super().__init__(manifest, ["-display", "dbus,p2p=yes", *extra])

    def add_display(self):
        """Our end of a new D-Bus display connection."""
        ours, theirs = socket.socketpair()
        request = json.dumps({"execute": "getfd", "arguments": {"fdname": "display"}}).encode()
        self.qmp.sendmsg([request + b"\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                             array.array("i", [theirs.fileno()]))])
        theirs.close()
        answer = self._read()
        while "return" not in answer:
            if "error" in answer:
                raise qmp.QmpError(answer["error"]["desc"])
            answer = self._read()
        self.command("add_client", protocol="@dbus-display", fdname="display")
        return ours


def wait_until(what, check, timeout_s=10.0):
    """Polls check until it returns something true, which is returned; fails with what."""
    start = time.monotonic()
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() - start > timeout_s:
            sys.exit(f"{what}: not within {timeout_s} s")
        time.sleep(0.01)

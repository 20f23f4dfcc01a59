#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test guest shows exactly the picture that tg-expect computes, whatever is typed and pointed.

usage: test-tg.py BUILD_TG_SH TG_EXPECT
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import qmp  # noqa: E402

BOOT_LIMIT_S = 60
PICTURE_LIMIT_S = 60
FIRST_SIZE = (1280, 800)


class Check:
    """Compares the screen of a machine with the picture that a list of events must give."""

    def __init__(self, machine, tg_expect, folder):
        self.machine = machine
        self.tg_expect = tg_expect
        self.folder = folder
        self.events = []

    def expected(self, width, height, head=0):
        path = os.path.join(self.folder, "expected.ppm")
        with open(path, "wb") as file:
            subprocess.run([self.tg_expect, str(width), str(height), str(head), *self.events],
                           stdout=file, check=True)
        return qmp.read_ppm(path)

    def shows(self, what, *events, size=FIRST_SIZE):
        """Polls until the picture is right; fails with the number of wrong pixels."""
        self.events += events
        wanted = self.expected(*size)
        start = time.monotonic()
        while True:
            seen = self.machine.screen(os.path.join(self.folder, "seen.ppm"))
            if seen == wanted:
                print(f"ok: {what} ({(time.monotonic() - start) * 1000:.0f} ms)")
                return
            if time.monotonic() - start > PICTURE_LIMIT_S:
                sys.exit(f"{what}: {describe(seen, wanted)}")


def describe(seen, wanted):
    if seen[:2] != wanted[:2]:
        return f"the screen has {seen[0]}x{seen[1]} pixels instead of {wanted[0]}x{wanted[1]}"
    wrong = [i // 3 for i in range(0, len(wanted[2]), 3)
             if seen[2][i:i + 3] != wanted[2][i:i + 3]]
    x, y = wrong[0] % wanted[0], wrong[0] // wanted[0]
    return f"{len(wrong)} pixels are wrong, the first at {x},{y}"


def ask_for_size(vnc_path, width, height):
    """Asks QEMU for a new screen size as a VNC viewer does (SetDesktopSize)."""
    with socket.socket(socket.AF_UNIX) as viewer:
        viewer.settimeout(PICTURE_LIMIT_S)
        viewer.connect(vnc_path)
        stream = viewer.makefile("rwb", buffering=0)
        version = stream.read(12)
        stream.write(version)
        stream.read(stream.read(1)[0])
        stream.write(b"\x01")  # no password
        stream.read(4)
        stream.write(b"\x01")  # shared
        name_length = struct.unpack(">20xI", stream.read(24))[0]
        stream.read(name_length)
        stream.write(struct.pack(">BxHii", 2, 2, 0, -308))  # raw, ExtendedDesktopSize
        stream.write(struct.pack(">BxHHBxIHHHHI", 251, width, height, 1, 0, 0, 0, width, height, 0))
        stream.write(struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
        stream.read(4)  # the answer shows that the request was read


def main():
    build_tg, tg_expect = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([build_tg, folder], check=True)
        vnc_path = os.path.join(folder, "vnc.sock")
        vnc = ["-vnc", f"unix:{vnc_path}"]
        with qmp.Qemu(os.path.join(folder, "tg.json"), extra=vnc) as machine:
            check = Check(machine, tg_expect, folder)
            print(f"ok: the agent answers {machine.wait_for_agent(BOOT_LIMIT_S):.1f} s after start")
            check.shows("the picture after start")
            machine.press("a", "b", "a")
            check.shows("typed keys", "key:30", "key:48", "key:30")
            machine.press("f5")
            check.shows("a scroll by F5", "key:63")
            machine.point(700, 401, *FIRST_SIZE)
            check.shows("the pointer is at the exact pixel", "point:700,401")
            machine.click()
            check.shows("a click", "button:272")
            machine.press("f6")
            check.shows("sixty steps by F6", "key:64", "scroll:480")
            machine.press("f9")
            check.shows("a write to the disk", "key:67", "disk:6")
            ask_for_size(vnc_path, 1000, 700)
            check.shows("a new size", "resize:1000,700")
            machine.press("b")
            check.shows("typing at the new size", "key:48")
            answer = machine.agent_command("guest-info")
            if answer["return"]["version"] != "tg-1":
                sys.exit(f"guest-info says {answer}")


if __name__ == "__main__":
    main()

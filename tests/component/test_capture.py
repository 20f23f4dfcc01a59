#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture source shows what a real QEMU shows, and its input reaches the guest.

usage: test_capture.py CAPTURE_DRIVER TG_EXPECT BUILD_TG_SH SOURCE
"""
import os
import socket
import subprocess
import sys
import tempfile

import display_fixture as fixture
import qmp

KEY_A, KEY_KPENTER = 30, 96
# Every key from ESC to COMPOSE but those that QEMU has no name for (84 to 120), that make the test
# guest do more than show them (F6 to F9) or switch it off.
KEYS = sorted(set(range(1, 128)) - {84, 85, 90, 95, 112, 118, 120} - {64, 65, 66, 67, 116})
# Multimedia and office keys that QEMU passes on.
KEYS += [128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 155, 156, 157, 158, 159,
         163, 164, 165, 166, 172, 173]
# A virtio keyboard drops events that the guest does not fetch in time.
BATCH = 10


class Driver:
    """The program under test, one command and one answer at a time."""

    def __init__(self, program, source, display):
        self.process = subprocess.Popen(
            [program, source, str(display.fileno())], pass_fds=[display.fileno()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=qmp.die_with_parent)
        display.close()

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"the driver ended at \"{command}\"")
        return answer

    def state(self):
        words = self("state").split()
        return dict(zip(words[::2], words[1::2]))

    def close(self):
        """Ends it properly; it must have nothing to complain about."""
        self.process.stdin.close()
        if self.process.wait(timeout=20) != 0:
            sys.exit(f"the driver ends with status {self.process.returncode}")

    def tap(self, code):
        for down in (1, 0):
            answer = self(f"key {code} {down}")
            if answer != "ok":
                sys.exit(f"key {code}: {answer}")


class Test:
    def __init__(self, driver_program, tg_expect, build_tg_sh, source):
        self.tg_expect = tg_expect
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-capture-")
        self.folder = self.temporary.name
        self.source = source
        self.events = []
        self.size = (1280, 800)
        vnc = os.path.join(self.folder, "vnc")
        extra = ["-vnc", f"unix:{vnc}"] if source == "rfb" else []
        self.qemu = fixture.DisplayQemu(fixture.build_guest(build_tg_sh, self.folder), extra)
        if source == "rfb":
            display = socket.socket(socket.AF_UNIX)
            display.connect(vnc)
        else:
            display = self.qemu.add_display()
        self.driver = Driver(driver_program, source, display)

    def picture(self):
        path = os.path.join(self.folder, "seen.ppm")
        return qmp.read_ppm(path) if self.driver(f"ppm {path}") == "ok" else None

    def expected(self):
        path = os.path.join(self.folder, "expected.ppm")
        with open(path, "wb") as file:
            subprocess.run([self.tg_expect, *map(str, self.size), "0", *self.events], stdout=file,
                           check=True)
        return qmp.read_ppm(path)

    def shows(self, what, *events):
        self.events += events
        wanted = self.expected()
        fixture.wait_until(what, lambda: self.picture() == wanted)
        print(f"ok: {what}")

    def run(self):
        fixture.wait_until("a first mode", lambda: self.driver.state()["mode"] != "0x0")
        self.qemu.wait_for_agent(60)
        self.shows("the guest's first picture")
        if self.source == "qemu-dbus":
            fixture.wait_until("an absolute pointer",
                               lambda: self.driver.state()["absolute"] == "1")
        self.driver.tap(KEY_A)
        self.shows("a key", f"key:{KEY_A}")
        self.driver.tap(KEY_KPENTER)
        self.shows("a key with a prefix", f"key:{KEY_KPENTER}")
        self.driver("move 700 300")
        self.driver("button 0 1")
        self.driver("button 0 0")
        self.shows("pointer and click", "point:700,300", "button:272")
        self.driver("wheel 0 1")
        self.shows("a notch of the wheel", "scroll:48")
        keys = KEYS
        if self.source == "rfb":  # QEMU's VNC server switches Num Lock off at keypad minus and plus
            keys = [code for code in KEYS if code not in (74, 78)]
        for i in range(0, len(keys), BATCH):
            codes = keys[i:i + BATCH]
            for code in codes:
                self.driver.tap(code)
            self.shows(f"the keys {codes}", *(f"key:{code}" for code in codes))
        self.resized()
        self.ends()

    def resized(self):
        self.driver("resize 1000 700")
        self.shows("a new size", "resize:1000,700")
        self.driver.tap(KEY_A)
        self.shows("a key at the new size", f"key:{KEY_A}")

    def ends(self):
        print(self.driver.state())
        self.qemu.close()
        fixture.wait_until("the end is told",
                           lambda: self.driver.state()["end"] == "desktop-gone")
        self.driver.close()
        print("ok: the end of the desktop")


if __name__ == "__main__":
    Test(*sys.argv[1:]).run()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian desktop on a card by berth-gpu: what the session made of many small changes is what the
guest's memory says, pixel for pixel.

usage: gpu_desktop.py BUILD

The proof: the worker is killed, so that the next one reads the guest's whole screen anew, and a new
session takes that; its picture must be the one that the old session made of all the changes.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "component"))
import display_fixture as fixture  # noqa: E402
import qmp  # noqa: E402
import test_capture  # noqa: E402

# For a guest without KVM on a machine that is busy with other things, also with its blinking cursor.
LIMIT_S = 300
QUIET_S = 2
# The desktop may change by itself, such as its clock, between two looks at it.
TRIES = 5
TEXT = (18, 38, 38, 24, 57, 36, 31, 57, 46, 35, 46, 57, 28)  # keys


class Desktop:
    def __init__(self, folder):
        self.folder = folder
        self.qemu = fixture.GpuQemu(os.path.join(folder, "demo.json"),
                                    os.path.join(BUILD, "host-agent", "vhost-gpu", "berth-gpu"),
                                    folder)
        self.driver = self.connect()

    def connect(self):
        return test_capture.Driver(os.path.join(BUILD, "tests", "component", "capture-driver"),
                                   "vhost-gpu", self.qemu.add_display())

    def settle(self, what):
        """Waits until nothing has changed for a while."""
        seen = [None, 0.0]

        def is_quiet():
            takes = self.driver.state()["takes"]
            if takes != seen[0]:
                seen[:] = takes, time.monotonic()
            return time.monotonic() - seen[1] > QUIET_S
        fixture.wait_until(what, is_quiet, LIMIT_S)

    def picture(self, driver):
        path = os.path.join(self.folder, "seen.ppm")
        fixture.wait_until("a picture", lambda: driver(f"ppm {path}") == "ok")
        return qmp.read_ppm(path)

    def is_exact(self, what):
        for _ in range(TRIES):
            self.settle(what)
            worker = self.qemu.gpu_worker()
            before = self.picture(self.driver)
            os.kill(worker[0], signal.SIGKILL)
            fixture.wait_until("another worker",
                               lambda: self.qemu.gpu_worker() not in ([], worker))
            new = self.connect()
            after = self.picture(new)
            self.driver.close()
            self.driver = new
            if before == after:
                print(f"ok: {what}: 0 of {before[0] * before[1]} pixels differ", flush=True)
                return
        sys.exit(f"{what}: the pictures differ")

    def type(self, codes):
        """
        A key at a time: QEMU's keyboard drops what a busy guest does not fetch, and a key whose
        release was dropped repeats for ever.
        """
        for code in codes:
            before = self.driver.state()["takes"]
            self.driver.tap(code)
            fixture.wait_until(f"what key {code} shows",
                               lambda: self.driver.state()["takes"] != before, LIMIT_S)

    def run(self):
        print(f"ok: the guest lives after {self.qemu.wait_for_agent(LIMIT_S):.0f} s")
        fixture.wait_until("a pointer shape",
                           lambda: self.driver.state()["cursor"] == "64x64", LIMIT_S)
        self.is_exact("the desktop")
        self.driver("move 300 300")
        self.driver("button 0 1")
        self.driver("button 0 0")
        before = self.picture(self.driver)
        self.type(TEXT * 3)
        fixture.wait_until("text", lambda: self.picture(self.driver) != before, LIMIT_S)
        self.is_exact("typed text")
        self.driver("resize 1600 900")
        fixture.wait_until("a new size", lambda: self.driver.state()["mode"] == "1600x900",
                           LIMIT_S)
        self.is_exact("a new size")
        self.driver.close()
        self.qemu.close()


def run(folder):
    build = os.path.join(HERE, "..", "..", "tools", "demo-image", "build.sh")
    if subprocess.run([build, folder], check=False).returncode != 0:
        raise unittest.SkipTest("the demo's image cannot be built here")
    Desktop(folder).run()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-gpu-") as temporary:
        fixture.run_or_skip(lambda: run(temporary))

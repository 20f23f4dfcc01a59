#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture source shows what a real QEMU shows, and its input reaches the guest.

usage: test_capture.py CAPTURE_DRIVER TG_EXPECT BUILD_TG_SH SOURCE [BERTH_GPU]
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import display_fixture as fixture
import qmp

KEY_A, KEY_KPENTER, KEY_F12 = 30, 96, 88
# Every key from ESC to COMPOSE but those that QEMU has no name for (84 to 120), that make the test
# guest do more than show them (F6 to F9, F12) or switch it off.
KEYS = sorted(set(range(1, 128)) - {84, 85, 90, 95, 112, 118, 120} - {64, 65, 66, 67, 88, 116})
# Multimedia and office keys that QEMU passes on.
KEYS += [128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 155, 156, 157, 158, 159,
         163, 164, 165, 166, 172, 173]
# A virtio keyboard drops events that the guest does not fetch in time.
BATCH = 10


class Driver:
    """The program under test, one command and one answer at a time."""

    def __init__(self, program, source, display, log=None):
        self.process = subprocess.Popen(
            [program, source, str(display.fileno())], pass_fds=[display.fileno()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, "BERTH_LOG": "info,capture=debug"} if log else None,
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
        if self.process.wait(timeout=60) != 0:
            sys.exit(f"the driver ends with status {self.process.returncode}")

    def tap(self, code):
        for down in (1, 0):
            answer = self(f"key {code} {down}")
            if answer != "ok":
                sys.exit(f"key {code}: {answer}")


class Test:
    def __init__(self, driver_program, tg_expect, build_tg_sh, source, gpu_program=None):
        self.tg_expect = tg_expect
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-capture-")
        self.folder = self.temporary.name
        self.source = source
        self.events = []
        self.size = (1280, 800)
        vnc = os.path.join(self.folder, "vnc")
        extra = ["-vnc", f"unix:{vnc}"] if source == "rfb" else []
        manifest = fixture.build_guest(build_tg_sh, self.folder)
        self.log = None
        if source == "qemu-map":  # the same source, with a QEMU that shares its memory
            self.qemu = fixture.DisplayQemu(manifest, program=fixture.new_qemu())
            self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
            self.source = source = "qemu-dbus"
        elif source == "vhost-gpu":
            self.qemu = fixture.GpuQemu(manifest, gpu_program, self.folder)
        else:
            self.qemu = fixture.DisplayQemu(manifest, extra)
        if source == "rfb":
            display = socket.socket(socket.AF_UNIX)
            display.connect(vnc)
        else:
            display = self.qemu.add_display()
        self.driver = Driver(driver_program, source, display, self.log)

    def picture(self):
        path = os.path.join(self.folder, "seen.ppm")
        return qmp.read_ppm(path) if self.driver(f"ppm {path}") == "ok" else None

    def expected(self):
        path = os.path.join(self.folder, "expected.ppm")
        with open(path, "wb") as file:
            subprocess.run([self.tg_expect, *map(str, self.size), "0", *self.events], stdout=file,
                           check=True)
        return qmp.read_ppm(path)

    def differences(self, wanted):
        """What the driver knows and shows instead, for a picture that does not come."""
        seen = self.picture()
        text = f"the driver says {self.driver.state()}"
        if not seen or seen[:2] != wanted[:2]:
            return f"{text}, its picture is {seen and seen[:2]} instead of {wanted[:2]}"
        width, height, pixels = seen
        places = [i // 3 for i in range(0, len(pixels), 3) if pixels[i:i + 3] != wanted[2][i:i + 3]]
        if not places:
            return f"{text}, its picture is right by now"
        columns = [place % width for place in places]
        return (f"{text}, {len(places)} of {width * height} pixels differ, in columns {min(columns)} to "
                f"{max(columns)} and rows {places[0] // width} to {places[-1] // width}")

    def shows(self, what, *events):
        self.events += events
        wanted = self.expected()
        fixture.wait_until(what, lambda: self.picture() == wanted,
                           explain=lambda: self.differences(wanted))
        print(f"ok: {what}")

    def run(self):
        fixture.wait_until("a first mode", lambda: self.driver.state()["mode"] != "0x0")
        self.qemu.wait_for_agent(60)
        self.shows("the guest's first picture")
        if self.source != "rfb":
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
        if self.source == "vhost-gpu":
            self.damage_is_exact()
            self.guest_is_held_back()
            self.worker_dies()
            self.machine_stops()
        self.ends()

    def resized(self):
        self.driver("resize 1000 700")
        self.shows("a new size", "resize:1000,700")
        self.driver.tap(KEY_A)
        self.shows("a key at the new size", f"key:{KEY_A}")

    def damage_is_exact(self):
        """Only pixels that differ are told: a key is its block and its cell."""
        before = int(self.driver.state()["damage_px"])
        self.driver.tap(KEY_A + 1)
        self.shows("one more key", f"key:{KEY_A + 1}")
        told = int(self.driver.state()["damage_px"]) - before
        if not 0 < told <= 64 * 64 + 16 * 32:
            sys.exit(f"a key changed {told} pixels")
        print(f"ok: a key is {told} changed pixels")

    def paints_in(self, seconds):
        """Frames that the guest painted within this time."""
        before = self.qemu.agent_command("tg-get-paints", 10)["return"]
        start = time.monotonic()
        fixture.wait_until("time", lambda: time.monotonic() - start > seconds, seconds + 10)
        return self.qemu.agent_command("tg-get-paints", 10)["return"] - before

    def guest_is_held_back(self):
        """A guest that paints as fast as it can paints what is wanted, and not for nobody."""
        self.driver.tap(KEY_F12)
        takes = int(self.driver.state()["takes"])
        seen = self.paints_in(2)
        takes = int(self.driver.state()["takes"]) - takes
        self.driver("want 0")
        self.paints_in(1.5)  # the queue fills, and it is noticed that nobody looks
        unseen = self.paints_in(2)
        print(f"a greedy guest paints {seen} frames in 2 s for a viewer that takes {takes}, "
              f"{unseen} for nobody")
        os.kill(self.qemu.gpu_worker()[0], signal.SIGKILL)  # with a queue full of held answers
        if unseen < 4 or unseen > 40:
            sys.exit("without a viewer a guest should paint 5 to 10 frames a second")
        if seen < 2 * unseen:
            sys.exit("a viewer does not speed the guest up")
        self.driver("want 1")
        self.driver.tap(KEY_F12)
        fixture.wait_until("the end of the painting", lambda: self.paints_in(0.2) == 0)
        # The video block is no event of tg-expect: a new size draws everything anew.
        self.driver("resize 1104 700")
        self.shows("a new size after that", f"key:{KEY_F12}", f"key:{KEY_F12}", "resize:1104,700")

    def worker_dies(self):
        """Guest, QEMU and session stay; the next worker goes on where the last one was."""
        for round_number in range(3):
            worker = self.qemu.gpu_worker()
            os.kill(worker[0], signal.SIGKILL)
            start = time.monotonic()
            fixture.wait_until("another worker",
                               lambda: self.qemu.gpu_worker() not in ([], worker))
            self.driver.tap(KEY_A)
            self.shows(f"a key after the death of worker {round_number + 1}", f"key:{KEY_A}")
            print(f"    {(time.monotonic() - start) * 1000:.0f} ms")
        self.driver("resize 1000 700")
        self.shows("a new size after that", "resize:1000,700")

    def machine_stops(self):
        """A pause changes nothing, also for a worker that did not see its beginning."""
        self.qemu.command("stop")
        self.qemu.command("cont")
        self.driver.tap(KEY_A)
        self.shows("a key after a pause", f"key:{KEY_A}")
        os.kill(self.qemu.gpu_worker()[0], signal.SIGKILL)
        self.qemu.command("stop")
        self.qemu.command("cont")
        self.driver.tap(KEY_A)
        self.shows("a key after a pause and a death", f"key:{KEY_A}")
        self.qemu.command("set-action", reboot="reset")
        self.qemu.command("system_reset")
        self.events = []
        fixture.wait_until("the guest's next boot",
                           lambda: self.qemu.agent_command("tg-get-paints") == {"return": 0}, 60)
        self.shows("the guest's picture after a reset", "resize:1000,700")
        self.driver.tap(KEY_A)
        self.shows("a key after a reset", f"key:{KEY_A}")

    def ends(self):
        print(self.driver.state())
        self.qemu.close()
        fixture.wait_until("the end is told",
                           lambda: self.driver.state()["end"] == "desktop-gone")
        self.driver.close()
        if self.log:
            self.log.seek(0)
            text = self.log.read()
            print(text)
            if "shares the memory of a picture of 1000x700" not in text:
                sys.exit("QEMU did not share its memory")
        print("ok: the end of the desktop")


if __name__ == "__main__":
    fixture.run_or_skip(lambda: Test(*sys.argv[1:]).run())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shared X display is recorded, and `berth play` shows at each time what was on it.

usage: test_recording.py BERTH_SESSION SESSION_CLIENT BERTH
"""
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

import display_fixture as fixture
import qmp
from session_fixture import Client
from x_display import Page, XDisplay

WIDTH, HEIGHT = 640, 400


class Story:
    def __init__(self, session_program, client_program, berth_program):
        self.programs = session_program, client_program, berth_program
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-recording-")
        self.folder = self.temporary.name
        self.display = XDisplay(WIDTH, HEIGHT)
        self.page = Page(self.display)
        self.seen = []  # (wall clock, picture)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name):
        file = self.path("share.json")
        self.session = subprocess.Popen(
            [self.programs[0], "--share", self.display.name, "--connection-file", file,
             "--record", self.path(name)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=qmp.die_with_parent, env={**os.environ, "BERTH_LOG": "warning"})
        fixture.wait_until("the session shares", lambda: os.path.exists(file))
        with open(file, encoding="utf-8") as text:
            self.where = json.load(text)

    def stop(self, number):
        self.session.send_signal(number)
        self.session.wait(timeout=60)

    def show_pages(self, name, n_pages):
        """Paints pages and waits until a client and the recording have each."""
        client = Client(self.programs[1])
        where = self.where
        client(f"share {where['port']} {where['sni']} {where['session_key']} {where['session']} "
               f"{where['token']}")
        seen = self.path("seen.ppm")
        for _ in range(n_pages):
            self.page.fill()
            self.display.sync()
            wanted = self.display.picture()
            fixture.wait_until("the page", lambda: client(f"ppm {seen}") == "ok" and
                               qmp.read_ppm(seen) == wanted)
            fixture.wait_until("the page in the recording",
                               lambda: self.picture_at(name, time.time()) == wanted)
            self.seen.append((time.time(), wanted))
        client.close()

    def play(self, *arguments):
        return subprocess.run([self.programs[2], "play", *arguments], capture_output=True,
                              text=True, timeout=60, env={**os.environ, "DISPLAY": ""})

    def info(self, name):
        result = self.play("--info", self.path(name))
        if result.returncode != 0:
            sys.exit(f"berth play --info: {result.stderr}")
        return dict(line.split(": ", 1) for line in result.stdout.splitlines())

    def picture_at(self, name, wall):
        """The picture of a recording at a time of the wall clock; None if it has none there."""
        with open(self.path(name), "rb") as file:
            head = file.read(24)
        if len(head) < 24:
            return None
        at = f"{wall - struct.unpack_from('<q', head, 16)[0] / 1e6:.3f}"
        png, ppm = self.path("at.png"), self.path("at.ppm")
        result = self.play("--headless", "--at", at, "--screenshot", png, self.path(name))
        if result.returncode != 0:
            return None
        subprocess.run(["convert", png, "-depth", "8", ppm], check=True)
        return qmp.read_ppm(ppm)

    def check(self, name):
        """The picture at each time is the one that was there, in every pixel."""
        for wall, wanted in self.seen:
            if self.picture_at(name, wall) != wanted:
                sys.exit(f"the picture at {wall} is another one, or there is none")

    def run(self):
        self.start("whole.rec")
        self.show_pages("whole.rec", 4)
        self.stop(signal.SIGTERM)
        info = self.info("whole.rec")
        if info["complete"] != "yes":
            sys.exit(f"a recording that was ended: {info}")
        self.check("whole.rec")
        print(f"ok: a recording shows what was there: {info['duration']}, {info['size']}",
              flush=True)
        self.start("cut.rec")
        self.seen.clear()
        self.show_pages("cut.rec", 2)
        with open(f"/proc/{self.session.pid}/task/{self.session.pid}/children",
                  encoding="ascii") as file:
            os.kill(int(file.read().split()[0]), signal.SIGKILL)
        self.session.wait(timeout=60)
        info = self.info("cut.rec")
        if not info["complete"].startswith("no"):
            sys.exit(f"a recording whose session was killed: {info}")
        self.check("cut.rec")
        print("ok: one whose session was killed plays up to its end", flush=True)
        result = subprocess.run(
            [self.programs[0], "--share", self.display.name, "--record", self.path("cut.rec")],
            capture_output=True, text=True, timeout=60)
        if result.returncode != 1 or "cannot record into" not in result.stderr:
            sys.exit(f"a recording over another one: {result}")
        print("ok: no recording is overwritten", flush=True)
        self.display.close()


if __name__ == "__main__":
    Story(*sys.argv[1:]).run()

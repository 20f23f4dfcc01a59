#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real session of a guest whose card is berth-gpu: exact pixels while parts of it die.

usage: test_session_gpu.py BERTH_SESSION SESSION_CLIENT TG_EXPECT BUILD_TG_SH BERTH_GPU
"""
import os
import signal
import subprocess
import sys
import tempfile

import display_fixture as fixture
import qmp
from session_fixture import Client, Session

KEY_A, KEY_B, KEY_F12 = 30, 48, 88


class Story:
    def __init__(self, session_program, client_program, tg_expect, build_tg_sh, gpu_program):
        self.session_program = session_program
        self.client_program = client_program
        self.tg_expect = tg_expect
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-gpu-")
        self.folder = self.temporary.name
        self.events = []
        self.qemu = fixture.GpuQemu(fixture.build_guest(build_tg_sh, self.folder), gpu_program,
                                    self.folder)
        self.client = self.session = None

    def connect(self):
        """A new session process and a new client."""
        self.client = Client(self.client_program)
        self.session = Session(self.session_program, self.folder)
        self.session.start(self.client.broker_key, self.qemu.add_display(), capture="vhost-gpu",
                           resume_window_s=60)
        self.session.connect(self.client, self.session.ticket(self.client, 1))
        self.client.wait_for(phase="open")

    def picture(self):
        path = os.path.join(self.folder, "seen.ppm")
        return qmp.read_ppm(path) if self.client(f"ppm {path}") == "ok" else None

    def shows(self, what, *events):
        self.events += events
        path = os.path.join(self.folder, "expected.ppm")
        with open(path, "wb") as file:
            subprocess.run([self.tg_expect, "1280", "800", "0", *self.events], stdout=file,
                           check=True)
        wanted = qmp.read_ppm(path)
        fixture.wait_until(what, lambda: self.picture() == wanted)
        print(f"ok: {what}", flush=True)

    def run(self):
        self.qemu.wait_for_agent(60)
        self.connect()
        self.shows("the guest's picture, all pixels")
        self.client.wait_for(absolute="1")
        self.client.tap(KEY_A)
        self.shows("a key", f"key:{KEY_A}")
        self.client("move 700 300")
        self.client("button 0 1")
        self.client("button 0 0")
        self.shows("pointer and click", "point:700,300", "button:272")
        self.worker_dies()
        self.session_dies()
        self.greedy_guest()
        self.qemu.close()
        if self.session.process.wait(timeout=60) == 0:
            sys.exit("a session without desktop ends well")
        print("ok: the session ends with its desktop")

    def worker_dies(self):
        worker = self.qemu.gpu_worker()
        os.kill(worker[0], signal.SIGKILL)
        fixture.wait_until("another worker", lambda: self.qemu.gpu_worker() not in ([], worker))
        self.client.tap(KEY_B)
        self.shows("a key after the death of the worker", f"key:{KEY_B}")

    def session_dies(self):
        self.session.process.kill()
        self.session.process.wait()
        self.client.close()
        self.connect()
        self.shows("the picture in the next session")
        self.client.wait_for(absolute="1")
        self.client.tap(KEY_A)
        self.shows("a key in the next session", f"key:{KEY_A}")

    def greedy_guest(self):
        """What is painted as fast as can be is sent in time, and input gets through."""
        frames = int(self.client.state()["frames"])
        before = self.qemu.agent_command("tg-get-paints", 10)["return"]
        self.client.tap(KEY_F12)
        fixture.wait_until("30 frames of it",
                           lambda: int(self.client.state()["frames"]) - frames >= 30)
        self.client.tap(KEY_F12)
        fixture.wait_until("the end of the painting", lambda: self.paints() == self.paints())
        frames = int(self.client.state()["frames"]) - frames
        print(f"ok: {self.paints() - before} frames painted, {frames} sent")

    def paints(self):
        return self.qemu.agent_command("tg-get-paints", 10)["return"]


if __name__ == "__main__":
    fixture.run_or_skip(lambda: Story(*sys.argv[1:]).run())

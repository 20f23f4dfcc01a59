#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound through a real session: what a desktop plays to the probe and to the window at a real sound
server, the microphone back, and the policy in both directions while it goes on.

usage: test_sound.py BERTH_SESSION BERTH SOUND_DESKTOP SOUND_COMPARE
"""
import os
import subprocess
import sys
import tempfile

import display_fixture as fixture
import qmp
import sound_fixture as sound
from test_direct import check
from test_share import Display

SECONDS = 2
# Where a machine is too busy to play in time, it is tried again.
TRIES = 5
ENOUGH = 0.8


class Story:
    def __init__(self, folder):
        self.folder = folder
        programs = map(os.path.abspath, sys.argv[1:5])
        self.session_program, self.berth, desktop, self.compare = programs
        self.desktop = sound.Desktop(desktop)
        self.session = sound.SharedSession(self.session_program, folder)
        self.session.open(self.desktop.display, resume_window_s=60)
        self.melody = sound.melody(SECONDS)
        self.wav = self.write("melody.wav", sound.wav(sound.both_sides(self.melody), 2))
        self.raw = self.write("melody.raw", sound.both_sides(self.melody).tobytes())

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        return sound.write(self.path(name), data)

    def part(self, heard):
        return sound.part_alike(sound.compare(self.compare, self.melody, heard, self.folder))

    def try_often(self, what, hear):
        """hear() returns what came; a part of the melody is enough."""
        parts = []
        while len(parts) < TRIES and max(parts, default=0) < ENOUGH:
            parts.append(self.part(hear()))
        check(what, max(parts) >= ENOUGH, f"{parts}")

    def hear_by_probe(self):
        """Has the melody played; what the probe heard until the end."""
        path = self.path("heard.wav")
        self.probe(f"record-sound {path}")
        self.desktop.begin(f"play {self.raw}")
        self.probe("wait-sound")
        self.desktop.wait("played")
        fixture.wait_until("the end of the sound", lambda: not self.probe.sound()["playing"])
        self.probe(f"record-sound {self.path('rest.wav')}")
        return sound.left_of(path)

    def say_to_desktop(self):
        """Has the probe say the melody; what the desktop heard."""
        path = self.path("said.raw")
        self.desktop.begin(f"listen {SECONDS * 1000 + 1500} {path}")
        self.probe(f"speak {self.wav}")
        self.desktop.wait("listened")
        return sound.left_of(path, 0)

    def wait_allowed(self, is_allowed):
        fixture.wait_until("the policy", lambda: self.probe.sound()["allowed"] == is_allowed)

    def probe_hears_and_speaks(self):
        self.probe = sound.open_probe(self.berth, self.session, self.folder)
        self.session.wait_for_state(connected=True)
        self.wait_allowed(True)
        self.try_often("the probe hears what the desktop plays", self.hear_by_probe)
        self.try_often("the desktop hears what the probe says", self.say_to_desktop)

    def policy_is_obeyed(self):
        self.session.set_sound(False, False)
        self.wait_allowed(False)
        before = self.probe.sound()["packets"]
        self.probe(f"record-sound {self.path('silent.wav')}")
        self.desktop.play(self.raw)
        self.probe(f"record-sound {self.path('rest.wav')}")
        check("nothing is heard against the policy",
              self.probe.sound()["packets"] == before and
              not any(sound.left_of(self.path("silent.wav"))))
        # Nobody registers for a microphone that the policy forbids: the desktop waits for one.
        self.desktop.begin(f"listen {SECONDS * 1000} {self.path('unsaid.raw')}")
        self.probe(f"speak {self.wav}")
        self.desktop.play(self.raw)
        check("nothing is said against the policy", not self.probe.sound()["mic"])
        self.session.set_sound(True, False)
        self.wait_allowed(True)
        self.try_often("it is heard again when the policy says so", self.hear_by_probe)
        check("but the microphone stays closed", not self.probe.sound()["mic"])
        self.session.set_sound(True, True)
        fixture.wait_until("the microphone", lambda: self.probe.sound()["mic"])
        self.desktop.wait("listened")
        check("the microphone opens when the policy says so",
              any(sound.left_of(self.path("unsaid.raw"), 0)))

    def window_hears(self):
        """The window takes the desktop over from the probe, and plays at a sound server."""
        server = sound.SoundServer(self.folder)
        display = Display()
        port, listener = self.session.dial()
        file = self.session.connection_file(self.path("window.json"), port)
        window = subprocess.Popen(
            [self.berth, "--direct", file], preexec_fn=qmp.die_with_parent,
            env={**server.environment, "DISPLAY": display.name, "GDK_BACKEND": "x11",
                 "NO_AT_BRIDGE": "1"})
        self.session.pass_client(listener)
        self.session.wait_for_state(connected=True)
        path = self.path("room.raw")

        def hear():
            recording = server.record(path)
            fixture.wait_until("the sound server's recorder", lambda: os.path.getsize(path) > 0)
            before = os.path.getsize(path)
            self.desktop.play(self.raw)
            fixture.wait_until("the rest of it", lambda: os.path.getsize(path) >
                               before + (SECONDS + 1) * sound.RATE * 4)
            recording.kill()
            recording.wait()
            return sound.left_of(path, 0)

        self.try_often("the window plays it at a sound server", hear)
        window.kill()
        window.wait()
        display.close()
        server.close()


def run(folder):
    story = Story(folder)
    story.probe_hears_and_speaks()
    story.policy_is_obeyed()
    story.probe.end()
    story.session.wait_for_state(connected=False)
    story.window_hears()
    story.session.close()
    story.desktop.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-sound-") as temporary:
        fixture.run_or_skip(lambda: run(temporary))

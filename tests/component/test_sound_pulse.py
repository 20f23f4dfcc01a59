#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's loudspeaker and microphone at a real sound server whose microphone hears what its
loudspeaker plays.

usage: test_sound_pulse.py PULSE_DRIVER
"""
import subprocess
import sys
import tempfile

import display_fixture as fixture
import qmp
import sound_fixture as sound


def run(folder):
    server = sound.SoundServer(folder)
    try:
        done = subprocess.run([sys.argv[1]], check=False, env=server.environment,
                              preexec_fn=qmp.die_with_parent)
        if done.returncode != 0:
            sys.exit("FAILED: the tone did not come back")
        print("ok: the tone comes back, twice")
    finally:
        server.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-pulse-") as temporary:
        fixture.run_or_skip(lambda: run(temporary))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's loudspeaker and microphone at a real sound server whose microphone hears what its
loudspeaker plays.

usage: test_sound_pulse.py PULSE_DRIVER
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import display_fixture as fixture
import qmp


def run(folder):
    if not shutil.which("pulseaudio"):
        raise unittest.SkipTest("there is no pulseaudio")
    path = os.path.join(folder, "native")
    environment = {**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder,
                   "XDG_CONFIG_HOME": folder, "PULSE_SERVER": f"unix:{path}"}
    server = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm",
         "--use-pid-file=no", "--load=module-null-sink sink_name=room",
         f"--load=module-native-protocol-unix socket={path} auth-anonymous=1"],
        env=environment, stderr=subprocess.DEVNULL, preexec_fn=qmp.die_with_parent)
    try:
        fixture.wait_until("the sound server", lambda: os.path.exists(path),
                           explain=lambda: f"status {server.poll()}")
        done = subprocess.run([sys.argv[1]], check=False, env=environment,
                              preexec_fn=qmp.die_with_parent)
        if done.returncode != 0:
            sys.exit("FAILED: the tone did not come back")
        print("ok: the tone comes back, twice")
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-pulse-") as temporary:
        fixture.run_or_skip(lambda: run(temporary))

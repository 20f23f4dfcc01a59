# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound that is looked for again: a melody, its comparison, a session and a client that hears it."""
import array
import json
import math
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import unittest

import display_fixture as fixture
import qmp
from session_fixture import Session

RATE = 48000
STEP = RATE // 40  # one note
# A tenth of a second that correlates better with what was played is what was played.
ALIKE = 0.9
# What was heard as it is, but so much earlier or later than the rest, was not in its place.
SHIFT_MS = 200


def melody(seconds, seed=5):
    """Notes that do not repeat: no place in it is like another.  One channel."""
    notes = random.Random(seed)
    samples = array.array("h")
    phase = 0.0
    for _ in range(seconds * RATE // STEP):
        step = 2 * math.pi * notes.uniform(250, 1500) / RATE
        loud = notes.uniform(2000, 9000)
        for _ in range(STEP):
            samples.append(int(loud * math.sin(phase)))
            phase += step
    return samples


def both_sides(samples):
    """The same on both channels."""
    both = array.array("h", bytes(len(samples) * 4))
    both[::2] = samples
    both[1::2] = samples
    return both


def wav(samples, channels=1):
    data = samples.tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt "
    for value, size in ((16, 4), (1, 2), (channels, 2), (RATE, 4), (RATE * 2 * channels, 4),
                        (2 * channels, 2), (16, 2)):
        head += value.to_bytes(size, "little")
    return head + b"data" + len(data).to_bytes(4, "little") + data


def left_of(path, head_bytes=44):
    """The left side of a WAV file of the client, or of raw sound without a head."""
    with open(path, "rb") as file:
        data = file.read()[head_bytes:]
    both = array.array("h")
    both.frombytes(data[:len(data) // 4 * 4])
    return both[::2]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def compare(program, played, heard, folder):
    """(where in ms, where it was heard in ms, how alike) of each tenth of a second."""
    paths = [write(os.path.join(folder, name + ".raw"), samples.tobytes())
             for name, samples in (("played", played), ("heard", heard))]
    if not heard:
        return [(0.0, 0.0, 0.0)]
    out = subprocess.run([program, *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [tuple(float(word) for word in line.split()) for line in out.splitlines()]


def part_alike(pieces, most_ms=SHIFT_MS):
    """How much of what was played was heard as it is and in its place: all of it equally late."""
    shifts = sorted(there - here for here, there, score in pieces if score > ALIKE)
    if not shifts:
        return 0
    middle = shifts[len(shifts) // 2]
    return sum(abs(shift - middle) < most_ms for shift in shifts) / len(pieces)


class SharedSession(Session):
    """A session that lets in who knows its token."""

    def open(self, display, **policy):
        self.start(None, display, token=secrets.token_hex(32), **policy)

    def set_sound(self, may_play, may_record):
        self.send({"op": "policy", "policy": {"audio_out": may_play, "audio_in": may_record}})


class Probe:
    """`berth probe` at a session, one command and one answer at a time."""

    def __init__(self, program, file, limit_s=120):
        self.process = subprocess.Popen(
            [program, "probe", "--direct", file, "--script", "-", "--timeout", str(limit_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=qmp.die_with_parent)

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "{}")
        if not answer.get("ok"):
            sys.exit(f"the probe at '{line}': {answer}")
        return answer

    def sound(self):
        return self("stats")["sound"]

    def end(self):
        self.process.stdin.close()
        if self.process.wait(60) != 0:
            sys.exit("the probe failed")


def open_probe(program, session, folder, limit_s=120):
    """A probe whose connection comes to the session straight away."""
    port, listener = session.dial()
    probe = Probe(program, session.connection_file(os.path.join(folder, "connection.json"), port),
                  limit_s)
    session.pass_client(listener)
    return probe


class SoundServer:
    """PulseAudio of our own, whose microphone hears what its loudspeaker plays."""

    def __init__(self, folder):
        if not shutil.which("pulseaudio"):
            raise unittest.SkipTest("there is no pulseaudio")
        path = os.path.join(folder, "native")
        self.environment = {**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder,
                            "XDG_CONFIG_HOME": folder, "PULSE_SERVER": f"unix:{path}"}
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm",
             "--use-pid-file=no", "--load=module-null-sink sink_name=room rate=48000",
             f"--load=module-native-protocol-unix socket={path} auth-anonymous=1"],
            env=self.environment, stderr=subprocess.DEVNULL, preexec_fn=qmp.die_with_parent)
        fixture.wait_until("the sound server", lambda: os.path.exists(path),
                           explain=lambda: f"status {self.process.poll()}")

    def record(self, path):
        """Begins to write what the loudspeaker plays, raw."""
        with open(path, "wb") as file:
            return subprocess.Popen(
                ["parec", "-d", "room.monitor", "--raw", "--format=s16le", "--channels=2",
                 f"--rate={RATE}", "--latency-msec=20"], env=self.environment, stdout=file,
                preexec_fn=qmp.die_with_parent)

    def close(self):
        self.process.kill()
        self.process.wait()


class Desktop:
    """The program sound-desktop: a display with sound by a steady clock."""

    def __init__(self, program):
        self.display, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [program, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=qmp.die_with_parent)
        theirs.close()

    def begin(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, word):
        said = self.process.stdout.readline().strip()
        if said != word:
            sys.exit(f"the desktop says '{said}', not '{word}'")

    def play(self, path):
        self.begin(f"play {path}")
        self.wait("played")

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)

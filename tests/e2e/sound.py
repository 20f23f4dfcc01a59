#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian desktop plays a file, and the client hears that file: compared by correlation.

usage: sound.py BUILD

The desktop's `aplay` goes through its kernel's driver, QEMU's card, D-Bus, Opus, TLS, the client's
receiver and into a WAV file at the client; each tenth of a second of the file is looked for
in that one. Then the policy takes the sound away.
"""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "component"))
import display_fixture as fixture  # noqa: E402
import qmp  # noqa: E402
import sound_fixture as sound  # noqa: E402

LIMIT_S = 300  # for a guest without KVM on a machine that is busy with other things
SECONDS = 4
# A desktop without KVM on a busy machine may itself give sound with holes: it plays again.
TRIES = 5
ENOUGH = 0.7
# Each hole makes what follows later.
HOLES_MS = 1000
# QEMU's words for the card are those of host-agent/vm/qemu-argv.c.
CARD = ("-audiodev", "dbus,id=audio0,out.frequency=48000,out.channels=2,out.format=s16,"
        "in.frequency=48000,in.channels=2,in.format=s16", "-device", "intel-hda,id=sound0",
        "-device", "hda-duplex,bus=sound0.0,audiodev=audio0")


class Desktop(fixture.DisplayQemu):
    """The demo's desktop with a card for sound and the port of its agent."""

    def __init__(self, manifest, folder):
        port = os.path.join(folder, "vdagent.sock")
        qmp.Qemu.__init__(self, manifest, [
            "-display", "dbus,p2p=yes,audiodev=audio0", *CARD,
            "-chardev", f"socket,id=vdagent,path={port},server=on,wait=off",
            "-device", "virtserialport,chardev=vdagent,name=com.redhat.spice.0"])
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(port)

    def ask(self, name, **arguments):
        answer = self.agent_command(name, 60.0, **arguments)
        if answer is None or "error" in answer:
            sys.exit(f"{name}: {answer}")
        return answer["return"]

    def put(self, path, data):
        handle = self.ask("guest-file-open", path=path, mode="wb")
        for i in range(0, len(data), 48000):
            self.ask("guest-file-write", handle=handle, **{
                "buf-b64": base64.b64encode(data[i:i + 48000]).decode()})
        self.ask("guest-file-close", handle=handle)

    def begin(self, script):
        return self.ask("guest-exec", path="/bin/sh", arg=["-c", script],
                        **{"capture-output": True})["pid"]

    def end(self, pid):
        """(status, what it wrote) of a script."""
        def done():
            status = self.ask("guest-exec-status", pid=pid)
            return status if status["exited"] else None
        status = fixture.wait_until("a script in the desktop", done, LIMIT_S)
        text = "".join(base64.b64decode(status.get(key, "")).decode(errors="replace")
                       for key in ("out-data", "err-data"))
        return status.get("exitcode", 1), text

    def run(self, script):
        status, text = self.end(self.begin(script))
        if status != 0:
            sys.exit(f"the desktop's script failed: {text}")
        return text


def play(desktop, probe, path):
    """Plays the melody once, records what is heard; returns the numbers of the client."""
    probe(f"record-sound {path}")
    status, text = desktop.end(desktop.begin("aplay -q /tmp/melody.wav 2>&1"))
    if status != 0:
        sys.exit(f"aplay: {text}")
    fixture.wait_until("the end of the sound", lambda: not probe.sound()["playing"])
    numbers = probe.sound()
    probe("record-sound " + path + ".rest")
    return numbers


def hear(desktop, probe, played, folder):
    """Part of the melody that was heard as it is, at its time."""
    path = os.path.join(folder, "heard.wav")
    numbers = play(desktop, probe, path)
    pieces = sound.compare(os.path.join(BUILD, "tests", "component", "sound-compare"), played,
                           sound.left_of(path), folder)
    if os.environ.get("BERTH_TEST_KEEP"):
        shutil.copy(path, os.environ["BERTH_TEST_KEEP"])
    print("client:", json.dumps(numbers), flush=True)
    print("alike: " + " ".join(f"{score:.2f}" for _, _, score in pieces), flush=True)
    print("shift ms: " + " ".join(f"{there - here:.0f}" for here, there, score in pieces
                                  if score > sound.ALIKE), flush=True)
    return sound.part_alike(pieces, HOLES_MS)


def test_melody(desktop, session, folder):
    played = sound.melody(SECONDS)
    desktop.put("/tmp/melody.wav", sound.wav(played))
    print("cards:", desktop.run("cat /proc/asound/cards").strip(), flush=True)
    desktop.run("for c in Master PCM; do amixer -q sset $c 100% unmute || :; done")
    probe = sound.open_probe(os.path.join(BUILD, "client", "berth"), session, folder)
    fixture.wait_until("the policy", lambda: probe.sound()["allowed"])
    parts = []
    while len(parts) < TRIES and max(parts, default=0) < ENOUGH:
        parts.append(hear(desktop, probe, played, folder))
    if max(parts) < ENOUGH:
        sys.exit(f"FAILED: what was heard is not what was played: {parts}")
    print("ok: the client hears what the desktop plays", flush=True)
    return probe


def guest_level(desktop):
    """(percent, is it muted) of the desktop's own mixer."""
    found = re.search(r"\[(\d+)%\].*\[(on|off)\]", desktop.run("amixer sget Master"))
    return int(found[1]), found[2] == "off"


def test_volume(desktop, probe, folder):
    """The client's level is shown by the desktop's mixer, and counts once."""
    played = sound.melody(SECONDS)
    probe("volume 50")
    fixture.wait_until("the desktop's level", lambda: guest_level(desktop) == (50, False), LIMIT_S)
    print("ok: the desktop's mixer shows the client's level", flush=True)
    path = os.path.join(folder, "half.wav")
    play(desktop, probe, path)
    loudest, full = max(sound.left_of(path)), max(played)
    if not 0.35 < loudest / full < 0.65:
        sys.exit(f"FAILED: {loudest} of {full} was heard at half the level")
    print(f"ok: and it counts once ({loudest / full:.2f})", flush=True)
    probe("volume 100")
    fixture.wait_until("the desktop's level", lambda: guest_level(desktop) == (100, False), LIMIT_S)


def test_policy(desktop, session, probe, folder):
    session.set_sound(False, False)
    fixture.wait_until("the policy", lambda: not probe.sound()["allowed"])
    path = os.path.join(folder, "silent.wav")
    before = probe.sound()["packets"]
    play(desktop, probe, path)
    if probe.sound()["packets"] != before or any(sound.left_of(path)):
        sys.exit("FAILED: something was heard against the policy")
    print("ok: nothing is heard against the policy", flush=True)


def run(folder):
    build = os.path.join(HERE, "..", "..", "tools", "demo-image", "build.sh")
    if subprocess.run([build, folder], check=False, stdout=subprocess.DEVNULL).returncode != 0:
        raise unittest.SkipTest("the demo's image cannot be built here")
    with Desktop(os.path.join(folder, "demo.json"), folder) as desktop:
        session = sound.SharedSession(os.path.join(BUILD, "host-agent", "session", "berth-session"),
                                      folder)
        session.open(desktop.add_display(), resume_window_s=60)
        session.send({"op": "guest", "port": "spice"}, desktop.port.fileno())
        desktop.port.close()
        print(f"ok: the desktop lives after {desktop.wait_for_agent(LIMIT_S):.0f} s", flush=True)
        probe = test_melody(desktop, session, folder)
        test_volume(desktop, probe, folder)
        test_policy(desktop, session, probe, folder)
        probe.end()
        session.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-sound-") as temporary:
        fixture.run_or_skip(lambda: run(temporary))

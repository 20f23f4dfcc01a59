#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real session and clients that are slow, stand still, read a byte a second, or lie.

A real X display is shared; a relay of our own between session and client makes the path narrow, and
counts what waits on it.

usage: test_paths.py BERTH_SESSION SESSION_CLIENT
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import display_fixture as fixture
import qmp
from relay import Relay
from session_fixture import Client
from x_display import Page, XDisplay

# 10 Mbit/s, 40 ms: what the display engine is made for.
NARROW_BYTES_PER_S = 1250000
ONE_WAY_S = 0.02
# Nothing may wait longer on that path.
LONGEST_WAIT_S = 0.15
# Of 90 frames of scrolling on that path.
FEWEST_FRAMES = 45
# What is measured by the clock may fail while the machine is busy with other things, but not always.
ATTEMPTS = 3
# Memory that a client that stands still may cost: its streams are there anyway.
STALL_KB = 24 * 1024
# From the moment it is served again to a whole picture. On a machine that is busy with other things,
# so many times what a new client needs: a picture of noise that is on the way has to pass first.
RECOVERY_S = 0.5
RECOVERY_NEW_CLIENTS = 4


class Share:
    """berth-session that shares an X display."""

    def __init__(self, program, display, folder):
        self.file = os.path.join(folder, "share.json")
        self.process = subprocess.Popen(
            [program, "--share", display.name, "--listen", "127.0.0.1:0", "--connection-file",
             self.file], stdin=subprocess.DEVNULL, preexec_fn=qmp.die_with_parent,
            stdout=subprocess.DEVNULL, env={**os.environ, "BERTH_LOG": "warning"})
        fixture.wait_until("the session shares", lambda: os.path.exists(self.file))
        with open(self.file, encoding="utf-8") as file:
            self.where = json.load(file)

    def connect(self, client, port=None):
        where = self.where
        answer = client(f"share {port or where['port']} {where['sni']} {where['session_key']} "
                        f"{where['session']} {where['token']}")
        if answer != "ok":
            sys.exit(f"share: {answer}")

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(file.read().partition("VmRSS:")[2].split()[0])

    def is_alive(self):
        return self.process.poll() is None

    def close(self):
        self.process.kill()
        self.process.wait()


class Story:
    def __init__(self, session_program, client_program):
        self.client_program = client_program
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-paths-")
        self.folder = self.temporary.name
        self.display = XDisplay()
        self.page = Page(self.display)
        self.page.fill()
        self.display.sync()
        self.share = Share(session_program, self.display, self.folder)

    def picture(self, client):
        path = os.path.join(self.folder, "seen.ppm")
        return qmp.read_ppm(path) if client(f"ppm {path}") == "ok" else None

    def becomes_exact(self, what, client):
        wanted = self.display.picture()
        fixture.wait_until(what, lambda: self.picture(client) == wanted)

    def new_client(self, port=None, setup=()):
        client = Client(self.client_program)
        for command in setup:
            client(command)
        self.share.connect(client, port)
        return client

    def scroll_for(self, seconds, per_second=30):
        """Scrolls as a wheel does; the painter is never faster, it may be slower."""
        end = time.monotonic() + seconds
        due = time.monotonic()
        while due < end:
            self.page.scroll()
            self.display.sync()
            due += 1 / per_second
            time.sleep(max(due - time.monotonic(), 0))

    def waited_s(self, relay):
        return relay.most_queued / relay.bytes_per_s

    def narrow_path(self):
        """Nothing waits long: not the first picture, not scrolling, not what cannot be made small.

        The relay's and the painter's clocks are the machine's: it gets more than one chance.
        """
        # The path itself holds what is on the way.
        longest_s = LONGEST_WAIT_S + ONE_WAY_S
        for _ in range(ATTEMPTS):
            waits_s, n_frames = self.measure_narrow_path()
            text = (f"at most {waits_s[0] * 1000:.0f} ms of the first picture waited, "
                    f"{waits_s[1] * 1000:.0f} ms of scrolling ({n_frames} of 90 frames), "
                    f"{waits_s[2] * 1000:.0f} ms of noise")
            if max(waits_s) <= longest_s and n_frames >= FEWEST_FRAMES:
                print(f"ok: a narrow path: {text}", flush=True)
                return
            print(f"a narrow path, once more: {text}", flush=True)
        sys.exit(f"bytes waited longer than {longest_s:.2f} s, or less than {FEWEST_FRAMES} frames "
                 "of scrolling were shown, each time")

    def measure_narrow_path(self):
        """How long bytes waited: of the first picture, of scrolling, of noise; frames of scrolling."""
        relay = Relay(self.share.where["port"], NARROW_BYTES_PER_S, ONE_WAY_S)
        client = self.new_client(relay.port)
        self.becomes_exact("the first picture over a narrow path", client)
        first_s = self.waited_s(relay)
        relay.most_queued = 0
        frames = int(client.state()["frames"])
        self.scroll_for(3)
        self.becomes_exact("a scrolled page over a narrow path", client)
        n_frames = int(client.state()["frames"]) - frames
        scroll_s = self.waited_s(relay)
        relay.most_queued = 0
        self.page.noise()
        self.becomes_exact("noise over a narrow path", client)
        noise_s = self.waited_s(relay)
        self.page.fill()
        self.becomes_exact("a page after the noise", client)
        client.close()
        return (first_s, scroll_s, noise_s), n_frames

    def time_new_client(self):
        """How long a new client waits for its first whole picture."""
        wanted = self.display.picture()
        client = Client(self.client_program)
        started = time.monotonic()
        self.share.connect(client)
        fixture.wait_until("a first picture", lambda: self.picture(client) == wanted)
        client.close()
        return time.monotonic() - started

    def stalled(self, what, stall, go_on):
        """A client that is not served for some seconds costs little and is there again at once."""
        took = []
        for _ in range(ATTEMPTS):
            allowed_s = max(RECOVERY_S, RECOVERY_NEW_CLIENTS * self.time_new_client())
            relay = Relay(self.share.where["port"])
            client = self.new_client(relay.port)
            self.becomes_exact(f"the picture before {what}", client)
            before = self.share.rss_kb()
            stall(relay)
            self.page.noise()
            self.scroll_for(3)
            self.page.fill()
            self.display.sync()
            grown = self.share.rss_kb() - before
            if grown > STALL_KB:
                sys.exit(f"{what}: the session grew by {grown} kB")
            wanted = self.display.picture()
            started = time.monotonic()
            go_on(relay)
            fixture.wait_until(f"the picture after {what}",
                               lambda: self.picture(client) == wanted)
            took_s = time.monotonic() - started
            took.append(f"{took_s:.2f} of {allowed_s:.2f} s")
            client.close()
            if took_s <= allowed_s:
                break
        else:
            sys.exit(f"{what}: the picture came late: {', '.join(took)}")
        print(f"ok: {what}: {grown} kB more, whole picture after {took[-1]}", flush=True)

    def stops_reading(self):
        def stall(relay):
            relay.is_paused = True

        def go_on(relay):
            relay.is_paused = False
            relay.wake()
        self.stalled("a client that stops reading", stall, go_on)

    def byte_a_second(self):
        def stall(relay):
            relay.trickle_s = 1.0

        def go_on(relay):
            relay.trickle_s = 0.0
            relay.wake()
        self.stalled("a client that reads a byte a second", stall, go_on)

    def next_one_is_served(self):
        """While one client stands still, the next one has the picture at once."""
        relay = Relay(self.share.where["port"])
        stalled = self.new_client(relay.port)
        self.becomes_exact("the picture before the takeover", stalled)
        relay.is_paused = True
        self.page.noise()
        started = time.monotonic()
        client = self.new_client()
        self.becomes_exact("the picture of the next client", client)
        took_s = time.monotonic() - started
        print(f"ok: the next client beside one that stands still: {took_s:.2f} s", flush=True)
        for one in (client, stalled):
            one.close()
        self.page.fill()

    def lies(self):
        """What cannot be true ends the connection; what only sounds odd harms nobody."""
        for lie in ("future", "twice"):
            client = self.new_client(setup=[f"lie {lie}"])
            client.wait_for(phase="closed", code="protocol", bye="1")
            client.close()
            print(f"ok: a client that acknowledges {lie} is sent away", flush=True)
        for lie in ("slow", "early"):
            relay = Relay(self.share.where["port"], NARROW_BYTES_PER_S, ONE_WAY_S)
            client = self.new_client(relay.port, setup=[f"lie {lie}"])
            client.wait_for(phase="open")
            before = self.share.rss_kb()
            self.scroll_for(2)
            grown = self.share.rss_kb() - before
            if client.state()["phase"] == "open":
                self.becomes_exact(f"the picture of a client that lies: {lie}", client)
            elif client.state()["code"] != "protocol":
                sys.exit(f"a client that lies \"{lie}\" ends as {client.state()}")
            if grown > STALL_KB:
                sys.exit(f"a client that lies \"{lie}\" costs {grown} kB")
            print(f"ok: a client that lies \"{lie}\": {client.state()['phase']}", flush=True)
            client.close()
        client = self.new_client(setup=["boast 1"])
        fixture.wait_until("an end or a frame", lambda: client.state()["phase"] == "closed" or
                           int(client.state()["frames"]) > 0)
        print(f"ok: a client that offers what it cannot do: {client.state()['phase']}", flush=True)
        client.close()

    def silent(self):
        """A client that never acknowledges gets two frames, and the link stays up."""
        client = self.new_client(setup=["ack 0"])
        client.wait_for(phase="open")
        self.scroll_for(2)
        state = client.state()
        if state["phase"] != "open" or int(state["frames"]) > 2:
            sys.exit(f"a client that acknowledges nothing: {state}")
        client.close()
        print("ok: a client that acknowledges nothing gets two frames", flush=True)

    def is_healthy(self):
        if not self.share.is_alive():
            sys.exit("the session ended")
        client = self.new_client()
        self.becomes_exact("the picture of an honest client", client)
        client.close()

    def run(self):
        for step in (self.narrow_path, self.stops_reading, self.byte_a_second,
                     self.next_one_is_served, self.lies, self.silent):
            step()
            self.is_healthy()
        print(f"ok: healthy; {self.share.rss_kb()} kB", flush=True)
        self.share.close()
        self.display.close()


if __name__ == "__main__":
    Story(*sys.argv[1:]).run()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One window of the client at a session process that was taken over: each message of the protocol
too short, too long, of nonsense, or from the wrong side.  Each is refused with a reason that the
user is shown, and the same window opens the desktop again.

usage: test_hostile_session.py BERTH SCRIPTED_SESSION

The messages are those of the program's own table, so a new one is tested without a line here.
"""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
from test_direct import DISPLAY, FILL, FRAME_ACK, HEAD_CONFIG, LIMIT_S, Script, Window, check

FRAGMENT_BYTES = 16384
SESSION = 2
HELLO, AUTH, OPEN = 1, 2, 4
N_CHANNELS = 10
CLOSED = "The desktop is closed: "
GARBAGE = 0xff
MORE_BYTES = 64


class Row:
    """A row of the message table."""

    def __init__(self, text):
        *numbers, self.name = text.split(":")
        self.channel, self.type, self.senders, self.states, self.min, self.max = map(int, numbers)


def header(channel, kind, n_bytes):
    return struct.pack("<BBHI", channel, kind, 0, n_bytes)


def lies_about(row, state=OPEN):
    """What must be refused in a state, whatever it says: (what, bytes)."""
    if not row.senders & SESSION:
        return [(f"{row.name} from the wrong side", header(row.channel, row.type, row.min) +
                 bytes(row.min))]
    if not row.states & state:
        return [(f"{row.name} at another time", header(row.channel, row.type, row.min) + bytes(row.min))]
    lies = [(f"{row.name} too long", header(row.channel, row.type,
                                            min(row.max, FRAGMENT_BYTES) + 1))]
    if row.min > 0:
        lies.append((f"{row.name} too short", header(row.channel, row.type, row.min - 1) +
                     bytes(row.min - 1)))
    return lies


def nonsense(row):
    n_bytes = min(row.min + MORE_BYTES, row.max)
    return header(row.channel, row.type, n_bytes) + bytes([GARBAGE]) * n_bytes


class Victim(Window):
    """The window, in front of a user who opens the desktop again and again."""

    def __init__(self, script):
        self.path = script.path("window.log")
        with open(self.path, "wb") as log:
            super().__init__(script, log=log)
        self.n_reasons = 0
        self.see_picture("the desktop")

    def is_fed(self):
        """Sends a picture; whether the client took it.  A connection that ends is no answer."""
        script = self.script
        script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 800, 600))
        script.frame((FILL, struct.pack("<5HI", 1, 0, 0, 800, 600, 0x204060)))
        return script(f"take {DISPLAY} {FRAME_ACK}") != "closed"

    def see_picture(self, what):
        check(f"{what} is shown", self.is_fed())

    def reasons(self):
        with open(self.path, encoding="utf-8", errors="replace") as log:
            return [line.partition(CLOSED)[2].strip() for line in log if CLOSED in line]

    def expect_reason(self, what):
        """The user is told why, and opens the desktop again."""
        fixture.wait_until(f"{what}: a reason", lambda: len(self.reasons()) > self.n_reasons)
        reasons = self.reasons()
        check(f"{what}: {reasons[-1]}", len(reasons) == self.n_reasons + 1 and reasons[-1],
              reasons[self.n_reasons:])
        self.n_reasons = len(reasons)
        self.open_again()

    def open_again(self):
        """Presses the button, which has the keyboard, until the connection is there."""
        self.script.frame_id = 0

        def is_open():
            if self.script("is-open") == "no":
                self.tap("Return")
                return False
            return True
        fixture.wait_until("the desktop again", is_open)
        self.script("forget")

    def tap(self, key):
        """A window that goes while we look is no matter."""
        for window in self.windows():
            subprocess.run(["xdotool", "windowfocus", window, "key", key], env=self.env,
                           check=False, stderr=subprocess.DEVNULL, timeout=LIMIT_S)

    def raw(self, what, data):
        answer = self.script(f"raw {data.hex()}")
        check(f"{what} was sent", answer == "sent", answer)

    def lie(self, what, data):
        self.raw(what, data)
        closed = self.script("wait closed")
        check(f"{what} is refused", closed != "closed ok", closed)
        self.expect_reason(what)

    def greet(self, what, state, data):
        """While the window connects again, which it does by itself."""
        self.script(f"greet {state} {data.hex()}")
        self.script("drop")
        self.script.frame_id = 0

        fixture.wait_until(f"{what}: a client", lambda: self.script("greeted") != "no")
        said = self.script("greeted")
        check(f"{what} was sent", said == "sent", said)
        closed = self.script("wait closed")
        check(f"{what} is refused", closed != "closed ok", closed)
        self.expect_reason(what)

    def babble(self, what, data):
        """May be anything; either it is refused or it does no harm."""
        self.raw(what, data)
        if self.is_fed():
            print(f"ok: {what} does no harm", flush=True)
        else:
            self.expect_reason(what)


def main():
    script = Script(*sys.argv[1:3])
    rows = [Row(text) for text in script("rows").split()]
    check("there are messages", len(rows) > 50)
    victim = Victim(script)
    for row in rows:
        for what, data in lies_about(row):
            victim.lie(what, data)
    for name, state in (("hello", HELLO), ("auth", AUTH)):
        for row in rows:
            if row.name in ("HELLO", "AUTH", "WELCOME", "BYE", "FRAME_BEGIN"):
                for what, data in lies_about(row, state):
                    victim.greet(f"at {name}: {what}", name, data)
            if row.name in ("HELLO", "WELCOME") and row.states & state:
                victim.greet(f"at {name}: nonsense as {row.name}", name, nonsense(row))
    for channel in [*range(N_CHANNELS), N_CHANNELS, 255]:
        victim.lie(f"an unknown message on channel {channel}", header(channel, 31, 4) + bytes(4))
    for row in rows:
        if row.senders & SESSION and row.states & OPEN:
            victim.babble(f"nonsense as {row.name}", nonsense(row))
    victim.see_picture("after all of that the desktop")
    check("the window never ended", victim.berth.poll() is None)
    victim.close()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's own keys in the window of a second screen of the desktop.

usage: test_second_window.py BERTH SCRIPTED_SESSION ACCESSIBLE_TREE [KEEP_FOLDER]
"""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
from test_accessible import Desk
from test_direct import DISPLAY, HEAD_CONFIG, HEAD_REQUEST, LIMIT_S, Script, check
from test_insight import last_statistics, saved
from test_keys import A, HOST, down, up
from window_log import complaints

SCREEN_WIDTH = 1280
SIZE = (100, 80)


class TwoScreens(Desk):
    """A second screen, opened from the menu; keys go to its window from then on."""

    def open_another(self):
        self.first = self.id
        self.canvas()
        self.leave()
        self.person.go("Menu", "Tab")
        self.tap("space")
        self.person.wait_name("Open another screen", "focusable")
        self.person.go("Open another screen", "Down")
        self.tap("Return")
        self.wait_request()
        self.script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 1, *SIZE))
        self.script.paint(1, 0x302010)
        self.id = fixture.wait_until("the second window", lambda: [
            one for one in self.xdotool("search", "--onlyvisible", "--name", "screen 2").split()
            if one != self.first])[0]
        self.focus()
        print("ok: a second window is there", flush=True)

    def wait_request(self):
        head = None
        while head != 1:
            request = bytes.fromhex(self.script(f"take {DISPLAY} {HEAD_REQUEST}"))
            head = struct.unpack_from("<H", request)[0]

    def width(self):
        words = self.xdotool("getwindowgeometry", "--shell", self.id).split()
        return int(dict(word.split("=") for word in words)["WIDTH"])

    def is_plain(self):
        """Whether nothing lies over the picture: its colour and the one beside it are all."""
        done = subprocess.run(["convert", "ppm:-", "-format", "%k", "info:"], input=self.picture(),
                              capture_output=True, timeout=LIMIT_S, check=True)
        return int(done.stdout) <= 2

    def wait(self, what, is_so):
        fixture.wait_until(what, is_so)
        print(f"ok: {what}", flush=True)


def test_statistics(window):
    window.wait("the second window shows its screen", window.is_plain)
    window.tap("shift+F11")
    window.wait("Shift+F11 shows statistics in the second window", lambda: not window.is_plain())
    check("of the session", "Exact pixels" in fixture.wait_until(
        "statistics", lambda: last_statistics(window)))
    things = [thing for thing in window.person.read() if thing.name == "Statistics"]
    check("and in no other window", len(things) == 1, things)
    window.keep("second-statistics")
    window.tap("shift+F11")
    window.wait("and hides them", window.is_plain)


def test_pictures(window):
    window.tap("ctrl+F11")
    window.wait("Ctrl+F11 saves a picture of each screen", lambda: len(saved(window)) == 2)


def test_full_screen(window):
    before = window.width()
    window.tap("F11")
    window.wait("F11 fills the screen", lambda: window.width() == SCREEN_WIDTH)
    window.wait("and tells who has the keys", lambda: not window.is_plain())
    window.keep("second-hint")
    window.wait("for a while", window.is_plain)
    window.tap("F11")
    window.wait("and leaves it again", lambda: window.width() == before)


def test_host_key(window):
    window.wait("nothing is over the picture", window.is_plain)
    window.tap(HOST)
    window.wait("the host key takes all keys, and tells so", lambda: not window.is_plain())
    window.tap(HOST)
    window.wait("and gives them back", window.is_plain)
    window.inputs()
    window.seen = []
    window.tap("a")
    window.expect("all other keys are the desktop's", down(A), up(A))


def main():
    script = Script(*sys.argv[1:3])
    with open(script.path("user-dirs.dirs"), "w", encoding="ascii") as file:
        file.write('XDG_PICTURES_DIR="$HOME/pictures"\n')
    os.environ["BERTH_LOG"] = "info,statistics=debug"
    window = TwoScreens(script, sys.argv[3])
    window.keep_folder = sys.argv[4] if len(sys.argv) > 4 else None
    window.open_another()
    test_statistics(window)
    test_pictures(window)
    test_full_screen(window)
    test_host_key(window)
    window.close()
    window.log.seek(0)
    text = window.log.read().decode()
    text = complaints(text, is_read=True)
    check("GTK had nothing to complain of", not text, text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canvas on a compositor whose scale is no whole number: the desktop is asked for pixels of the
screen, and each of them is one pixel there.  KWin in a window of an X server shows it.

usage: test_fractional.py BERTH SCRIPTED_SESSION KWIN_WAYLAND
"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import test_view
from test_direct import Script
from test_view import Picture, Screen, place

# Screens whose size is a whole number of units.
SCREENS = [(1200, 900, 1.25), (1200, 900, 1.5), (1204, 903, 1.75)]


class KwinScreen(Screen):
    program = None

    def start_compositor(self):
        name = f"kwin-{self.scale}"
        self.start(["dbus-run-session", self.program, "--x11-display", self.display,
                    "--width", str(round(test_view.WIDTH / self.scale)),
                    "--height", str(round(test_view.HEIGHT / self.scale)),
                    "--scale", str(self.scale), "--socket", name, "--no-lockscreen",
                    "--no-kactivities", "--no-global-shortcuts"],
                   env=dict(self.env, KWIN_COMPOSE="Q", QT_LOGGING_RULES="*=false"),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   start_new_session=True)
        self.group = self.processes[-1].pid
        fixture.wait_until("the compositor",
                           lambda: os.path.exists(os.path.join(self.runtime, name)))
        self.outputs = []
        self.env = dict(self.env, WAYLAND_DISPLAY=name, GDK_BACKEND="wayland")


    def end_compositor(self):
        """It, and the bus that it needs."""
        try:
            os.killpg(self.group, signal.SIGKILL)
        except ProcessLookupError:
            pass


def main():
    script = Script(*sys.argv[1:3])
    KwinScreen.program = sys.argv[3]
    for width, height, scale in SCREENS:
        test_view.WIDTH, test_view.HEIGHT = width, height
        screen = KwinScreen(script, True, scale)
        try:
            test_view.test_request(screen)
            for seed in (7, 8):
                whole = Picture(width, height, seed)
                screen.show(whole)
                screen.wait_same("one pixel is one pixel", place(whole, 1))
        finally:
            screen.end_compositor()
        screen.close()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of the desktop is that of the window, and it may have more than one screen."""
import unittest

import lab
from desk import Desk, find
from story import HEAD, KEY_A, POOL, READY_LIMIT_S, PictureStory


class Screens(PictureStory):
    def test_the_desktop_follows_the_window(self):
        desk = Desk(self.lab, "window")
        self.addCleanup(desk.close)
        desk.open("--desktop", POOL)
        desk.wait_title(POOL)
        desk.wait("the desktop", desk.shows_a_guest)
        window = desk.windows()[POOL]
        for size in ((1000, 700), (1200, 760)):
            desk.xdotool("windowsize", window, *map(str, size))
            desk.wait(f"the desktop as large as a window of {size}",
                      lambda: self.fills(desk, window))

    def fills(self, desk, window):
        """Whether the guest has exactly the pixels that the window has below its header."""
        bars = b"\xff\0\0" * 64 + b"\0\xff\0" * 64 + b"\0\0\xff" * 64
        place = dict(line.split("=") for line in
                     desk.xdotool("getwindowgeometry", "--shell", window).splitlines())
        left, top, width, height = (int(place[key]) for key in ("X", "Y", "WIDTH", "HEIGHT"))
        screen = desk.picture()
        at = screen[2].find(bars)
        if at < 0 or at % 3:
            return False
        row, column = divmod(at // 3, screen[0])
        border = column - left
        size = width - 2 * border, height - (row - top) - border
        return size[0] >= 640 and size[1] >= 480 and self.shows(desk, size)

    def shows(self, desk, size):
        return find(desk.picture(), self.expect(f"resize:{size[0]},{size[1]}", size=HEAD))

    def test_a_second_screen_is_a_head_of_its_own(self):
        size = (800, 600)
        probe = self.open_desktop()
        self.command(probe, "head 1")
        self.command(probe, "resize 800x600")
        self.command(probe, "wait-size 800x600")
        self.wait_shows(probe, "second.png", self.expect(size=size, head=1))
        self.command(probe, "head 0")
        self.command(probe, "key a")
        self.assert_shows(probe, "first.png", f"key:{KEY_A}")

    def wait_shows(self, probe, name, wanted):
        lab.wait_until("the second screen", lambda: self.picture(probe, name) == wanted,
                       READY_LIMIT_S)


if __name__ == "__main__":
    unittest.main()

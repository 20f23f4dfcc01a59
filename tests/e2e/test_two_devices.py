# SPDX-License-Identifier: GPL-3.0-or-later
"""Anna goes from one device to another: her desktop comes with her, the first one says why."""
import unittest

from desk import Desk
from story import KEY_A, POOL, PictureStory

KEY_B = 48
WHY = "opened from another device"


class TwoDevices(PictureStory):
    def setUp(self):
        super().setUp()
        self.office, self.meeting = Desk(self.lab, "office"), Desk(self.lab, "meeting")
        self.addCleanup(self.office.close)
        self.addCleanup(self.meeting.close)

    def test_the_desktop_follows_its_user_and_the_old_window_says_why(self):
        self.office.open("--desktop", POOL, "--fullscreen")
        self.office.wait_shows(self.expect())
        self.office.wait_keys()
        self.office.tap("a")
        self.office.wait_shows(self.expect(f"key:{KEY_A}"))
        session = self.session()["id"]
        self.meeting.open("--desktop", POOL, "--fullscreen")
        self.meeting.wait_shows(self.expect(f"key:{KEY_A}"))
        self.meeting.wait_keys()
        self.office.wait_log("The desktop is closed", WHY)
        self.office.wait_no_guest()
        # It stays away by itself: the desktop is used elsewhere all the while.
        self.meeting.tap("b")
        self.meeting.wait_shows(self.expect(f"key:{KEY_A}", f"key:{KEY_B}"))
        self.assertFalse(self.office.shows_a_guest())
        # And it is a click away: the button has the keyboard.
        self.office.wait("the desktop again", lambda: (
            self.office.tap("Return"), self.office.shows_a_guest())[1])
        self.meeting.wait_log("The desktop is closed", WHY)
        self.meeting.wait_no_guest()
        self.assertEqual(self.session()["id"], session)


if __name__ == "__main__":
    unittest.main()

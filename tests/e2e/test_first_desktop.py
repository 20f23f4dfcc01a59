# SPDX-License-Identifier: GPL-3.0-or-later
"""Anna logs in, gets a fresh desktop, works on it, leaves it and logs off."""
import os
import unittest

import lab
from story import EXIT_OK, KEY_A, POOL, PictureStory, read_png


class FirstDesktop(PictureStory):
    def test_every_pixel_is_exact_and_a_key_reaches_the_guest(self):
        probe = self.open_desktop()
        self.assert_same_pixels(self.picture(probe, "fresh.png"), self.expect())
        self.command(probe, "key a")
        self.command(probe, "wait-echo 60000")
        self.assert_shows(probe, "typed.png", f"key:{KEY_A}")

    def test_the_pointer_reaches_the_guest(self):
        probe = self.open_desktop()
        self.command(probe, "click 700,500")
        self.assert_shows(probe, "clicked.png", "point:700,500", "button:272")

    def test_the_guest_follows_the_size_of_the_window(self):
        probe = self.open_desktop()
        self.command(probe, "resize 1024x768")
        self.command(probe, "wait-size 1024x768")
        self.assert_shows(probe, "small.png", "resize:1024,768")

    def test_a_disconnected_desktop_waits_with_its_state(self):
        probe = self.open_desktop()
        self.command(probe, "key a")
        self.command(probe, "wait-echo 60000")
        machine = self.session()["machine"]
        self.command(probe, "disconnect")
        self.assertEqual(probe.close(), EXIT_OK)
        probe = self.open_desktop()
        self.assertEqual(self.session()["machine"], machine)
        self.command(probe, "wait-stable 200")
        self.assert_same_pixels(self.picture(probe, "again.png"), self.expect(f"key:{KEY_A}"))

    def test_logging_off_gives_the_next_user_a_clean_desktop(self):
        probe = self.open_desktop()
        self.command(probe, "key a")
        self.command(probe, "wait-echo 60000")
        before = {row["name"]: row for row in self.lab.rows("machines")}
        machine = self.session()["machine"]
        self.command(probe, "logoff")
        self.assertEqual(probe.close(), EXIT_OK)

        def is_clean():
            row = self.machine(machine)
            return row if row["state"] == "ready" and not row["dirty"] else None
        after = lab.wait_until("a clean desktop", is_clean, 120)
        self.assertGreater(after["epoch"], before[machine]["epoch"])
        self.assertNotEqual(after["overlay"], before[machine]["overlay"])
        for user in ("bert", "carla"):
            probe = self.open_desktop(user)
            self.assert_same_pixels(self.picture(probe, f"{user}.png"), self.expect())

    def test_a_second_device_takes_the_session_over(self):
        first = self.open_desktop()
        machine = self.session()["machine"]
        second = self.open_desktop()
        self.assertEqual(self.session()["machine"], machine)
        self.assert_alive(second)
        self.assertIn("opened from another device", self.wait_end(first))

    def test_one_probe_does_it_all(self):
        picture, stats = self.lab.path("one.png"), self.lab.path("one.json")
        done = self.lab.probe("--desktop", POOL, "--type", "hello", "--wait-stable", "1000",
                              "--screenshot", picture, "--stats", stats, "--logoff")
        self.assertEqual(done.returncode, EXIT_OK, done.stderr)
        self.assert_same_pixels(read_png(picture), self.expect(
            "key:35", "key:18", "key:38", "key:38", "key:24"))
        self.assertTrue(os.path.getsize(stats) > 0)


if __name__ == "__main__":
    unittest.main()

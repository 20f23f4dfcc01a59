# SPDX-License-Identifier: GPL-3.0-or-later
"""An administrator looks into somebody's desktop, if its user agrees."""
import unittest

from story import EXIT_NO_DESKTOP, EXIT_OK, KEY_A, PictureStory, read_png


class Watching(PictureStory):
    def watch(self, *options, user=None, password=None):
        return self.lab.probe("--shadow", self.session()["id"], *options,
                              user=user or self.lab.admin,
                              password=password or self.lab.admin_password)

    def test_who_watches_sees_the_same_pixels(self):
        owner = self.open_desktop("anna", "--allow-shadow")
        self.command(owner, "key a")
        self.command(owner, "wait-echo 60000")
        picture = self.lab.path("watched.png")
        done = self.watch("--wait-stable", "300", "--screenshot", picture)
        self.assertEqual(done.returncode, EXIT_OK, done.stderr)
        self.assert_same_pixels(read_png(picture), self.expect(f"key:{KEY_A}"))
        self.assert_alive(owner)
        rows = [row for row in self.lab.berthctl("audit", "list")["audit"] if row["kind"] == "session.shadow"]
        self.assertEqual(rows[0]["object"], self.session()["id"])
        self.assertEqual(rows[0]["actor"], f"user:{self.lab.admin}")

    def test_nobody_watches_against_the_users_will(self):
        owner = self.open_desktop()
        done = self.watch("--wait-stable", "300")
        self.assertNotEqual(done.returncode, EXIT_OK)
        self.assertIn("the user said no", done.stderr)
        self.assert_alive(owner)

    def test_only_an_administrator_may_ask(self):
        self.open_desktop("anna", "--allow-shadow")
        done = self.watch("--wait-stable", "300", user="bert", password=self.lab.password)
        self.assert_refused(done, EXIT_NO_DESKTOP, "administrator")


if __name__ == "__main__":
    unittest.main()

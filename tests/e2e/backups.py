#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dedicated desktops with a real guest: what was written comes back, here and as somebody else's
desktop, and goes with a fresh disk; who a desktop is stays, and no two are the same.

usage: backups.py BUILD [NAME...]
"""
import sys
import time
import unittest

import image_lab
from image_lab import LIMIT_S, ImageLab, lab

POOL = "own"
WHO = "cat /etc/machine-id /etc/hostname /etc/ssh/ssh_host_ed25519_key.pub"
READ = "cat /root/letter 2>/dev/null || echo none"


class Backups(unittest.TestCase):
    site = None

    @classmethod
    def setUpClass(cls):
        cls.began = time.monotonic()
        cls.site.import_version()
        for user in ("bert", "carla"):
            cls.site.add_user(user, cls.site.password)
        cls.site.berthctl("create", "pool", POOL, "--image", cls.site.image, "--size", "4",
                          "--spares", "0", "--kind", "dedicated", "--on-logoff", "keep")
        for user in ("anna", "bert", "carla"):
            cls.site.berthctl("entitle", POOL, "--as-user", user)

    def say(self, what):
        print(f"ok: {what} ({time.monotonic() - self.began:.1f} s)", flush=True)

    # ---- users at their desktops ----

    def open(self, user):
        """(probe, machine, session) of a user who sees his desktop."""
        probe = self.site.probe_script("--desktop", POOL, "--timeout", str(LIMIT_S), user=user)
        self.addCleanup(probe.__exit__)
        answer = probe.command("wait-stable 200")
        self.assertTrue(answer.get("ok"), answer)
        session = next(row for row in self.site.rows("sessions") if row["user"] == user and
                       row["state"] not in ("ending", "ended", "lost"))
        return probe, self.machine(session["machine"]), session

    def machine(self, name):
        return next(row for row in self.site.rows("machines") if row["name"] == name)

    def log_off(self, probe, session):
        self.site.berthctl("logoff", session["id"])
        lab.wait_until("logged off", lambda: all(
            row["state"] in ("ended", "lost") for row in self.site.rows("sessions")
            if row["id"] == session["id"]), LIMIT_S)
        probe.__exit__()

    def at_desktop(self, user, script):
        """What a script writes in the desktop of a user who looks at it and logs off again."""
        probe, machine, session = self.open(user)
        out = self.site.run_in(machine, script)
        self.log_off(probe, session)
        return out.strip()

    def point(self, note):
        row, = [row for row in self.site.berthctl("get", "restore-points")["restore-points"]
                if row["note"] == note]
        return row

    # ---- stories ----

    def test_1_a_desktop_goes_back_to_what_it_was(self):
        site = self.site
        probe, desk, session = self.open("anna")
        site.run_in(desk, "echo first >/root/letter")
        who = site.run_in(desk, WHO)
        self.assertIn(desk["name"], who)
        self.say("a desktop of one's own")
        site.ctl("snapshot", "machine", desk["name"], "--freeze", "required", "--note", "first")
        point = self.point("first")
        self.assertEqual((point["state"], point["consistency"]), ("ready", "frozen"))
        self.say("a snapshot of a guest that was held still")
        site.run_in(desk, "echo second >/root/letter && sync")
        with self.assertRaisesRegex(lab.LabError, "somebody has a session"):
            site.ctl("restore", "machine", desk["name"], point["id"])
        self.log_off(probe, session)
        site.ctl("restore", "machine", desk["name"], point["id"])
        self.assertEqual(self.at_desktop("anna", READ), "first")
        self.assertEqual(self.at_desktop("anna", WHO), who.strip())
        self.say("restored, and still the same computer")

    def test_2_a_backup_becomes_somebody_elses_desktop(self):
        site = self.site
        point = self.point("first")["id"]
        site.ctl("backup", "export", point, "monday")
        row, = site.berthctl("backup", "list")["backups"]
        self.assertEqual((row["state"], row["consistency"]), ("ready", "frozen"))
        with self.assertRaisesRegex(lab.LabError, "there is a backup"):
            site.ctl("backup", "export", point, "monday")
        self.say("exported")
        site.ctl("backup", "import", "monday", "--host", site.host_names[0], "--pool", POOL,
                 "--as-user", "bert")
        self.say("imported")
        site.ctl("backup", "restore-as-new", point, "--pool", POOL, "--as-user", "carla")
        self.say("restored as new")
        seen = [self.at_desktop(user, WHO + "; " + READ).split("\n")
                for user in ("anna", "bert", "carla")]
        for i in range(3):
            self.assertEqual(len({lines[i] for lines in seen}), 3, seen)
        self.assertEqual({lines[3] for lines in seen}, {"first"})
        self.say("three computers with the same letter")

    def test_3_a_fresh_disk_of_this_version_or_another(self):
        site = self.site
        probe, desk, session = self.open("anna")
        who = site.run_in(desk, WHO).split("\n")
        self.log_off(probe, session)
        with self.assertRaisesRegex(lab.LabError, "force"):
            site.ctl("refresh", "machine", desk["name"])
        site.ctl("refresh", "machine", desk["name"], "--force")
        fresh = self.at_desktop("anna", WHO + "; " + READ).split("\n")
        self.assertEqual((fresh[0], fresh[1], fresh[3]), (who[0], who[1], "none"))
        self.assertNotEqual(fresh[2], who[2])
        self.say("refreshed: the same name, new keys, no letter")

        site.import_version(site.edited_disk())
        site.ctl("rebase", "machine", desk["name"], "--to", "2", "--force")
        self.assertEqual(self.at_desktop("anna", "cat /etc/edition"), "2")
        self.assertEqual(self.machine(desk["name"])["version"], self.version(2))
        self.say("rebased to version 2")

        site.ctl("restore", "machine", desk["name"], self.point("first")["id"])
        self.assertEqual(self.at_desktop("anna", READ + "; ls /etc/edition 2>&1 | wc -l; "
                                         "test ! -e /etc/edition"), "first\n1")
        self.assertEqual(self.machine(desk["name"])["version"], self.version(1))
        self.say("and back to the old disk, which stands on version 1")
        self.assertFalse([row for row in site.berthctl("fsck")["fsck"] if row["breaches"]])

    def version(self, number):
        return next(row["id"] for row in self.site.berthctl(
            "image", "versions", self.site.image)["versions"] if row["number"] == number)


def main():
    with ImageLab(sys.argv[1], "patch") as site:
        Backups.site = site
        loader = unittest.TestLoader()
        loader.testNamePatterns = [f"*{name}*" for name in sys.argv[2:]] or None
        result = unittest.TextTestRunner(verbosity=2, failfast=True).run(
            loader.loadTestsFromTestCase(Backups))
        if not result.wasSuccessful():
            image_lab.keep_logs(site)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()

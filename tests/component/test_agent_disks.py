# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent is killed at each step of the life of a user's disk; the guest keeps running.

usage: test_agent_disks.py AGENT SESSION BUILD_PATCH [TEST...]
"""
import os
import secrets
import signal
import sys
import unittest

import test_agent as base
import test_agent_clones as clones
from test_agent import is_alive, wait_until

# In the order in which an agent comes to them.
ATTACH_POINTS = ("disk-noted", "disk-made", "disk-opened", "disk-plugged", "disk-formatted",
                 "disk-format-noted", "disk-mounted")
DETACH_POINTS = ("disk-unplugged", "disk-closed", "disk-checked")


class DiskTests(clones.GuestTest):
    def tell(self, disk, desk, holds=True):
        """What the broker says: this disk, in that machine or at rest."""
        held = {"id": disk["id"], "epoch": disk["epoch"], "mount": "/data"} if holds else None
        self.site.broker.want(machines=[{**desk, "user_disk": held}], disks=[disk])

    def wait_disk(self, what, check):
        def look(inventory):
            return [entry for entry in inventory["disks"] if check(entry)]
        return self.site.broker.wait(what, look, clones.GUEST_S)[0]

    def wait_attached(self, disk):
        return self.wait_disk("attached", lambda entry: entry["state"] == "attached" and
                              entry["epoch"] == disk["epoch"])

    def wait_at_rest(self):
        return self.wait_disk("at rest", lambda entry: entry["state"] == "present" and
                              "machine" not in entry)

    def go_on_killed(self, points, disk, desk, holds=True):
        """Tells it to an agent that dies at the first point, and so on; the last one lives."""
        self.site.kill()
        self.tell(disk, desk, holds)
        for point in points:
            self.run_killed(point)
        self.site.start()

    def check_letter(self, desk):
        self.assertEqual(self.script(desk, "cat /data/letter").strip(), "dear anna")

    def mounted_mib(self, desk):
        return int(self.script(desk, "df -m /data | tail -n 1").split()[1])

    def test_every_step_of_a_disk(self):
        site, broker, manifest = self.make_patch_site()
        desk = self.desk(manifest)
        disk = {"id": secrets.token_hex(16), "epoch": 1, "size_mib": 64, "fs": "ext4", "new": True,
                "want": "present"}
        broker.want(machines=[desk])
        site.start()
        pid = self.ready(desk)[0]["pid"]
        self.attach(disk, desk)
        self.detach(disk, desk)
        self.grow(disk, desk)
        self.assertTrue(is_alive(pid))
        self.end_machine(disk, desk)
        self.delete(disk, desk)

    def attach(self, disk, desk):
        self.go_on_killed(ATTACH_POINTS, disk, desk)
        self.wait_attached(disk)
        self.script(desk, "echo dear anna >/data/letter; sync")

    def detach(self, disk, desk):
        self.go_on_killed(DETACH_POINTS, disk, desk, holds=False)
        self.wait_at_rest()
        self.assertEqual(self.script(desk, "ls /data").strip(), "")

    def grow(self, disk, desk):
        """At rest, then in use."""
        disk.update(epoch=2, size_mib=96, new=False)
        self.go_on_killed(["disk-grown"], disk, desk)
        self.wait_attached(disk)
        self.check_letter(desk)
        self.assertGreater(self.mounted_mib(desk), 80)
        disk["size_mib"] = 160
        self.go_on_killed(["disk-resized"], disk, desk)
        self.wait_attached(disk)
        wait_until("a larger file system", lambda: self.mounted_mib(desk) > 130)
        self.check_letter(desk)

    def end_machine(self, disk, desk):
        """Its user has logged off: the machine is made anew, the disk comes to it again."""
        desk["epoch"] = 2
        disk["epoch"] = 3
        self.go_on_killed(["disk-left"], disk, desk)
        self.ready(desk)
        self.wait_attached(disk)
        self.check_letter(desk)

    def delete(self, disk, desk):
        self.tell(disk, desk, holds=False)
        self.wait_at_rest()
        disk["want"] = "absent"
        self.go_on_killed(["disk-deleted"], disk, desk, holds=False)
        self.site.broker.wait("gone", lambda inventory: all(
            entry.get("code") == "not-found" for entry in inventory["disks"]), clones.GUEST_S)
        wait_until("no file", lambda: os.listdir(self.site.path + "/s/disks") == [])
        self.check_nothing_is_left_over(desk)


if __name__ == "__main__":
    base.AGENT, base.SESSION, clones.BUILD_PATCH = sys.argv[1:4]
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
    finally:
        base.end_descendants()

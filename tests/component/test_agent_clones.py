# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent is killed, or has no room, at each step of RAM templates, forks and recycling.

usage: test_agent_clones.py AGENT SESSION BUILD_PATCH [TEST...]
"""
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import test_agent as base
from test_agent import descendants, is_alive, machine, name_of, state_of, wait_until
from test_agent_tasks import ended, task

BUILD_PATCH = None
GUEST_S = 300
# Enough for what an agent notes, not for a disk.
ROOM_LEFT = 96 * 1024
# In the order in which an agent comes to them.
TEMPLATE_POINTS = ("template-begun", "template-booted", "template-prepared", "template-stopped",
                   "template-saved", "template-published")
FORK_POINTS = ("fork-made", "fork-started", "fork-loaded", "fork-running", "fork-identified",
               "fork-plugged", "fork-ready")
WHO = "echo $(cat /etc/machine-id); head -c 16 /dev/urandom | od -An -tx1"


class GuestTest(base.AgentTest):
    def make_patch_site(self, **settings):
        """An agent that does not run yet, and the manifest of its image."""
        self.site = site = base.Site(ready_deadline_s="120", **settings)
        guest = os.path.join(site.path, "guest")
        subprocess.run([BUILD_PATCH, guest], check=True, stdout=subprocess.DEVNULL)
        return site, site.broker, site.add_image("patch", guest)

    def desk(self, manifest, **more):
        return machine(manifest, network={"mode": "none"}, **more)

    def run_killed(self, point):
        """An agent that dies at that point of what is wanted."""
        self.site.start(BERTH_KILL_AT=point)
        self.wait_killed(point)

    def wait_killed(self, point):
        self.assertEqual(self.site.agent.wait(GUEST_S), -signal.SIGKILL, point)
        self.site.broker.forget_inventory()

    def ready(self, *desks):
        return [self.site.broker.wait("ready", state_of(desk, "ready"), GUEST_S) for desk in desks]

    def script(self, desk, script):
        """What a script in the guest says."""
        broker = self.site.broker
        wanted = task("run-script", desk, script=script)
        broker.want(tasks=[wanted])
        entry = broker.wait("the script's end", ended(wanted), GUEST_S)
        broker.want(tasks=[])
        broker.wait("forgotten", lambda inventory: not inventory["tasks"])
        self.assertEqual(entry["state"], "done", entry)
        return entry["result"]["output"]

    def templates(self):
        folder = self.site.path + "/s/templates"
        return sorted(name for name in os.listdir(folder) if name != "lock")

    @staticmethod
    def n_processes():
        """QEMUs that live; those that have ended are ours to be waited for."""
        return len([pid for pid in descendants()
                    if name_of(pid).startswith("qemu-system") and is_alive(pid)])

    def check_nothing_is_left_over(self, *desks):
        """One process and one folder a machine, and nothing half of a template."""
        wait_until("no orphans", lambda: self.n_processes() == len(desks))
        self.assertEqual(sorted(os.listdir(self.site.path + "/s/vms")),
                         sorted(desk["id"] for desk in desks))
        self.assertEqual([name for name in self.templates() if "." in name], [])


class KillTests(GuestTest):
    def test_every_step_of_templates_forks_and_recycling(self):
        site, broker, manifest = self.make_patch_site()
        first = self.desk(manifest, template=True)
        # Nothing but the template runs.
        broker.want(machines=[{**first, "want": "frozen"}])
        for point in TEMPLATE_POINTS:
            self.run_killed(point)
        broker.want(machines=[first])
        site.start()
        self.ready(first)
        self.assertIsNotNone(site.spec(first["id"])["template_key"])
        self.assertEqual([len(name) for name in self.templates()], [32])
        self.check_nothing_is_left_over(first)
        desks = [first]
        for point in FORK_POINTS:
            # One that dies on its way is booted cold by the next agent, beside the next fork.
            site.kill()
            desks.append(self.desk(manifest, template=True))
            broker.want(machines=list(desks))
            self.run_killed(point)
        site.start()
        self.ready(*desks)
        self.check_nothing_is_left_over(*desks)
        self.check_everybody_is_somebody(desks)
        self.recycle(desks)

    def check_everybody_is_somebody(self, desks):
        said = [self.script(desk, WHO).split("\n", 1) for desk in desks]
        for column in zip(*said):
            self.assertEqual(len(set(column)), len(desks), said)

    def recycle(self, desks):
        site, broker = self.site, self.site.broker
        used, rest = desks[0], desks[1:]
        self.script(used, "echo secret >/root/left; sync")
        before = broker.wait("ready", state_of(used, "ready"))
        site.kill()
        broker.want(machines=[{**used, "epoch": 2}, *[{**desk, "want": "absent"} for desk in rest]])
        self.run_killed("recycle-stopped")
        site.start()
        fresh = {**used, "epoch": 2}
        entry, = self.ready(fresh)
        self.assertNotEqual(entry["overlay"], before["overlay"])
        # While it waited for its turn it yielded the processors to others, and does no more.
        weights = (None,) if broker.hello["cgroup"] == "none" else ("100", "1024")
        self.assertIn(base.cpu_weight(fresh), weights)
        self.assertEqual(self.script(fresh, "ls /root").strip(), "")
        broker.wait("the others are gone", lambda inventory: len(inventory["machines"]) == 1)
        self.check_nothing_is_left_over(fresh)


class RoomTests(GuestTest):
    """A disk without room, at each place that clones write to."""

    def small(self, mib):
        folder = tempfile.mkdtemp(prefix="berth-small-")
        self.addCleanup(os.rmdir, folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", folder],
                              check=False, capture_output=True)
        if done.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        return folder

    def test_without_room_for_an_overlay_only_the_new_desktop_fails(self):
        site, broker, manifest = self.make_patch_site()
        site.settings["state_dir"] = folder = self.small(600)
        first, second = (self.desk(manifest, template=True) for _ in range(2))
        broker.want(machines=[first])
        site.start()
        pid = self.ready(first)[0]["pid"]
        wait_until("a template", lambda: "is ready to be forked" in site.log(), GUEST_S)
        room = os.statvfs(folder)
        filler = os.path.join(folder, "filler")
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - ROOM_LEFT)
        broker.want(machines=[first, second])
        entry = broker.wait("no room", state_of(second, "failed"), GUEST_S)
        self.assertEqual(entry["code"], "disk-full", entry)
        self.assertNotIn("disk.qcow2", os.listdir(f"{folder}/vms/{second['id']}"))
        self.assertEqual(self.ready(first)[0]["pid"], pid)
        os.unlink(filler)
        second["epoch"] = 2
        broker.want(machines=[first, second])
        self.ready(first, second)
        self.assertEqual(self.n_processes(), 2)

    def test_without_room_for_a_template_machines_boot_cold(self):
        site, broker, manifest = self.make_patch_site()
        site.settings["template_dir"] = self.small(8)
        desk = self.desk(manifest, template=True)
        broker.want(machines=[desk])
        site.start()
        self.ready(desk)
        self.assertIsNone(site.spec(desk["id"])["template_key"])
        self.assertIn("could not be made, machines boot cold", site.log())
        self.assertEqual([name for name in os.listdir(site.settings["template_dir"])
                          if name != "lock"], [])
        wait_until("one machine", lambda: self.n_processes() == 1)


if __name__ == "__main__":
    base.AGENT, base.SESSION, BUILD_PATCH = sys.argv[1:4]
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
    finally:
        base.end_descendants()

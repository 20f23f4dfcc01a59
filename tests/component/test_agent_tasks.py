# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent does tasks in a real guest: scripts, facts, and the seal of a patched machine.

usage: test_agent_tasks.py AGENT SESSION BUILD_PATCH [TEST...]
"""
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import unittest

import test_agent as base
from test_agent import BARE, is_alive, machine, state_of, wait_until

BUILD_PATCH = None
GUEST_S = 240
# In the order in which a seal comes to them.
SEAL_POINTS = ("seal-checked", "seal-generalised", "seal-listed", "seal-stopped", "seal-flattened",
               "store-synced", "store-listed", "store-renamed", "seal-stored", "seal-booted")


FULL_DISK = """#!/bin/sh
echo "qemu-img: error while writing: No space left on device" >&2
exit 1
"""


def task(kind, desk=None, **args):
    return {"id": secrets.token_hex(16), "kind": kind, "args": args,
            **({"machine": desk["id"]} if desk else {})}


def ended(wanted):
    """A check for FakeBroker.wait: the task's entry once it is over."""
    def check(inventory):
        for entry in inventory["tasks"]:
            if entry["id"] == wanted["id"] and entry["state"] != "running":
                return entry
        return None
    return check


class TaskTests(base.AgentTest):
    def make_patch_site(self, **settings):
        site, broker = self.make_site(ready_deadline_s="120", **settings)
        guest = os.path.join(site.path, "guest")
        subprocess.run([BUILD_PATCH, guest], check=True, stdout=subprocess.DEVNULL)
        desk = machine(site.add_image("patch", guest), keep=True)
        broker.want(machines=[desk])
        broker.wait("machine ready", state_of(desk, "ready"), GUEST_S)
        return site, broker, desk

    def do(self, wanted, timeout_s=GUEST_S):
        broker = self.site.broker
        broker.want(tasks=[wanted])
        entry = broker.wait(f"{wanted['kind']} over", ended(wanted), timeout_s)
        broker.want(tasks=[])
        broker.wait("forgotten", lambda inventory: not inventory["tasks"])
        return entry

    def run_script(self, desk, script, **args):
        return self.do(task("run-script", desk, script=script, **args))

    def output_of(self, desk, script):
        entry = self.run_script(desk, script)
        self.assertEqual((entry["state"], entry["detail"]), ("done", "the script ended well"))
        return entry["result"]["output"]

    def journals(self):
        return [name for name in os.listdir(self.site.path + "/s/tasks")]

    def raw_files(self):
        return {name for name in os.listdir(self.site.images + "/versions") if name.endswith(".img")}

    def half_files(self):
        folder = self.site.images + "/versions/tmp"
        return os.listdir(folder) if os.path.isdir(folder) else []


class ScriptTests(TaskTests):
    def test_scripts_end_well_badly_late_and_across_a_killed_agent(self):
        site, broker, desk = self.make_patch_site()
        self.assertEqual(self.output_of(desk, "echo one; echo 'two \"$0\"' >&2"),
                         'one\ntwo "$0"\n')
        bad = self.run_script(desk, "echo broken; exit 3")
        self.assertEqual((bad["state"], bad["code"], bad["result"]),
                         ("failed", "state", {"status": 3, "output": "broken\n"}))
        self.assertIn("status 3: broken", bad["detail"])
        late = self.run_script(desk, "echo waits; sleep 1000", timeout_s=2)
        self.assertEqual((late["state"], late["code"]), ("failed", "timeout"))
        self.assertEqual(self.output_of(desk, "pidof sleep || echo killed"), "killed\n")

        # An agent that dies once the script runs: it is begun once, and its end is heard.
        site.kill()
        site.start(BERTH_KILL_AT="script-begun")
        slow = task("run-script", desk, script="echo run >>/root/runs; sleep 3; wc -l </root/runs")
        broker.forget_inventory()
        broker.want(tasks=[slow])
        site.agent.wait()
        site.start()
        entry = broker.wait("over", ended(slow), GUEST_S)
        self.assertEqual((entry["state"], entry["result"]["output"].strip()), ("done", "1"))
        broker.want(tasks=[])
        broker.wait("forgotten", lambda inventory: not inventory["tasks"])
        self.assertEqual(self.journals(), [])
        self.assertEqual(self.output_of(desk, "ls -d /run/berth-task-* | wc -l").strip(), "1")

    def test_what_cannot_be_done_is_told(self):
        site, broker = self.make_site()
        for wanted, code, words in (
                (task("dance"), "unsupported", "knows no tasks of kind"),
                (task("run-script", script="true"), "invalid", "machine"),
                (task("run-script", machine(BARE), script=7), "invalid", "script"),
                (task("seal"), "invalid", "machine")):
            entry = self.do(wanted)
            self.assertEqual((entry["state"], entry["code"]), ("failed", code))
            self.assertIn(words, entry["detail"])


class SealTests(TaskTests):
    PATCH = ("echo patched >/etc/patched; rm -f /etc/old\n"
             "printf 'Package: patch\\nStatus: install ok installed\\nVersion: 2.0\\n"
             "Architecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n\\n'"
             " >>/var/lib/dpkg/status\n"
             "sed -i '/^Package: tool/,/^$/s/1.0/1.1/' /var/lib/dpkg/status\n"
             "echo secret >/root/.bash_history; echo junk >/var/tmp/junk; echo line >/var/log/x.log\n")

    def patch(self, desk):
        facts = self.do(task("facts", desk))
        self.assertEqual((facts["state"], facts["result"]["packages"]),
                         ("done", ["base 1.0", "tool 1.0"]))
        self.output_of(desk, self.PATCH)

    def check_result(self, site, entry):
        self.assertEqual((entry["state"], entry["detail"]), ("done", "the version is sealed"))
        (disk,) = entry["result"]["files"]
        self.assertEqual((disk["role"], disk["chunk_bytes"]), ("disk", 4 << 20))
        report = entry["result"]["report"]
        self.assertEqual(report["os"], "Patched Test Linux")
        self.assertEqual(report["packages"], ["base 1.0", "patch 2.0", "tool 1.1"])
        self.assertEqual(report["package_changes"], ["A patch 2.0", "M tool 1.0 1.1"])
        self.assertIn("A /etc/patched", report["file_changes"])
        self.assertEqual(report["files"]["added"], 1)
        self.assertEqual([check["name"] for check in report["checks"]],
                         ["guest agent", "room in the guest", "room on the host", "generalised",
                          "shut down", "boots"])
        path = os.path.join(site.images, "versions", disk["root"] + ".img")
        self.assertEqual(os.stat(path).st_size, disk["size_bytes"])
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o444)
        return disk["root"]

    def check_new_desktop(self, broker, desk, root):
        """A desktop of the new version: patched, and nobody's."""
        old_id = self.machine_id
        os.symlink(os.path.join(self.site.images, "versions", root + ".img"),
                   os.path.join(self.site.images, "new.img"))
        image = {**desk["manifest"], "disk": "new.img", "format": "raw"}
        fresh = machine(image)
        broker.want(machines=[fresh])
        broker.wait("new version", state_of(fresh, "ready"), GUEST_S)
        words = self.output_of(fresh, "cat /etc/patched /etc/machine-id; echo\n"
                                      "cat /etc/ssh/ssh_host_test_key; wc -l </var/log/boot.log\n"
                                      "ls /root/.bash_history /var/tmp/junk 2>&1; cat /var/log/x.log\n"
                                      "dpkg-query -W patch").split("\n")
        self.assertEqual(words[0], "patched")
        self.assertRegex(words[1], "^[0-9a-f]{32}$")
        self.assertNotIn(words[1], old_id)
        self.assertNotIn(words[2], old_id)
        # The trial's boot left nothing in the file either.
        self.assertEqual(words[3].strip(), "1")
        self.assertEqual("\n".join(words[4:]).count("No such file"), 2)
        self.assertIn("patch\t2.0", words)

    def test_a_seal_survives_an_agent_that_is_killed_at_each_step(self):
        site, broker, desk = self.make_patch_site()
        self.patch(desk)
        self.machine_id = self.output_of(desk, "cat /etc/machine-id /etc/ssh/ssh_host_test_key")
        pid = broker.wait("ready", state_of(desk, "ready"))["pid"]
        seal = task("seal", desk)
        broker.want(tasks=[seal])
        site.kill()
        for point in SEAL_POINTS:
            site.start(BERTH_KILL_AT=point)
            self.assertEqual(site.agent.wait(GUEST_S), -9, point)
        broker.forget_inventory()
        site.start()
        entry = broker.wait("sealed", ended(seal), GUEST_S)
        root = self.check_result(site, entry)
        self.assertFalse(is_alive(pid))
        wait_until("one machine folder", lambda: os.listdir(site.path + "/s/vms") == [desk["id"]])
        self.assertEqual(self.raw_files(), {root + ".img"})
        self.assertEqual(self.half_files(), [])
        broker.want(tasks=[], machines=[{**desk, "want": "absent"}])
        broker.wait("gone", lambda inventory: not inventory["machines"] and not inventory["tasks"])
        self.assertEqual(self.journals(), [])
        self.check_new_desktop(broker, desk, root)

    @staticmethod
    def up_as_another(desk, pid):
        def look(inventory):
            entry = state_of(desk, "ready")(inventory)
            return entry if entry and entry["pid"] != pid else None
        return look

    def test_a_seal_that_fails_leaves_the_machine_usable(self):
        with tempfile.NamedTemporaryFile("w", delete=False) as program:
            program.write(FULL_DISK)
        self.addCleanup(os.unlink, program.name)
        os.chmod(program.name, 0o700)
        site, broker, desk = self.make_patch_site(image_sandbox_program=program.name)
        self.output_of(desk, "mkdir -p /etc/berth/seal.d; echo kept >/etc/kept\n"
                             "printf '#!/bin/sh\\necho no licence >&2; exit 1\\n' "
                             ">/etc/berth/seal.d/10-licence; chmod 755 /etc/berth/seal.d/10-licence")
        refused = self.do(task("seal", desk))
        self.assertEqual((refused["state"], refused["code"]), ("failed", "state"))
        self.assertIn("10-licence failed (1): no licence", refused["detail"])
        self.output_of(desk, "rm /etc/berth/seal.d/10-licence")
        pid = broker.wait("ready", state_of(desk, "ready"))["pid"]
        old = self.output_of(desk, "cat /etc/machine-id\n"
                                   "rm -rf /var/lib/berth; echo >/var/lib/berth")
        unlisted = self.do(task("seal", desk))
        self.assertEqual((unlisted["state"], unlisted["code"]), ("failed", "state"), unlisted)
        self.assertIn("was started again", unlisted["detail"])
        first = broker.wait("another process", self.up_as_another(desk, pid), GUEST_S)["pid"]
        self.assertNotIn(self.output_of(desk, "cat /etc/machine-id; rm /var/lib/berth"), ("", old))
        full = self.do(task("seal", desk))
        self.assertEqual((full["state"], full["code"]), ("failed", "disk-full"))
        self.assertIn("no space is left", full["detail"])
        self.assertEqual(self.half_files(), [])
        broker.wait("on again", self.up_as_another(desk, first), GUEST_S)
        self.assertEqual(self.output_of(desk, "cat /etc/kept"), "kept\n")


if __name__ == "__main__":
    base.AGENT, base.SESSION, BUILD_PATCH = sys.argv[1:4]
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
    finally:
        base.end_descendants()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An administrator opens a maintenance desktop with the client, seals what he made, and tries the
new version; machines of it are themselves, however they were started.

usage: maintenance.py BUILD patch|demo [NAME...]

With "demo" the guest is a Debian desktop, in which the administrator types.
"""
import json
import os
import sys
import time
import unittest

import image_lab
from image_lab import LIMIT_S, ImageLab, lab

TYPED = "typed by hand"
PATCH = "set -e\necho patched >/etc/patched\n"
WHO = """cat /etc/machine-id
cat /proc/sys/kernel/hostname
cat /etc/ssh/ssh_host_ed25519_key.pub
if command -v systemctl >/dev/null; then systemctl is-active ssh; fi
"""


class Maintenance(unittest.TestCase):
    site = None

    def setUp(self):
        self.began = time.monotonic()

    def say(self, what):
        print(f"ok: {what} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def script_file(self, name, text):
        path = self.site.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    # ---- the maintenance desktop ----

    def open_as_admin(self, pool):
        probe = self.site.probe_script("--desktop", pool, "--timeout", "120", user=self.site.admin,
                                       password=self.site.admin_password)
        self.addCleanup(probe.__exit__)
        return probe

    def command(self, probe, text):
        answer = probe.command(text)
        self.assertTrue(answer.get("ok"), f"{text}: {answer}")
        return answer

    def type_in(self, pool):
        probe = self.open_as_admin(pool)
        shown = self.command(probe, "wait-stable 150")
        self.assertGreater(shown["width"] * shown["height"], 0)
        if self.site.image == "demo":
            self.command(probe, "click 200,300")
            self.command(probe, f"type echo {TYPED} >typed; sync")
        self.command(probe, "key enter")
        self.command(probe, "wait-stable 150")
        self.assertEqual(probe.close(), 0)

    def test_1_an_edit_is_opened_by_the_client_and_sealed(self):
        site, image = self.site, self.site.image
        site.import_version()
        self.say("imported")
        site.ctl("image", "edit", image, "--changelog", "patched")
        self.say("the maintenance desktop is up")
        refused = site.probe("--desktop", f"edit-{image}", "--timeout", "60")
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.type_in(f"edit-{image}")
        self.say("opened by the client")
        if image == "demo":
            out = site.ctl("image", "run", image, self.script_file(
                "look.sh", "cat ~user/typed\n"))["output"]
            self.assertEqual(out.strip(), TYPED)
        site.ctl("image", "run", image, self.script_file("patch.sh", PATCH))
        diff = site.ctl("image", "seal", image)
        self.say("sealed")
        self.assertIn("/etc/patched", diff["files"]["added"])
        self.assertEqual(diff["checks"][-1]["name"], "boots")
        self.assertIn({"name": "shut down", "detail": "by itself"}, diff["checks"])
        print("\n".join(f"  {check['name']}: {check['detail']}" for check in diff["checks"]))
        lab.wait_until("no machine", lambda: not site.rows("machines"), LIMIT_S)

    # ---- trials ----

    def try_version(self, script, *options):
        """The finished berthctl image test-run of version 2."""
        site = self.site
        fds = [lab.pipe_with(site.admin_password) for _ in range(2)]
        argv = [site.program("berthctl"), "--broker", site.url(), "--ca",
                site.path("keys", "ca.pem"), "--user", site.admin, "--password-fd", str(fds[0]),
                "--json", "image", "test-run", site.image, "2", script, "--probe-password-fd",
                str(fds[1]), *options]
        try:
            return site.run(argv, pass_fds=fds, check=False, limit_s=LIMIT_S,
                            env={**os.environ, "BERTH_PROBE": site.program("berth")})
        finally:
            for fd in fds:
                os.close(fd)

    def test_2_a_version_is_tried_by_a_script(self):
        good = self.script_file("good", "wait-stable 100\nkey a\nhash\n")
        done = self.try_version(good, "--copies", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        copies = json.loads(done.stdout)["copies"]
        self.assertEqual([(row["copy"], row["result"], row["status"]) for row in copies],
                         [(1, "good", 0), (2, "good", 0)])
        self.say("two copies are good")
        bad = self.script_file("bad", "wait-stable 100\npixel 99999,99999\n")
        done = self.try_version(bad, "--template")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("1 of 1 copies failed the test", done.stderr)
        (row,) = json.loads(done.stdout)["copies"]
        self.assertEqual(row["result"], "bad")
        self.assertIn("line 2", row["failure"])
        self.say("a bad one is told")
        lab.wait_until("no machine", lambda: not self.site.rows("machines"), LIMIT_S)
        lab.wait_until("no pool of a trial", lambda: not any(
            row["name"].startswith("test-") for row in self.site.rows("pools")), LIMIT_S)

    # ---- who they are ----

    def identities(self, machines):
        """What makes each guest one of its own; they differ in all of it."""
        seen = {row["id"]: self.site.run_in(row, WHO).split("\n") for row in machines}
        for i in range(3):
            self.assertEqual(len({lines[i] for lines in seen.values()}), len(seen), seen)
        for row in machines:
            self.assertEqual(seen[row["id"]][1], row["name"])
            self.assertEqual(row["condition"], "", row)
            if self.site.image == "demo":
                self.assertEqual(seen[row["id"]][3], "active")
        return seen

    def test_3_machines_that_boot_cold_are_themselves(self):
        site = self.site
        site.ctl("image", "publish", site.image, "2")
        site.add_pool("cold", site.image, size=2, spares=2, template=False)
        self.identities(site.wait_ready("cold", 2))
        self.say("two cold boots are themselves")


def main():
    with ImageLab(sys.argv[1], sys.argv[2]) as site:
        Maintenance.site = site
        loader = unittest.TestLoader()
        loader.testNamePatterns = [f"*{name}*" for name in sys.argv[3:]] or None
        result = unittest.TextTestRunner(verbosity=2).run(
            loader.loadTestsFromTestCase(Maintenance))
        if not result.wasSuccessful():
            image_lab.keep_logs(site)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()

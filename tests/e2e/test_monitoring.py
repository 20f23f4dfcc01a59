# SPDX-License-Identifier: GPL-3.0-or-later
"""IT watches the site with a probe: a line for each step, from the login to the log off."""
import json

import story


class Monitoring(story.Story):
    def lines(self, *args):
        done = self.lab.probe("--desktop", story.POOL, "--steps", *args,
                              limit_s=2 * story.READY_LIMIT_S)
        self.assertEqual(done.returncode, story.EXIT_OK, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_probe_goes_every_step_of_a_user(self):
        lines = self.lines("--timeout", str(story.READY_LIMIT_S), "--wait-stable", "200", "--key",
                           "a", "--wait-echo", "--resize", "1024x768", "--wait-size", "1024x768",
                           "--break", "--wait-open", "--wait-stable", "200", "--report",
                           "a monitor was here", "--restart", "--wait-stable", "200", "--logoff")
        self.assertEqual([line["command"] for line in lines],
                         ["login", "list", "open", "wait-stable", "key", "wait-echo", "resize",
                          "wait-size", "break", "wait-open", "wait-stable", "report", "restart",
                          "wait-stable", "logoff", "leave", "end"])
        self.assertTrue(all(line["ok"] for line in lines), lines)
        rows = self.lab.berthctl("audit", "list", "--limit", "200")["audit"]
        self.assertIn("a monitor was here",
                      json.dumps([row for row in rows if "desktop.reported" in json.dumps(row)]))

    def test_a_restarted_desktop_is_another_one(self):
        probe = self.open_desktop()
        before = self.session()
        self.command(probe, "restart")
        self.assert_alive(probe)
        after = self.session()
        self.assertNotEqual(before["id"], after["id"])
        self.assertNotEqual(before["machine"], after["machine"])

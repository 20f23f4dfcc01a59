#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies by level over the API of a real broker: set, explained, refused, removed."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, new_folder  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}


class Policies(unittest.TestCase):
    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.broker = Broker(PROGRAM, Site(self.folder.name))
        self.addCleanup(self.broker.kill)
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, expect=201)
        self.call("POST", "/v1/pools", {"name": "office", "image": "demo", "size": 1,
                                        "policy": {"usb": True, "audio_in": False}}, expect=201)

    def call(self, method, path, body=None, token=None, expect=200):
        status, reply = self.broker.request(method, path, body, token or self.admin)
        self.assertEqual(status, expect, reply)
        return reply

    def explain(self, user="admin"):
        reply = self.call("GET", f"/v1/policies/explain?user={user}&pool=office")
        return reply["policy"], {row["key"]: row for row in reply["why"]}

    def test_the_nearest_level_wins_and_is_named(self):
        user = self.call("GET", "/v1/me")["id"]
        self.call("PUT", "/v1/policies/site", {"policy": {"usb": False, "printing": False}},
                  expect=204)
        policy, why = self.explain()
        self.assertEqual((policy["usb"], policy["printing"]), (True, False))
        self.assertEqual((why["usb"]["from"], why["printing"]["from"]), ('pool "office"', "site"))
        self.assertEqual(why["usb"]["also"], [{"from": "site", "value": False, "strict": False}])
        self.call("PUT", f"/v1/policies/user/{user}", {"policy": {"audio_in": True}}, expect=204)
        policy, why = self.explain()
        self.assertTrue(policy["audio_in"])
        self.assertEqual(why["audio_in"]["from"], 'user "admin"')
        levels = [row["level"] for row in self.call("GET", "/v1/policies")["policies"]]
        self.assertEqual(sorted(levels), ["site", "user"])
        self.call("DELETE", f"/v1/policies/user/{user}", expect=204)
        self.call("DELETE", f"/v1/policies/user/{user}", expect=404)
        self.assertFalse(self.explain()[0]["audio_in"])

    def test_the_hardened_preset_caps_what_a_pool_allows(self):
        preset = self.call("GET", "/v1/policies/presets/hardened")
        self.call("PUT", "/v1/policies/site", {"policy": preset}, expect=204)
        policy, why = self.explain()
        self.assertFalse(policy["usb"])
        self.assertEqual((why["usb"]["from"], why["usb"]["strict"]), ("site", True))
        self.assertEqual(policy["clipboard_types"], ["text"])

    def test_what_is_no_policy_is_refused_and_changes_nothing(self):
        for policy in ({"usb": 1}, {"nothing": True}, {"usb": True, "strict": ["input"]},
                       {"resume_window_s": 100000}, {"observe": "maybe"}):
            reply = self.call("PUT", "/v1/policies/site", {"policy": policy}, expect=400)
            self.assertEqual(reply["code"], "invalid")
        self.call("PUT", f"/v1/policies/user/{'0' * 32}", {"policy": {}}, expect=404)
        self.call("PUT", f"/v1/policies/pool/{'0' * 32}", {"policy": {}}, expect=404)
        self.call("GET", "/v1/policies/presets/none", expect=404)
        self.call("GET", "/v1/policies/explain?user=nobody&pool=office", expect=404)
        self.assertEqual(self.call("GET", "/v1/policies")["policies"], [])

    def test_every_change_is_in_the_audit_log(self):
        self.call("PUT", "/v1/policies/site", {"policy": {"usb": False}}, expect=204)
        self.call("DELETE", "/v1/policies/site", expect=204)
        rows = self.call("GET", "/v1/audit?limit=2")["audit"]
        self.assertEqual([row["kind"] for row in rows], ["policy.removed", "policy.set"])
        self.assertEqual(rows[1]["data"]["policy"], {"usb": False})


if __name__ == "__main__":
    unittest.main()

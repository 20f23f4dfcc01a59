#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker against fake agents: versions of images, tags, replicas, retention."""
import json
import os
import secrets
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_broker_api as base  # noqa: E402
from test_broker_api import eventually  # noqa: E402


ROOT = "ab" * 32


class Hosts(base.BrokerCase):
    """Versions that are sealed already: rows of a store that was written by another broker."""

    def setUp(self):
        if os.environ.get("BERTH_TEST_POSTGRESQL"):
            self.skipTest("writes rows into a file of SQLite")
        super().setUp()
        self.image = self.call("POST", "/v1/images", {"name": "office"}, expect=201)["id"]
        self.versions = [secrets.token_hex(16) for _ in range(5)]

    def seal(self, first, last):
        """Versions of the numbers are available when the broker is back."""
        self.broker.stop()
        store = sqlite3.connect(self.site.path("state/broker.sqlite"))
        for number in range(first, last + 1):
            version = self.versions[number - 1]
            manifest = {"format": 1, "version": version, "machine": {"memory_mib": 300, "vcpus": 1},
                        "files": [{"role": "disk", "root": ROOT if number < 3 else f"{number:064x}",
                                   "size_bytes": 4096, "chunk_bytes": 4194304}]}
            store.execute(
                "INSERT INTO image_version (id, image, number, state, manifest, sha256, signature, "
                "size_bytes, created_us, sealed_us, since_us) "
                "VALUES (?, ?, ?, 'available', ?, 'cd', ?, 4096, 1, 1, 1)",
                (version, self.image, number, json.dumps(manifest), "ef" * 64))
        store.commit()
        store.close()
        self.broker.start()
        self.admin = self.broker.login("admin", base.ADMIN_PASSWORD)

    def tag(self, number, tag="stable"):
        self.call("PUT", f"/v1/images/{self.image}/tags/{tag}", {"version": str(number)},
                  expect=204)

    def host(self, name="one", **options):
        return self.add_host(name, **options)

    def pool(self, **more):
        return self.call("POST", "/v1/pools", {"name": "p", "image": "office", "size": 2,
                                               "spares_hot": 1, **more}, expect=201)["id"]

    def test_a_host_fetches_reports_and_runs_a_version(self):
        self.seal(1, 1)
        self.tag(1)
        pool = self.pool(template=True)
        agent = self.host(auto=False)
        agent.wait_for(lambda a: a.desired.get("images"))
        wanted = agent.desired["images"][0]
        self.assertEqual((wanted["version"], wanted["signature"], wanted["kbps"]),
                         (self.versions[0], "ef" * 64, 0))
        self.assertEqual(wanted["manifest"]["files"][0]["root"], ROOT)
        self.assertEqual(agent.desired["templates"][0]["version"], self.versions[0])
        self.call("PUT", "/v1/image-limit", {"kbps": 500}, expect=204)
        self.assertEqual(self.call("GET", "/v1/image-limit"), {"kbps": 500})
        agent.wait_for(lambda a: a.desired["images"][0]["kbps"] == 500)
        # Its memory is the manifest's.
        self.assertEqual(agent.desired["templates"][0]["memory_mib"], 300)
        agent.set_part("images", self.versions[0], version=self.versions[0], state="fetching",
                       bytes=1024, total_bytes=4096)
        verdict = eventually(lambda: [
            row for row in self.call("GET", f"/v1/pools/{pool}/placement")["hosts"]
            if "25 %" in row["detail"]])[0]
        self.assertEqual(verdict["reason"], "no-image")
        self.assertEqual(self.machines(), [])
        agent.set_part("images", self.versions[0], state="present", bytes=4096)
        agent.wait_for(lambda a: a.desired["machines"])
        machine = agent.desired["machines"][0]
        self.assertEqual(machine["version"], self.versions[0])
        self.assertNotIn("manifest", machine)
        shown = self.call("GET", f"/v1/images/{self.image}/versions/1")
        self.assertEqual((shown["n_machines"], shown["replicas"][0]["state"]), (1, "present"))
        self.assertEqual(self.machines()[0]["version_number"], 1)
        self.assert_whole()

    def test_one_host_tells_another_where_a_version_is(self):
        self.seal(1, 1)
        self.tag(1)
        self.pool()
        first = self.host("one")
        first.wait_for(lambda a: a.images)
        second = self.host("two", auto=False)
        second.wait_for(lambda a: a.desired.get("images") and a.desired["images"][0]["sources"])
        self.assertEqual(second.desired["images"][0]["sources"], ["127.0.0.1:8"])

    def test_what_nobody_uses_leaves_the_hosts_and_is_deleted_then(self):
        self.seal(1, 5)
        self.tag(5)
        self.tag(1, "old")
        self.pool()
        agent = self.host()
        agent.wait_for(lambda a: a.machines)
        self.assertEqual({image["version"] for image in agent.desired["images"]},
                         {self.versions[4]})
        plan = self.call("POST", "/v1/image-gc", {"dry_run": True})
        self.assertEqual([row["number"] for row in plan["versions"]], [2])
        self.assertEqual([(row["number"], row["why"]) for row in plan["kept"]],
                         [(1, 'it has the tag "old"')])
        reply = self.call("DELETE", f"/v1/images/{self.image}/versions/5", expect=409)
        self.assertIn("runs it", reply["detail"])
        reply = self.call("POST", f"/v1/images/{self.image}/versions/5/retire", expect=409)
        self.assertIn('"stable"', reply["detail"])
        self.call("POST", f"/v1/images/{self.image}/versions/3/retire", expect=204)
        self.call("PUT", f"/v1/images/{self.image}/tags/x", {"version": "3"}, expect=409)
        self.call("POST", f"/v1/images/{self.image}/versions/3/revive", expect=204)
        self.call("POST", "/v1/image-gc", {"image": "office"})
        rows = self.call("GET", f"/v1/images/{self.image}/versions")["versions"]
        self.assertEqual({row["number"]: row["state"] for row in rows}[2], "deleting")
        self.assert_whole()


class Versions(base.BrokerCase):
    def add_image(self, **more):
        return self.call("POST", "/v1/images", {"name": "office", **more}, expect=201)["id"]

    def draft(self, image, **more):
        return self.call("POST", f"/v1/images/{image}/versions", more, expect=201)

    def test_a_draft_has_the_next_number_and_can_be_thrown_away(self):
        image = self.add_image(description="for everybody", keep_versions=5)
        seen = self.call("GET", f"/v1/images/{image}")
        self.assertEqual((seen["description"], seen["keep_versions"], seen["n_versions"]),
                         ("for everybody", 5, 0))
        first = self.draft(image, changelog="the first")
        second = self.draft(image, parent="1")
        self.assertEqual((first["number"], second["number"]), (1, 2))
        rows = self.call("GET", f"/v1/images/{image}/versions")["versions"]
        self.assertEqual([row["number"] for row in rows], [2, 1])
        self.assertEqual(rows[1]["changelog"], "the first")
        self.assertEqual(rows[0]["parent"], first["id"])
        shown = self.call("GET", f"/v1/image-versions/{first['id']}")
        self.assertEqual((shown["state"], shown["replicas"], shown["tags"]), ("draft", [], []))
        self.assertEqual(self.call("GET", f"/v1/images/{image}/versions/1")["id"], first["id"])
        changed = self.call("PATCH", f"/v1/image-versions/{first['id']}", {"changelog": "better"})
        self.assertEqual(changed["changelog"], "better")
        # Another draft stands on it.
        reply = self.call("DELETE", f"/v1/image-versions/{first['id']}", expect=409)
        self.assertIn("version 2 is being made from it", reply["detail"])
        self.call("DELETE", f"/v1/images/{image}/versions/2", expect=204)
        self.call("DELETE", f"/v1/image-versions/{first['id']}", expect=204)
        self.call("GET", f"/v1/images/{image}/versions/7", expect=404)
        self.assert_whole()

    def test_only_what_is_available_is_tagged_retired_or_revived(self):
        image = self.add_image()
        version = self.draft(image)["id"]
        reply = self.call("PUT", f"/v1/images/{image}/tags/stable", {"version": "1"}, expect=409)
        self.assertIn("available", reply["detail"])
        reply = self.call("POST", f"/v1/image-versions/{version}/retire", expect=409)
        self.assertIn("draft", reply["detail"])
        self.call("POST", f"/v1/image-versions/{version}/revive", expect=409)
        self.call("PUT", f"/v1/images/{image}/tags/stable", {"version": "9"}, expect=404)
        self.assertEqual(self.call("GET", f"/v1/images/{image}/tags")["tags"], [])

    def test_an_image_with_versions_is_not_removed_under_them(self):
        image = self.add_image()
        self.draft(image)
        row = self.call("GET", f"/v1/images/{image}")
        reply = self.call("DELETE", f"/v1/images/{image}", match=row["version"], expect=409)
        self.assertIn("versions", reply["detail"])

    def test_a_collection_of_nothing_frees_nothing(self):
        self.add_image()
        plan = self.call("POST", "/v1/image-gc", {"dry_run": True})
        self.assertEqual((plan["dry_run"], plan["versions"], plan["kept"], plan["frees"]),
                         (True, [], [], []))
        self.call("POST", "/v1/image-gc", {"image": "nothing"}, expect=404)

    def test_a_pool_whose_image_has_no_version_yet_says_so(self):
        image = self.add_image()
        self.draft(image)
        self.add_host()
        pool = self.call("POST", "/v1/pools", {"name": "p", "image": "office", "size": 1,
                                               "spares_hot": 1}, expect=201)["id"]
        verdict = self.call("GET", f"/v1/pools/{pool}/placement")["hosts"][0]
        self.assertEqual(verdict["reason"], "no-version")
        self.assertIn("publish", verdict["detail"])
        self.assertEqual(self.machines(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

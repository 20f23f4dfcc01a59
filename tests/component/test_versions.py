#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker against fake agents: versions of images, tags, replicas, retention."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_broker_api as base  # noqa: E402


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

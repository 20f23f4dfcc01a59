#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of users: the real broker with fake hosts."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_broker_api as base  # noqa: E402
from test_broker_api import eventually  # noqa: E402

RULE = {"size_mib": 64, "mount": "/data"}


class UserDisks(base.BrokerCase):
    def disks(self, **filters):
        query = "&".join(f"{key}={value}" for key, value in filters.items())
        return self.call("GET", f"/v1/user-disks?{query}")["user-disks"]

    def log_off(self):
        for row in self.call("GET", "/v1/sessions")["sessions"]:
            self.call("POST", f"/v1/sessions/{row['id']}/logoff", expect=204)

    def wait_at_rest(self):
        eventually(lambda: all(disk["lease"] == "" for disk in self.disks()))

    def wait_operation(self, answer):
        eventually(lambda: self.call("GET", f"/v1/operations/{answer['operation']}")["state"]
                   != "running")
        return self.call("GET", f"/v1/operations/{answer['operation']}")

    def test_a_user_has_his_disk_on_each_machine(self):
        agent = self.add_host()
        anna, bert = self.add_user("anna"), self.add_user("bert")
        pool = self.add_pool(size=4, spares=2, users=["anna", "bert"], user_disk=RULE)
        self.assertEqual(self.connect(anna, pool)["state"], "ready")
        first = self.disks(user="anna")[0]
        self.assertEqual((first["state"], first["lease"], first["epoch"]), ("attached", "held", 1))
        self.assertEqual(self.connect(bert, pool)["state"], "ready")
        self.assertNotEqual(self.disks(user="bert")[0]["id"], first["id"])
        self.assert_whole()
        self.log_off()
        self.wait_at_rest()
        self.assertEqual(self.connect(anna, pool)["state"], "ready")
        again = self.disks(user="anna")[0]
        self.assertEqual((again["id"], again["epoch"]), (first["id"], 2))
        agent.wait_for(lambda a: any(m.get("user_disk", {}).get("epoch") == 2
                                     for m in a.desired["machines"]))
        self.assert_whole()

    def test_a_disk_grows_is_taken_away_and_deleted(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(size=2, spares=1, users=["anna"], user_disk=RULE)
        self.connect(anna, pool)
        disk = self.disks()[0]
        path = f"/v1/user-disks/{disk['id']}"
        self.call("POST", f"{path}/grow", {"size_mib": 64}, expect=400)
        self.assertEqual(self.call("POST", f"{path}/grow", {"size_mib": 128})["size_mib"], 128)
        agent.wait_for(lambda a: [d["size_mib"] for d in a.desired["disks"]] == [128])
        self.assertIn("logs off", self.call("DELETE", path, expect=409)["detail"])
        self.assertIn("answers", self.call("POST", f"{path}/detach", {"force": True},
                                           expect=409)["detail"])
        self.call("POST", f"{path}/detach", {})
        self.wait_at_rest()
        self.assertIn("force", self.call("DELETE", path, expect=409)["detail"])
        self.call("DELETE", f"{path}?force=true", expect=204)
        eventually(lambda: not self.disks())
        self.assert_whole()

    def test_points_are_made_in_use_and_returned_to_at_rest(self):
        self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(size=2, spares=1, users=["anna"], user_disk=RULE)
        self.connect(anna, pool)
        path = f"/v1/user-disks/{self.disks()[0]['id']}"
        made = self.call("POST", f"{path}/snapshot", {"note": "before"}, expect=202)
        self.assertEqual(self.wait_operation(made)["state"], "done")
        points = self.call("GET", f"{path}/points")["points"]
        self.assertEqual([(p["id"], p["state"], p["consistency"]) for p in points],
                         [(made["point"], "ready", "frozen")])
        self.call("POST", f"{path}/restore", {"point": made["point"]}, expect=409)
        self.log_off()
        self.wait_at_rest()
        self.call("POST", f"{path}/restore", {"point": "ab" * 16}, expect=404)
        back = self.call("POST", f"{path}/restore", {"point": made["point"]}, expect=202)
        self.assertEqual(self.wait_operation(back)["state"], "done")
        self.assertEqual(self.call("GET", path)["state"], "detached")
        drop = self.call("DELETE", f"{path}/points/{made['point']}", expect=202)
        self.assertEqual(self.wait_operation(drop)["state"], "done")
        self.assertEqual(self.call("GET", f"{path}/points")["points"], [])
        self.assert_whole()

    def test_a_disk_is_written_to_a_backup_and_given_to_another_user(self):
        agent = self.add_host()
        anna, bert = self.add_user("anna"), self.add_user("bert")
        pool = self.add_pool(size=2, spares=1, users=["anna", "bert"], user_disk=RULE)
        self.connect(anna, pool)
        disk = self.disks()[0]["id"]
        path = f"/v1/user-disks/{disk}"
        refused = self.call("POST", f"{path}/export", {"name": "monday"}, expect=409)
        self.assertIn("logs off first", refused["detail"])
        self.log_off()
        self.wait_at_rest()
        self.call("POST", f"{path}/export", {"name": "monday", "point": "ab" * 16}, expect=404)
        results = {"disk-export": {"consistency": "clean", "file_bytes": 64 << 20},
                   "disk-import": {"disk_bytes": 96 << 20}}
        with agent.lock:
            agent.run_task = lambda task: {"state": "done", "result": results[task["kind"]]}
        made = self.call("POST", f"{path}/export", {"name": "monday"}, expect=202)
        self.assertEqual(self.wait_operation(made)["state"], "done")
        self.assertEqual(self.call("GET", path)["state"], "detached")
        backup, = self.call("GET", "/v1/backups")["backups"]
        self.assertEqual([backup[key] for key in ("kind", "disk", "user", "location", "consistency",
                                                  "size_bytes")],
                         ["user-disk", disk, "anna", "backup:monday", "clean", 64 << 20])
        self.assertEqual(self.call("GET", f"{path}/points")["points"], [])
        # A backup is none of its restore points.
        self.call("DELETE", f"{path}/points/{backup['id']}", expect=404)
        self.call("POST", f"{path}/restore", {"point": backup["id"]}, expect=404)
        self.call("POST", f"{path}/export", {"name": "tuesday", "point": backup["id"]}, expect=404)
        self.call("POST", f"{path}/export", {"name": "monday"}, expect=409)
        wanted = {"name": "monday", "host": "one", "pool": pool, "user": "anna"}
        self.assertIn("has a disk", self.call("POST", "/v1/user-disks/import", wanted,
                                              expect=409)["detail"])
        wanted["user"] = "bert"
        made = self.call("POST", "/v1/user-disks/import", wanted, expect=202)
        self.assertEqual(self.wait_operation(made)["state"], "done")
        new = self.call("GET", f"/v1/user-disks/{made['id']}")
        self.assertEqual((new["state"], new["size_mib"], new["user"]), ("detached", 96, "bert"))
        self.assertEqual(self.connect(bert, pool)["state"], "ready")
        # It was made already: the host must not make it anew.
        self.assertEqual([entry["new"] for entry in agent.desired["disks"]
                          if entry["id"] == made["id"]], [False])
        self.call("DELETE", f"/v1/restore-points/{backup['id']}", expect=204)
        self.assertEqual(self.call("GET", "/v1/backups")["backups"], [])
        self.assert_whole()

    def test_a_disk_that_does_not_come_is_nobodys(self):
        agent = self.add_host()
        self.add_user("anna")
        pool = self.add_pool(size=2, spares=1, users=["anna"], user_disk=RULE)
        with agent.lock:
            agent.run_task = lambda task: {"state": "failed", "code": "corrupt",
                                           "detail": "the backup is damaged"}
        made = self.call("POST", "/v1/user-disks/import", {
            "name": "monday", "host": "one", "pool": pool, "user": "anna"}, expect=202)
        ended = self.wait_operation(made)
        self.assertEqual(ended["state"], "failed", ended)
        self.assertIn("damaged", json.dumps(ended))
        eventually(lambda: not self.disks())
        self.assert_whole()

    def test_no_disk_comes_from_a_host_that_is_not_there(self):
        agent = self.add_host()
        self.add_user("anna")
        pool = self.add_pool(size=1, spares=0, users=["anna"], user_disk=RULE)
        agent.stop()
        eventually(lambda: [row["state"] for row in self.call("GET", "/v1/hosts")["hosts"]]
                   != ["up"])
        refused = self.call("POST", "/v1/user-disks/import", {
            "name": "monday", "host": "one", "pool": pool, "user": "anna"}, expect=409)
        self.assertEqual(refused["detail"], "the host is not up")
        self.assertEqual(self.disks(), [])

    def test_a_user_is_placed_where_his_disk_is(self):
        hosts = {agent.host_id: agent for agent in (self.add_host("one"), self.add_host("two"))}
        anna = self.add_user("anna")
        pool = self.add_pool(size=2, spares=2, users=["anna"], user_disk=RULE)
        eventually(lambda: len(self.machines("ready")) == 2)
        self.connect(anna, pool)
        home = self.disks()[0]["host"]
        for _ in range(3):
            self.log_off()
            self.wait_at_rest()
            self.connect(anna, pool)
            self.assertEqual([m["host"] for m in self.machines("assigned")], [home])
        self.assertEqual(len(hosts), 2)
        self.assert_whole()

    def test_a_disk_that_fails_is_said_to_its_user(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(size=2, spares=1, users=["anna"], user_disk=RULE)
        self.connect(anna, pool)
        disk = self.disks()[0]["id"]
        self.log_off()
        self.wait_at_rest()
        with agent.lock:
            agent.disk_faults[disk] = "not-found"
        reply = self.connect(anna, pool, expect=409)
        self.assertIn("missing", reply["detail"])
        with agent.lock:
            agent.disk_faults.clear()
        self.wait_at_rest()
        self.assertEqual(self.connect(anna, pool)["state"], "ready")
        self.assert_whole()

    def test_what_a_pool_says_of_disks_is_checked(self):
        rows = (({"size_mib": 1, "mount": "/data"}, "size_mib"), ({"size_mib": 64}, "mount"),
                ({**RULE, "mount": "data"}, "mount"), ({**RULE, "mount": "/a/../b"}, "mount"),
                ({**RULE, "mount": "/a b"}, "mount"), ({**RULE, "fs": "fat"}, "fs"),
                ({**RULE, "storage": "nas"}, "disk-storage"), ({**RULE, "path": "/x"}, "path"))
        self.call("POST", "/v1/images", {"name": "demo", "manifest": base.MANIFEST}, expect=201)
        for rule, word in rows:
            status, reply = self.broker.request(
                "POST", "/v1/pools", {"name": "p", "size": 1, "image": "demo",
                                      "user_disk": rule}, self.admin)
            self.assertEqual(status, 400, (rule, reply))
            self.assertIn(word, reply["detail"], rule)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker against fake agents: pools, hosts, images, schedules, machines."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_broker_api as base  # noqa: E402
from test_broker_api import eventually  # noqa: E402

ALL_DAY = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}]


class Pools(base.BrokerCase):
    def test_a_pool_shows_what_was_said_of_it_and_takes_changes(self):
        said = {"placement": "pack", "labels": {"disk": "ssd"}, "max_per_user": 2,
                "timers": [{"event": "idle", "delay_s": 600, "warn_s": 60, "action": "logoff"}],
                "resources": {"cpu_weight": 200, "io_read_mbps": 50},
                "network": {"mode": "bridge", "bridge": "br0", "vlan": 12}, "template": True,
                "spares_frozen": 1, "spares_cold": 2, "policy": {"input": False},
                "icon": "accessories-calculator"}
        pool = self.add_pool(**said)
        seen = self.call("GET", f"/v1/pools/{pool}")
        self.assertEqual({**seen, **said}, seen)
        self.assertEqual((seen["kind"], seen["on_logoff"]), ("floating", "recycle"))
        changed = self.call("PATCH", f"/v1/pools/{pool}", {"size": 7, "enabled": False})
        self.assertEqual((changed["size"], changed["enabled"]), (7, False))
        self.assertEqual(changed["labels"], said["labels"])
        self.assertGreater(changed["version"], seen["version"])

    def test_a_change_of_what_somebody_else_changed_is_refused(self):
        self.call("POST", "/v1/schedules", {"name": "day", "timezone": "UTC", "rules": ALL_DAY},
                  expect=201)
        self.site.new_host("ghost")
        self.call("POST", "/v1/hosts", {"id": "ab" * 16, "name": "ghost"}, expect=201)
        self.add_pool()
        for kind, change in (("pools", {"size": 3}), ("schedules", {"rules": []}),
                             ("hosts", {"vcpu_overcommit_pct": 150}), ("images", {"name": "x"})):
            row = self.call("GET", f"/v1/{kind}")[kind][0]
            path = f"/v1/{kind}/{row['id']}"
            self.call("PATCH", path, change, match=row["version"])
            self.call("PATCH", path, change, match=row["version"], expect=412)
            self.call("PATCH", path, change, match=row["version"] + 1)

    def test_what_does_not_fit_is_said_with_its_key(self):
        image = {"image": "demo"}
        rows = (
            ({**image, "timers": [{"event": "idle", "delay_s": 1, "action": "dance"}]}, "action"),
            ({**image, "timers": [{"event": "idle", "delay_s": 1, "warn_s": 2,
                                   "action": "lock"}]}, "warn_s"),
            ({**image, "timers": [{"event": "idle", "action": "lock"}]}, "delay_s"),
            ({**image, "power": [{"schedule": "nowhere", "spares_hot": 1}]}, "nowhere"),
            ({**image, "power": [{"spares_hot": 1}]}, "schedule"),
            ({**image, "resources": {"cpu_weight": 0}}, "cpu_weight"),
            ({**image, "resources": {"gpu": 1}}, "gpu"),
            ({**image, "network": {"mode": "bridge"}}, "bridge"),
            ({**image, "network": {"mode": "user", "vlan": 2}}, "vlan"),
            ({**image, "network": {"mode": "bridge", "bridge": "br0;rm"}}, "br0;rm"),
            ({**image, "app": {"command": "/bin/true"}}, "app"),
            ({**image, "kind": "app"}, "command"),
            ({**image, "kind": "app", "app": {"command": "x", "arguments": [1]}}, "arguments"),
            ({**image, "labels": {"a": 1}}, "labels"),
            ({**image, "icon": "../../etc/passwd"}, "icon"),
            ({**image, "on_logoff": "keep"}, "on_logoff"),
            ({**image, "spares_frozen": 1}, "template"),
            ({**image, "policy": {"input": 3}}, "input"),
            ({**image, "kind": "physical", "spares_hot": 0}, "image"),
            ({"kind": "physical", "spares_hot": 1}, "spares_hot"),
            ({"kind": "physical", "spares_hot": 0, "on_logoff": "stop"}, "on_logoff"),
            ({}, "image"),
            ({"image": "none"}, "none"),
        )
        self.call("POST", "/v1/images", {"name": "demo", "manifest": base.MANIFEST}, expect=201)
        for more, word in rows:
            status, reply = self.broker.request(
                "POST", "/v1/pools", {"name": "p", "size": 1, **more}, self.admin)
            self.assertIn(status, (400, 404, 422), (more, reply))
            self.assertIn(word, reply["detail"], more)
        self.assertEqual(self.call("GET", "/v1/pools")["pools"], [])

    def test_only_an_empty_pool_is_removed_and_its_name_is_free_again(self):
        self.add_host()
        self.add_user("anna")
        pool = self.add_pool(size=1, spares=1, users=["anna"])
        eventually(lambda: len(self.machines("ready")) == 1)
        reply = self.call("DELETE", f"/v1/pools/{pool}", expect=409)
        self.assertIn("has machines", reply["detail"])
        self.call("PATCH", f"/v1/pools/{pool}", {"size": 0})
        eventually(lambda: not self.machines())
        self.call("DELETE", f"/v1/pools/{pool}", expect=204)
        self.call("GET", f"/v1/pools/{pool}", expect=404)
        self.assertEqual(self.call("GET", "/v1/pools")["pools"], [])
        self.assertEqual(self.call("GET", "/v1/entitlements")["entitlements"], [])
        self.add_pool(size=1, spares=1)
        self.assert_whole()

    def test_spares_follow_the_schedule_and_cold_ones_wake_for_users(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        self.call("POST", "/v1/schedules", {"name": "always", "timezone": "UTC",
                                            "rules": ALL_DAY}, expect=201)
        power = [{"schedule": "always", "spares_hot": 0, "spares_cold": 2}]
        pool = self.add_pool(size=5, spares=4, users=["anna"], power=power)
        eventually(lambda: len(self.machines("stopped")) == 2)
        self.assertEqual(len(self.machines()), 2)
        agent.wait_for(lambda a: {m["want"] for m in a.desired["machines"]} == {"stopped"})
        self.connect(anna, pool)
        self.assertEqual(len(self.machines("assigned")), 1)
        self.assert_whole()

    def test_the_schedule_in_use_is_neither_removed_nor_renamed(self):
        schedule = self.call("POST", "/v1/schedules", {"name": "day", "timezone": "Europe/Berlin",
                                                       "rules": ALL_DAY}, expect=201)["id"]
        seen = self.call("GET", f"/v1/schedules/{schedule}")
        self.assertTrue(seen["open"])
        pool = self.add_pool(power=[{"schedule": "day", "spares_hot": 0}])
        self.call("PATCH", f"/v1/schedules/{schedule}", {"name": "night"}, expect=409)
        self.call("DELETE", f"/v1/schedules/{schedule}", expect=409)
        bad = self.call("PATCH", f"/v1/schedules/{schedule}", {"timezone": "Mars/Base"}, expect=400)
        self.assertIn("Mars/Base", bad["detail"])
        self.call("PATCH", f"/v1/schedules/{schedule}", {"rules": []})
        self.assertFalse(self.call("GET", "/v1/schedules")["schedules"][0]["open"])
        self.call("PATCH", f"/v1/pools/{pool}", {"power": []})
        self.call("DELETE", f"/v1/schedules/{schedule}", expect=204)

    def test_an_image_in_use_keeps_its_manifest(self):
        self.add_host()
        self.add_pool(size=1, spares=1)
        image = self.call("GET", "/v1/images")["images"][0]["id"]
        eventually(lambda: len(self.machines("ready")) == 1)
        self.call("PATCH", f"/v1/images/{image}", {"manifest": {}}, expect=409)
        self.assertEqual(self.call("PATCH", f"/v1/images/{image}", {"name": "new"})["name"], "new")
        self.call("DELETE", f"/v1/images/{image}", expect=409)
        other = self.call("POST", "/v1/images", {"name": "other", "manifest": base.MANIFEST},
                          expect=201)["id"]
        self.call("DELETE", f"/v1/images/{other}", expect=204)
        self.call("GET", f"/v1/images/{other}", expect=404)


class Starts(base.BrokerCase):
    def test_start_slots_bound_the_starts_and_nothing_else(self):
        agent = self.add_host(auto=False)
        self.add_pool(size=30, spares=30)
        eventually(lambda: len(self.machines()) == 30)
        self.assertEqual(len(self.machines("planned")), 26)
        agent.wait_for(lambda a: len(a.desired["machines"]) == 4)
        for machine in agent.desired["machines"][:3]:
            agent.set_machine(machine["id"], state="ready", overlay="ab" * 16)
        eventually(lambda: len(self.machines("planned")) == 23)
        self.assertEqual(len(self.machines("ready")), 3)
        self.assert_whole()

    def test_no_room_is_explained_host_by_host(self):
        self.add_host("small", memory_mib=300)
        self.add_host("large", memory_mib=700)
        pool = self.add_pool(size=9, spares=9)
        eventually(lambda: len(self.machines("ready")) == 3)
        hosts = self.call("GET", f"/v1/pools/{pool}/placement")["hosts"]
        self.assertEqual({host["reason"] for host in hosts}, {"no-memory"})
        self.assertIn("MiB of memory", hosts[0]["detail"])
        small = next(h["id"] for h in self.call("GET", "/v1/hosts")["hosts"]
                     if h["name"] == "small")
        self.call("PATCH", f"/v1/hosts/{small}", {"memory_overcommit_pct": 200})
        eventually(lambda: len(self.machines("ready")) == 4)
        # What did not find a place took no number.
        self.assertEqual(sorted(machine["name"] for machine in self.machines()),
                         [f"pool99-{number}" for number in range(1, 5)])
        self.assert_whole()

    def test_a_host_on_which_all_fail_is_left_alone_and_the_other_goes_on(self):
        bad = self.add_host("bad", auto=False)
        pool = self.add_pool(size=4, spares=4)
        bad.wait_for(lambda a: len(a.desired["machines"]) == 4)
        for machine in bad.desired["machines"]:
            bad.set_machine(machine["id"], state="failed", code="boot-timeout")
        # A breaker has a row from the first failure on, and opens with a later one.
        breaker = eventually(lambda: [row for row in
                                      self.call("GET", f"/v1/pools/{pool}")["breakers"]
                                      if row["state"] == "open"])[0]
        self.assertEqual(breaker["host"], "bad")
        self.assertIn("boot-timeout", breaker["detail"])
        verdict = self.call("GET", f"/v1/pools/{pool}/placement")["hosts"][0]
        self.assertEqual(verdict["reason"], "breaker")
        self.add_host("good")
        eventually(lambda: len(self.machines("ready")) == 4)
        self.assertEqual({m["host"] for m in self.machines("ready")}, {"good"})
        self.call("POST", f"/v1/pools/{pool}/reset-breakers", expect=204)
        self.assertEqual(self.call("GET", f"/v1/pools/{pool}")["breakers"], [])
        self.assert_whole()


class Hosts(base.BrokerCase):
    def host_id(self, name):
        return next(h["id"] for h in self.call("GET", "/v1/hosts")["hosts"] if h["name"] == name)

    def test_a_drained_host_keeps_its_users_and_loses_its_spares(self):
        self.add_host("one")
        anna = self.add_user("anna")
        pool = self.add_pool(size=4, spares=2, users=["anna"])
        eventually(lambda: len(self.machines("ready")) == 2)
        session = self.connect(anna, pool)["session"]
        eventually(lambda: len(self.machines("ready")) == 2)
        one = self.host_id("one")
        self.assertTrue(self.call("POST", f"/v1/hosts/{one}/drain")["drain"])
        eventually(lambda: len(self.machines()) == 1)
        self.add_host("two")
        eventually(lambda: len(self.machines("ready")) == 2)
        self.assertEqual(self.connect(anna, pool)["session"], session)
        blocked = self.call("DELETE", f"/v1/hosts/{one}", expect=409)
        self.assertIn("of anna", blocked["detail"])
        self.call("POST", f"/v1/sessions/{session}/logoff", expect=204)
        eventually(lambda: {m["host"] for m in self.machines()} == {"two"})
        self.call("DELETE", f"/v1/hosts/{one}", expect=204)
        self.call("GET", f"/v1/hosts/{one}", expect=404)
        self.assert_whole()

    def test_maintenance_ends_and_the_host_takes_machines_again(self):
        self.add_host("one")
        self.add_pool(size=2, spares=1)
        eventually(lambda: len(self.machines("ready")) == 1)
        one = self.host_id("one")
        usage = self.call("GET", f"/v1/hosts/{one}")["usage"]
        self.assertEqual((usage["memory_used_mib"], usage["disk_free_mib"]), (100, 1000))
        self.call("POST", f"/v1/hosts/{one}/maintenance", {"enabled": True})
        eventually(lambda: not self.machines())
        self.call("POST", f"/v1/hosts/{one}/maintenance", {"enabled": False})
        eventually(lambda: len(self.machines("ready")) == 1)
        self.call("POST", f"/v1/hosts/{one}/fence", expect=409)
        self.assert_whole()

    def test_an_empty_host_and_one_that_never_came_are_removed(self):
        self.call("POST", "/v1/hosts", {"id": self.site.new_host("ghost"), "name": "ghost"},
                  expect=201)
        ghost = self.host_id("ghost")
        self.call("DELETE", f"/v1/hosts/{ghost}", expect=204)
        self.assertEqual(self.call("GET", "/v1/hosts")["hosts"], [])


class Capacity(base.BrokerCase):
    def test_the_report_says_how_much_room_there_is(self):
        self.add_host("one", memory_mib=1024)
        self.add_pool(size=9, spares=1)
        eventually(lambda: len(self.machines("ready")) == 1)
        report = self.call("GET", "/v1/reports/capacity")
        pool, host = report["pools"][0], report["hosts"][0]
        self.assertEqual((pool["room"], pool["limited_by"]), (4, "memory"))
        self.assertIn("room for 4 more users", pool["detail"])
        self.assertEqual((host["memory_mib"], host["memory_free_mib"]), (1024, 768))


class Machines(base.BrokerCase):
    def test_a_machine_is_held_switched_off_and_deleted(self):
        self.add_host()
        self.add_pool(size=1, spares=1)
        machine = eventually(lambda: self.machines("ready"))[0]["id"]
        self.call("POST", f"/v1/machines/{machine}/hold", expect=204)
        self.assertTrue(self.call("GET", f"/v1/machines/{machine}")["hold"])
        self.call("POST", f"/v1/machines/{machine}/stop", expect=204)
        eventually(lambda: self.machines("stopped"))
        self.call("POST", f"/v1/machines/{machine}/start", expect=204)
        eventually(lambda: self.machines("ready"))
        self.call("POST", f"/v1/machines/{machine}/release", expect=204)
        self.call("DELETE", f"/v1/machines/{machine}", expect=204)
        eventually(lambda: self.machines("ready") and self.machines()[0]["id"] != machine)
        self.assert_whole()

    def test_physical_machines_are_added_by_hand(self):
        self.add_host("one")
        self.call("POST", "/v1/pools", {"name": "desks", "kind": "physical", "size": 1},
                  expect=201)
        desk = {"name": "desk-7", "pool": "desks", "host": "one", "address": "192.0.2.7:5900"}
        bad = self.call("POST", "/v1/machines", {**desk, "address": "desk"}, expect=400)
        self.assertIn("ip:port", bad["detail"])
        self.add_pool(size=1, spares=0)
        self.call("POST", "/v1/machines", {**desk, "pool": "pool10"}, expect=400)
        self.call("POST", "/v1/machines", desk, expect=201)
        self.call("POST", "/v1/machines", {**desk, "name": "desk-8"}, expect=409)
        row = eventually(lambda: self.machines("ready"))[0]
        self.assertEqual((row["name"], row["address"]), ("desk-7", "192.0.2.7:5900"))
        self.assert_whole()


if __name__ == "__main__":
    unittest.main(verbosity=2)

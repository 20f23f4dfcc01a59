#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker and many hosts: silence, conditions, restored backups, disks with data.

usage: test_hosts.py BROKER FAKE_AGENT [TEST...]
"""
import os
import shutil
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, new_folder  # noqa: E402
from fake_hosts import FakeHosts  # noqa: E402

PROGRAM = FAKE_AGENT = None
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
PASSWORD = "a good password"
KEY = "ab" * 32
LEASE_S = 60


def eventually(probe, limit_s=60):
    end = time.monotonic() + limit_s
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


class HostsCase(unittest.TestCase):
    N_HOSTS = 1

    def setUp(self):
        folder = new_folder()
        self.addCleanup(folder.cleanup)
        self.site = Site(folder.name)
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)
        self.hosts = FakeHosts(FAKE_AGENT, self.site, self.broker.port, self.N_HOSTS,
                               "--state-dir", folder.name)
        self.addCleanup(lambda: self.hosts.kill())
        for number, host in enumerate(self.hosts.ids):
            self.call("POST", "/v1/hosts", {"id": host, "name": f"h{number}"}, expect=201)
        self.hosts.send(op="dial")
        eventually(lambda: self.states() == ["up"] * self.N_HOSTS)

    def call(self, method, path, body=None, token=None, expect=200):
        status, reply = self.broker.request(method, path, body, token or self.admin)
        self.assertEqual(status, expect, reply)
        return reply

    def states(self):
        rows = {row["id"]: row["state"] for row in self.call("GET", "/v1/hosts")["hosts"]}
        return [rows[host] for host in self.hosts.ids]

    def status(self):
        return self.call("GET", "/v1/status")["status"]

    def alarms(self):
        return [alarm["kind"] for alarm in self.status()["alarms"]]

    def machines(self):
        return {row["id"]: row for row in self.call("GET", "/v1/machines")["machines"]}

    def add_pool(self, name, size):
        if not self.call("GET", "/v1/images")["images"]:
            self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, expect=201)
        return self.call("POST", "/v1/pools", {
            "name": name, "image": "demo", "size": size, "spares_hot": size, "vcpus": 1,
            "memory_mib": 256}, expect=201)["id"]

    def add_user(self, name, pool):
        self.call("POST", "/v1/users", {"name": name, "password": PASSWORD}, expect=201)
        self.call("POST", "/v1/entitlements", {"user": name, "pool": pool}, expect=201)
        return self.broker.login(name, PASSWORD)

    def connect(self, token, pool):
        return self.call("POST", f"/v1/me/desktops/{pool}/connect",
                         {"client_key": KEY, "client": "test"}, token)

    def ready(self, n):
        eventually(lambda: sum(row["state"] == "ready" for row in self.machines().values()) == n)

    def store(self, *statements):
        """Changes the store while no broker runs."""
        store = sqlite3.connect(self.site.path("state/broker.sqlite"))
        with store:
            for statement in statements:
                store.execute(*statement)
        store.close()

    def restart(self):
        port = self.broker.port
        self.broker.start(port=port)
        self.broker.port = port


class Silence(HostsCase):
    N_HOSTS = 5

    def test_one_silent_host_is_suspect_and_comes_back(self):
        self.hosts.send(op="mute", host=self.hosts.ids[0], enabled=True)
        eventually(lambda: self.states() == ["suspect", "up", "up", "up", "up"])
        self.assertEqual(self.alarms(), [])
        self.hosts.send(op="mute", host=self.hosts.ids[0], enabled=False)
        eventually(lambda: self.states() == ["up"] * 5)

    def test_most_hosts_at_once_are_not_lost_until_somebody_says_so(self):
        for host in self.hosts.ids[:4]:
            self.hosts.send(op="mute", host=host, enabled=True)
        eventually(lambda: self.alarms() == ["hosts-silent"])
        end = time.monotonic() + LEASE_S + 5  # their leases are over by then
        while time.monotonic() < end:
            self.assertNotIn("lost", self.states())
            time.sleep(0.5)
        self.assertEqual(self.states(), ["suspect"] * 4 + ["up"])
        self.call("POST", "/v1/hosts-gone", expect=204)
        eventually(lambda: self.states() == ["lost"] * 4 + ["up"])
        self.hosts.send(op="mute", enabled=False)
        eventually(lambda: self.states() == ["up"] * 5)
        eventually(lambda: self.alarms() == [])
        kinds = [row["kind"] for row in self.call("GET", "/v1/audit")["audit"]]
        for kind in ("site.hosts-silent", "site.hosts-gone", "site.hosts-heard"):
            self.assertIn(kind, kinds)


class Conditions(HostsCase):
    def test_a_condition_degrades_a_host_until_it_is_over(self):
        self.hosts.send(op="conditions", conditions=["disk-low", "clock-off"])
        eventually(lambda: self.states() == ["degraded"])
        host = self.call("GET", f"/v1/hosts/{self.hosts.ids[0]}")
        self.assertIn("disk-low, clock-off", str(host))
        self.hosts.send(op="conditions", conditions=[])
        eventually(lambda: self.states() == ["up"])


class Data(HostsCase):
    def test_a_missing_disk_with_data_is_an_alarm_and_never_made_anew(self):
        pool = self.add_pool("p", 1)
        ann = self.add_user("ann", pool)
        self.ready(1)
        machine = self.connect(ann, pool)["machine"]
        overlay = self.hosts.describe()["machines"][machine]["overlay"]
        self.broker.stop()
        self.store(("UPDATE machine SET keep = 1 WHERE id = ?", (machine,)))
        self.restart()
        eventually(lambda: self.states() == ["up"])
        self.hosts.send(op="set-machine", host=self.hosts.ids[0], machine=machine,
                        keys={"state": "absent"})
        eventually(lambda: self.machines()[machine]["state"] == "lost")
        self.assertEqual(self.machines()[machine]["condition"], "missing")
        self.assertEqual(self.alarms(), ["machines-missing"])
        self.assertEqual(self.hosts.describe()["machines"][machine]["overlay"], overlay)
        self.hosts.send(op="set-machine", host=self.hosts.ids[0], machine=machine,
                        keys={"state": "ready"})
        eventually(lambda: self.machines()[machine]["state"] == "assigned")
        eventually(lambda: self.alarms() == [])


class Backups(HostsCase):
    """A store that is older than what the hosts have."""

    def make_history(self):
        """Two desktops in use and a spare, a copy of the store, then more of everything."""
        self.pool = self.add_pool("p", 3)
        self.ann, self.bob = self.add_user("ann", self.pool), self.add_user("bob", self.pool)
        self.ready(3)
        self.first = self.connect(self.ann, self.pool)
        self.broker.stop()
        shutil.copy(self.site.path("state/broker.sqlite"), self.site.path("backup"))
        self.restart()
        eventually(lambda: self.states() == ["up"])
        self.second = self.connect(self.bob, self.pool)
        self.add_pool("later", 2)
        eventually(lambda: len(self.hosts.describe()["machines"]) == 5)
        self.ready(3)
        self.hosts.send(op="connect")
        eventually(lambda: [s["state"] for s in self.hosts.describe()["sessions"].values()]
                   == ["connected"] * 2)
        self.broker.stop()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.site.path("state/broker.sqlite" + suffix)):
                os.unlink(self.site.path("state/broker.sqlite" + suffix))
        shutil.copy(self.site.path("backup"), self.site.path("state/broker.sqlite"))

    def assert_nothing_was_destroyed(self, before):
        after = self.hosts.describe()
        for machine, entry in before["machines"].items():
            self.assertEqual(after["machines"][machine]["overlay"], entry["overlay"])
        for session, entry in before["sessions"].items():
            self.assertEqual(after["sessions"][session]["state"], entry["state"])

    def test_a_restored_backup_adopts_and_destroys_nothing(self):
        self.make_history()
        before = self.hosts.describe()
        self.assertEqual((len(before["machines"]), len(before["sessions"])), (5, 2))
        self.store(("INSERT INTO meta (key, value) VALUES ('safe_mode', '1') ON CONFLICT (key) "
                    "DO UPDATE SET value = '1'",),
                   ("UPDATE meta SET value = '2' WHERE key = 'cluster_epoch'",))
        self.restart()
        eventually(lambda: self.states() == ["up"] and self.status()["strangers"] == 2)
        self.assertTrue(self.status()["safe_mode"])
        self.assertEqual(set(self.alarms()), {"safe-mode", "machines-found"})
        strangers = self.call("GET", f"/v1/hosts/{self.hosts.ids[0]}/strangers")["strangers"]
        self.assertEqual({row["id"] for row in strangers},
                         set(before["machines"]) - set(self.machines()))
        again = self.connect(self.ann, self.pool)
        self.assertEqual((again["machine"], again["session"]),
                         (self.first["machine"], self.first["session"]))
        self.assert_nothing_was_destroyed(before)
        self.call("POST", "/v1/safe-mode", {"enabled": False}, expect=204)
        eventually(lambda: not self.status()["safe_mode"])
        eventually(lambda: self.hosts.describe()["is_welcome"])
        eventually(lambda: self.alarms() == ["machines-found"])

    def test_a_store_that_is_older_than_its_hosts_notices_that_itself(self):
        self.make_history()
        before = self.hosts.describe()
        self.hosts.send(op="cluster-epoch", epoch=7)
        self.restart()
        eventually(lambda: self.states() == ["up"] and self.status()["safe_mode"])
        eventually(lambda: self.status()["strangers"] == 2)
        self.assert_nothing_was_destroyed(before)
        self.call("POST", "/v1/safe-mode", {"enabled": False}, expect=204)
        eventually(lambda: self.hosts.describe()["cluster_epoch"] == 8)


class Agents(HostsCase):
    N_HOSTS = 20

    def test_a_killed_process_of_agents_leaves_every_machine_as_it_was(self):
        self.add_pool("p", 60)
        self.ready(60)
        before = [self.hosts.describe(i) for i in range(self.N_HOSTS)]
        epochs = {row["id"]: row["epoch"] for row in self.machines().values()}
        self.hosts.kill()
        self.hosts.start()
        self.hosts.send(op="dial")
        for _ in range(self.N_HOSTS):
            self.hosts.read("welcome")
        after = [self.hosts.describe(i) for i in range(self.N_HOSTS)]
        self.assertEqual([host["machines"] for host in before],
                         [host["machines"] for host in after])
        self.assertEqual([host["agent_epoch"] + 1 for host in before],
                         [host["agent_epoch"] for host in after])
        self.assertEqual({row["id"]: row["epoch"] for row in self.machines().values()}, epochs)


if __name__ == "__main__":
    PROGRAM, FAKE_AGENT = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)

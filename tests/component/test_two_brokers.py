#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two broker processes on one PostgreSQL, their agents dialling either of them."""
import os
import secrets
import signal
import tempfile
import threading
import time
import unittest

from broker_site import ADMIN_PASSWORD, Broker, Site
from fake_agent import FakeAgent
from postgres import Server

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
KEY = "ab" * 32
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
# Longer than any request may wait for the store.
FROZEN_S = 12
PASSWORD = "correct horse battery staple"


def eventually(condition, seconds=60):
    """The first true value of condition; the limit only ends a hung test."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it never came true")


class SecondSite(Site):
    """The certificates and keys of another folder, with sockets and a state of its own."""

    def __init__(self, first, folder, url):
        self.dir, self.first = folder, first
        os.makedirs(os.path.join(folder, "state"), exist_ok=True)
        for name in ("ca.pem", "ca.key", "ticket.key", "ticket.pub", "broker.pem", "broker.key"):
            os.symlink(first.path(name), self.path(name))
        with open(first.path("broker.conf"), encoding="utf-8") as file:
            text = file.read().replace(first.dir, folder)
        with open(self.path("broker.conf"), "w", encoding="utf-8") as file:
            file.write(text)


class SecondBroker(Broker):
    def create_admin(self):
        """The first one has made it."""


class TwoBrokers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        folders = [tempfile.TemporaryDirectory(prefix="berth-") for _ in range(2)]
        for folder in folders:
            self.addCleanup(folder.cleanup)
        url = self.server.new_database("two" + secrets.token_hex(4))
        first = Site(folders[0].name)
        with open(first.path("broker.conf"), "a", encoding="utf-8") as config:
            config.write(f"\n[auth]\npepper_file = {first.path('pepper.key')}\n"
                         f"\n[store]\nurl = {url}\n")
        second = SecondSite(first, folders[1].name, url)
        with open(second.path("broker.conf"), encoding="utf-8") as file:
            text = file.read().replace(second.path("pepper.key"), first.path("pepper.key"))
        with open(second.path("broker.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        self.site = first
        self.brokers = [Broker(PROGRAM, first), SecondBroker(PROGRAM, second)]
        for broker in self.brokers:
            self.addCleanup(broker.kill)
        self.admin = self.brokers[0].login("admin", ADMIN_PASSWORD)

    def call(self, broker, method, path, body=None, token=None, expect=200):
        status, reply = self.brokers[broker].request(method, path, body, token or self.admin)
        if expect:
            self.assertEqual(status, expect, reply)
        return reply

    def add_host(self, broker, name):
        host_id = self.site.new_host(name)
        self.call(0, "POST", "/v1/hosts", {"id": host_id, "name": name}, expect=201)
        agent = FakeAgent(self.brokers[broker].port, self.site.dir, host_id, name)
        agent.start()
        self.addCleanup(agent.stop)
        agent.wait_for(lambda a: a.welcome)
        return agent

    def add_user(self, name):
        self.call(0, "POST", "/v1/users", {"name": name, "password": PASSWORD}, expect=201)
        return self.brokers[1].login(name, PASSWORD)

    def add_pool(self, users, size=2):
        self.call(0, "POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, expect=201)
        pool = self.call(0, "POST", "/v1/pools", {
            "name": "pool", "image": "demo", "size": size, "spares_hot": 1, "vcpus": 1,
            "memory_mib": 256}, expect=201)["id"]
        for user in users:
            self.call(0, "POST", "/v1/entitlements", {"pool": pool, "user": user},
                      expect=201)
        return pool

    def connect(self, broker, token, pool):
        """Asks until there is a ticket, as a client does."""
        def ask():
            reply = self.call(broker, "POST", f"/v1/me/desktops/{pool}/connect",
                              {"client_key": KEY, "client": "test"}, token, expect=None)
            return reply if reply.get("state") == "ready" else None
        return eventually(ask)

    def assert_whole(self, broker):
        checks = self.call(broker, "GET", "/v1/fsck")
        self.assertEqual(checks["breaches"], 0, [c for c in checks["fsck"] if c["breaches"]])

    def test_a_user_at_both_brokers_at_once_gets_one_desktop(self):
        self.add_host(0, "one")
        self.add_host(1, "two")
        anna = self.add_user("anna")
        pool = self.add_pool(["anna"], size=4)
        replies = []
        threads = [threading.Thread(
            target=lambda number=i: replies.append(self.connect(number % 2, anna, pool)))
            for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(replies), 8)
        self.assertEqual(len({reply["machine"] for reply in replies}), 1)
        self.assertEqual(len({reply["ticket"] for reply in replies}), 8)
        self.assert_whole(1)

    def test_a_connect_is_served_when_the_agent_of_the_other_broker_reports(self):
        self.add_host(0, "one")
        anna = self.add_user("anna")
        pool = self.add_pool(["anna"])
        self.assertEqual(self.connect(1, anna, pool)["state"], "ready")
        self.assert_whole(0)

    def test_a_killed_brokers_work_is_taken_over(self):
        self.add_host(1, "two")
        anna, bert = self.add_user("anna"), self.add_user("bert")
        pool = self.add_pool(["anna", "bert"], size=3)
        self.connect(0, anna, pool)
        self.brokers[0].kill()
        began = time.monotonic()
        reply = self.connect(1, bert, pool)
        print(f"connect at the other broker after the kill: {time.monotonic() - began:.2f} s")
        self.assertEqual(reply["state"], "ready")
        # The planner's lease runs out and the other one makes the spare that is missing.
        eventually(lambda: [row for row in self.call(1, "GET", "/v1/machines")["machines"]
                            if row["state"] == "ready"])
        self.assert_whole(1)

    def test_who_leaves_a_group_loses_its_desktops(self):
        agent = self.add_host(0, "one")
        anna = self.add_user("anna")
        user, = [row["id"] for row in self.call(0, "GET", "/v1/users")["users"]
                 if row["name"] == "anna"]
        pool = self.add_pool([])
        groups = [self.call(0, "POST", "/v1/groups", {"name": name}, expect=201)["id"]
                  for name in ("one", "two")]
        for group in groups:
            self.call(0, "POST", "/v1/entitlements", {"pool": pool, "group": group}, expect=201)
            self.call(0, "PUT", f"/v1/groups/{group}/members/{user}", expect=204)
        desktops = self.call(1, "GET", "/v1/me/desktops", token=anna)["desktops"]
        self.assertEqual([row["pool"] for row in desktops], [pool], "once, though by two groups")
        session = self.connect(0, anna, pool)["session"]

        def is_cut():
            sessions = [s for s in (agent.desired or {}).get("sessions", [])
                        if s["id"] == session]
            return any(s["want"] == "disconnected" for s in sessions)
        self.call(0, "DELETE", f"/v1/groups/{groups[0]}/members/{user}", expect=204)
        self.assertFalse(is_cut())
        self.assertEqual(len(self.call(1, "GET", "/v1/me/desktops", token=anna)["desktops"]), 1)
        self.call(0, "DELETE", "/v1/groups/" + groups[1], expect=204)
        eventually(is_cut)
        self.assertEqual(self.call(1, "GET", "/v1/me/desktops", token=anna)["desktops"], [])
        self.assert_whole(0)

    def test_a_key_at_both_brokers_at_once_makes_one_change(self):
        status_of = {}
        body = {"name": "demo", "manifest": MANIFEST}

        def send(number):
            status, reply = self.brokers[number % 2].request(
                "POST", "/v1/images", body, self.admin, headers={"Idempotency-Key": "once"})
            status_of[number] = status, reply.get("id") or reply["code"]
        threads = [threading.Thread(target=send, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        image, = self.call(0, "GET", "/v1/images")["images"]
        self.assertIn((201, image["id"]), status_of.values())
        for got in status_of.values():
            self.assertIn(got, ((201, image["id"]), (409, "state"), (409, "exists")))
        # Whoever was told to wait gets the answer of the one that was faster.
        for number in range(2):
            send(number)
            self.assertEqual(status_of[number], (201, image["id"]))

    def test_a_frozen_store_is_told_of_at_once_and_loses_nothing(self):
        bert = self.add_user("bert")
        pool = self.add_pool(["bert"])
        key = {"Idempotency-Key": "frozen"}
        image = {"name": "late", "manifest": MANIFEST}
        requests = [("GET", "/v1/pools", None, self.admin, None),
                    ("GET", "/v1/sessions", None, self.admin, None),
                    ("POST", "/v1/images", image, self.admin, key),
                    ("POST", "/v1/auth/login", {"user": "bert", "password": PASSWORD}, None, None),
                    ("POST", f"/v1/me/desktops/{pool}/connect",
                     {"client_key": KEY, "client": "test"}, bert, None)]
        answers, health = [], []

        def send(broker, method, path, body, token, headers):
            began = time.monotonic()
            status, reply = self.brokers[broker].request(method, path, body, token, headers=headers)
            answers.append((method, path, status, time.monotonic() - began, reply))
        threads = [threading.Thread(target=send, args=(broker, *request))
                   for request in requests for broker in range(2)]
        self.server.signal_all(signal.SIGSTOP)
        try:
            for thread in threads:
                thread.start()
            end = time.monotonic() + FROZEN_S
            is_ready = [True, True]
            while time.monotonic() < end:
                for broker in range(2):
                    began = time.monotonic()
                    self.call(broker, "GET", "/v1/health")
                    health.append(time.monotonic() - began)
                    status, _ = self.brokers[broker].request("GET", "/v1/ready")
                    self.assertIn(status, (200, 503))
                    is_ready[broker] = status == 200
            self.assertEqual(is_ready, [False, False])
            for thread in threads[:-2]:
                thread.join()
            told = list(answers)
        finally:
            self.server.signal_all(signal.SIGCONT)
        for method, path, status, took_s, reply in told:
            print(f"frozen: {method} {path}: {status} after {took_s:.1f} s")
            self.assertEqual((status, reply["code"]), (503, "store-down"), path)
            self.assertLess(took_s, FROZEN_S, path)
        # A connect that was let in has a patience of its own, and may outlive the frost.
        for thread in threads[-2:]:
            thread.join()
        self.assertEqual(len(answers), len(threads))
        self.assertTrue({status for _, _, status, _, _ in answers} <= {200, 202, 503}, answers)
        health.sort()
        print(f"health: {len(health)} asked, the slowest took {health[-1] * 1000:.0f} ms")
        self.assertLess(health[len(health) * 99 // 100], 1)
        self.assertLess(health[-1], 4, "it waited for the store")
        for broker in range(2):
            eventually(lambda: self.brokers[broker].request("GET", "/v1/ready")[0] == 200)
            self.assertTrue(self.brokers[broker].login("bert", PASSWORD))
            status, reply = self.brokers[broker].request("POST", "/v1/images", image, self.admin,
                                                         headers=key)
            self.assertEqual(status, 201, reply)
        self.assertEqual(sorted(row["name"] for row in self.call(0, "GET", "/v1/images")["images"]),
                         ["demo", "late"])
        self.assertTrue(self.call(1, "GET", "/v1/audit/verify")["is_whole"])
        self.assert_whole(0)


if __name__ == "__main__":
    unittest.main(verbosity=2)

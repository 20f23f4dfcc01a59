#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts by the API and berthctl: brokers that die at every step, two administrators at once."""
import json
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from broker_site import ADMIN_PASSWORD, Broker, Site
from fake_agent import FakeAgent
from postgres import find_bin

BROKER, BERTHCTL = sys.argv[1], sys.argv[2]
SIZE = 6
PASSWORD = "correct horse battery staple"
# Number of the kill points of rollouts, and how often a rollout comes by before the broker dies.
KILLS = ["rollout-published", "rollout-looked", "rollout-looked:4", "rollout-chosen",
         "rollout-recycled", "rollout-recycled:3", "rollout-stepped", "rollout-stepped:2",
         "rollout-stepped:3", "rollout-finished"]


def eventually(condition, seconds=60):
    """The first true value of condition; the limit only ends a hung test."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it never came true")


class Agent(FakeAgent):
    """Machines of a bad version fail."""

    bad = None

    def send_inventory(self):
        versions = {m["id"]: m.get("version") for m in self.desired["machines"]}
        for machine in self.machines.values():
            if self.bad and versions.get(machine["id"]) == self.bad:
                machine.update(state="failed", code="io", detail="the kernel panicked")
        super().send_inventory()


class Rollouts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="berth-")
        self.addCleanup(folder.cleanup)
        self.site = Site(folder.name)
        self.broker = Broker(BROKER, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)
        self.image = self.call("POST", "/v1/images", {"name": "office", "manifest": {}},
                               expect=201)["id"]
        self.versions = {n: secrets.token_hex(16) for n in (1, 2, 3)}
        for number, version in self.versions.items():
            self.sql("INSERT INTO image_version (id, image, number, state, manifest, sha256, signature, "
                     f"created_us, sealed_us, since_us) VALUES ('{version}', '{self.image}', "
                     f"{number}, 'available', '{{\"number\":{number}}}', '{64 * 'a'}', '{128 * 'b'}', "
                     "1, 1, 1)")
        self.sql("INSERT INTO image_tag (image, tag, version, moved_us) VALUES "
                 f"('{self.image}', 'stable', '{self.versions[1]}', 1)")
        self.agent = self.add_host("one")
        self.pool = self.call("POST", "/v1/pools", {
            "name": "berlin", "image": "office", "size": SIZE, "spares_hot": SIZE, "vcpus": 1,
            "memory_mib": 256}, expect=201)["id"]
        eventually(lambda: self.count(1) == SIZE)

    def sql(self, text):
        """What sealing would write."""
        with open(self.site.path("broker.conf"), encoding="utf-8") as config:
            url = next((line for line in config if line.startswith("url = postgresql:")), None)
        if url:
            subprocess.run([os.path.join(find_bin(), "psql"), "-X", "-q", "-d",
                            url.split("postgresql:", 1)[1].strip(), "-c", text], check=True)
            return
        with sqlite3.connect(self.site.path("state/broker.sqlite"), timeout=30) as store:
            store.execute(text)

    def add_host(self, name):
        host = self.site.new_host(name)
        self.call("POST", "/v1/hosts", {"id": host, "name": name}, expect=201)
        agent = Agent(self.broker.port, self.site.dir, host, name)
        agent.start()
        self.addCleanup(agent.stop)
        agent.wait_for(lambda a: a.welcome)
        return agent

    def call(self, method, path, body=None, expect=200):
        status, reply = self.broker.request(method, path, body, self.admin)
        if expect:
            self.assertEqual(status, expect, reply)
        return reply

    def status(self):
        return self.call("GET", f"/v1/images/{self.image}/status")

    def count(self, number, doing=("free",)):
        return sum(row["n"] for pool in self.status()["pools"] for row in pool["desktops"]
                   if row["number"] == number and row["doing"] in doing)

    def rollout(self):
        rows = self.call("GET", "/v1/rollouts")["rollouts"]
        return max(rows, key=lambda row: row["created_us"]) if rows else None

    def wait_state(self, *states):
        return eventually(lambda: (self.rollout() or {}).get("state") in states and self.rollout())

    def publish(self, number, **settings):
        body = {"version": str(number), "canary": 1, "max_unavailable": 2,
                "gates": {"min_sessions": 0}, **settings}
        return self.call("POST", f"/v1/images/{self.image}/publish", body)

    def restart(self, kill_at=None):
        """The next process dies at that point."""
        os.environ.pop("BERTH_KILL_AT", None)
        if kill_at:
            os.environ["BERTH_KILL_AT"] = kill_at
        self.broker.start(self.broker.port)
        os.environ.pop("BERTH_KILL_AT", None)

    def assert_whole(self):
        checks = self.call("GET", "/v1/fsck")
        self.assertEqual(checks["breaches"], 0, [c for c in checks["fsck"] if c["breaches"]])

    def ctl(self, *words, check=True):
        read_fd, write_fd = os.pipe()
        os.write(write_fd, ADMIN_PASSWORD.encode() + b"\n")
        os.close(write_fd)
        with os.fdopen(read_fd):
            result = subprocess.run(
                [BERTHCTL, "--socket", self.site.path("api.sock"), "--user", "admin",
                 "--password-fd", str(read_fd), *words], pass_fds=[read_fd], text=True,
                capture_output=True, timeout=120, check=False)
        if check:
            self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout if check else result

    def test_a_broker_may_die_at_every_step(self):
        at = 1
        for kill_at in KILLS:
            with self.subTest(kill_at):
                to = 3 if at == 2 else 2
                self.broker.stop()
                self.restart(kill_at)
                try:
                    self.publish(to)
                except (OSError, ValueError):
                    pass
                self.assertEqual(self.broker.process.wait(60), -signal.SIGKILL)
                self.restart()
                if self.rollout() is None or self.rollout()["to_number"] != to:
                    self.publish(to)
                self.wait_state("done")
                eventually(lambda: self.count(to) == SIZE)
                at = to
                self.assert_whole()

    def test_a_broker_may_die_when_it_warns(self):
        user = self.call("POST", "/v1/users", {"name": "ann", "password": PASSWORD}, expect=201)
        self.call("POST", "/v1/entitlements", {"pool": self.pool, "user": user["id"]}, expect=201)
        token = self.broker.login("ann", PASSWORD)

        def connect():
            reply = self.broker.request("POST", f"/v1/me/desktops/{self.pool}/connect",
                                        {"client_key": "ab" * 32, "client": "test"}, token)[1]
            return reply if reply.get("state") == "ready" else None
        session = eventually(connect)["session"]
        self.broker.stop()
        self.restart("rollout-warned")
        try:
            self.publish(2, canary=0, strategy="force", force_after_s=1, message="save your work")
        except (OSError, ValueError):
            pass
        self.assertEqual(self.broker.process.wait(60), -signal.SIGKILL)
        self.restart()
        self.wait_state("done")
        state = [s for s in self.call("GET", "/v1/sessions")["sessions"] if s["id"] == session]
        self.assertIn((state or [{}])[0].get("state"), ("ended", "ending", None))
        eventually(lambda: self.count(2) == SIZE)
        self.assert_whole()

    def test_two_administrators_publish_at_once(self):
        replies = {}

        def publish(number):
            replies[number] = self.broker.request(
                "POST", f"/v1/images/{self.image}/publish", {"version": str(number)}, self.admin)
        threads = [threading.Thread(target=publish, args=(n,)) for n in (2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(status for status, _ in replies.values()), [200, 409], replies)
        first, = (n for n, (status, _) in replies.items() if status == 200)
        detail = next(reply["detail"] for status, reply in replies.values() if status == 409)
        self.assertIn(f'pool "berlin" is being rolled out to version {first} by user:admin', detail)
        tag, = self.status()["tags"]
        self.assertEqual(tag["number"], first)

    def test_a_version_that_does_not_boot_goes_back_by_itself(self):
        self.agent.bad = self.versions[2]
        print(self.ctl("image", "publish", "office", "2", "--canary", "1"), end="")
        rollout = self.wait_state("rolled-back")
        eventually(lambda: self.count(1) == SIZE)
        self.assertIn("boots of the new version failed", rollout["reason"])
        text = self.ctl("image", "status", "office")
        print(text)
        self.assertIn("image office: stable is version 1", text)
        self.assertIn("rollout " + rollout["id"] + ": 1 -> 2, rolled-back", text)
        self.assertRegex(text, r"boots that worked +[67]/[67] +0/1")
        events = self.call("GET", "/v1/audit?limit=1000")["audit"]
        self.assertEqual(len({e["object"] for e in events if e["kind"] == "machine.recycle"}), 1,
                         "nobody else is touched")
        reasons = [e["data"].get("reason") for e in events if e["kind"] == "rollout.gate-failed"]
        self.assertEqual(reasons, ["1 of 1 boots of the new version failed; 90 % must succeed"])
        self.assert_whole()

    def test_berthctl_promotes_pauses_and_goes_back(self):
        self.ctl("image", "publish", "office", "2", "--canary", "1")
        rollout = self.wait_state("canary")
        eventually(lambda: self.rollout()["gate"].get("new", {}).get("boots") == 1)
        status = self.ctl("image", "status", "office")
        print(status)
        self.assertRegex(status, r"one +(o+c|co+)  ")
        self.assertIn("now: waits for users who log on to the new version: 0 of 1", status)
        self.ctl("rollout", "pause", rollout["id"])
        self.assertIn("paused by user:admin", self.ctl("get", "rollouts"))
        refused = self.ctl("rollout", "pause", rollout["id"], check=False)
        self.assertIn("a rollout that is paused cannot be paused", refused.stderr)
        self.ctl("rollout", "resume", rollout["id"])
        self.ctl("image", "promote", "office")
        self.ctl("image", "status", "office", "--watch")
        self.assertEqual(self.rollout()["state"], "done")
        self.assertEqual(self.count(2), SIZE)
        began = time.monotonic()
        self.ctl("image", "rollback", "office")
        self.wait_state("rolled-back")
        eventually(lambda: self.count(1) == SIZE)
        print(f"rollback of {SIZE} pretended desktops: {time.monotonic() - began:.2f} s")
        status = json.loads(self.ctl("--json", "image", "status", "office"))
        self.assertEqual(status["tags"][0]["number"], 1)
        self.assertTrue(re.search(r'berth_rollouts\{state="rolled-back"\} 1', self.metrics()))
        self.assert_whole()

    def metrics(self):
        return self.broker.request("GET", "/internal/v1/metrics", internal=True)[1]


@unittest.skipUnless(os.environ.get("BERTH_TEST_POSTGRESQL"), "brokers share PostgreSQL only")
class OtherBroker(Rollouts):
    """Only what is different with a second broker, on the same database."""

    def second_site(self):
        folder = tempfile.TemporaryDirectory(prefix="berth-")
        self.addCleanup(folder.cleanup)
        os.makedirs(os.path.join(folder.name, "state"))
        for name in ("ca.pem", "ca.key", "ticket.key", "ticket.pub", "broker.pem", "broker.key",
                     "state/pepper.key"):
            os.symlink(self.site.path(name), os.path.join(folder.name, name))
        with open(self.site.path("broker.conf"), encoding="utf-8") as file:
            text = re.sub(r"agent_listen = .*", "agent_listen = 127.0.0.1:0",
                          file.read().replace(self.site.dir, folder.name))
        with open(os.path.join(folder.name, "broker.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        site = object.__new__(Site)
        site.dir = folder.name
        return site

    def test_a_broker_may_die_at_every_step(self):
        first, self.broker = self.broker, None
        second = object.__new__(Broker)
        second.program, second.site, second.process, second.port = BROKER, self.second_site(), None, 0
        second.env = {}
        self.broker = first
        for to, kill_at in ((2, "rollout-looked:3"), (3, "rollout-recycled:2"),
                            (2, "rollout-stepped:2"), (3, "rollout-finished")):
            with self.subTest(kill_at):
                first.kill()
                self.restart(kill_at)
                self.agent.port = first.port
                try:
                    self.publish(to)
                except (OSError, ValueError):
                    pass
                self.assertEqual(first.process.wait(60), -signal.SIGKILL)
                second.start()
                self.broker, self.agent.port = second, second.port
                self.wait_state("done")
                eventually(lambda: self.count(to) == SIZE)
                self.assert_whole()
                second.kill()
                self.broker = first

    test_a_broker_may_die_when_it_warns = None
    test_two_administrators_publish_at_once = None
    test_a_version_that_does_not_boot_goes_back_by_itself = None
    test_berthctl_promotes_pauses_and_goes_back = None


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker dies (kill -9) at each message between it and a host while a version is edited and
sealed, and while a user's disk is lent and comes back.

usage: test_broker_kills.py [TEST...]
"""
import http.client
import json
import os
import secrets
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_broker_api as base  # noqa: E402
from fake_agent import FakeAgent  # noqa: E402

LIMIT_S = 60
FILE = {"role": "disk", "size_bytes": 4096, "chunk_bytes": 4194304}
RULE = {"size_mib": 64, "mount": "/data"}


class Host(FakeAgent):
    """Kills its broker at the n-th message: as a new wish comes, or once it has told its news."""

    broker = None
    n_messages = 0
    kill_at = 0
    told = ""

    def count(self):
        self.n_messages += 1
        if self.n_messages == self.kill_at:
            self.broker.kill()

    def handle(self, message):
        if message["type"] == "desired":
            self.count()
            holders = [machine["user_disk"]["id"] for machine in message["machines"]
                       if machine.get("user_disk")]
            assert len(holders) == len(set(holders)), f"a disk is with two machines: {message}"
        super().handle(message)

    def send_inventory(self):
        super().send_inventory()
        news = json.dumps([self.machines, self.sessions, self.tasks, self.disks], sort_keys=True)
        if news != self.told:
            self.told = news
            self.count()


class Kills(base.BrokerCase):
    def add_killing_host(self):
        host_id = self.site.new_host("one")
        self.call("POST", "/v1/hosts", {"id": host_id, "name": "one"}, expect=201)
        agent = Host(self.broker.port, self.site.dir, host_id, "one")
        agent.broker = self.broker
        agent.run_task = self.run_task
        agent.start()
        self.addCleanup(agent.stop)
        agent.wait_for(lambda a: a.welcome)
        return agent

    @staticmethod
    def run_task(task):
        result = {"packages": ["base 1.0"]}
        if task["kind"] == "seal":
            result = {"files": [{**FILE, "root": secrets.token_hex(32)}], "report": result}
        return {"state": "done", "result": result}

    def ask(self, method, path, body=None, token=None, key=None):
        """(status, reply) of a broker that may die meanwhile; then of the next one."""
        headers = {"Idempotency-Key": key} if key else None
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            try:
                return self.broker.request(method, path, body, token or self.admin, headers=headers)
            except (OSError, http.client.HTTPException):
                self.broker.process.wait(LIMIT_S)
                self.broker.start(port=self.agent.port)
        raise AssertionError(f"no answer to {method} {path}")

    def eventually(self, what, probe):
        """As base.eventually(), with brokers that may die."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            value = probe()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"{what}: it never came true")

    def act(self, what, method, path, body, good, token=None, has_key=True):
        """Asks until the answer is a good one; what was done already is not done again."""
        def tried():
            key = secrets.token_hex(8) if has_key else None
            status, reply = self.ask(method, path, body, token, key)
            self.assertIn(status, (*good, 409, 503), reply)
            return (reply or True) if status in good else None
        return self.eventually(what, tried)

    def at_each_message(self, scenario):
        """Runs a scenario once for each message of its way, and once to its end."""
        self.agent = self.add_killing_host()
        for kill_at in range(1, 100):
            with self.agent.lock:
                self.agent.n_messages, self.agent.kill_at = 0, kill_at
            scenario(kill_at)
            with self.agent.lock:
                was_killed = self.agent.n_messages >= kill_at
                self.agent.kill_at = 0
            self.eventually("whole again", lambda: self.ask("GET", "/v1/fsck")[0] == 200)
            self.assert_whole()
            if not was_killed:
                print(f"killed at {kill_at - 1} messages", file=sys.stderr)
                self.assertGreater(kill_at, 3)
                return
        raise AssertionError("a scenario without an end")


class Versions(Kills):
    def setUp(self):
        if os.environ.get("BERTH_TEST_POSTGRESQL"):
            self.skipTest("writes rows into a file of SQLite")
        super().setUp()
        self.image = self.call("POST", "/v1/images", {"name": "office", "keep_versions": 50},
                               expect=201)["id"]
        version = secrets.token_hex(16)
        manifest = {"format": 1, "version": version, "machine": {"memory_mib": 300, "vcpus": 1},
                    "files": [{**FILE, "root": "ab" * 32}]}
        port = self.broker.port
        self.broker.stop()
        store = sqlite3.connect(self.site.path("state/broker.sqlite"))
        store.execute(
            "INSERT INTO image_version (id, image, number, state, manifest, sha256, signature, "
            "size_bytes, created_us, sealed_us, since_us) "
            "VALUES (?, ?, 1, 'available', ?, 'cd', ?, 4096, 1, 1, 1)",
            (version, self.image, json.dumps(manifest), "ef" * 64))
        store.commit()
        store.close()
        self.broker.start(port=port)
        self.call("PUT", f"/v1/images/{self.image}/tags/stable", {"version": "1"}, expect=204)

    def states(self):
        rows = self.ask("GET", f"/v1/images/{self.image}/versions")[1]["versions"]
        return {row["number"]: row["state"] for row in rows}

    def edit_and_seal(self, kill_at):
        draft = self.act("edit", "POST", f"/v1/images/{self.image}/edit", {}, (200, 201))
        self.act("seal", "POST", f"/v1/image-versions/{draft['id']}/seal", {}, (202,))
        self.eventually("available", lambda: self.states().get(kill_at + 1) == "available")
        self.assertEqual(set(self.states().values()), {"available"})
        self.eventually("the pool has gone", lambda: not [
            pool for pool in self.ask("GET", "/v1/pools")[1]["pools"]
            if pool["name"].startswith("edit-")])
        self.eventually("no machine", lambda: not self.agent.machines)
        running = [row for row in self.ask("GET", "/v1/operations")[1]["operations"]
                   if row["state"] != "done"]
        self.assertEqual(running, [])

    def test_a_version_is_edited_and_sealed_once(self):
        self.at_each_message(self.edit_and_seal)


class Leases(Kills):
    def disk(self):
        row, = self.ask("GET", "/v1/user-disks")[1]["user-disks"] or [None]
        return row

    def lend_and_take_back(self, _):
        reply = self.act("connect", "POST", f"/v1/me/desktops/{self.pool}/connect",
                         {"client_key": base.KEY, "client": "test"}, (200, 202), self.anna, has_key=False)
        self.eventually("attached", lambda: (self.disk() or {}).get("state") == "attached")
        session = reply.get("session") or self.eventually("a session", lambda: [
            row["id"] for row in self.ask("GET", "/v1/sessions")[1]["sessions"]
            if row["state"] not in ("ending", "ended", "lost")])[0]
        self.act("log off", "POST", f"/v1/sessions/{session}/logoff", None, (204, 404))
        self.eventually("at rest", lambda: self.disk()["lease"] == "")
        self.epochs.append(self.disk()["epoch"])

    def test_a_disk_is_lent_to_one_machine_at_a_time(self):
        self.epochs = []
        self.anna = self.add_user("anna")
        self.pool = self.add_pool(size=2, spares=1, users=["anna"], user_disk=RULE)
        self.at_each_message(self.lend_and_take_back)
        self.assertEqual(self.epochs, sorted(set(self.epochs)))


if __name__ == "__main__":
    unittest.main(verbosity=2)

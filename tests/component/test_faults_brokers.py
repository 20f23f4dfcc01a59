#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two brokers on one PostgreSQL: one dies or sleeps, the database sleeps, users come to both.

usage: test_faults_brokers.py BROKER [TEST...]; BERTH_TEST_SEED repeats a run, BERTH_TEST_FREEZE_S
is how long the leader sleeps.
"""
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres  # noqa: E402
from broker_site import new_folder  # noqa: E402
from chaos_users import NoAnswer  # noqa: E402
from fault_site import ANSWER_S, FaultSite, Load, eventually, new_seed, sentence  # noqa: E402

PROGRAM = None
FREEZE_S = float(os.environ.get("BERTH_TEST_FREEZE_S", "15"))
LOGOFF_S = 4


class TwoBrokers(unittest.TestCase):
    def setUp(self):
        self.seed = new_seed()
        folder = new_folder()
        self.addCleanup(folder.cleanup)
        self.server = postgres.Server()
        self.addCleanup(self.server.stop)
        self.site = FaultSite(PROGRAM, folder.name, self.server.new_database("berth"), 2)
        self.addCleanup(self.site.close)
        for name in ("one", "two"):
            self.site.add_host(name)
        eventually(self.site.all_up)

    def query(self, sql):
        return self.server.query(sql, "berth")

    def holder(self, number):
        path = os.path.join(self.site.site.path(f"broker{number}"), "state", "holder")
        with open(path, encoding="ascii") as file:
            return file.read().strip()

    def leader(self):
        """(number, epoch) of the broker that plans."""
        rows = self.query("SELECT holder, epoch FROM lease WHERE name = 'tick'")
        numbers = {self.holder(number): number for number in range(2)}
        return (numbers[rows[0][0]], int(rows[0][1])) if rows else None

    def lost_hosts(self):
        return self.query("SELECT kind, object, data FROM event WHERE kind LIKE 'host%' "
                          "AND data LIKE '%lost%'")


class Failover(TwoBrokers):
    def test_the_other_broker_goes_on(self):
        pool = self.site.add_pool(timers=[
            {"event": "disconnect", "delay_s": LOGOFF_S, "action": "logoff"}])
        anna, bob = (self.site.add_user(name, pool) for name in ("anna", "bob"))
        first = self.site.connect(anna, pool)
        gone = self.site.connect(bob, pool)
        leader, epoch = eventually(self.leader)
        other = 1 - leader
        self.site.must("POST", f"/v1/me/sessions/{gone['session']}/disconnect", token=bob)
        waiting = {}
        cold = self.site.add_pool("cold", spares=0)
        cleo = self.site.add_user("cleo", cold)
        self.site.brokers[leader].crash()
        begin = time.monotonic()
        thread = threading.Thread(target=lambda: waiting.update(
            self.site.connect(cleo, cold, other)))
        thread.start()
        again = self.site.connect(anna, pool, other)
        took_s = time.monotonic() - begin
        print(f"a request through the other broker: {took_s * 1000:.0f} ms", file=sys.stderr)
        self.assertLess(took_s, 3)
        self.assertEqual([again[key] for key in ("machine", "epoch", "session")],
                         [first[key] for key in ("machine", "epoch", "session")])
        eventually(lambda: self.leader() == (other, epoch + 1))
        eventually(lambda: all(row["broker"] == self.holder(other) for row in self.links()))
        thread.join(60)
        self.assertIn("ticket", waiting)
        # If its host had not seen bob yet, his session waits for him for a minute and a half first.
        eventually(lambda: gone["session"] not in [
            row["id"] for row in self.site.rows("sessions", other) if row["state"] != "ended"], 180)
        self.assertEqual(self.lost_hosts(), [])
        self.assertEqual(self.site.breaches(other), [])
        self.assertTrue(self.site.brokers[leader].start())
        self.site.connect(anna, pool, leader)

    def links(self):
        return [{"broker": row[0]} for row in self.query("SELECT broker FROM host")]

    def test_a_leader_that_wakes_up_is_none(self):
        pool = self.site.add_pool(size=60)
        tokens = [self.site.add_user(f"user{i}", pool) for i in range(4)]
        leader, epoch = eventually(self.leader)
        other, holder = 1 - leader, self.holder(leader)
        self.site.brokers[leader].signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        # What it had begun may hold rows for some seconds, until the database ends it.
        eventually(lambda: self.leader() == (other, epoch + 1))
        before = self.plans(holder)
        while time.monotonic() < frozen_at + FREEZE_S:
            self.work(tokens, pool, other)
        self.site.brokers[leader].signal(signal.SIGCONT)
        for _ in range(10):
            self.work(tokens, pool, other)
        eventually(lambda: self.site.ask("GET", "/v1/me", broker=leader)[0] == 200)
        self.assertEqual(self.leader(), (other, epoch + 1))
        self.assertGreater(self.plans(self.holder(other)), 0)
        self.assertEqual(self.plans(holder), before)
        self.assertEqual(self.site.breaches(leader), [])
        eventually(lambda: self.site.all_up(leader))

    def plans(self, holder):
        """How often this broker wrote as the leader."""
        return int(self.query("SELECT count(*) FROM event WHERE actor = 'planner' AND chain = "
                              f"'{holder}'")[0][0])

    def work(self, tokens, pool, broker):
        """Gives the planner something to do."""
        for token in tokens:
            found = self.site.connect(token, pool, broker)
            self.site.must("POST", f"/v1/me/sessions/{found['session']}/logoff", token=token,
                           broker=broker)


class Together(TwoBrokers):
    N_ROUNDS = 10

    def test_two_devices_at_two_brokers_are_one_desktop(self):
        pool = self.site.add_pool(size=30)
        for number in range(self.N_ROUNDS):
            token = self.site.add_user(f"user{number}", pool)
            found = self.click(token, pool)
            self.assertEqual(len(found), 6)
            self.assertEqual(len({(one["machine"], one["epoch"], one["session"])
                                  for one in found}), 1)
            self.assertEqual(len({one["connection_epoch"] for one in found}), 6)
        self.assertEqual(len(self.site.lives()), self.N_ROUNDS)
        self.assertEqual(self.site.breaches(), [])

    def click(self, token, pool):
        """Twice on each of three devices, all at once, at both brokers."""
        found, gate = [], threading.Barrier(6)

        def one(number):
            gate.wait()
            found.append(self.site.connect(token, pool, number % 2, f"{number // 2:064x}"))
        threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        return found


class SleepingStore(TwoBrokers):
    def test_requests_are_told_links_stay_and_all_goes_on(self):
        pool = self.site.add_pool(size=60)
        tokens = [self.site.add_user(f"user{i}", pool) for i in range(6)]
        anna = self.site.add_user("anna", pool)
        first = self.site.connect(anna, pool)
        eventually(lambda: first["session"] in [
            row["id"] for row in self.site.rows("sessions") if row["state"] == "active"])
        links = [host.n_links for host in self.site.hosts]
        for freeze_s in (3, 10, 30):
            load = Load(self.site, tokens, pool, self.seed)
            time.sleep(1)
            self.server.signal_all(signal.SIGSTOP)
            begin = time.monotonic()
            slowest_s = 0
            while time.monotonic() < begin + freeze_s:
                slowest_s = max(slowest_s, self.ask_health())
            self.server.signal_all(signal.SIGCONT)
            eventually(lambda: self.answers_well(anna))
            eventually(self.site.all_up)
            answers = load.end()
            longest_s = max(answer[1] for answer in answers)
            print(f"{freeze_s} s: {sentence(answers)}, slowest answer {longest_s:.1f} s, "
                  f"of /v1/health {slowest_s * 1000:.0f} ms", file=sys.stderr)
            for status, _, reply in answers:
                self.assertIn(status, (200, 202, 204, 404, 409, 503), reply)
            self.assertLess(slowest_s, ANSWER_S)
        again = self.site.connect(anna, pool)
        self.assertEqual([again[key] for key in ("machine", "epoch", "session")],
                         [first[key] for key in ("machine", "epoch", "session")])
        self.assertEqual([host.n_links for host in self.site.hosts], links)
        self.assertEqual(self.lost_hosts(), [])
        self.assertEqual(self.site.breaches(), [])

    def ask_health(self):
        begin = time.monotonic()
        self.site.ask("GET", "/v1/health")
        took_s = time.monotonic() - begin
        time.sleep(0.1)
        return took_s

    def answers_well(self, token):
        try:
            return all(self.site.ask("GET", "/v1/me", token=token, broker=broker)[0] == 200
                       for broker in range(2))
        except NoAnswer:
            return False


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)

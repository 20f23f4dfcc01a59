#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that jump by an hour, both ways, under everything that runs.

usage: test_faults_clock.py BROKER FAKE_AGENT [TEST...]

Broker, hosts and PostgreSQL have a wall clock each that the test sets; the clock since boot goes on
as it does when an administrator or a time server sets a clock.
"""
import base64
import os
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres  # noqa: E402
from broker_site import new_folder  # noqa: E402
from fake_hosts import FakeHosts  # noqa: E402
from fault_site import Clock, FaultSite, eventually, forget_dead_clocks  # noqa: E402

PROGRAM = FAKE_AGENT = None
HOUR_S = 3600
LOGOFF_S = 6
TIMERS = [{"event": "max-duration", "delay_s": 1800, "action": "logoff"},
          {"event": "disconnect", "delay_s": LOGOFF_S, "action": "logoff"}]


class ClockCase(unittest.TestCase):
    def start(self, url):
        """Certificates are two hours old: a clock that goes back does not undo them."""
        self.clocks = {name: Clock(self.folder + "/" + name, -2 * HOUR_S)
                       for name in ("broker", "host")}
        with self.clocks["broker"].ours():
            self.site = FaultSite(PROGRAM, self.folder, url, env=self.clocks["broker"].env())
        self.addCleanup(self.site.close)
        self.hosts = FakeHosts(FAKE_AGENT, self.site.site, self.site.brokers[0].port, 2,
                               env=self.clocks["host"].env())
        self.addCleanup(self.hosts.kill)

    def setUp(self):
        self.addCleanup(forget_dead_clocks)
        folder = new_folder()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)

    def settle(self):
        """From the clocks of two hours ago to now: a jump as well."""
        for clock in self.clocks.values():
            clock.set(0)
        for number, host in enumerate(self.hosts.ids):
            self.site.must("POST", "/v1/hosts", {"id": host, "name": f"h{number}"})
        self.hosts.send(op="dial")
        eventually(self.site.all_up)
        self.pool = self.site.add_pool(timers=TIMERS)
        self.ann = self.site.add_user("ann", self.pool)
        self.first = self.site.connect(self.ann, self.pool)

    def ticket_fits(self):
        """Whether a ticket of now is dated by the clock of its host."""
        found = self.site.connect(self.ann, self.pool)
        self.assertEqual([found[key] for key in ("machine", "epoch", "session")],
                         [self.first[key] for key in ("machine", "epoch", "session")])
        before_us, expires_us = struct.unpack_from("<QQ", base64.b64decode(found["ticket"]), 104)
        now_us = self.clocks["host"].now() * 1e6
        return before_us - 30e6 <= now_us <= expires_us

    def jump(self, name, offset_s):
        self.clocks[name].set(offset_s)
        eventually(self.ticket_fits)
        self.assertTrue(self.site.all_up())

    def jump_all_ways(self, name):
        for offset_s in (HOUR_S, 0, -HOUR_S, 0):
            with self.subTest(clock=name, offset_s=offset_s):
                self.jump(name, offset_s)

    def check_nothing_was_lost(self):
        sessions = [row for row in self.site.rows("sessions") if row["state"] != "ended"]
        self.assertEqual([row["id"] for row in sessions], [self.first["session"]])
        self.assertEqual(self.site.lives(), [(self.first["machine"], self.first["epoch"])])
        self.site.must("GET", "/v1/me", token=self.ann)
        self.assertEqual(self.site.breaches(), [])

    def check_timers_still_fire(self):
        self.hosts.send(op="connect")
        eventually(lambda: [row["state"] for row in self.site.rows("sessions")] == ["active"])
        begin = time.monotonic()
        self.site.must("POST", f"/v1/me/sessions/{self.first['session']}/disconnect",
                       token=self.ann)
        eventually(lambda: not [row for row in self.site.rows("sessions")
                                if row["state"] != "ended"])
        self.assertGreater(time.monotonic() - begin, LOGOFF_S * 0.9)


class OnSqlite(ClockCase):
    def test_broker_and_hosts_jump(self):
        self.start("sqlite:" + self.folder + "/store.sqlite")
        self.settle()
        self.jump_all_ways("broker")
        self.jump_all_ways("host")
        self.check_nothing_was_lost()
        self.clocks["broker"].set(HOUR_S)
        self.check_timers_still_fire()

    def test_a_broker_that_starts_with_another_clock_loses_nothing(self):
        self.start("sqlite:" + self.folder + "/store.sqlite")
        self.settle()
        broker = self.site.brokers[0]
        for offset_s in (HOUR_S, -HOUR_S):
            broker.crash()
            self.clocks["broker"].set(offset_s)
            self.assertTrue(broker.start())
            eventually(self.site.all_up)
            eventually(self.ticket_fits)
        self.check_nothing_was_lost()


class OnPostgresql(ClockCase):
    def test_the_database_jumps(self):
        # Made with our clock; only the server itself has the other: it runs as another user.
        server = postgres.Server()
        self.addCleanup(server.stop)
        clock = Clock(server.folder + "/clock", -2 * HOUR_S)
        server.crash()
        server.start(clock.env())
        self.start(server.new_database("berth"))
        self.clocks["database"] = clock
        self.settle()
        self.jump_all_ways("database")
        self.jump_all_ways("broker")
        self.check_nothing_was_lost()
        clock.set(HOUR_S)
        self.check_timers_still_fire()


if __name__ == "__main__":
    PROGRAM, FAKE_AGENT = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)

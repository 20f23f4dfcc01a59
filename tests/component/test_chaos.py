#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills brokers, their store and hosts under the feet of many users; then nobody has lost anything.

usage: test_chaos.py BROKER [--store postgresql|sqlite] [--kills N] [--users N] [--minutes N]
                     [--seed N] [--freeze SECONDS] [--folder FOLDER]

Two brokers on one PostgreSQL (or one on SQLite), three hosts, users that log in, connect, roam,
double-click, disconnect, log off and are revoked.  Everything is killed again and again (SIGKILL),
or frozen (SIGSTOP) and woken.  In the end: fsck finds nothing (nor a hole in the audit log), the users'
own history has no contradiction, and the site is as it should be without anybody's help.
"""
import argparse
import os
import random
import secrets
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres  # noqa: E402
from broker_site import ADMIN_PASSWORD, Site, create_admin, new_folder  # noqa: E402
from chaos_check import check  # noqa: E402
from chaos_faults import BrokerProcess, Faults, PostgresProcess, spawn  # noqa: E402
from chaos_users import PASSWORD, History, NoAnswer, Person, Revoker, ask  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
N_HOSTS = 3
N_POOLS = 2
SETTLE_S = 180


class HostProcess:
    """The agent of one pretended host."""

    def __init__(self, site, name, ports, seed):
        self.name = name
        self.id = site.new_host(name)
        self.argv = [sys.executable, os.path.join(HERE, "chaos_agent.py"), site.dir, self.id, name,
                     site.path(name + ".json"), seed, *map(str, ports)]
        self.process = None

    def start(self):
        self.process = spawn(self.argv)
        return True

    def crash(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)


class Chaos:
    def __init__(self, options, folder):
        self.options = options
        self.random = random.Random(options.seed)
        self.site = Site(folder)
        self.site.add_pepper()
        self.server = None
        url = "sqlite:" + self.site.path("store.sqlite")
        n_brokers = 1
        if options.store == "postgresql":
            self.server = postgres.Server()
            url, n_brokers = self.server.new_database("berth"), 2
        self.brokers = [BrokerProcess(options.broker, self.site, f"broker{i}", url)
                        for i in range(n_brokers)]
        self.sockets = [broker.socket for broker in self.brokers]
        create_admin(options.broker, self.brokers[0].config)
        self.admin = None
        for broker in self.brokers:
            assert broker.start(), f"{broker.name} did not start"
        self.admin = self.answer("POST", "/v1/auth/login",
                                 {"user": "admin", "password": ADMIN_PASSWORD})["token"]
        self.hosts = [self.add_host(f"host{i}") for i in range(N_HOSTS)]
        self.history = History()
        self.pools = [self.add_pool(i) for i in range(N_POOLS)]
        self.people = [self.add_person(i) for i in range(options.users)]

    def answer(self, method, path, body=None, limit_s=60):
        """A good answer of any broker, asked until there is one."""
        end = time.monotonic() + limit_s
        key = secrets.token_hex(16)
        last = None
        while time.monotonic() < end:
            try:
                headers = {"Idempotency-Key": key} if self.admin and method == "POST" else {}
                status, reply, _ = ask(self.random.choice(self.sockets), method, path, body,
                                       self.admin, headers)
                last = (status, reply)
                if 200 <= status < 300:
                    return reply
            except NoAnswer as error:
                last = error
            threading.Event().wait(0.1)
        sys.exit(f"{method} {path}: {last}")

    def add_host(self, name):
        host = HostProcess(self.site, name, [broker.port for broker in self.brokers],
                           f"{self.options.seed}-{name}-")
        self.answer("POST", "/v1/hosts", {"id": host.id, "name": name})
        host.start()
        return host

    def add_pool(self, number):
        if number == 0:
            self.answer("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST})
        return self.answer("POST", "/v1/pools", {
            "name": f"pool{number}", "image": "demo", "size": self.options.users + 10,
            "spares_hot": 8, "vcpus": 1, "memory_mib": 256})["id"]

    def add_person(self, number):
        name = f"user{number}"
        account = self.answer("POST", "/v1/users", {"name": name, "password": PASSWORD})["id"]
        for pool in self.pools:
            self.answer("POST", "/v1/entitlements", {"pool": pool, "user": name})
        return Person(name, account, self.pools, self.sockets, self.history,
                      random.Random(f"{self.options.seed}-{name}"))

    def run(self):
        stop = threading.Event()
        revoker = Revoker(self.sockets, self.admin, self.people, self.history,
                          random.Random(f"{self.options.seed}-revoker"))
        threads = [threading.Thread(target=person.run, args=(stop, 1.0), daemon=True)
                   for person in self.people]
        threads.append(threading.Thread(target=revoker.run, args=(stop,), daemon=True))
        for thread in threads:
            thread.start()
        faults = Faults(random.Random(f"{self.options.seed}-faults"), self.options.kills,
                        (5, self.options.freeze))
        targets = [(broker, (0.5, 3)) for broker in self.brokers]
        targets += [(host, (1, 5)) for host in self.hosts]
        if self.server:
            targets.append((PostgresProcess(self.server), (8, 20)))
        faults.begin(targets)
        is_complete = faults.wait(self.options.minutes * 60)
        stop.set()
        for thread in threads:
            thread.join(60)
        self.report(faults, revoker)
        return is_complete, faults

    def report(self, faults, revoker):
        counts = {}
        for person in self.people:
            for what, n in person.counts.items():
                counts[what] = counts.get(what, 0) + n
        print(f"{faults.n_all} faults: {faults.n_done}")
        print(f"{len(self.history.ops)} acts of users, {revoker.n_revoked} revocations: "
              f"{dict(sorted(counts.items()))}")

    def is_settled(self):
        """Whether all is as it should be; else what is not."""
        hosts = self.answer("GET", "/v1/hosts")["hosts"]
        machines = self.answer("GET", "/v1/machines?limit=1000")["machines"]
        down = [host["name"] for host in hosts if host["state"] != "up"]
        moving = [(m["name"], m["state"]) for m in machines
                  if m["state"] not in ("ready", "assigned", "stopped")]
        ready = {pool: 0 for pool in ("pool0", "pool1")}
        for machine in machines:
            if machine["state"] == "ready":
                ready[machine["pool"]] += 1
        short = [pool for pool, n in ready.items() if n < 8]
        return (down, moving, short) if down or moving or short else None

    def settle(self):
        """Without a fault everything gets right by itself; returns what does not."""
        end = time.monotonic() + SETTLE_S
        wrong = self.is_settled()
        while wrong and time.monotonic() < end:
            threading.Event().wait(1)
            wrong = self.is_settled()
        return [f"not settled after {SETTLE_S} s: {wrong}"] if wrong else []

    def breaches(self, faults):
        """All that must not be."""
        found = self.settle()
        fsck = self.answer("GET", "/v1/fsck")
        if fsck["breaches"]:
            found.append(f"fsck: {[row for row in fsck['fsck'] if row['breaches']]}")
        found += check(self.history.ops, self.lost(faults))
        return found

    def lost(self, faults):
        """A machine may be lost while its host was away for longer than a lease."""
        away = [(start, end) for name, start, end in faults.away
                if name.startswith("host") and end - start > 45]
        if not away:
            return []
        machines = {op.machine for op in self.history.ops if op.machine}
        return [(machine, start, end + 60) for machine in machines for start, end in away]

    def close(self):
        for process in [*self.hosts, *self.brokers]:
            if process.process and process.process.poll() is None:
                process.crash()
        if self.server:
            self.server.stop()


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("broker")
    parser.add_argument("--store", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--freeze", type=float, default=10, help="longest freeze in seconds")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--folder", help="kept, with the logs of the brokers")
    return parser.parse_args()


def main():
    options = parse()
    print(f"seed {options.seed}", flush=True)
    folder = new_folder()
    if options.folder:
        os.makedirs(options.folder, exist_ok=True)
    chaos = Chaos(options, options.folder or folder.name)
    try:
        is_complete, faults = chaos.run()
        breaches = chaos.breaches(faults)
    finally:
        chaos.close()
    for breach in breaches[:20]:
        print("BREACH", breach)
    print(f"{len(breaches)} breaches")
    if not is_complete:
        sys.exit(f"only {faults.n_all} of {options.kills} faults in {options.minutes} minutes")
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()

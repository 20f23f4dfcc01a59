#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A morning: 1,000 users connect within a minute, on 20 pretended hosts with 60 machines each.

usage: ./dev bench connects [USERS [SECONDS]]

Each user asks at a time that was fixed before, whatever became of the others.  The time of a connect
is the user's: from the request to the ticket, over the broker's socket, with a ready machine and a
host that answers at once; so the broker's own time is no longer.  "claims" and "host" are means from
the broker's metrics: all tries of the claim, and from the desktop's being the user's to the ticket,
which holds the host's time and what the broker does to tell and to hear it.  Both stores in one run.
"""
import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import threading
import time

BUILD, ROOT = sys.argv[1:3]
N_USERS = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
SECONDS = float(sys.argv[4]) if len(sys.argv) > 4 else 60
N_HOSTS, PER_HOST = 20, 60
N_WORKERS = 64
GOALS_MS = {"sqlite": 25, "postgresql": 50}
LIMIT_S = 600
sys.path.insert(0, os.path.join(ROOT, "tests", "component"))
import postgres  # noqa: E402
from broker_site import (ADMIN_PASSWORD, Site, UnixConnection, create_admin,  # noqa: E402
                         new_folder)
from chaos_faults import BrokerProcess, spawn  # noqa: E402
from chaos_users import PASSWORD, ask  # noqa: E402

MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Morning:
    def __init__(self, folder, url):
        self.site = Site(folder)
        self.site.add_pepper()
        with open(self.site.path("broker.conf"), "a", encoding="utf-8") as config:
            config.write("login_requests_per_s = 0\n")  # one administrator makes all the users
        self.broker = BrokerProcess(os.path.join(BUILD, "broker", "berth-broker"), self.site,
                                    "broker", url)
        create_admin(self.broker.program, self.broker.config)
        assert self.broker.start(), "the broker did not start"
        self.token = None
        self.token = self.call("POST", "/v1/auth/login",
                               {"user": "admin", "password": ADMIN_PASSWORD})["token"]
        self.agents = self.start_agents()
        self.pool = self.fill_pool()

    def call(self, method, path, body=None, token=None):
        status, reply, _ = ask(self.broker.socket, method, path, body, token or self.token)
        assert 200 <= status < 300, (method, path, status, reply)
        return reply

    def start_agents(self):
        os.makedirs(self.site.path("hosts"), exist_ok=True)
        agents = spawn([os.path.join(BUILD, "tests", "fakes", "fake-agent", "fake-agent"),
                        "--broker", f"127.0.0.1:{self.broker.port}", "--ca", self.site.path("ca.pem"),
                        "--ca-key", self.site.path("ca.key"), "--cert-dir", self.site.path("hosts"),
                        "--hosts", str(N_HOSTS)],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number, host in enumerate(json.loads(agents.stdout.readline())["hosts"]):
            self.call("POST", "/v1/hosts", {"id": host, "name": f"host{number}"})
        agents.stdin.write('{"op": "dial"}\n')
        agents.stdin.flush()
        threading.Thread(target=lambda: list(agents.stdout), daemon=True).start()
        return agents

    def fill_pool(self):
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST})
        n = N_HOSTS * PER_HOST
        pool = self.call("POST", "/v1/pools", {"name": "office", "image": "demo", "size": n,
                                               "spares_hot": n, "vcpus": 1, "memory_mib": 256})["id"]
        end = time.monotonic() + LIMIT_S
        while self.call("GET", "/v1/status")["status"]["n_ready"] < n:
            assert time.monotonic() < end, "the pool does not fill"
            time.sleep(0.2)
        self.call("POST", "/v1/groups", {"name": "staff"})
        self.call("POST", "/v1/entitlements", {"pool": pool, "group": "staff"})
        return pool

    def make_users(self):
        """Tokens of users who are logged in."""
        group = next(row["id"] for row in self.call("GET", "/v1/groups")["groups"])
        tokens = [None] * N_USERS

        def make(number):
            name = f"user{number}"
            account = self.call("POST", "/v1/users", {"name": name, "password": PASSWORD})["id"]
            self.call("PUT", f"/v1/groups/{group}/members/{account}")
            tokens[number] = self.call("POST", "/v1/auth/login",
                                       {"user": name, "password": PASSWORD})["token"]
        in_parallel(make, 16)
        return tokens

    def connect(self, token):
        """Milliseconds until the ticket is there, or None."""
        begin = time.monotonic()
        body = {"client_key": secrets.token_hex(32), "client": "bench"}
        while time.monotonic() - begin < 30:
            status, reply, _ = ask(self.broker.socket, "POST",
                                   f"/v1/me/desktops/{self.pool}/connect", body, token)
            if status == 200:
                return (time.monotonic() - begin) * 1000
            if status != 202:
                return None
            time.sleep(reply["retry_ms"] / 1000)
        return None

    def read_sum_ms(self, metric):
        """Milliseconds that all observations of a histogram took."""
        folder = os.path.dirname(self.broker.socket)
        connection = UnixConnection(os.path.join(folder, "internal.sock"))
        connection.request("GET", "/internal/v1/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return 1000 * float(dict(line.split(" ") for line in text.splitlines()
                                 if not line.startswith("#"))[f"berth_{metric}_seconds_sum"])

    def close(self):
        for process in (self.agents, self.broker.process):
            process.kill()
            process.wait()


def in_parallel(func, n_threads):
    """func(number) for every user."""
    numbers = iter(range(N_USERS))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            func(number)
    threads = [threading.Thread(target=work) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(kind, folder, url):
    morning = Morning(folder, url)
    try:
        tokens = morning.make_users()
        times = [None] * N_USERS
        chance = random.Random(7)
        plan = sorted(chance.uniform(0, SECONDS) for _ in range(N_USERS))
        start, cpu = time.monotonic() + 0.5, cpu_s(morning.broker.process.pid)

        def act(number):
            time.sleep(max(0, start + plan[number] - time.monotonic()))
            times[number] = morning.connect(tokens[number])
        in_parallel(act, N_WORKERS)
        cpu = cpu_s(morning.broker.process.pid) - cpu
        claims, host = (morning.read_sum_ms(metric) / N_USERS
                        for metric in ("connect_claim", "connect_wait_host"))
        breaches = morning.call("GET", "/v1/fsck")["breaches"]
    finally:
        morning.close()
    good = sorted(time for time in times if time is not None)
    n_failed = N_USERS - len(good)
    p99 = good[int(0.99 * (len(good) - 1))]
    is_met = n_failed == 0 and p99 < GOALS_MS[kind] and breaches == 0
    print(f"{kind:<12}{N_USERS:>7}{SECONDS:>6.0f} s{statistics.median(good):>9.1f}{p99:>9.1f}"
          f"{good[-1]:>9.1f}{claims:>8.1f}{host:>8.1f}{n_failed:>8}{breaches:>10}"
          f"{cpu / N_USERS * 1000:>8.2f}"
          f"   < {GOALS_MS[kind]} ms: {'met' if is_met else 'MISSED'}", flush=True)


def main():
    print(f"{'store':<12}{'users':>7}{'in':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'claims':>8}"
          f"{'host':>8}{'failed':>8}{'breaches':>10}{'CPU ms':>8}   p99", flush=True)
    with new_folder() as folder:
        measure("sqlite", folder, "sqlite:" + os.path.join(folder, "store.sqlite"))
    server = postgres.Server()
    try:
        with new_folder() as folder:
            measure("postgresql", folder, server.new_database("berth"))
    finally:
        server.stop()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hashing storm: many logins at once at the real cost of a hash, and what others feel of it.

usage: logins.py BUILD_DIR [--logins N] [--seconds-before S]

Prints one table: times of the logins, and of other requests before and during the storm.
"""
import argparse
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../component"))
from broker_site import ADMIN_PASSWORD, Broker, Site, UnixConnection, new_folder  # noqa: E402

PASSWORD = "a password of the bench"
PROBES = 4
PAUSE_S = 0.02


class Probe(threading.Thread):
    """Asks for a cheap thing again and again over one connection."""

    def __init__(self, site, token):
        super().__init__(daemon=True)
        self.site, self.token, self.times, self.is_ended = site, token, [], False

    def run(self):
        connection = UnixConnection(self.site.path("api.sock"))
        while not self.is_ended:
            began = time.monotonic()
            connection.request("GET", "/v1/me", None, {"Authorization": "Bearer " + self.token})
            response = connection.getresponse()
            response.read()
            assert response.status == 200, response.status
            self.times.append((began, time.monotonic() - began))
            time.sleep(PAUSE_S)
        connection.close()


def quantile(times, part):
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000 if ordered else 0


def row(name, times):
    print(f"{name:24} {len(times):6} {quantile(times, 0.5):9.1f} {quantile(times, 0.99):9.1f} "
          f"{quantile(times, 1):9.1f}")


def make_users(broker, token, n):
    for i in range(n):
        status, reply = broker.request("POST", "/v1/users",
                                       {"name": f"user{i}", "password": PASSWORD}, token)
        assert status == 201, reply


def storm(broker, n):
    """All at once; returns [(status, seconds)]."""
    results, gate = [], threading.Barrier(n)

    def log_in(i):
        connection = UnixConnection(broker.site.path("api.sock"), f"10.0.{i // 250}.{i % 250 + 1}",
                                    timeout=300)
        connection.connect()
        body = json.dumps({"user": f"user{i}", "password": PASSWORD})
        gate.wait()
        began = time.monotonic()
        connection.request("POST", "/v1/auth/login", body)
        response = connection.getresponse()
        response.read()
        results.append((response.status, time.monotonic() - began))
        connection.close()
    threads = [threading.Thread(target=log_in, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--logins", type=int, default=200)
    parser.add_argument("--seconds-before", type=float, default=3)
    options = parser.parse_args()
    with new_folder() as folder:
        site = Site(folder)
        with open(site.path("broker.conf"), encoding="utf-8") as file:
            text = file.read().replace("hash_memory_kib = 64", "login_requests_per_s = 0")
        with open(site.path("broker.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        broker = Broker(os.path.join(options.build, "broker/berth-broker"), site)
        token = broker.login("admin", ADMIN_PASSWORD)
        make_users(broker, token, options.logins)
        probes = [Probe(site, token) for _ in range(PROBES)]
        for probe in probes:
            probe.start()
        time.sleep(options.seconds_before)
        began = time.monotonic()
        results = storm(broker, options.logins)
        seconds = time.monotonic() - began
        for probe in probes:
            probe.is_ended = True
            probe.join()
        broker.stop()
    before = [t for probe in probes for at, t in probe.times if at < began]
    during = [t for probe in probes for at, t in probe.times if at >= began]
    good = [t for status, t in results if status == 200]
    print(f"{'':24} {'n':>6} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9}")
    row("others before", before)
    row("others during the storm", during)
    row("logins that succeeded", good)
    print(f"{len(good)} logins in {seconds:.1f} s, {len(good) / seconds:.1f} a second; "
          f"{len(results) - len(good)} refused; goal: others' p99 under 100 ms")
    return 0 if len(good) == options.logins and quantile(during, 0.99) < 100 else 1


if __name__ == "__main__":
    sys.exit(main())

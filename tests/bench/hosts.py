#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts cost a broker: 100, 300, 1,000 of them with 50 machines each, reporting every 2 s.

usage: hosts.py BUILD [N...]

Real broker, real TLS, pretended hosts. Rows are put into the store while no broker runs; machines
become ready by what their hosts report. Then, with nothing else going on: the broker's processor
time, its memory, and how long it takes until a change (a machine is recycled) reaches its host.
"""
import json
import os
import secrets
import sqlite3
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "component"))
from broker_site import ADMIN_PASSWORD, Broker, Site, new_folder  # noqa: E402
from fake_hosts import FakeHosts, host_id  # noqa: E402

MACHINES = 50
POOL_MACHINES = 2500
MEASURE_S = int(os.environ.get("BERTH_BENCH_S", "30"))
CHANGES = 200
SEED = 7


def fill(path, n_hosts):
    """The rows of hosts, pools and machines that are being made."""
    store = sqlite3.connect(path)
    now_us = int(time.time() * 1e6)
    image = secrets.token_hex(16)
    manifest = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256,
                "vcpus": 1, "sha256": "00" * 32, "ready": "guest-agent", "display": "virtio"}
    with store:
        store.execute("INSERT INTO image (id, name, manifest, created_us) VALUES (?, ?, ?, ?)",
                      (image, "demo", json.dumps(manifest), now_us))
        store.executemany("INSERT INTO host (id, name, state, since_us, memory_reserved_mib, "
                          "vcpu_reserved) VALUES (?, ?, 'enrolled', ?, ?, ?)",
                          [(host_id(i, SEED), f"h{i}", now_us, 256 * MACHINES, MACHINES)
                           for i in range(n_hosts)])
        n = n_hosts * MACHINES
        for first in range(0, n, POOL_MACHINES):
            pool, size = secrets.token_hex(16), min(POOL_MACHINES, n - first)
            store.execute(
                "INSERT INTO pool (id, name, kind, image, size, spares_hot, vcpus, memory_mib, "
                "n_machines, n_created, created_us) VALUES (?, ?, 'floating', ?, ?, ?, 1, 256, ?, "
                "?, ?)", (pool, f"p{first}", image, size, size, size, size, now_us))
            store.executemany(
                "INSERT INTO machine (id, pool, host, image, name, state, memory_mib, vcpus, "
                "since_us, deadline_us) VALUES (?, ?, ?, ?, ?, 'creating', 256, 1, ?, ?)",
                [(secrets.token_hex(16), pool, host_id(i // MACHINES, SEED), image, f"p{first}-{i}",
                  now_us, now_us + int(3600e6)) for i in range(first, first + size)])
    store.close()


def metrics(broker):
    status, text = broker.request("GET", "/internal/v1/metrics", internal=True)
    assert status == 200
    values = {}
    for line in text.split("\n"):
        if line and line[0] != "#":
            name, _, value = line.rpartition(" ")
            values[name] = float(value)
    return values


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0


def wait_for(what, probe, limit_s):
    end = time.monotonic() + limit_s
    while not probe():
        assert time.monotonic() < end, f"{what}: not within {limit_s} s"
        time.sleep(0.5)


def measure_changes(broker, agents, token, machines):
    """Milliseconds from the request that recycles a machine until its host has heard of it."""
    took = []
    for machine in machines:
        start = time.monotonic()
        status, reply = broker.request("POST", f"/v1/machines/{machine}/recycle", {}, token)
        assert status in (200, 202, 204), (status, reply)
        while True:
            event = agents.read("wanted")
            if event["machine"] == machine and event["epoch"] > 1:
                break
        took.append(event["at_us"] / 1e3 - start * 1e3)
    return sorted(took)


def run(build, n_hosts):
    with new_folder() as folder:
        site = Site(folder)
        broker = Broker(os.path.join(build, "broker", "berth-broker"), site)
        base_mib = rss_mib(broker.process.pid)
        broker.stop()
        path = site.path("state/broker.sqlite")
        fill(path, n_hosts)
        broker.start(port=broker.port)
        agents = FakeHosts(os.path.join(build, "tests/fakes/fake-agent/fake-agent"), site,
                           broker.port, n_hosts, "--tell", seed=SEED)
        try:
            return measure(broker, agents, path, n_hosts, base_mib)
        finally:
            agents.kill()
            broker.kill()


def measure(broker, agents, path, n_hosts, base_mib):
    pid, n = broker.process.pid, n_hosts * MACHINES
    start = time.monotonic()
    cpu_start = cpu_s(pid)
    agents.send(op="dial")
    wait_for("machines ready",
             lambda: metrics(broker).get('berth_machines{state="ready"}', 0) == n, 900)
    up_s, up_cpu_s = time.monotonic() - start, cpu_s(pid) - cpu_start
    time.sleep(10)
    cpu, start = cpu_s(pid), time.monotonic()
    time.sleep(MEASURE_S)
    share = (cpu_s(pid) - cpu) / (time.monotonic() - start)
    memory = rss_mib(pid)
    assert metrics(broker)["berth_agent_links"] == n_hosts
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    machines = [row[0] for row in store.execute("SELECT id FROM machine ORDER BY id LIMIT ?",
                                                (CHANGES,))]
    store.close()
    took = measure_changes(broker, agents, broker.login("admin", ADMIN_PASSWORD), machines)
    return {"hosts": n_hosts, "machines": n, "ready_s": up_s, "ready_cpu_s": up_cpu_s,
            "share": share, "us_per_host_s": share * 1e6 / n_hosts, "rss_mib": memory,
            "kib_per_host": (memory - base_mib) * 1024 / n_hosts,
            "p50_ms": took[len(took) // 2], "p99_ms": took[int(len(took) * 0.99)]}


def main():
    os.environ.setdefault("BERTH_LOG", "error")
    build = sys.argv[1]
    counts = [int(text) for text in sys.argv[2:]] or [100, 300, 1000]
    print("| hosts | machines | broker's CPU | per host | memory | per host | change heard p50 | p99 "
          "| all ready after |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    for count in counts:
        row = run(build, count)
        print("| {hosts} | {machines} | {share:.1%} of a core | {us_per_host_s:.0f} us/s | "
              "{rss_mib:.0f} MiB | {kib_per_host:.0f} KiB | {p50_ms:.1f} ms | {p99_ms:.1f} ms | "
              "{ready_s:.0f} s ({ready_cpu_s:.0f} s CPU) |".format(**row), flush=True)


if __name__ == "__main__":
    main()

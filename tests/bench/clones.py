#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instant clones: forks of the demo's desktop alone and together, beside cold boots; their memory.

usage: clones.py BUILD SOURCE [--quick] [--only PART]

The parts are "forks", "connect" (without a spare) and "rollback"; without --only all are run.
"together" is what "forks" measures of many at once, alone and three times.

Everything is measured in this run, on the same image and the same machine.  The times of forks are
those that the agent writes into its log: from the wish to make one to a process that runs, to a
console of the right size, to a guest that has its own identity, to an address on its network.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime

BUILD, SOURCE = map(os.path.abspath, sys.argv[1:3])
OPTIONS = sys.argv[3:]
IS_QUICK = "--quick" in OPTIONS
PARTS = ("forks", "connect", "rollback")
CHOSEN = [OPTIONS[OPTIONS.index("--only") + 1]] if "--only" in OPTIONS else PARTS
N_ROUNDS = 3
sys.path[:0] = [os.path.join(SOURCE, "tools")]
import lab  # noqa: E402
from clones_rollback import Rollback  # noqa: E402

N_ALONE, N_COLD, N_TOGETHER = (3, 1, 5) if IS_QUICK else (11, 3, 20)
N_CONNECTS, N_BACK = (3, 5) if IS_QUICK else (10, 20)
IDLE_S = 5 if IS_QUICK else 60
LIMIT_S = 600
MIB = 1024 * 1024
READY = re.compile(r"^(\S+) .*machine=(\w+) is ready as a fork after (\d+) ms \(running (-?\d+), "
                   r"drawn (-?\d+), identity (-?\d+), network (-?\d+)\)")
GOALS = []


def say(text=""):
    print(text, flush=True)


def row(*cells):
    say("| " + " | ".join(str(cell) for cell in cells) + " |")


def table(*heads):
    say()
    row(*heads)
    row(*("---" for _ in heads))


def goal(name, value, limit, unit, is_most=True):
    is_met = value <= limit if is_most else value >= limit
    GOALS.append(is_met)
    row(name, f"{value:.3g} {unit}", f"{'at most' if is_most else 'at least'} {limit} {unit}",
        "met" if is_met else "MISSED")


class Fork:
    """One line of the agent's log; times in ms from the wish, and as seconds of the clock."""

    def __init__(self, match):
        stamp, self.machine = match.group(1), match.group(2)
        self.ready, self.running, self.drawn, self.identity, self.network = (
            int(text) for text in match.groups()[2:])
        self.end_s = datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
        self.start_s = self.end_s - self.ready / 1000
        self.drawn_s = self.start_s + self.drawn / 1000


def forks(site):
    with open(site.agent.log_path, encoding="utf-8", errors="replace") as log:
        return [Fork(match) for match in map(READY.match, log) if match]


def wait_forks(site, n):
    return lab.wait_until(f"{n} forks", lambda: len(forks(site)) >= n and forks(site), LIMIT_S)


def fixture():
    cache = os.environ.get("BERTH_CACHE", os.path.expanduser("~/.cache/berth"))
    folder = os.path.join(cache, "bench", "demo")
    subprocess.run([os.path.join(SOURCE, "tools/demo-image/build.sh"), folder], check=True)
    return folder


def ms(values):
    return [f"{statistics.median(values):.0f}", f"{min(values):.0f}", f"{max(values):.0f}"]


# Overlays.

def measure_overlays():
    table("overlay of a fork, ms", "qemu-img", "copy and link", "size KiB")
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for size_gb in (1, 10, 50):
            base = os.path.join(folder, f"base-{size_gb}.qcow2")
            empty = os.path.join(folder, f"empty-{size_gb}.qcow2")
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", base, f"{size_gb}G"],
                           check=True)
            made, copied = [], []
            for number in range(11):
                start = time.monotonic()
                subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
                                os.path.basename(base), empty], check=True)
                made.append((time.monotonic() - start) * 1000)
                start = time.monotonic()
                os.link(base, os.path.join(folder, f"link-{size_gb}-{number}"))
                with open(empty, "rb") as source, \
                        open(os.path.join(folder, f"copy-{size_gb}-{number}"), "wb") as target:
                    os.copy_file_range(source.fileno(), target.fileno(), MIB)
                copied.append((time.monotonic() - start) * 1000)
            worst = max(worst, statistics.median(copied))
            row(f"{size_gb} GB", f"{statistics.median(made):.1f}",
                f"{statistics.median(copied):.2f}", os.path.getsize(empty) // 1024)
    return worst


# Boots and forks.

def measure_cold(site):
    site.add_pool("cold", "demo", size=N_COLD, spares=0, template=False)
    times = []
    for n in range(1, N_COLD + 1):
        start = time.monotonic()
        site.berthctl("set", "pool", "cold", "--spares", str(n))
        lab.wait_until("a cold boot", lambda: sum(
            item["state"] == "ready" for item in site.rows("machines")
            if item["pool"] == "cold") >= n, LIMIT_S)
        times.append((time.monotonic() - start) * 1000)
    site.berthctl("set", "pool", "cold", "--spares", "0", "--size", "0")
    return times


def measure_alone(site):
    """Logs on and off again and again: each time the desktop is replaced by a new fork."""
    clean = []
    for _ in range(N_ALONE):
        site.wait_machines(ready=1, limit_s=LIMIT_S)
        before = len(forks(site))
        done = site.probe("--desktop", "one", "--wait-stable", "100", "--logoff")
        left_s = time.time()
        if done.returncode != 0:
            raise lab.LabError(done.stderr.strip())
        fork = wait_forks(site, before + 1)[-1]
        clean.append((fork.end_s - left_s) * 1000)
    return forks(site)[-N_ALONE:], clean


def measure_together(site, pool="many"):
    before = len(forks(site))
    site.add_pool(pool, "demo", size=N_TOGETHER, spares=N_TOGETHER)
    new = wait_forks(site, before + N_TOGETHER)[before:]
    first_s = min(fork.start_s for fork in new)
    return (max(fork.drawn_s for fork in new) - first_s, max(fork.end_s for fork in new) - first_s,
            new)


def remove_desktops(site, pool):
    site.berthctl("set", "pool", pool, "--spares", "0", "--size", "0")
    lab.wait_until(f"no machine of {pool}", lambda: not any(
        machine["pool"] == pool for machine in site.rows("machines")), LIMIT_S)


def measure_rounds(site):
    add_spare(site)
    site.wait_machines(ready=1, limit_s=LIMIT_S)
    table(f"{N_TOGETHER} forks together, s", "the last drawn", "the first ready", "the last ready",
          "load before")
    worst = []
    for number in range(1, N_ROUNDS + 1):
        load = os.getloadavg()[0]
        drawn_s, ready_s, many = measure_together(site, f"many-{number}")
        first_s = min(fork.end_s for fork in many) - min(fork.start_s for fork in many)
        row(f"round {number}", f"{drawn_s:.2f}", f"{first_s:.2f}", f"{ready_s:.2f}", f"{load:.1f}")
        worst.append(drawn_s)
        remove_desktops(site, f"many-{number}")
    table("goal", "measured", "wanted", "")
    goal(f"{N_TOGETHER} forks together, the last drawn (median)", statistics.median(worst), 1.0,
         "s")


# Memory.

MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+\s*(.*)$")


class Private:
    """What one fork alone holds, in MiB: all, the guest's memory in it, and translated code."""

    def __init__(self, pid):
        self.all = self.guest = self.code = 0.0
        kind = ""
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
            for line in file:
                mapping = MAPPING.match(line)
                if mapping:
                    is_code = "x" in mapping[1] and "w" in mapping[1]
                    kind = "guest" if mapping[2].endswith("/ram") else "code" if is_code else ""
                elif line.startswith("Private_Dirty:"):
                    mib = int(line.split()[1]) / 1024
                    self.all += mib
                    if kind:
                        setattr(self, kind, getattr(self, kind) + mib)


def measure_memory(site, template_dir):
    time.sleep(IDLE_S)
    pids = [pid for pid in site.processes("qemu-system-x86_64")
            if any("share=off" in word for word in lab.command_line(pid))]
    forks_of_it = sorted(map(Private, pids), key=lambda fork: fork.all)
    values = [fork.all for fork in forks_of_it]
    used = sum(os.stat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(template_dir) for name in names if name == "ram")
    table("forks", "private MiB", "template MiB", "together MiB", "as cold boots MiB")
    for n in (1, 5, 10, 20):
        if n <= len(values):
            private = sum(values[-n:])
            row(n, f"{private:.0f}", f"{used / MIB:.0f}", f"{private + used / MIB:.0f}",
                f"{n * 768}")
    say(f"\nOf an idle fork's private memory (medians): "
        f"{statistics.median(fork.guest for fork in forks_of_it):.0f} MiB are the guest's, "
        f"{statistics.median(fork.code for fork in forks_of_it):.0f} MiB translated code, "
        f"which only an emulator has")
    return statistics.median(values), statistics.median(fork.all - fork.code
                                                        for fork in forks_of_it)


def measure_forks(site, template_dir):
    overlay_ms = measure_overlays()
    cold = measure_cold(site)
    add_spare(site)
    alone, clean = measure_alone(site)
    drawn_s, ready_s, many = measure_together(site)
    table("ms", "median", "min", "max")
    row(f"cold boot to ready, {len(cold)}", *ms(cold))
    for key in ("running", "drawn", "identity", "network", "ready"):
        row(f"fork alone, {len(alone)}: {key}", *ms([getattr(fork, key) for fork in alone]))
    row(f"log off to clean desktop ready, {len(clean)}", *ms(clean))
    for key in ("drawn", "ready"):
        row(f"fork of {len(many)} together: {key}", *ms([getattr(fork, key) for fork in many]))
    private, private_without_code = measure_memory(site, template_dir)
    site.berthctl("set", "pool", "many", "--spares", "0", "--size", "0")
    drawn_ms = statistics.median(fork.drawn for fork in alone)
    table("goal", "measured", "wanted", "")
    goal("fork alone, drawn (median)", drawn_ms / 1000, 0.1, "s")
    goal(f"{len(many)} forks together, the last drawn", drawn_s, 1.0, "s")
    goal("fork alone, ready for login (median)",
         statistics.median(fork.ready for fork in alone) / 1000, 0.6, "s")
    goal("cold boot / fork drawn", statistics.median(cold) / drawn_ms, 50, "x", False)
    goal("log off to clean desktop ready (median)", statistics.median(clean) / 1000, 0.8, "s")
    goal(f"private memory of an idle fork after {IDLE_S} s (median)", private, 60, "MiB")
    goal("the same without translated code", private_without_code, 60, "MiB")
    goal("overlay of a fork (worst median)", overlay_ms, 50, "ms")
    say(f"\n{len(many)} forks together, the last ready for login: {ready_s:.2f} s")


# Connects.

def add_spare(site):
    """A pool whose spare keeps a template on the host."""
    if any(pool["name"] == "one" for pool in site.rows("pools")):
        return
    site.add_pool("one", "demo", size=1, spares=1)
    lab.wait_until("the template", lambda: "is ready to be forked" in open(
        site.agent.log_path, encoding="utf-8", errors="replace").read(), LIMIT_S)


def connect_once(site, number):
    """Numbers of a probe whose pool has no machine when it logs in."""
    pool, stats = f"none-{number}", site.path(f"stats-{number}.json")
    site.add_pool(pool, "demo", size=1, spares=0)
    done = site.probe("--desktop", pool, "--wait-stable", "200", "--stats", stats, "--logoff",
                      limit_s=LIMIT_S)
    if done.returncode != 0:
        raise lab.LabError(done.stderr.strip())
    remove_desktops(site, pool)
    with open(stats, encoding="utf-8") as file:
        return json.load(file)


def measure_connects(site):
    add_spare(site)
    site.wait_machines(ready=1, limit_s=LIMIT_S)
    runs = [connect_once(site, number) for number in range(N_CONNECTS)]
    keys = ("login_us", "list_us", "first_picture_us")
    table(f"connect without a spare, {len(runs)}, ms", "median", "min", "max")
    for key in keys:
        row(key[:-3].replace("_", " "), *ms([run[key] / 1000 for run in runs]))
    totals = [sum(run[key] for key in keys) / 1000 for run in runs]
    row("login to first full picture", *ms(totals))
    table("goal", "measured", "wanted", "")
    goal("connect without a spare, login to first full picture (median)",
         statistics.median(totals) / 1000, 1.5, "s")


# The way back.

def measure_rollback():
    table(f"{N_BACK} idle desktops, command to all ready, s", "to the new version",
          "back to the old one")
    with Rollback(BUILD, N_BACK) as site:
        there_s, back_s = site.measure()
        row("a quarter at a time", f"{there_s:.1f}", f"{back_s:.1f}")
        there_s, at_once_s = site.measure("--max-unavailable", str(N_BACK))
        row("all at once", f"{there_s:.1f}", f"{at_once_s:.1f}")
    table("goal", "measured", "wanted", "")
    goal(f"rollback of {N_BACK} idle desktops, a quarter at a time", back_s, 30, "s")
    goal(f"rollback of {N_BACK} idle desktops, all at once", at_once_s, 30, "s")


def measure_demo():
    folder = fixture()
    with tempfile.TemporaryDirectory(prefix="berth-clones-") as template_dir, \
            lab.Lab(BUILD, {"demo": folder}, template_dir=template_dir, memory_limit_mib=40000,
                    agent_options=[f"start_slots={N_TOGETHER}", f"ready_deadline_s={LIMIT_S}"]) as site:
        for host in site.rows("hosts"):
            site.berthctl("set", "host", host["name"], "--vcpu-overcommit", "4000")
        if "together" in CHOSEN:
            measure_rounds(site)
        if "forks" in CHOSEN:
            measure_forks(site, template_dir)
        if "connect" in CHOSEN:
            measure_connects(site)


def main():
    if not set(CHOSEN) <= {*PARTS, "together"}:
        sys.exit(f"there is no part \"{CHOSEN[0]}\": {', '.join(PARTS)}, together")
    if set(CHOSEN) & {"forks", "connect", "together"}:
        measure_demo()
    if "rollback" in CHOSEN:
        measure_rollback()
    return 0 if all(GOALS) else 1


if __name__ == "__main__":
    sys.exit(main())

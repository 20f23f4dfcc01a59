# SPDX-License-Identifier: GPL-3.0-or-later
"""Many sessions on one host: what each costs, and whether each gets its share.

A session is an Xvfb that replays the scene "office" at its recorded times, a berth-session that
shares it, and a berth probe that takes all frames.
"""
import json
import os
import statistics
import subprocess
import time

import display_run
from display_run import Group, RunError, Tool, cpu_s, family, memory_mb, wait_display, wait_until

COUNTS = (1, 2, 4, 8, 16)
SCENE = "office"
FAIR_SHARE = 0.2
# Cost per session of the last count beside that of the first.
FLAT_SHARE = 1.25


def program(*parts):
    return os.path.join(display_run.BUILD, *parts)


class Probe:
    """berth probe, asked line by line."""

    def __init__(self, group, file, number):
        self.process = group.start(
            [program("client", "berth"), "probe", "--direct", file, "--timeout", "60", "--script",
             "-"], log=f"probe-{number}", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RunError("berth probe ended")
        answer = json.loads(line)
        if not answer.get("ok"):
            raise RunError(f"berth probe, {text}: {answer.get('error')}")
        return answer


class Session:
    """One of many: its displays are made one after another."""

    def __init__(self, group, run, number, scene):
        self.number, self.display = number, next(display_run.free_display())
        group.start(["Xvfb", self.display, "-screen", "0", "1920x1080x24", "-nolisten", "tcp",
                     "-noreset"], log=f"xvfb-{number}")
        wait_display(self.display)
        file = run.path(f"session-{number}.json")
        self.share = group.start(
            [program("host-agent", "session", "berth-session"), "--share", self.display,
             "--connection-file", file], log=f"session-{number}")
        wait_until(lambda: os.path.exists(file), "a shared display")
        self.log = run.path(f"replay-{number}.csv")
        self.replay = Tool(group, "replay", "--display", self.display, "--log", self.log, scene)
        self.replay.expect("ready", 20)
        self.probe = Probe(group, file, number)
        self.probe.ask("wait-stable 300")

    def begin(self):
        self.before = self.probe.ask("stats")
        self.cpu_before = cpu_s([self.share.pid])
        self.replay.say()
        self.replay.expect("go", 5)

    def end(self):
        """What one session had of the host."""
        n_put = int(self.replay.expect("end", 120)[1]) - 1
        self.probe.ask("wait-stable 700")
        after = self.probe.ask("stats")
        return {
            "put": n_put,
            "frames": after["frames"] - self.before["frames"],
            "bytes": after["bytes_in"] - self.before["bytes_in"],
            "cpu_s": cpu_s([self.share.pid]) - self.cpu_before,
            "memory_mb": memory_mb(family([self.share.pid])[1:]),
            "picture": self.probe.ask("hash")["sha256"],
        }


def measure_count(count, scene, folder):
    run = display_run.Run(folder)
    group = Group(run)
    try:
        sessions = [Session(group, run, number, scene) for number in range(count)]
        time.sleep(0.5)
        for session in sessions:
            session.begin()
        return [session.end() for session in sessions]
    finally:
        group.stop()


def measure(scenes, report, folder):
    """Prints the curve and whether it is flat and fair."""
    if SCENE not in scenes:
        raise SystemExit(f"display: sessions are measured with the scene {SCENE}")
    rows, costs, unfair, wrong = [], [], [], 0
    for count in COUNTS:
        results = measure_count(count, scenes[SCENE], os.path.join(folder, "run"))
        frames = [result["frames"] for result in results]
        cost = statistics.mean(result["cpu_s"] for result in results)
        spread = (max(frames) - min(frames)) / statistics.mean(frames)
        wrong += len({result["picture"] for result in results}) - 1
        costs.append(cost)
        unfair.append(spread)
        rows.append([str(count), f"{cost:.2f}", f"{statistics.mean(frames):.0f}",
                     f"{min(frames)} to {max(frames)}", str(results[0]["put"]), f"{spread:.0%}",
                     f"{statistics.mean(r['bytes'] for r in results) / 1e6:.2f}",
                     f"{max(r['memory_mb'] for r in results):.0f}"])
    report.say(f"`./dev bench display --sessions`: scene {SCENE}, {os.cpu_count()} processors")
    report.table(["sessions", "CPU s per session", "frames per session", "least to most",
                  "frames put", "spread", "MB per session", "MB memory, most"], rows)
    report.say()
    is_flat, is_fair = costs[-1] <= FLAT_SHARE * costs[0], max(unfair) <= FAIR_SHARE
    report.say(f"cost of one of {COUNTS[-1]} sessions {costs[-1] / costs[0]:.2f} x that of one "
               f"alone, at most {FLAT_SHARE}: {'met' if is_flat else 'MISSED'}")
    report.say(f"spread of the shares {max(unfair):.0%}, at most {FAIR_SHARE:.0%}: "
               f"{'met' if is_fair else 'MISSED'}")
    report.say(f"last pictures that differ between sessions: {wrong}: "
               f"{'met' if wrong == 0 else 'MISSED'}")

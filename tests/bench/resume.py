#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon a picture is live again after the network was away, and how soon a loss is noticed.

usage: resume.py BUILD SOURCE [--cut SECONDS] [--runs N]

A shared X display, a probe, and a relay between them.  While the network is away the display
changes its colour: what is timed is from the moment in which connections work again to that colour
in the probe's picture.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "component"))
import test_share  # noqa: E402
from relay import Relay  # noqa: E402

GOAL_MS = 500


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("source", type=os.path.abspath)
    parser.add_argument("--cut", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


class Site:
    def __init__(self, options, folder):
        self.display = test_share.Display()
        file = os.path.join(folder, "connection.json")
        self.share = test_share.Share(
            os.path.join(options.build, "host-agent", "session", "berth-session"),
            self.display.name, file).wait_open()
        with open(file, encoding="ascii") as reader:
            connection = json.load(reader)
        self.relay = Relay(connection["port"])
        connection["port"] = self.relay.port
        self.file = os.path.join(folder, "relayed.json")
        with open(self.file, "w", encoding="ascii") as writer:
            json.dump(connection, writer)
        self.probe = test_share.Probe(os.path.join(options.build, "client", "berth"), self.file,
                                      "--quiet")
        self.n_colors = 0

    def next_color(self):
        self.n_colors += 1
        color = f"{0x102030 + 0x051109 * self.n_colors & 0xffffff:06x}"
        self.display.run("xsetroot", "-solid", "#" + color)
        return color

    def show(self):
        self.probe.ask(f"wait-pixel 5,5,{self.next_color()}")

    def run(self, begin, cut_s):
        """Returns seconds from the fault to its notice, and from its end to the live picture."""
        self.show()
        fault_at = time.monotonic()
        begin()
        self.probe.ask("wait-lost")
        noticed_s = time.monotonic() - fault_at
        color = self.next_color()
        threading.Event().wait(max(fault_at + cut_s - time.monotonic(), 0))
        back_at = time.monotonic()
        self.relay.restore()
        self.probe.ask(f"wait-pixel 5,5,{color}")
        return noticed_s, time.monotonic() - back_at


def main():
    options = arguments()
    missed = False
    with tempfile.TemporaryDirectory(prefix="berth-resume-") as folder:
        site = Site(options, folder)
        print("| what happens | runs | noticed after s | live after ms: best | median | worst |")
        print("|---|---|---|---|---|---|")
        for name, begin in (("connections end, new ones are refused", site.relay.cut),
                            ("nothing passes any more", site.relay.silence)):
            results = [site.run(begin, options.cut) for _ in range(options.runs)]
            noticed = statistics.median(result[0] for result in results)
            live = sorted(result[1] * 1000 for result in results)
            missed |= statistics.median(live) > GOAL_MS
            print(f"| {name}, {options.cut:g} s | {options.runs} | {noticed:.2f} | {live[0]:.0f} | "
                  f"{statistics.median(live):.0f} | {live[-1]:.0f} |", flush=True)
        print(f"goal: the picture is live {GOAL_MS} ms after the network is back: "
              f"{'MISSED' if missed else 'met'}")
        site.probe.close()
        site.share.end()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pretended host as a process of its own that may be killed: its machines outlive it, in a file.

usage: chaos_agent.py SITE HOST_ID HOST_NAME STATE_FILE SEED PORT...
"""
import json
import os
import random
import sys

from fake_agent import FakeAgent


class MortalAgent(FakeAgent):
    """Dials one broker after the other; clients come and go by themselves."""

    def __init__(self, ports, path, seed, *args, **options):
        super().__init__(ports[0], *args, memory_mib=1 << 20, **options)
        self.ports, self.path = ports, path
        self.random = random.Random(seed)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                state = json.load(file)
            self.machines, self.sessions = state["machines"], state["sessions"]
            self.epoch, self.cluster_epoch = state["epoch"] + 1, state["cluster_epoch"]
        self.save()

    def save(self):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump({"machines": self.machines, "sessions": self.sessions, "epoch": self.epoch,
                       "cluster_epoch": self.cluster_epoch}, file)
        os.replace(self.path + ".new", self.path)

    def serve_once(self):
        self.port = self.random.choice(self.ports)
        self.generation = 0
        super().serve_once()

    def converge_session(self, session):
        super().converge_session(session)
        mine = self.sessions.get(session["id"])
        if not mine or session["want"] != "open" or mine["state"] == "ended":
            return
        if session["connection_epoch"] > mine["connection_epoch"] and self.random.random() < 0.7:
            mine.update(state="connected", connection_epoch=session["connection_epoch"])
        elif mine["state"] == "connected" and self.random.random() < 0.05:
            mine["state"] = "listening"

    def send_inventory(self):
        self.save()  # what was said is what will be there after a kill
        super().send_inventory()


def main():
    site, host_id, name, path, seed = sys.argv[1:6]
    agent = MortalAgent([int(port) for port in sys.argv[6:]], path, seed + str(os.getpid()), site,
                        host_id, name)
    agent.start()
    agent.join()
    if agent.refused:
        sys.exit(f"refused: {agent.refused}")


if __name__ == "__main__":
    main()

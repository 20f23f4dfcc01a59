# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the fake agent: any number of hosts in one process, over the real protocol."""
import hashlib
import json
import os
import queue
import subprocess
import threading

from broker_site import die_with_parent


def host_id(number, seed=1):
    """The id of a host that the fake agent makes."""
    return hashlib.sha256(f"fake host {number} of {seed}".encode()).hexdigest()[:32]


class FakeHosts:
    """Hosts of a site; nothing is dialled before send(op="dial")."""

    def __init__(self, program, site, port, n_hosts, *options, seed=1, env=None):
        self.env = {**os.environ, **env} if env else None
        self.args = [program, "--broker", f"127.0.0.1:{port}", "--ca", site.path("ca.pem"),
                     "--ca-key", site.path("ca.key"), "--cert-dir", site.path("hosts"), "--hosts",
                     str(n_hosts), "--seed", str(seed), *options]
        os.makedirs(site.path("hosts"), exist_ok=True)
        self.ids = [host_id(i, seed) for i in range(n_hosts)]
        self.process = None
        self.start()

    def start(self):
        self.events = queue.Queue()
        self.process = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=die_with_parent, env=self.env)
        threading.Thread(target=self.listen, args=(self.process, self.events),
                         daemon=True).start()
        assert self.read("ready")["hosts"] == self.ids

    @staticmethod
    def listen(process, events):
        """Always reads: an agent whose pipe is full stands still."""
        with process.stdout:
            for line in process.stdout:
                events.put(json.loads(line))

    def read(self, event):
        """The next event of that kind; others are forgotten."""
        while True:
            message = self.events.get(timeout=60)
            if message["event"] == event:
                return message

    def send(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def describe(self, number=0):
        """What a host runs now: {"machines": {id: ...}, "sessions": {id: ...}, ...}."""
        self.send(op="describe", host=self.ids[number])
        host = self.read("host")
        for kind in ("machines", "sessions"):
            host[kind] = {item["id"]: item for item in host[kind]}
        return host

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

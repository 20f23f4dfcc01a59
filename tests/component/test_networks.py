# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent connects real guests in a network namespace of its own.

usage: test_networks.py AGENT BUILD_NET [TEST...]

A namespace "outside" hangs on the bridge: guests tell a server there what else they can reach.
"""
import collections
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import test_agent as base
from test_agent import machine, state_of, wait_until

CLONE_NEWNET = 0x40000000
HOST_IP, OUTSIDE_IP = "10.9.0.1", "10.9.0.2"
BUILD_NET = None


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, **options).stdout


class Outside:
    """A namespace with a server that hears the guests; port 9 is there to be reached, too."""

    def __init__(self):
        self.heard = collections.Counter()
        self.ready = threading.Event()
        self.is_over = threading.Event()
        self.error = None
        threading.Thread(target=self._live, daemon=True).start()
        self.ready.wait()
        if self.error:
            raise self.error

    def _live(self):
        """A thread of its own has a namespace of its own."""
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            self.tid = threading.get_native_id()
            run("ip", "link", "set", "lo", "up")
            self.server = socket.create_server(("0.0.0.0", 7000), backlog=64)
        except (OSError, subprocess.CalledProcessError) as error:
            self.error = error
        self.ready.set()
        while not self.error and not self.is_over.is_set():
            client, _ = self.server.accept()
            client.settimeout(10)
            try:
                line = client.makefile("r", encoding="ascii").readline().strip()
                self.heard[line] += 1
            except OSError:
                pass
            client.close()

    def attach(self, bridge):
        """A cable between that namespace and the bridge."""
        run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns",
            str(self.tid))
        run("ip", "link", "set", "up0", "master", bridge, "up")
        inside = ["nsenter", f"--net=/proc/{os.getpid()}/task/{self.tid}/ns/net"]
        run(*inside, "ip", "addr", "add", f"{OUTSIDE_IP}/24", "dev", "eth0")
        run(*inside, "ip", "link", "set", "eth0", "up")


class NetworkTests(base.AgentTest):
    def setUp(self):
        run("ip", "link", "add", "br0", "type", "bridge")
        self.addCleanup(run, "ip", "link", "del", "br0")
        run("ip", "addr", "add", f"{HOST_IP}/24", "dev", "br0")
        run("ip", "link", "set", "br0", "up")
        self.outside = Outside()
        self.addCleanup(run, "ip", "link", "del", "up0")
        self.outside.attach("br0")
        guest = os.path.join(tempfile.gettempdir(), "berth-networks-test")
        subprocess.run([BUILD_NET, guest], check=True, stdout=subprocess.DEVNULL)
        self.make_site(listen="0.0.0.0:0", memory_limit_mib="1024", start_slots="4")
        self.manifest = self.site.add_image("net", guest)
        wait_until("hello", lambda: self.site.broker.hello)

    def guest(self, name, ip, ask, network, gateway="", **more):
        cmdline = (f"quiet net.name={name} net.ip={ip} net.gw={gateway} "
                   f"net.report={OUTSIDE_IP}:7000 net.ask={','.join(ask)}")
        for key, value in more.items():
            cmdline += f" net.{key}={value}"
        return machine({**self.manifest, "cmdline": cmdline}, network=network)

    def pair(self, isolate):
        """Two guests on the bridge that ask each other, the host and the outside."""
        network = {"mode": "bridge", "bridge": "br0", "isolate": isolate}
        places = [f"{OUTSIDE_IP}:7000", f"{HOST_IP}:{self.site.port}"]
        return (self.guest("a", "10.9.0.11/24", [*places, "10.9.0.12:7"], network),
                self.guest("b", "10.9.0.12/24", [*places, "10.9.0.11:7"], network))

    def wait_heard(self, *lines, times=1):
        """Waits until the guests said all of it so often."""
        wait_until(f"{lines} of {dict(self.outside.heard)}",
                   lambda: all(self.outside.heard[line] >= times for line in lines), 240)

    def test_isolated_guests_reach_only_the_outside(self):
        site, broker = self.site, self.site.broker
        self.assertIn("bridge", broker.hello["networks"])
        desks = self.pair(True)
        broker.want(machines=list(desks))
        for desk in desks:
            entry = broker.wait("ready", state_of(desk, "ready"))
            self.assertEqual(entry["condition"], "", site.log()[-3000:])
        port = f"{HOST_IP}:{site.port}"
        self.wait_heard(f"a {OUTSIDE_IP}:7000 yes", f"b {OUTSIDE_IP}:7000 yes", f"a {port} no",
                        f"b {port} no", "a 10.9.0.12:7 no", "b 10.9.0.11:7 no", times=2)
        # The next agent makes the same rules again.
        rules = run("nft", "list", "ruleset")
        site.kill()
        run("nft", "flush", "ruleset")
        broker.forget_inventory()
        site.start()
        broker.wait("adopted", state_of(desks[0], "ready"))
        without = lambda text: sorted(line for line in text.splitlines() if "counter" not in line)
        self.assertEqual(without(run("nft", "list", "ruleset")), without(rules))
        self.assertFalse([line for line in self.outside.heard
                          if line.endswith("yes") and OUTSIDE_IP not in line])
        # Ports and rules go with the machines.
        self.assertEqual(run("ip", "-o", "link").count(": bt"), 2)
        broker.want(machines=[{**desk, "want": "absent"} for desk in desks])
        broker.wait("removed", lambda inventory: not inventory["machines"])
        self.assertNotIn(": bt", run("ip", "-o", "link"))
        self.assertNotIn("bt", run("nft", "list", "ruleset"))

    def test_guests_that_are_not_isolated_reach_each_other_and_the_host(self):
        broker = self.site.broker
        desks = self.pair(False)
        broker.want(machines=list(desks))
        port = f"{HOST_IP}:{self.site.port}"
        self.wait_heard(f"a {OUTSIDE_IP}:7000 yes", f"a {port} yes", "a 10.9.0.12:7 yes",
                        "b 10.9.0.11:7 yes")

    def test_routing_of_the_host_is_no_way_around(self):
        broker = self.site.broker
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as file:
            file.write("1")
        network = {"mode": "bridge", "bridge": "br0"}
        # Each believes that nobody but the host is its neighbour.
        desks = [self.guest(name, f"10.9.0.{number}/32", [f"10.9.0.{other}:7"], network,
                            onlink=HOST_IP)
                 for name, number, other in (("a", 11, 12), ("b", 12, 11))]
        broker.want(machines=desks)
        self.wait_heard("a 10.9.0.12:7 no", "b 10.9.0.11:7 no", times=2)
        self.assertFalse([line for line in self.outside.heard if line.endswith(":7 yes")])
        # The way is there: those that are not isolated find it.
        broker.want(machines=[{**desk, "epoch": 2, "network": {**network, "isolate": False}}
                              for desk in desks])
        self.wait_heard("a 10.9.0.12:7 yes", "b 10.9.0.11:7 yes")

    def test_a_guest_with_another_address_is_not_heard(self):
        network = {"mode": "bridge", "bridge": "br0", "isolate": False}
        liar = self.guest("l", "10.9.0.13/24", [], network, mac="52:54:00:ba:dd:ad")
        self.site.broker.want(machines=[liar])
        self.wait_heard("l truth", times=2)
        self.assertEqual(self.outside.heard["l lie"], 0)

    def test_a_bridge_that_is_not_there_is_told(self):
        broker = self.site.broker
        desk = machine(base.BARE, network={"mode": "bridge", "bridge": "br7"})
        broker.want(machines=[desk])
        entry = broker.wait("ready without", state_of(desk, "ready"))
        self.assertEqual(entry["condition"], "network-off")
        self.assertIn('there is no bridge "br7"', self.site.log())
        with open(f"/proc/{entry['pid']}/cmdline", encoding="ascii") as words:
            self.assertIn("restrict=on", words.read())

    def test_the_fence_of_qemu_s_own_network(self):
        """The guest's connections are QEMU's: out they go, not to this host."""
        site, broker = self.site, self.site.broker
        if "user" not in broker.hello["networks"]:
            self.skipTest("no control groups of version 2 here")
        places = [f"{OUTSIDE_IP}:7000", f"10.0.2.2:{site.port}", f"{HOST_IP}:{site.port}"]
        guests = {}
        for name, isolate in (("u", True), ("v", False)):
            guests[name] = self.guest(name, "10.0.2.15/24", places,
                                      {"mode": "user", "isolate": isolate}, gateway="10.0.2.2")
        broker.want(machines=list(guests.values()))
        for desk in guests.values():
            entry = broker.wait("ready", state_of(desk, "ready"))
            self.assertEqual(entry["condition"], "", site.log()[-3000:])
        self.wait_heard(*(f"v {place} yes" for place in places), f"u {places[0]} yes",
                        f"u {places[1]} no", f"u {places[2]} no")


if __name__ == "__main__":
    base.AGENT, BUILD_NET = sys.argv[1:3]
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        print("skipped: only root makes network namespaces", file=sys.stderr)
        sys.exit(77)
    run("ip", "link", "set", "lo", "up")
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
    finally:
        base.end_descendants()

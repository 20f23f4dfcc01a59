#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a broker may rely on from an agent: asked of the fake one and of the real one.

usage: test_agent_contract.py fake FAKE_AGENT [TEST...]
       test_agent_contract.py real AGENT SESSION BUILD_TG GPU [TEST...]

Both sides of the same test: what the fake agent does in a test of the broker, the real one does
with a real guest.
"""
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_agent  # noqa: E402
from broker_site import die_with_parent  # noqa: E402
from fake_broker import FakeBroker, make_certificates  # noqa: E402
from test_agent import machine, session, state_of, wait_until  # noqa: E402

KIND = FAKE_AGENT = None


class FakeSubject:
    """One pretended host whose machines outlive its process."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bf-")
        self.path = self.folder.name
        self.host_id = secrets.token_hex(16)
        make_certificates(self.path, self.host_id)
        self.broker = FakeBroker(self.path)
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [FAKE_AGENT, "--broker", f"127.0.0.1:{self.broker.port}", "--broker-name", "broker",
             "--ca", self.path + "/ca.pem", "--state-dir", self.path, "--machine-delay-ms", "50"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            preexec_fn=die_with_parent)
        self.send(op="add", id=self.host_id, cert=self.path + "/host.pem",
                  key=self.path + "/host.key")
        self.send(op="dial")

    def send(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def close(self):
        self.kill()
        self.broker.close()
        self.folder.cleanup()

    def manifest(self):
        return test_agent.BARE


class RealSubject(test_agent.Site):
    """The agent with QEMU and the small test guest."""

    def __init__(self):
        super().__init__()
        self.start()

    def manifest(self):
        guest = os.path.join(tempfile.gettempdir(), "berth-agent-test-tg")
        subprocess.run([test_agent.BUILD_TG, guest], check=True, stdout=subprocess.DEVNULL)
        return self.add_image("tg", guest)


class Contract(unittest.TestCase):
    def setUp(self):
        self.subject = FakeSubject() if KIND == "fake" else RealSubject()
        self.addCleanup(self.subject.close)
        self.broker = self.subject.broker
        self.image = self.subject.manifest()
        self.broker.wait("hello", lambda inventory: inventory["machines"] == [])

    def machine(self, **more):
        return machine(self.image, **{"kind": "vm", "keep": False, "resources": {}, "network": {},
                                      **more})

    def ready(self, wanted):
        self.broker.want(machines=[wanted])
        return self.broker.wait("ready", state_of(wanted, "ready"), 120)

    def signs_of_life(self):
        """The agent has had time to do wrong: it said twice that nothing has changed."""
        count = self.broker.n_same
        wait_until("signs of life", lambda: self.broker.n_same > count + 1)

    def test_it_says_who_it_is(self):
        hello = self.broker.hello
        self.assertEqual((hello["version"], hello["host"]), (3, self.subject.host_id))
        for key, kind in (("agent_epoch", int), ("cluster_epoch", int), ("boot_id", str),
                          ("display_address", str), ("memory_limit_mib", int), ("vcpu_limit", int),
                          ("start_slots", int), ("labels", dict), ("cgroup", str),
                          ("networks", list)):
            self.assertIsInstance(hello[key], kind, key)
        usage = self.broker.inventory["usage"]
        self.assertEqual(set(usage), {"cpu_pct", "memory_used_mib", "disk_free_mib"})

    def test_it_makes_what_is_wanted_and_says_same_from_then_on(self):
        wanted = self.machine()
        entry = self.ready(wanted)
        self.assertRegex(entry["overlay"], "^[0-9a-f]{32}$")
        self.signs_of_life()
        self.assertEqual(state_of(wanted, "ready")(self.broker.inventory), entry)

    def test_a_recycle_gives_a_new_overlay(self):
        wanted = self.machine()
        overlays = [self.ready({**wanted, "epoch": epoch})["overlay"] for epoch in (1, 2, 3)]
        self.assertEqual(len(set(overlays)), 3)
        self.assertEqual(len(self.broker.inventory["machines"]), 1)

    def test_no_report_mixes_an_epoch_with_the_overlay_of_another(self):
        wanted, seen = self.machine(), {}
        known = self.broker._handle

        def watch(message):
            if message["type"] == "inventory":
                for entry in message["machines"]:
                    if entry.get("overlay"):
                        seen.setdefault(entry["overlay"], set()).add(entry["epoch"])
            known(message)
        self.broker._handle = watch
        for epoch in (1, 2, 3):
            self.ready({**wanted, "epoch": epoch})
        self.assertEqual([len(epochs) for epochs in seen.values()], [1] * len(seen))

    def test_absent_is_confirmed(self):
        wanted = self.machine()
        self.ready(wanted)
        self.broker.want(machines=[{**wanted, "want": "absent"}])
        self.broker.wait("gone", lambda inventory: not inventory["machines"])

    def test_a_lower_epoch_changes_nothing(self):
        wanted = self.machine(epoch=5)
        entry = self.ready(wanted)
        self.broker.want(machines=[{**wanted, "epoch": 4, "want": "stopped"}])
        self.broker.want(machines=[{**wanted, "epoch": 4, "want": "absent"}])
        self.signs_of_life()
        self.assertEqual(state_of(wanted, "ready")(self.broker.inventory), entry)

    def test_what_is_not_listed_is_kept(self):
        wanted = self.machine()
        entry = self.ready(wanted)
        self.broker.want(machines=[])
        self.signs_of_life()
        found = state_of(wanted, "ready")(self.broker.inventory)
        self.assertEqual(found["overlay"], entry["overlay"])

    def test_stopped_keeps_the_disk(self):
        wanted = self.machine()
        overlay = self.ready(wanted)["overlay"]
        self.broker.want(machines=[{**wanted, "want": "stopped"}])
        stopped = self.broker.wait("stopped", state_of(wanted, "stopped"))
        self.assertEqual(stopped["overlay"], overlay)
        self.assertEqual(self.ready(wanted)["overlay"], overlay)

    def test_a_machine_may_be_made_switched_off(self):
        wanted = self.machine(want="stopped")
        self.broker.want(machines=[wanted])
        stopped = self.broker.wait("stopped", state_of(wanted, "stopped"))
        self.assertRegex(stopped["overlay"], "^[0-9a-f]{32}$")
        self.assertEqual(self.ready({**wanted, "want": "running"})["overlay"], stopped["overlay"])

    def test_a_disk_with_data_is_never_made_anew(self):
        wanted = self.machine(keep=True, overlay="ab" * 16)
        self.broker.want(machines=[wanted])
        failed = self.broker.wait("failed", state_of(wanted, "failed"))
        self.assertEqual(failed["code"], "not-found")
        self.assertFalse(failed.get("overlay"))

    def test_a_known_disk_with_data_is_used(self):
        wanted = self.machine(keep=True)
        overlay = self.ready(wanted)["overlay"]
        self.broker.forget_inventory()
        again = {**wanted, "overlay": overlay}
        self.broker.want(machines=[{**again, "want": "stopped"}])
        self.broker.wait("stopped", state_of(wanted, "stopped"))
        self.assertEqual(self.ready(again)["overlay"], overlay)

    def test_machines_outlive_the_agent(self):
        wanted = self.machine()
        entry, epoch = self.ready(wanted), self.broker.hello["agent_epoch"]
        self.subject.kill()
        self.broker.forget_inventory()
        self.subject.start()
        again = self.broker.wait("adopted", state_of(wanted, "ready"))
        self.assertEqual(again["overlay"], entry["overlay"])
        self.assertEqual(self.broker.hello["agent_epoch"], epoch + 1)

    def open_session(self, desk, **more):
        wanted = session(desk, **more)
        self.broker.want(machines=[desk], sessions=[wanted])
        return wanted, self.broker.wait("listening", state_of(wanted, "listening", "sessions"))

    def test_a_session_shows_its_key_until_it_is_ended(self):
        desk = self.machine()
        self.ready(desk)
        wanted, entry = self.open_session(desk)
        self.assertRegex(entry["session_key"], "^[0-9a-f]{64}$")
        self.assertEqual((entry["machine"], entry["connection_epoch"]), (desk["id"], 0))
        self.broker.want(sessions=[{**wanted, "want": "ended", "reason": "logged-off"}])
        self.broker.wait("ended", state_of(wanted, "ended", "sessions"))
        self.broker.want(sessions=[])
        self.broker.wait("forgotten", lambda inventory: not inventory["sessions"])
        _, second = self.open_session(desk)
        self.assertNotEqual(second["session_key"], entry["session_key"])

    def test_a_session_ends_with_the_life_of_its_machine(self):
        desk = self.machine()
        self.ready(desk)
        wanted, _ = self.open_session(desk)
        self.broker.want(machines=[{**desk, "epoch": 2}])
        self.broker.wait("ended", lambda inventory: all(
            entry["state"] == "ended" for entry in inventory["sessions"]))
        self.ready({**desk, "epoch": 2})
        self.assertNotIn("listening", [entry["state"]
                                       for entry in self.broker.inventory["sessions"]])

    def test_a_session_of_another_epoch_is_not_opened(self):
        desk = self.machine(epoch=2)
        self.ready(desk)
        for epoch in (1, 3):
            self.broker.want(sessions=[session({**desk, "epoch": epoch})])
            self.signs_of_life()
            self.assertNotIn("listening", [entry["state"]
                                           for entry in self.broker.inventory["sessions"]])

    def test_an_old_store_is_not_followed_but_in_safe_mode(self):
        desk = self.machine()
        self.broker.cluster_epoch = 5
        self.broker.drop()
        entry = self.ready(desk)
        wanted, listening = self.open_session(desk)
        self.broker.cluster_epoch = 4
        self.broker.machines = [{**desk, "epoch": 9}]
        n_links = self.broker.n_links
        self.broker.drop()
        wait_until("refused and dialled again", lambda: self.broker.n_links > n_links + 1)
        self.assertEqual(self.broker.hello["cluster_epoch"], 5)
        self.broker.is_safe_mode = True
        self.broker.machines, self.broker.sessions = [], []
        self.broker.forget_inventory()
        self.broker.want(machines=[], sessions=[])
        found = self.broker.wait("adopted", state_of(desk, "ready"))
        self.assertEqual(found["overlay"], entry["overlay"])
        self.signs_of_life()
        kept = state_of(wanted, "listening", "sessions")(self.broker.inventory)
        self.assertEqual(kept["session_key"], listening["session_key"])

    def test_a_lost_link_changes_nothing(self):
        desk = self.machine()
        entry = self.ready(desk)
        self.broker.forget_inventory()
        self.broker.drop()
        again = self.broker.wait("linked again", state_of(desk, "ready"))
        self.assertEqual(again["overlay"], entry["overlay"])


if __name__ == "__main__":
    KIND = sys.argv[1]
    rest = sys.argv[3:]
    if KIND == "fake":
        FAKE_AGENT = sys.argv[2]
    else:
        test_agent.AGENT, test_agent.SESSION, test_agent.BUILD_TG, test_agent.GPU = sys.argv[2:6]
        rest = sys.argv[6:]
        test_agent.LIBC.prctl(test_agent.PR_SET_CHILD_SUBREAPER, 1)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
    finally:
        if KIND == "real":
            test_agent.end_descendants()

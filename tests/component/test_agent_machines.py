# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent: machines that are switched off, kept for somebody, or not virtual at all.

usage: test_agent_machines.py AGENT SESSION BUILD_TG [TEST...]
"""
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

import display_fixture
import test_agent as base
from test_agent import BARE, is_alive, machine, session, state_of, wait_until

SHUT_DOWN_LIMIT = "its power is cut"


def add_guest(site, build_tg):
    guest = os.path.join(site.path, "guest")
    subprocess.run([build_tg, guest], check=True, stdout=subprocess.DEVNULL)
    return site.add_image("tg", guest)


class PowerTests(base.AgentTest):
    """With the small test guest, which shuts down when its agent is asked to."""

    def make_guest_site(self, **settings):
        site, broker = self.make_site(**settings)
        return site, broker, add_guest(site, base.BUILD_TG)

    def stop(self, desk):
        self.site.broker.want(machines=[{**desk, "want": "stopped"}])
        return self.site.broker.wait("stopped", state_of(desk, "stopped"))

    def test_a_machine_is_shut_down_and_started_from_its_disk(self):
        site, broker, manifest = self.make_guest_site()
        desk = machine(manifest)
        first = self.start_machine(desk)
        off = self.stop(desk)
        self.assertEqual((off["overlay"], off["pid"]), (first["overlay"], 0))
        self.assertFalse(is_alive(first["pid"]))
        self.assertNotIn(SHUT_DOWN_LIMIT, site.log())
        self.assertIn("disk.qcow2", os.listdir(f"{site.path}/s/vms/{desk['id']}"))

        site.kill()
        broker.forget_inventory()
        site.start()
        broker.wait("adopted as it was", state_of(desk, "stopped"))
        again = self.start_machine(desk)
        self.assertEqual(again["overlay"], first["overlay"])
        self.assertNotEqual(again["pid"], first["pid"])
        # Recycling what is off makes a new disk, and leaves it off.
        self.stop(desk)
        desk = {**desk, "epoch": 2}
        fresh = self.stop(desk)
        self.assertNotEqual(fresh["overlay"], first["overlay"])
        broker.want(machines=[{**desk, "want": "absent"}])
        broker.wait("removed", lambda inventory: not inventory["machines"])
        self.assertEqual(os.listdir(site.path + "/s/vms"), [])

    def test_a_guest_that_does_not_shut_down_is_cut_off(self):
        site, broker = self.make_site(power_off_s="1")
        desk = machine(BARE)
        self.start_machine(desk)
        self.stop(desk)
        self.assertIn(SHUT_DOWN_LIMIT, site.log())

    def test_a_frozen_machine_is_forked_when_it_is_wanted(self):
        site, broker, manifest = self.make_guest_site()
        desk = machine(manifest, template=True, want="frozen")
        broker.want(machines=[desk])
        cold = broker.wait("frozen", state_of(desk, "frozen"))
        self.assertEqual(cold["pid"], 0)
        site.kill()
        broker.forget_inventory()
        site.start()
        broker.wait("still frozen", state_of(desk, "frozen"))
        warm = self.start_machine({**desk, "want": "running"})
        self.assertEqual(warm["overlay"], cold["overlay"])
        self.assertIsNotNone(site.spec(desk["id"])["template_key"])
        # Once used it is itself: its own disk boots, although the template is still there.
        self.assertIn("base.qcow2", os.listdir(f"{site.path}/s/vms/{desk['id']}"))
        self.stop(desk)
        for name in os.listdir(site.path + "/s/templates"):
            path = f"{site.path}/s/templates/{name}"
            if os.path.isdir(path):
                os.unlink(path + "/base.qcow2")
        again = self.start_machine({**desk, "want": "running", "template": False})
        self.assertEqual(again["overlay"], cold["overlay"])
        self.assertIsNone(site.spec(desk["id"])["template_key"])

    def test_a_kept_machine_survives_its_qemu(self):
        site, broker, manifest = self.make_guest_site()
        desk = machine(manifest, keep=True)
        first = self.start_machine(desk)
        os.kill(first["pid"], signal.SIGKILL)

        def is_back(inventory):
            entry = state_of(desk, "ready")(inventory)
            return entry and entry["pid"] != first["pid"]
        broker.wait("back by itself", is_back)
        self.assertEqual(site.spec(desk["id"])["overlay"], first["overlay"])
        site.kill()
        pid = site.spec(desk["id"])["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until("dead", lambda: not is_alive(pid))
        broker.forget_inventory()
        site.start()
        entry = broker.wait("back by the next agent", state_of(desk, "ready"))
        self.assertEqual(entry["overlay"], first["overlay"])


class LimitTests(base.AgentTest):
    """On the control groups that this machine really has."""

    def find_group(self, wanted):
        """Folder of the machine's group for processors, and which version it is."""
        kind = self.site.broker.hello["cgroup"]
        if kind == "none":
            self.skipTest("no control groups can be made here")
        for folder, _, files in os.walk("/sys/fs/cgroup"):
            if os.path.basename(folder) == wanted["id"] and {"cpu.max", "cpu.cfs_quota_us"} & {*files}:
                return folder, kind
        raise AssertionError("the machine has no control group:\n" + self.site.log())

    def read(self, folder, name):
        with open(os.path.join(folder, name), encoding="ascii") as file:
            return file.read().split()

    def throttled(self, folder):
        words = self.read(folder, "cpu.stat")
        return int(words[words.index("nr_throttled") + 1])

    def quota(self, folder, kind):
        if kind == "v2":
            return self.read(folder, "cpu.max")
        return self.read(folder, "cpu.cfs_quota_us") + self.read(folder, "cpu.cfs_period_us")

    def test_a_quota_holds_from_the_start_changes_and_goes(self):
        site, broker = self.make_site()
        manifest = add_guest(site, base.BUILD_TG)
        free = machine(manifest)
        desk = machine(manifest, resources={"cpu_weight": 50, "cpu_quota_pct": 40,
                                            "memory_max_mib": 900})
        broker.want(machines=[free, desk])
        entry = broker.wait("ready", state_of(desk, "ready"), 200)
        broker.wait("ready", state_of(free, "ready"), 200)
        folder, kind = self.find_group(desk)
        self.assertEqual(self.quota(folder, kind), ["40000", "100000"])
        # Booting wants more than 40 %: it was held back, and its neighbour was not.
        self.assertGreater(self.throttled(folder), 0)
        self.assertEqual(self.throttled(self.find_group(free)[0]), 0)
        self.assertIn(str(entry["pid"]), self.read(folder, "cgroup.procs"))
        memory = folder.replace("/cpu/", "/memory/")
        name = "memory.max" if kind == "v2" else "memory.limit_in_bytes"
        self.assertEqual(self.read(memory, name), [str(900 * 1024 * 1024)])

        broker.want(machines=[free, {**desk, "resources": {"cpu_quota_pct": 150}}])
        wait_until("the new quota", lambda: self.quota(folder, kind) == ["150000", "100000"])
        site.kill()
        site.start()
        broker.want(machines=[free, {**desk, "resources": {}}])
        wait_until("no quota", lambda: self.quota(folder, kind)[0] in ("-1", "max"), 60)
        self.assertTrue(is_alive(entry["pid"]))
        broker.want(machines=[{**entry, "want": "absent"} for entry in (free, desk)])
        broker.wait("removed", lambda inventory: not inventory["machines"])
        wait_until("no group", lambda: not os.path.exists(folder))

    def test_a_limit_that_cannot_be_enforced_is_told(self):
        site, broker = self.make_site()
        desk = machine(BARE, resources={"io_weight": 10, "io_read_mbps": 5})
        entry = self.start_machine(desk)
        missing = [line for line in site.log().splitlines() if "cannot enforce" in line]
        if entry["condition"] == "":
            self.assertEqual(missing, [])
            self.skipTest("this machine enforces every limit")
        self.assertEqual(entry["condition"], "limits-off")
        self.assertEqual(len(missing), 1, missing)
        self.assertIn("io_weight", missing[0])
        broker.want(machines=[{**desk, "resources": {}}])
        broker.wait("nothing is missing", lambda inventory: [
            item for item in inventory["machines"] if item["condition"] == ""])


class RfbServer:
    """A real RFB server, QEMU's, behind a port of ours that counts what clients say."""

    def __init__(self, build_tg, folder):
        manifest = display_fixture.build_guest(build_tg, os.path.join(folder, "guest"))
        self.path = os.path.join(folder, "vnc")
        self.qemu = display_fixture.DisplayQemu(display_fixture.without_kernel(manifest),
                                                ["-vnc", f"unix:{self.path}"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.n_open = 0
        self.n_said = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.path)
            self.n_open += 1
            threading.Thread(target=self._copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, False), daemon=True).start()

    def _copy(self, source, target, is_client):
        try:
            while data := source.recv(65536):
                self.n_said += len(data) if is_client else 0
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()
        self.n_open -= 1 if is_client else 0

    def close(self):
        self.listener.close()
        self.qemu.close()


class PhysicalTests(base.AgentTest):
    def physical(self, address, **more):
        entry = machine(BARE, kind="physical", address=address, **more)
        for key in ("manifest", "image", "vcpus", "memory_mib", "template"):
            del entry[key]
        return entry

    def test_a_physical_machine_serves_one_epoch_after_the_other(self):
        site, broker = self.make_site(session_program=base.SESSION)
        server = RfbServer(base.BUILD_TG, site.path)
        self.addCleanup(server.close)
        desk = self.physical(server.address)
        first = self.start_machine(desk)
        wanted = session(desk)
        broker.want(machines=[desk], sessions=[wanted])
        broker.wait("listening", state_of(wanted, "listening", "sessions"))
        # Version, security, pixel format, encodings and a request: the session is shown a picture.
        wait_until("an RFB client", lambda: server.n_said > 60, 60)

        site.kill()
        broker.forget_inventory()
        site.start()
        again = broker.wait("adopted", state_of(desk, "ready"))
        self.assertEqual(again["overlay"], first["overlay"])
        broker.wait("session adopted", state_of(wanted, "listening", "sessions"))
        # The new epoch, which is the receipt, only when nobody is connected any more.
        desk = {**desk, "epoch": 2}
        broker.want(machines=[desk], sessions=[])
        fresh = broker.wait("the next epoch", state_of(desk, "ready"))
        self.assertNotEqual(fresh["overlay"], first["overlay"])
        ended = {entry["id"]: entry["state"] for entry in broker.inventory["sessions"]}
        self.assertEqual(ended.get(wanted["id"], "ended"), "ended")
        wait_until("no connection", lambda: server.n_open == 0, 60)
        broker.want(machines=[{**desk, "want": "absent"}])
        broker.wait("forgotten", lambda inventory: not inventory["machines"])
        self.assertEqual(os.listdir(site.path + "/s/vms"), [])

    def test_what_does_not_answer_is_not_ready(self):
        site, broker = self.make_site()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            dead = self.physical(f"127.0.0.1:{silent.getsockname()[1]}")
        broker.want(machines=[dead])
        entry = broker.wait("starting", state_of(dead, "starting"))
        self.assertEqual(entry["condition"], "unreachable")
        server = RfbServer(base.BUILD_TG, site.path)
        self.addCleanup(server.close)
        broker.want(machines=[{**dead, "address": server.address}])
        broker.wait("ready elsewhere", state_of(dead, "ready"))


if __name__ == "__main__":
    base.AGENT, base.SESSION, base.BUILD_TG = sys.argv[1:4]
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
    finally:
        base.end_descendants()

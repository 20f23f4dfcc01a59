#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker against fake agents: what users, administrators and hosts see of it."""
import base64
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, UnixConnection, new_folder  # noqa: E402
from fake_agent import FakeAgent  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
PASSWORD = "a good password"
KEY = "ab" * 32
RIGHT_RESIZE, RIGHT_SCREENSHOT = 0x2, 0x8  # include/berth/protocol.h


def eventually(probe, timeout=60):
    """Asks again until probe() gives something true; returns it."""
    end = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class BrokerCase(unittest.TestCase):
    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.site = Site(self.folder.name)
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)
        self.agents = []

    def call(self, method, path, body=None, token=None, expect=200, **more):
        status, reply = self.broker.request(method, path, body, token or self.admin, **more)
        self.assertEqual(status, expect, reply)
        return reply

    def add_user(self, name):
        self.call("POST", "/v1/users", {"name": name, "password": PASSWORD}, expect=201)
        return self.broker.login(name, PASSWORD)

    def add_host(self, name="one", **options):
        host_id = self.site.new_host(name)
        self.call("POST", "/v1/hosts", {"id": host_id, "name": name}, expect=201)
        agent = FakeAgent(self.broker.port, self.site.dir, host_id, name, **options)
        agent.start()
        self.addCleanup(agent.stop)
        agent.wait_for(lambda a: a.welcome)
        return agent

    def add_pool(self, size=2, spares=1, users=(), **more):
        if not self.call("GET", "/v1/images")["images"]:
            self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, expect=201)
        pool = self.call("POST", "/v1/pools", {
            "name": f"pool{size}{spares}", "image": "demo", "size": size, "spares_hot": spares,
            "vcpus": 1, "memory_mib": 256, **more}, expect=201)["id"]
        for user in users:
            self.call("POST", "/v1/entitlements", {"pool": pool, "user": user}, expect=201)
        return pool

    def connect(self, token, pool, expect=200, key=KEY):
        return self.call("POST", f"/v1/me/desktops/{pool}/connect",
                         {"client_key": key, "client": "test"}, token, expect)

    def machines(self, state=None):
        rows = self.call("GET", "/v1/machines")["machines"]
        return [row for row in rows if state is None or row["state"] == state]

    def assert_whole(self):
        self.assertEqual(self.call("GET", "/v1/fsck")["breaches"], 0)

    def verify_ticket(self, ticket):
        """Checks signature and length with the openssl tool; returns the fields."""
        raw = base64.b64decode(ticket)
        self.assertEqual(len(raw), 248)
        with open(self.site.path("signed"), "wb") as file:
            file.write(b"berth launch ticket v1" + raw[:184])
        with open(self.site.path("signature"), "wb") as file:
            file.write(raw[184:])
        subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey",
                        self.site.path("ticket.pub"), "-rawin", "-in", self.site.path("signed"),
                        "-sigfile", self.site.path("signature")], check=True, capture_output=True)
        epoch, connection_epoch = struct.unpack_from("<QQ", raw, 88)
        return {"user": raw[24:40].hex(), "machine": raw[40:56].hex(), "session": raw[56:72].hex(),
                "host": raw[72:88].hex(), "epoch": epoch, "connection_epoch": connection_epoch,
                "client_key": raw[120:152].hex(), "session_key": raw[152:184].hex()}


    def test_a_pool_takes_its_size_from_the_image(self):
        manifest = dict(MANIFEST, vcpus=3, memory_mib=333)
        self.call("POST", "/v1/images", {"name": "big", "manifest": manifest}, expect=201)
        for more, wanted in (({}, (3, 333)), ({"vcpus": 1, "memory_mib": 128}, (1, 128))):
            self.call("POST", "/v1/pools", {"name": f"p{wanted[0]}", "image": "big", "size": 1,
                                            **more}, expect=201)
            pool = next(p for p in self.call("GET", "/v1/pools")["pools"]
                        if p["name"] == f"p{wanted[0]}")
            self.assertEqual((pool["vcpus"], pool["memory_mib"]), wanted)

class Logins(BrokerCase):
    def test_right_password_gives_a_token_that_knows_its_user(self):
        reply = self.call("GET", "/v1/me")
        self.assertEqual((reply["name"], reply["admin"]), ("admin", True))

    def test_wrong_password_and_unknown_user_look_the_same(self):
        for user in ("admin", "nobody"):
            status, reply = self.broker.request("POST", "/v1/auth/login",
                                                {"user": user, "password": "wrong password"})
            self.assertEqual((status, reply["code"]), (401, "bad-credentials"))

    def test_the_sixth_try_is_throttled_before_hashing(self):
        body = {"user": "victim", "password": "wrong password"}
        for _ in range(5):
            status, _ = self.broker.request("POST", "/v1/auth/login", body, source="192.0.2.7")
            self.assertEqual(status, 401)
        status, reply = self.broker.request("POST", "/v1/auth/login", body, source="192.0.2.7")
        self.assertEqual((status, reply["code"]), (429, "throttled"))
        self.assertGreaterEqual(reply["retry_after_s"], 1)
        good = {"user": "admin", "password": ADMIN_PASSWORD}
        status, _ = self.broker.request("POST", "/v1/auth/login", good, source="192.0.2.7")
        self.assertEqual(status, 429, "the source is throttled for every user")
        status, _ = self.broker.request("POST", "/v1/auth/login", good, source="192.0.2.8")
        self.assertEqual(status, 200, "another source is not")

    def test_logout_kills_the_token(self):
        token = self.broker.login("admin", ADMIN_PASSWORD)
        self.call("POST", "/v1/auth/logout", token=token, expect=204)
        self.call("GET", "/v1/me", token=token, expect=401)

    def test_no_token_no_answer(self):
        status, reply = self.broker.request("GET", "/v1/me")
        self.assertEqual((status, reply["code"]), (401, "expired"))

    def test_users_are_not_administrators(self):
        anna = self.add_user("anna")
        for path in ("/v1/users", "/v1/audit", "/v1/status"):
            self.call("GET", path, token=anna, expect=403)


class Requests(BrokerCase):
    def test_bodies_are_strict(self):
        for body in (b"", b"[]", b"{", b'{"user":"a"}', b'{"user":"a","password":"b","x":1}',
                     b'{"user":"a","user":"b","password":"c"}', b'{"user":1,"password":"b"}',
                     b'{"user":"a\\u0001","password":"b"}', b"[" * 5000,
                     b'{"user":"' + b"a" * 300 + b'","password":"b"}'):
            status, reply = self.broker.request("POST", "/v1/auth/login", body)
            self.assertEqual((status, reply["code"]), (400, "invalid"), body[:40])

    def test_big_bodies_are_refused(self):
        status, reply = self.broker.request("POST", "/v1/auth/login", b" " * (256 * 1024 + 1))
        self.assertEqual((status, reply["code"]), (413, "too-large"))

    def test_unknown_paths_and_methods(self):
        self.call("GET", "/v1/nothing", expect=404)
        self.call("DELETE", "/v1/users", expect=405)
        self.call("POST", "/v1/me/desktops/xyz/connect", {}, expect=404)

    def test_internal_paths_are_on_the_internal_socket_only(self):
        self.call("GET", "/internal/v1/health", expect=404)
        self.assertEqual(self.call("GET", "/internal/v1/health", internal=True)["status"], "ok")
        self.assertIn("berth_agent_links", self.call("GET", "/internal/v1/metrics", internal=True))

    def test_names_are_unique_and_errors_say_so(self):
        self.add_user("anna")
        reply = self.call("POST", "/v1/users", {"name": "anna", "password": PASSWORD}, expect=409)
        self.assertEqual(reply["code"], "exists")
        reply = self.call("POST", "/v1/users", {"name": "b", "password": "short"}, expect=400)
        self.assertIn("at least", reply["detail"])


class Desktops(BrokerCase):
    def test_a_ready_desktop_comes_with_a_ticket_that_verifies(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(users=["anna"])
        eventually(lambda: self.machines("ready"))
        desktop, = self.call("GET", "/v1/me/desktops", token=anna)["desktops"]
        self.assertEqual((desktop["state"], desktop["session"]), ("available", None))
        reply = self.connect(anna, pool)
        ticket = self.verify_ticket(reply["ticket"])
        self.assertEqual(reply["state"], "ready")
        self.assertEqual(reply["sni"], f"{reply['session']}.{agent.host_id}.session.berth")
        self.assertEqual(ticket["session"], reply["session"])
        self.assertEqual(ticket["machine"], reply["machine"])
        self.assertEqual(ticket["client_key"], KEY)
        self.assertEqual(ticket["session_key"], reply["session_key"])
        self.assertEqual(ticket["session_key"], agent.sessions[reply["session"]]["session_key"])
        self.assertEqual(ticket["epoch"], agent.machines[reply["machine"]]["epoch"])
        wanted = {"resume_window_s": 180, "input": True, "resize": True, "observe": "ask"}
        self.assertEqual(reply["policy"], {**reply["policy"], **wanted})
        desktop, = self.call("GET", "/v1/me/desktops", token=anna)["desktops"]
        self.assertEqual((desktop["state"], desktop["session"]), ("in-use", reply["session"]))
        self.assert_whole()

    def test_connecting_twice_is_the_same_desktop_with_a_higher_connection_epoch(self):
        self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(users=["anna"])
        first = self.connect(anna, pool)
        second = self.connect(anna, pool)
        self.assertEqual(first["session"], second["session"])
        epochs = [self.verify_ticket(r["ticket"])["connection_epoch"] for r in (first, second)]
        self.assertEqual(epochs, [1, 2])

    def test_a_double_click_gives_one_desktop(self):
        self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(size=4, spares=4, users=["anna"])
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(self.connect(anna, pool)))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({reply["machine"] for reply in replies}), 1)
        self.assertEqual(len(self.machines("assigned")), 1)
        self.assert_whole()

    def test_the_next_user_never_gets_a_desktop_that_was_not_scrubbed(self):
        agent = self.add_host()
        anna, bert = self.add_user("anna"), self.add_user("bert")
        pool = self.add_pool(size=1, spares=1, users=["anna", "bert"])
        first = self.connect(anna, pool)
        reply = self.connect(bert, pool, expect=202)
        self.assertEqual((reply["state"], reply["position"]), ("queued", 1))
        old_overlay = agent.machines[first["machine"]]["overlay"]
        agent.auto = False
        self.call("POST", f"/v1/me/sessions/{first['session']}/logoff", token=anna, expect=204)
        agent.wait_for(lambda a: a.desired["machines"][0]["epoch"] == 2)
        machine, = self.machines()
        self.assertEqual((machine["state"], machine["dirty"]), ("recycling", True))
        # The agent lies: the new epoch runs on the old disk.  That is no scrub receipt.
        agent.set_machine(first["machine"], epoch=2, state="ready", overlay=old_overlay)
        agent.flush()
        self.call("POST", "/v1/entitlements", {"pool": pool, "user": "anna"}, expect=409)
        self.assertEqual(self.machines()[0]["state"], "recycling")
        agent.set_machine(first["machine"], epoch=2, state="ready", overlay="f" * 32)
        machine, = eventually(lambda: self.machines("ready"))
        self.assertFalse(machine["dirty"])
        second = self.connect(bert, pool)
        self.assertEqual(second["machine"], first["machine"])
        self.assertEqual(self.verify_ticket(second["ticket"])["epoch"], 2)
        receipts = [row for row in self.call("GET", "/v1/audit?limit=500")["audit"]
                    if row["kind"] == "machine.scrubbed"]
        self.assertEqual(receipts[0]["data"]["old_overlay"], old_overlay)
        self.assertEqual(receipts[0]["data"]["new_overlay"], "f" * 32)
        self.assert_whole()

    def test_a_user_waits_in_the_queue_until_a_machine_is_made(self):
        self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(size=1, spares=0, users=["anna"])
        self.assertEqual(self.machines(), [])
        self.assertEqual(self.connect(anna, pool)["state"], "ready")

    def test_a_slow_machine_is_waited_for(self):
        agent = self.add_host(auto=False)
        anna = self.add_user("anna")
        pool = self.add_pool(size=1, spares=1, users=["anna"])
        agent.wait_for(lambda a: a.desired["machines"])
        machine = agent.desired["machines"][0]["id"]
        agent.set_machine(machine, state="starting", overlay="e" * 32)
        replies = []
        thread = threading.Thread(target=lambda: replies.append(self.connect(anna, pool)))
        thread.start()
        agent.wait_for(lambda a: a.desired["sessions"])
        agent.set_machine(machine, state="ready")
        thread.join(10)
        self.assertEqual(replies[0]["state"], "ready")

    def test_a_place_in_the_queue_is_said_at_once(self):
        self.add_host()
        tokens = [self.add_user(name) for name in ("anna", "bert")]
        pool = self.add_pool(size=1, spares=1, users=["anna", "bert"])
        self.connect(tokens[0], pool)
        began = time.monotonic()
        reply = self.connect(tokens[1], pool, expect=202)
        self.assertEqual((reply["state"], reply["session"], reply["position"]), ("queued", None, 1))
        self.assertLess(time.monotonic() - began, 5)

    def test_who_left_the_queue_gets_no_desktop(self):
        self.add_host()
        anna, bert, carla = (self.add_user(name) for name in ("anna", "bert", "carla"))
        pool = self.add_pool(size=1, spares=1, users=["anna", "bert", "carla"])
        first = self.connect(anna, pool)
        self.connect(bert, pool, expect=202)
        # Its second request waits for long; an answer to somebody else shows that it arrived.
        waiting = UnixConnection(self.site.path("api.sock"))
        waiting.request("POST", f"/v1/me/desktops/{pool}/connect",
                        json.dumps({"client_key": KEY, "client": "test"}),
                        {"Authorization": "Bearer " + bert})
        self.machines()
        waiting.close()
        self.call("POST", f"/v1/me/sessions/{first['session']}/logoff", token=anna, expect=204)
        eventually(lambda: self.broker.request(
            "POST", f"/v1/me/desktops/{pool}/connect", {"client_key": KEY, "client": "test"},
            carla)[0] == 200)
        self.assertNotIn("bert", [row["user"] for row in self.call("GET", "/v1/sessions")["sessions"]])

    def test_a_pool_that_is_not_mine_does_not_exist(self):
        self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool()
        self.connect(anna, pool, expect=404)

    def test_sessions_of_others_cannot_be_touched(self):
        self.add_host()
        anna, bert = self.add_user("anna"), self.add_user("bert")
        pool = self.add_pool(users=["anna"])
        session = self.connect(anna, pool)["session"]
        for verb in ("disconnect", "logoff"):
            self.call("POST", f"/v1/me/sessions/{session}/{verb}", token=bert, expect=404)

    def test_disconnect_keeps_the_desktop(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(users=["anna"])
        first = self.connect(anna, pool)
        agent.set_session(first["session"], state="connected", connection_epoch=1)
        eventually(lambda: self.call("GET", "/v1/sessions")["sessions"][0]["state"] == "active")
        self.call("POST", f"/v1/sessions/{first['session']}/disconnect", expect=204)
        agent.wait_for(lambda a: a.desired["sessions"][0]["want"] == "disconnected")
        eventually(
            lambda: self.call("GET", "/v1/sessions")["sessions"][0]["state"] == "disconnected")
        second = self.connect(anna, pool)
        self.assertEqual(first["session"], second["session"])
        agent.wait_for(lambda a: a.desired["sessions"][0]["want"] == "open")

    def test_a_policy_of_the_pool_reaches_ticket_and_client(self):
        self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(users=["anna"], policy={"input": False, "resume_window_s": 60})
        reply = self.connect(anna, pool)
        wanted = {"resume_window_s": 60, "input": False, "resize": True, "observe": "ask"}
        self.assertEqual(reply["policy"], {**reply["policy"], **wanted})
        rights = struct.unpack_from("<I", base64.b64decode(reply["ticket"]), 4)[0]
        self.assertEqual(rights, RIGHT_RESIZE | RIGHT_SCREENSHOT)

    def open_by_group(self, agent):
        """A desktop that anna has by a group; its group and its session as the host sees it."""
        anna = self.add_user("anna")
        pool = self.add_pool()
        group = self.call("POST", "/v1/groups", {"name": "staff"}, expect=201)["id"]
        account = self.call("GET", "/v1/me", token=anna)["id"]
        self.call("PUT", f"/v1/groups/{group}/members/{account}", expect=204)
        self.call("POST", "/v1/entitlements", {"pool": pool, "group": "staff"}, expect=201)
        self.connect(anna, pool)
        agent.wait_for(lambda a: a.desired["sessions"])
        return group, account

    def test_a_changed_policy_reaches_a_session_that_runs(self):
        agent = self.add_host()
        group, _ = self.open_by_group(agent)
        self.assertTrue(agent.desired["sessions"][0]["policy"]["input"])
        self.call("PUT", f"/v1/policies/group/{group}", {"policy": {"input": False}}, expect=204)
        agent.wait_for(lambda a: not a.desired["sessions"][0]["policy"]["input"], 5)
        self.call("DELETE", f"/v1/policies/group/{group}", expect=204)
        agent.wait_for(lambda a: a.desired["sessions"][0]["policy"]["input"], 5)

    def test_who_leaves_the_group_that_entitles_is_put_out(self):
        agent = self.add_host()
        group, account = self.open_by_group(agent)
        self.call("DELETE", f"/v1/groups/{group}/members/{account}", expect=204)
        agent.wait_for(lambda a: a.desired["sessions"][0]["want"] == "disconnected", 5)

    def test_a_full_spare_gap_is_closed_at_once(self):
        self.add_host()
        self.add_pool(size=20, spares=10)
        eventually(lambda: len(self.machines("ready")) == 10)
        self.assert_whole()


class Hosts(BrokerCase):
    def test_no_host_means_host_down(self):
        anna = self.add_user("anna")
        pool = self.add_pool(users=["anna"])
        self.assertEqual(self.connect(anna, pool, expect=503)["code"], "host-down")

    def test_a_dead_agent_is_noticed_and_its_desktop_is_host_down(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(users=["anna"])
        self.connect(anna, pool)
        agent.stop()
        eventually(lambda: self.call("GET", "/v1/hosts")["hosts"][0]["state"] == "suspect")
        self.assertEqual(self.connect(anna, pool, expect=503)["code"], "host-down")
        again = FakeAgent(self.broker.port, self.site.dir, agent.host_id, "one", epoch=2)
        again.machines, again.sessions = agent.machines, agent.sessions
        again.start()
        self.addCleanup(again.stop)
        eventually(lambda: self.call("GET", "/v1/hosts")["hosts"][0]["state"] == "up")
        self.assertEqual(self.connect(anna, pool)["state"], "ready")

    def test_an_unknown_host_is_refused(self):
        host_id = self.site.new_host("stranger")
        agent = FakeAgent(self.broker.port, self.site.dir, host_id, "stranger")
        agent.start()
        self.addCleanup(agent.stop)
        agent.wait_for(lambda a: a.refused)
        self.assertEqual(agent.refused["code"], "not-found")

    def test_a_host_cannot_be_another(self):
        agent = self.add_host("one")
        self.site.new_host("two")
        thief = FakeAgent(self.broker.port, self.site.dir, agent.host_id, "two")
        thief.start()
        self.addCleanup(thief.stop)
        thief.wait_for(lambda a: a.refused)
        self.assertEqual(thief.refused["code"], "untrusted")

    def test_a_failed_machine_is_shown_and_tried_again(self):
        agent = self.add_host(auto=False)
        self.add_pool(size=1, spares=1)
        agent.wait_for(lambda a: a.desired["machines"])
        machine = agent.desired["machines"][0]["id"]
        agent.set_machine(machine, state="failed", code="disk-full", detail="no space on /var")
        failed, = eventually(lambda: self.machines("failed"))
        self.assertEqual((failed["code"], failed["detail"]), ("disk-full", "no space on /var"))
        agent.auto = True
        eventually(lambda: self.machines("ready"))

    def test_hosts_and_addresses_are_for_the_gateway(self):
        agent = self.add_host()
        hosts = self.call("GET", "/internal/v1/hosts", internal=True)["hosts"]
        self.assertEqual(hosts, [{"id": agent.host_id, "address": "127.0.0.1:9"}])

    def test_a_shrunk_pool_lets_machines_go(self):
        agent = self.add_host()
        pool = self.add_pool(size=3, spares=3)
        eventually(lambda: len(self.machines("ready")) == 3)
        self.call("PATCH", f"/v1/pools/{pool}", {"size": 1, "spares_hot": 1})
        eventually(lambda: len(self.machines()) == 1)
        self.assertEqual(len(agent.machines), 1)
        self.assert_whole()


class Restarts(BrokerCase):
    def test_kill_minus_nine_forgets_nothing(self):
        agent = self.add_host()
        anna = self.add_user("anna")
        pool = self.add_pool(size=2, spares=2, users=["anna"])
        first = self.connect(anna, pool)
        eventually(lambda: len(self.machines()) == 2)
        before = {row["id"]: row["epoch"] for row in self.machines()}
        self.broker.kill()
        generation = agent.generation
        self.broker.start(port=agent.port)
        second = self.connect(anna, pool)
        self.assertEqual(first["session"], second["session"])
        self.assertEqual(self.verify_ticket(second["ticket"])["connection_epoch"], 2)
        eventually(lambda: self.call("GET", "/internal/v1/health", internal=True)["agents"] == 1)
        agent.wait_for(lambda a: a.generation > generation)
        self.assertEqual({row["id"]: row["epoch"] for row in self.machines()}, before)
        self.assert_whole()

    def test_sigterm_answers_who_waits_and_ends_cleanly(self):
        agent = self.add_host(auto=False)
        anna = self.add_user("anna")
        pool = self.add_pool(size=1, spares=1, users=["anna"])
        agent.wait_for(lambda a: a.desired["machines"])
        machine = agent.desired["machines"][0]["id"]
        agent.set_machine(machine, state="starting", overlay="e" * 32)
        replies = []

        def ask():
            try:
                replies.append(self.broker.request(
                    "POST", f"/v1/me/desktops/{pool}/connect", {"client_key": KEY}, anna))
            except (OSError, EOFError):
                replies.append(None)
        thread = threading.Thread(target=ask)
        thread.start()
        agent.wait_for(lambda a: a.desired["sessions"])
        self.assertEqual(self.broker.stop(), 0)
        thread.join(10)
        self.assertEqual(len(replies), 1)

    def test_two_brokers_do_not_share_a_state_dir(self):
        result = subprocess.run([PROGRAM, "--config", self.site.path("broker.conf")],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("another broker", result.stderr)


class Links(BrokerCase):
    def test_a_stranger_without_a_certificate_gets_nowhere(self):
        with socket.create_connection(("127.0.0.1", self.broker.port), timeout=60) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                self.assertLess(len(sock.recv(100)), 100)
            except ConnectionResetError:
                pass
        self.assertEqual(self.call("GET", "/internal/v1/health", internal=True)["agents"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker and its users: passwords, second factors, tokens, groups, devices, revocation."""
import http.client
import json
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, UnixConnection, new_folder  # noqa: E402
from fake_agent import FakeAgent  # noqa: E402
from fault_site import PRELOAD, Clock, forget_dead_clocks  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
PASSWORD = "a good password"
OTHER = "another good password"
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
KEY = "ab" * 32


def eventually(probe, timeout=60):
    """Asks again until probe() gives something true; returns it."""
    end = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def oathtool(secret, at=None):
    """The code of a secret; at: seconds since 1970, now if not given."""
    argv = ["oathtool", "--totp", "--base32", secret]
    if at is not None:
        argv += ["--now", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


class PeopleCase(unittest.TestCase):
    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.site = Site(self.folder.name)
        self.configure()
        self.broker = Broker(PROGRAM, self.site, self.environment())
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)

    def configure(self):
        pass

    def environment(self):
        return None

    def call(self, method, path, body=None, token=None, expect=200, **more):
        status, reply = self.broker.request(method, path, body, token or self.admin, **more)
        self.assertEqual(status, expect, reply)
        return reply

    def try_login(self, user, password, source=None, **more):
        return self.broker.request("POST", "/v1/auth/login",
                                   {"user": user, "password": password, **more}, source=source)

    def add_user(self, name, password=PASSWORD):
        return self.call("POST", "/v1/users", {"name": name, "password": password},
                         expect=201)["id"]

    def audit(self, kind):
        return [row for row in self.call("GET", "/v1/audit?limit=1000")["audit"]
                if row["kind"] == kind]


class Passwords(PeopleCase):
    def test_a_user_changes_his_password_and_other_logins_end(self):
        self.add_user("anna")
        first, second = self.broker.login("anna", PASSWORD), self.broker.login("anna", PASSWORD)
        wrong = {"old_password": "wrong", "password": OTHER}
        self.call("POST", "/v1/me/password", wrong, first, expect=401)
        weak = {"old_password": PASSWORD, "password": "short"}
        self.call("POST", "/v1/me/password", weak, first, expect=400)
        good = {"old_password": PASSWORD, "password": OTHER}
        self.call("POST", "/v1/me/password", good, first, expect=204)
        self.call("GET", "/v1/me", token=first)
        self.call("GET", "/v1/me", token=second, expect=401)
        self.assertEqual(self.try_login("anna", PASSWORD)[0], 401)
        self.assertEqual(self.try_login("anna", OTHER)[0], 200)

    def test_guessing_the_old_password_is_throttled(self):
        self.add_user("anna")
        anna = self.broker.login("anna", PASSWORD)
        wrong = {"old_password": "wrong", "password": OTHER}
        answers = [self.broker.request("POST", "/v1/me/password", wrong, anna)[0]
                   for _ in range(7)]
        self.assertEqual(answers[:5], [401] * 5)
        self.assertEqual(answers[6], 429)

    def test_an_administrator_sets_disables_enables_and_removes(self):
        anna = self.add_user("anna")
        token = self.broker.login("anna", PASSWORD)
        self.call("POST", f"/v1/users/{anna}/password", {"password": OTHER}, expect=204)
        self.call("GET", "/v1/me", token=token, expect=401)
        token = self.broker.login("anna", OTHER)
        reply = self.call("PATCH", f"/v1/users/{anna}", {"enabled": False})
        self.assertEqual((reply["enabled"], reply["name"]), (False, "anna"))
        self.call("GET", "/v1/me", token=token, expect=401)
        self.assertEqual(self.try_login("anna", OTHER)[1]["code"], "bad-credentials")
        self.call("PATCH", f"/v1/users/{anna}", {"enabled": True, "display_name": "Anna A."})
        token = self.broker.login("anna", OTHER)
        self.call("DELETE", f"/v1/users/{anna}", expect=204)
        self.call("GET", "/v1/me", token=token, expect=401)
        self.call("GET", f"/v1/users/{anna}", expect=404)
        self.assertNotIn("anna", [u["name"] for u in self.call("GET", "/v1/users")["users"]])
        self.add_user("anna")

    def test_a_change_of_an_old_version_is_refused(self):
        anna = self.add_user("anna")
        connection = UnixConnection(self.site.path("api.sock"))
        for tag, status in (('"1"', 200), ('"1"', 412)):
            connection.request("PATCH", f"/v1/users/{anna}", json.dumps({"display_name": "A"}),
                               {"Authorization": "Bearer " + self.admin, "If-Match": tag})
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, status)
        connection.close()

    def test_the_last_administrator_cannot_go(self):
        admin = self.call("GET", "/v1/me")["id"]
        self.call("PATCH", f"/v1/users/{admin}", {"enabled": False}, expect=409)
        self.call("DELETE", f"/v1/users/{admin}", expect=409)

    def test_no_secret_is_in_the_audit_log_or_the_store(self):
        self.add_user("anna")
        self.try_login("anna", "not her password")
        token = self.broker.login("anna", PASSWORD)
        text = json.dumps(self.call("GET", "/v1/audit?limit=1000"))
        for name in ("state/broker.sqlite", "state/broker.sqlite-wal"):
            if os.path.exists(self.site.path(name)):
                with open(self.site.path(name), "rb") as file:
                    text += file.read().decode("latin-1")
        for secret in (PASSWORD, "not her password", ADMIN_PASSWORD, token):
            self.assertNotIn(secret, text)
        self.assertTrue(self.audit("login.failed"))


class Pepper(PeopleCase):
    def test_the_pepper_is_replaced_and_never_lost(self):
        path = self.site.path("state/pepper.key")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, encoding="utf-8") as file:
            old = file.read()
        self.broker.stop()
        with open(path, "w", encoding="utf-8") as file:
            file.write("cd" * 32 + "\n" + old)
        self.broker.start()
        self.broker.login("admin", ADMIN_PASSWORD)
        self.broker.stop()
        with open(path, "w", encoding="utf-8") as file:
            file.write("cd" * 32 + "\n")
        self.broker.start()
        self.broker.login("admin", ADMIN_PASSWORD)
        self.broker.stop()
        for text, complaint in ((old, "not the pepper"), (None, "is not there")):
            os.unlink(path)
            if text:
                with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w",
                          encoding="utf-8") as file:
                    file.write(text)
            result = subprocess.run([PROGRAM, "--config", self.site.path("broker.conf")],
                                    capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn(complaint, result.stderr)
            if not text:
                self.assertFalse(os.path.exists(path))


class Throttle(PeopleCase):
    def fail(self, user, n, source):
        return [self.try_login(user, "wrong password", source)[0] for _ in range(n)]

    def test_strangers_do_not_lock_out_a_known_device(self):
        self.add_user("anna")
        status, reply = self.try_login("anna", PASSWORD, "192.0.2.1", remember_device=True,
                                       device_name="desk")
        self.assertEqual(status, 200)
        device = reply["device_token"]
        self.assertEqual(self.fail("anna", 6, "198.51.100.9")[-1], 429)
        self.assertEqual(self.try_login("anna", PASSWORD, "192.0.2.1")[0], 429)
        status, reply = self.try_login("anna", PASSWORD, "192.0.2.1", device_token=device)
        self.assertEqual(status, 200)
        self.assertNotIn("device_token", reply)
        # From the strangers' address, too: the device is what counts.
        self.fail("bert", 6, "198.51.100.9")
        self.assertEqual(
            self.try_login("anna", PASSWORD, "198.51.100.9", device_token=device)[0], 200)

    def test_a_device_is_known_to_its_own_user_only_and_cannot_be_made_up(self):
        self.add_user("anna")
        self.add_user("bert")
        device = self.try_login("bert", PASSWORD, remember_device=True)[1]["device_token"]
        self.fail("anna", 6, "198.51.100.9")
        for token in (device, "ab" * 32):
            self.assertEqual(
                self.try_login("anna", PASSWORD, "192.0.2.1", device_token=token)[0], 429)

    def test_a_known_device_is_throttled_by_its_own_failures(self):
        self.add_user("anna")
        device = self.try_login("anna", PASSWORD, remember_device=True)[1]["device_token"]
        self.fail("anna", 6, "198.51.100.9")
        answers = [self.try_login("anna", "wrong password", "192.0.2.1", device_token=device)[0]
                   for _ in range(6)]
        self.assertEqual((answers[:5], answers[5]), ([401] * 5, 429))

    def test_a_network_of_ipv6_counts_as_one(self):
        for i in range(5):
            self.try_login(f"nobody{i}", "wrong password", f"2001:db8:1:2::{i + 1}")
        status, _ = self.try_login("admin", ADMIN_PASSWORD, "2001:db8:1:2:ffff::1")
        self.assertEqual(status, 429)
        self.assertEqual(self.try_login("admin", ADMIN_PASSWORD, "2001:db8:1:3::1")[0], 200)

    def test_headers_do_not_change_where_one_comes_from(self):
        for _ in range(5):
            self.try_login("nobody", "wrong password", "192.0.2.7")
        connection = UnixConnection(self.site.path("api.sock"), "192.0.2.7")
        body = json.dumps({"user": "admin", "password": ADMIN_PASSWORD})
        connection.request("POST", "/v1/auth/login", body,
                           {"X-Forwarded-For": "203.0.113.1", "Forwarded": "for=203.0.113.1",
                            "X-Real-IP": "203.0.113.1"})
        self.assertEqual(connection.getresponse().status, 429)
        connection.close()


class SecondFactor(PeopleCase):
    def enrol(self, token):
        """Returns secret and recovery codes; the code of the step before now was used up."""
        secret = self.call("POST", "/v1/me/totp", token=token)["secret"]
        code = oathtool(secret, time.time() - 30)
        codes = self.call("POST", "/v1/me/totp/confirm", {"code": code}, token)["recovery_codes"]
        return secret, codes

    def second_step(self, pending, **proof):
        return self.broker.request("POST", "/v1/auth/mfa", {"pending": pending, **proof})

    def test_enrolment_second_step_and_replay(self):
        self.add_user("anna")
        token = self.broker.login("anna", PASSWORD)
        uri = self.call("POST", "/v1/me/totp", token=token)["uri"]
        self.assertTrue(uri.startswith("otpauth://totp/Berth:anna?secret="))
        # Nothing is asked before it is confirmed.
        self.broker.login("anna", PASSWORD)
        secret, codes = self.enrol(token)
        self.assertEqual(len(set(codes)), 10)
        self.call("POST", "/v1/me/totp", token=token, expect=409)
        status, reply = self.try_login("anna", PASSWORD)
        self.assertEqual((status, reply["second_factor"]), (200, "totp"))
        self.assertNotIn("token", reply)
        pending = reply["pending"]
        self.call("GET", "/v1/me", token=pending, expect=401)
        code = oathtool(secret, time.time())
        self.assertEqual(self.second_step(pending, code="000000")[1]["code"], "bad-credentials")
        status, reply = self.second_step(pending, code=code)
        self.assertEqual(status, 200, reply)
        self.call("GET", "/v1/me", token=reply["token"])
        self.assertEqual(self.second_step(pending, code=code)[1]["code"], "expired")
        again = self.try_login("anna", PASSWORD)[1]["pending"]
        status, reply = self.second_step(again, code=code)
        self.assertEqual((status, reply["code"]), (401, "bad-credentials"))
        self.assertIn("used already", reply["detail"])

    def test_recovery_codes_are_good_once(self):
        self.add_user("anna")
        _, codes = self.enrol(self.broker.login("anna", PASSWORD))
        for expect in (200, 401):
            pending = self.try_login("anna", PASSWORD)[1]["pending"]
            status, _ = self.second_step(pending, recovery_code=codes[0].upper())
            self.assertEqual(status, expect)

    def test_guessing_codes_is_throttled(self):
        self.add_user("anna")
        self.enrol(self.broker.login("anna", PASSWORD))
        pending = self.try_login("anna", PASSWORD)[1]["pending"]
        answers = [self.second_step(pending, code="000000") for _ in range(6)]
        self.assertEqual([a[0] for a in answers[:5]], [401] * 5)
        self.assertEqual(answers[5][0], 429)
        self.assertGreaterEqual(answers[5][1]["retry_after_s"], 1)
        # Another login waits as well.
        pending = self.try_login("anna", PASSWORD)[1]["pending"]
        self.assertEqual(self.second_step(pending, code="000000")[0], 429)

    def test_an_administrator_asks_for_it_and_takes_a_lost_one_away(self):
        anna = self.add_user("anna")
        self.call("PATCH", f"/v1/users/{anna}", {"needs_totp": True})
        reply = self.try_login("anna", PASSWORD)[1]
        self.assertEqual(reply["second_factor"], "enrol")
        pending = reply["pending"]
        status, reply = self.broker.request("POST", "/v1/auth/totp", {"pending": pending})
        self.assertEqual(status, 200)
        status, done = self.second_step(pending, code=oathtool(reply["secret"]))
        self.assertEqual(status, 200, done)
        self.assertEqual(len(done["recovery_codes"]), 10)
        self.assertEqual(self.try_login("anna", PASSWORD)[1]["second_factor"], "totp")
        self.call("DELETE", f"/v1/users/{anna}/totp", expect=204)
        self.assertEqual(self.try_login("anna", PASSWORD)[1]["second_factor"], "enrol")
        self.assertTrue(self.audit("totp.reset"))

    def test_roles_can_need_it(self):
        self.call("PUT", "/v1/second-factor", {"roles": ["king"]}, expect=400)
        self.call("PUT", "/v1/second-factor", {"roles": ["admin"]}, expect=204)
        self.assertEqual(self.call("GET", "/v1/second-factor")["roles"], ["admin"])
        self.assertEqual(self.try_login("admin", ADMIN_PASSWORD)[1]["second_factor"], "enrol")
        self.add_user("anna")
        self.broker.login("anna", PASSWORD)

    def test_it_is_removed_by_a_last_code_only(self):
        self.add_user("anna")
        token = self.broker.login("anna", PASSWORD)
        secret, _ = self.enrol(token)
        self.call("POST", "/v1/me/totp/remove", {"code": "000000"}, token, expect=401)
        self.call("POST", "/v1/me/totp/remove", {"code": oathtool(secret)}, token, expect=204)
        self.broker.login("anna", PASSWORD)


class Tokens(PeopleCase):
    def test_a_token_works_until_it_is_removed_and_cannot_dig_in(self):
        self.add_user("anna")
        login = self.broker.login("anna", PASSWORD)
        made = self.call("POST", "/v1/me/tokens", {"name": "backup", "days": 2}, login, expect=201)
        token = made["token"]
        self.assertEqual(self.call("GET", "/v1/me", token=token)["name"], "anna")
        listed, = self.call("GET", "/v1/me/tokens", token=login)["tokens"]
        self.assertEqual((listed["id"], listed["name"]), (made["id"], "backup"))
        self.assertNotIn(token, json.dumps(listed))
        self.call("POST", "/v1/me/tokens", {"name": "more"}, token, expect=403)
        self.call("POST", "/v1/me/totp", token=token, expect=403)
        change = {"old_password": PASSWORD, "password": OTHER}
        self.call("POST", "/v1/me/password", change, token, expect=403)
        self.call("GET", "/v1/users", token=token, expect=403)
        self.call("DELETE", f"/v1/me/tokens/{made['id']}", token=login, expect=204)
        self.call("GET", "/v1/me", token=token, expect=401)
        self.call("DELETE", f"/v1/me/tokens/{made['id']}", token=login, expect=404)

    def test_logins_are_listed_and_ended_one_by_one_or_all(self):
        anna = self.add_user("anna")
        self.add_user("bert")
        first, second = self.broker.login("anna", PASSWORD), self.broker.login("anna", PASSWORD)
        bert = self.broker.login("bert", PASSWORD)
        logins = self.call("GET", "/v1/me/logins", token=first)["logins"]
        self.assertEqual([row["current"] for row in logins].count(True), 1)
        other = next(row["id"] for row in logins if not row["current"])
        self.call("DELETE", f"/v1/me/logins/{other}", token=bert, expect=404)
        self.call("DELETE", f"/v1/me/logins/{other}", token=first, expect=204)
        self.call("GET", "/v1/me", token=second, expect=401)
        third = self.broker.login("anna", PASSWORD)
        listed = self.call("GET", f"/v1/users/{anna}/logins")["logins"]
        self.assertEqual(len(listed), 2)
        self.call("DELETE", f"/v1/users/{anna}/logins", expect=204)
        for token in (first, third):
            self.call("GET", "/v1/me", token=token, expect=401)
        self.call("GET", "/v1/me", token=bert)


class Groups(PeopleCase):
    def test_a_group_gives_desktops_to_its_members(self):
        anna = self.add_user("anna")
        token = self.broker.login("anna", PASSWORD)
        group = self.call("POST", "/v1/groups", {"name": "staff"}, expect=201)
        self.call("POST", "/v1/groups", {"name": "staff"}, expect=409)
        path = f"/v1/groups/{group['id']}"
        self.call("PUT", f"{path}/members/{anna}", expect=204)
        self.call("PUT", f"{path}/members/{anna}", expect=204)
        self.call("PUT", f"{path}/members/{'0' * 32}", expect=404)
        self.assertEqual([m["name"] for m in self.call("GET", f"{path}/members")["members"]],
                         ["anna"])
        self.assertEqual(self.call("GET", path)["n_members"], 1)
        self.call("PATCH", path, {"name": "people"})
        self.assertEqual([g["name"] for g in self.call("GET", "/v1/groups")["groups"]], ["people"])
        self.call("POST", "/v1/role-grants",
                  {"group": "people", "role": "viewer", "scope": "/"}, expect=201)
        self.call("GET", "/v1/users", token=token)
        self.call("DELETE", f"{path}/members/{anna}", expect=204)
        self.call("GET", "/v1/users", token=token, expect=403)
        self.call("DELETE", path, expect=204)
        self.call("GET", path, expect=404)


class Revocation(PeopleCase):
    def setUp(self):
        super().setUp()
        self.anna = self.add_user("anna")
        host = self.site.new_host("one")
        self.call("POST", "/v1/hosts", {"id": host, "name": "one"}, expect=201)
        self.agent = FakeAgent(self.broker.port, self.site.dir, host, "one")
        self.agent.start()
        self.addCleanup(self.agent.stop)
        self.agent.wait_for(lambda a: a.welcome)
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, expect=201)
        self.pool = self.call("POST", "/v1/pools", {
            "name": "pool", "image": "demo", "size": 1, "spares_hot": 1, "vcpus": 1,
            "memory_mib": 256}, expect=201)["id"]
        self.call("POST", "/v1/entitlements", {"pool": self.pool, "user": "anna"}, expect=201)

    def connect(self, token):
        reply = self.call("POST", f"/v1/me/desktops/{self.pool}/connect",
                          {"client_key": KEY, "client": "test"}, token)
        self.agent.set_session(reply["session"], state="connected", connection_epoch=1)
        eventually(lambda: self.call("GET", "/v1/sessions")["sessions"][0]["state"] == "active")

    def assert_cut_off(self, revoke):
        began = time.monotonic()
        revoke()
        self.agent.wait_for(lambda a: a.desired["sessions"][0]["want"] == "disconnected")
        print(f"cut off after {(time.monotonic() - began) * 1000:.0f} ms", file=sys.stderr)

    def test_ending_a_login_reaches_its_desktop(self):
        token = self.broker.login("anna", PASSWORD)
        other = self.broker.login("anna", PASSWORD)
        self.connect(token)
        login = next(row["id"] for row in self.call("GET", "/v1/me/logins", token=token)["logins"]
                     if row["current"])
        bystander = next(row["id"] for row in
                         self.call("GET", "/v1/me/logins", token=other)["logins"]
                         if row["current"])
        self.call("DELETE", f"/v1/me/logins/{bystander}", token=token, expect=204)
        self.assertEqual(self.agent.desired["sessions"][0]["want"], "open")
        self.assert_cut_off(lambda: self.call("DELETE", f"/v1/users/{self.anna}/logins/{login}",
                                              expect=204))

    def test_disabling_a_user_reaches_the_desktop(self):
        self.connect(self.broker.login("anna", PASSWORD))
        self.assert_cut_off(lambda: self.call("PATCH", f"/v1/users/{self.anna}",
                                              {"enabled": False}))

    def test_a_token_that_is_removed_reaches_the_desktop(self):
        login = self.broker.login("anna", PASSWORD)
        made = self.call("POST", "/v1/me/tokens", {"name": "t"}, login, expect=201)
        self.connect(made["token"])
        self.assert_cut_off(lambda: self.call("DELETE", f"/v1/me/tokens/{made['id']}", token=login,
                                              expect=204))

    def test_a_user_restarts_a_desktop(self):
        token = self.broker.login("anna", PASSWORD)
        self.connect(token)
        row = self.call("GET", "/v1/me/desktops", token=token)["desktops"][0]
        self.assertTrue(row["may_restart"])
        path = f"/v1/me/desktops/{self.pool}/restart"
        self.call("POST", path, token=token, expect=204)
        machine = self.call("GET", "/v1/machines")["machines"][0]
        self.assertNotIn(machine["state"], ("assigned", "in-use"))
        self.assertEqual(self.call("GET", "/v1/me/sessions", token=token)["sessions"], [])
        self.call("POST", path, token=token, expect=409)

    def test_a_user_with_a_desktop_is_not_removed(self):
        self.connect(self.broker.login("anna", PASSWORD))
        self.call("DELETE", f"/v1/users/{self.anna}", expect=409)


class Devices(PeopleCase):
    KEY = bytes(range(32))

    def device_login(self, key=None, ip="192.0.2.9"):
        connection = UnixConnection(self.site.path("api.sock"))
        name = b"\0berth-gateway/" + os.urandom(8).hex().encode() + b"/" + ip.encode()
        connection.connect_name = name + (b"\0" + key if key else b"")
        connection.request("POST", "/v1/auth/device", b"{}")
        response = connection.getresponse()
        reply = response.status, json.loads(response.read())
        connection.close()
        return reply

    def test_a_kiosk_logs_in_by_its_certificate_until_it_is_disabled(self):
        kiosk = self.add_user("kiosk")
        body = {"name": "lobby", "fingerprint": self.KEY.hex(), "user": "kiosk"}
        device = self.call("POST", "/v1/devices", body, expect=201)["id"]
        self.call("POST", "/v1/devices", {**body, "name": "x"}, expect=409)
        status, reply = self.device_login(self.KEY)
        self.assertEqual((status, reply["user"]["id"]), (200, kiosk))
        self.assertEqual(self.device_login()[0], 401)
        self.assertEqual(self.device_login(os.urandom(32))[0], 401)
        self.call("PATCH", f"/v1/devices/{device}", {"enabled": False})
        self.call("GET", "/v1/me", token=reply["token"], expect=401)
        self.assertEqual(self.device_login(self.KEY)[0], 401)
        self.call("PATCH", f"/v1/devices/{device}", {"enabled": True})
        token = self.device_login(self.KEY)[1]["token"]
        self.call("DELETE", f"/v1/devices/{device}", expect=204)
        self.call("GET", "/v1/me", token=token, expect=401)

    def test_no_device_becomes_an_administrator(self):
        body = {"name": "lobby", "fingerprint": self.KEY.hex(), "user": "admin"}
        self.call("POST", "/v1/devices", body, expect=403)


class LinkCase(PeopleCase):
    def setUp(self):
        super().setUp()
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, expect=201)
        self.pool = self.call("POST", "/v1/pools", {"name": "office", "image": "demo", "size": 0},
                              expect=201)["id"]
        self.anna_id = self.add_user("anna")
        self.call("POST", "/v1/entitlements", {"user": "anna", "pool": "office"}, expect=201)
        self.anna = self.broker.login("anna", PASSWORD)

    def make(self, **more):
        return self.call("POST", "/v1/me/links", {"desktop": "office"}, self.anna, expect=201,
                         **more)

    def open(self, code):
        return self.broker.request("POST", "/v1/auth/code", {"code": code})


class Links(LinkCase):
    def test_a_code_logs_its_maker_in_once(self):
        link = self.make()
        self.assertEqual((link["desktop"], link["expires_in_s"]), (self.pool, 120))
        self.assertEqual(self.call("GET", "/v1/me", token=link["code"], expect=401)["code"],
                         "expired")
        status, reply = self.open(link["code"])
        self.assertEqual((status, reply["user"]["name"], reply["desktop"]),
                         (200, "anna", self.pool), reply)
        status, again = self.open(link["code"])
        self.assertEqual((status, again["code"]), (401, "expired"), again)
        self.assertEqual(self.open("ab" * 32)[1]["code"], "expired")
        self.assertEqual(self.open(self.anna)[1]["code"], "expired")
        kinds = {row["method"] for row in self.call("GET", "/v1/me/logins", token=self.anna)
                 ["logins"]}
        self.assertEqual(kinds, {"password", "link"})
        self.assertEqual(len(self.audit("link.made")), 1)
        self.assertNotIn(link["code"], json.dumps(self.call("GET", "/v1/audit?limit=1000")))

    def test_a_login_by_a_link_opens_its_desktop_only(self):
        """Its maker may have other desktops, and every right of the site."""
        other = self.call("POST", "/v1/pools", {"name": "annex", "image": "demo", "size": 0},
                          expect=201)["id"]
        for user, pool in (("anna", "annex"), ("admin", "office"), ("admin", "annex")):
            self.call("POST", "/v1/entitlements", {"user": user, "pool": pool}, expect=201)
        for maker in (self.anna, self.broker.login("admin", ADMIN_PASSWORD)):
            code = self.call("POST", "/v1/me/links", {"desktop": "office"}, maker,
                             expect=201)["code"]
            status, reply = self.open(code)
            self.assertEqual((status, reply["expires_in_s"], reply["user"]["admin"]),
                             (200, 3600, False), reply)
            token = reply["token"]
            rows = self.call("GET", "/v1/me/desktops", token=token)["desktops"]
            self.assertEqual([row["name"] for row in rows], ["office"])
            problem = self.call("GET", "/v1/users", token=token, expect=403)
            self.assertIn("log in by yourself", problem["detail"])
            for method, path, body in (
                    ("POST", "/v1/me/links", {"desktop": "office"}),
                    ("POST", "/v1/me/tokens", {"name": "script"}),
                    ("POST", "/v1/me/password", {"old_password": PASSWORD, "password": "x" * 20}),
                    ("DELETE", "/v1/me/logins", None), ("GET", "/v1/me", None),
                    ("GET", "/v1/me/logins", None), ("GET", "/v1/events", None),
                    ("POST", f"/v1/me/desktops/{other}/connect", {"client_key": "ab" * 32}),
                    ("POST", f"/v1/me/desktops/{other}/report", {"text": "x"})):
                self.call(method, path, body, token, expect=403)
            self.call("POST", f"/v1/me/desktops/{self.pool}/report", {"text": "x"}, token,
                      expect=204)
            self.call("POST", "/v1/auth/logout", token=token, expect=204)
            self.call("GET", "/v1/me/desktops", token=token, expect=401)

    def test_only_who_may_have_the_desktop_and_is_logged_in_makes_one(self):
        self.add_user("bob")
        bob = self.broker.login("bob", PASSWORD)
        self.call("POST", "/v1/me/links", {"desktop": "office"}, bob, expect=404)
        self.call("POST", "/v1/me/links", {"desktop": "x"}, self.anna, expect=404)
        token = self.call("POST", "/v1/me/tokens", {"name": "script"}, self.anna,
                          expect=201)["token"]
        self.call("POST", "/v1/me/links", {"desktop": "office"}, token, expect=403)
        for _ in range(16):
            self.make()
        self.call("POST", "/v1/me/links", {"desktop": self.pool}, self.anna, expect=429)

    def test_problems_are_reported_and_restarts_need_a_desktop(self):
        path = f"/v1/me/desktops/{self.pool}"
        row = self.call("GET", "/v1/me/desktops", token=self.anna)["desktops"][0]
        self.assertEqual((row["may_restart"], row["may_report"]), (False, True))
        self.call("POST", path + "/report", {"text": "the screen is green"}, self.anna, expect=204)
        report = self.audit("desktop.reported")[0]
        self.assertEqual((report["object"], report["data"]["text"]),
                         (self.pool, "the screen is green"))
        self.call("POST", path + "/report", {"text": "x" * 1025}, self.anna, expect=400)
        self.call("POST", path + "/restart", token=self.anna, expect=409)
        self.add_user("bob")
        bob = self.broker.login("bob", PASSWORD)
        self.call("POST", path + "/restart", token=bob, expect=404)
        self.call("POST", path + "/report", {"text": "x"}, bob, expect=404)
        self.call("PUT", "/v1/policies/site", {"policy": {"report": False, "restart": False}},
                  expect=204, match="*")
        self.call("POST", path + "/report", {"text": "x"}, self.anna, expect=403)
        self.call("POST", path + "/restart", token=self.anna, expect=403)

    def test_a_code_dies_with_its_user(self):
        link = self.make()
        self.call("PATCH", f"/v1/users/{self.anna_id}", {"enabled": False})
        self.assertEqual(self.open(link["code"])[1]["code"], "expired")
        self.call("PATCH", f"/v1/users/{self.anna_id}", {"enabled": True})
        self.assertEqual(self.open(link["code"])[1]["code"], "expired")


@unittest.skipUnless(os.path.exists(PRELOAD), "libfaketime is not installed")
class LinksAndTime(LinkCase):
    """The time of the site goes on by an hour in a moment."""

    def environment(self):
        self.clock = Clock(self.folder.name + "/clock", moves_boot=True)
        self.addCleanup(forget_dead_clocks)
        return self.clock.env()

    def pass_time(self, seconds):
        """Until the broker dates what happens so much later."""
        wanted_us = self.site_time_us() + seconds * 1000000
        self.clock.set(self.clock.offset_s + seconds)
        eventually(lambda: self.site_time_us() >= wanted_us)

    def site_time_us(self):
        eventually(self.is_heard)
        return max(row["at_us"] for row in self.audit("desktop.reported"))

    def is_heard(self):
        """A request that is under way while an hour passes has waited for too long."""
        try:
            return self.broker.request("POST", f"/v1/me/desktops/{self.pool}/report",
                                       {"text": "x"}, self.anna)[0] == 204
        except (OSError, http.client.HTTPException):
            return False

    def is_expired(self, token):
        status, reply = self.broker.request("GET", "/v1/me/desktops", token=token)
        return status == 401 and reply["code"] == "expired"

    def test_a_login_by_a_link_ends_after_an_hour(self):
        status, reply = self.open(self.make()["code"])
        self.assertEqual((status, reply["expires_in_s"]), (200, 3600), reply)
        self.pass_time(3500)
        self.assertFalse(self.is_expired(reply["token"]))
        self.pass_time(101)
        self.assertTrue(self.is_expired(reply["token"]))
        self.assertFalse(self.is_expired(self.anna), "who has a password is logged in for longer")

    def test_a_code_ends_after_two_minutes(self):
        code = self.make()["code"]
        self.pass_time(121)
        status, reply = self.open(code)
        self.assertEqual((status, reply["code"]), (401, "expired"), reply)


if __name__ == "__main__":
    unittest.main(verbosity=2)

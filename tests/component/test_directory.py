#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker and a real slapd: who logs in by a directory, and what a bad one cannot do."""
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, new_folder  # noqa: E402
from directory_fixture import (BASE, SEARCHER_PASSWORD, HangingServer, Slapd,  # noqa: E402
                               free_port)

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
ANNA = "a directory password"


class DirectoryCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = new_folder()
        cls.site = Site(cls.folder.name)
        cls.slapd = Slapd(cls.site)
        with open(cls.site.path("searcher"), "w", encoding="utf-8") as file:
            file.write(SEARCHER_PASSWORD + "\n")
        cls.site.issue("stranger", "DNS:localhost")

    @classmethod
    def tearDownClass(cls):
        cls.slapd.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.state = new_folder()
        self.addCleanup(self.state.cleanup)
        site = Site(self.state.name)
        self.broker = Broker(PROGRAM, site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)

    def call(self, method, path, body=None, token=None, expect=200, **more):
        status, reply = self.broker.request(method, path, body, token or self.admin, **more)
        self.assertEqual(status, expect, reply)
        return reply

    def settings(self, **more):
        return {"urls": [self.slapd.ldaps], "ca_file": self.site.path("ca.pem"),
                "bind_dn": f"cn=searcher,{BASE}", "bind_password_file": self.site.path("searcher"),
                "base": f"ou=people,{BASE}", "group_base": f"ou=groups,{BASE}",
                "user_filter": "(&(uid={user})(!(employeeType=disabled)))", **more}

    def add_source(self, name="directory", expect=201, **more):
        return self.call("POST", "/v1/sources", {"name": name, "kind": "ldap",
                                                 "settings": self.settings(**more)}, expect=expect)

    def try_login(self, user, password, source=None):
        return self.broker.request("POST", "/v1/auth/login", {"user": user, "password": password},
                                   source=source)

    def groups_of(self, user):
        groups = self.call("GET", "/v1/groups")["groups"]
        return {g["name"] for g in groups
                if user in [m["name"] for m in
                            self.call("GET", f"/v1/groups/{g['id']}/members")["members"]]}

    def assert_anna_comes_in(self, name="anna"):
        status, reply = self.try_login(name, ANNA)
        self.assertEqual(status, 200, reply)
        self.assertEqual(reply["user"]["name"], "anna")
        return reply

    def assert_down(self):
        status, reply = self.try_login("anna", ANNA)
        self.assertEqual((status, reply["code"]), (503, "source-down"), reply)


class Logins(DirectoryCase):
    def test_search_and_bind_with_groups_of_groups_that_go_in_circles(self):
        self.add_source()
        user = self.assert_anna_comes_in()["user"]
        self.assertEqual(self.groups_of("anna"), {"developers", "engineers", "staff"})
        shown = self.call("GET", f"/v1/users/{user['id']}")
        self.assertEqual((shown["source"], shown["display_name"]), ("directory", "Anna A."))
        # The next login finds the same account, however the name is written.
        self.assertEqual(self.assert_anna_comes_in("ANNA")["user"]["id"], user["id"])

    def test_without_nesting_only_the_next_group_counts(self):
        self.add_source(nested="none")
        self.assert_anna_comes_in()
        self.assertEqual(self.groups_of("anna"), {"developers"})

    def test_a_group_filter_chooses_and_a_taken_name_is_told_apart(self):
        self.call("POST", "/v1/groups", {"name": "developers"}, expect=201)
        self.add_source(group_filter="(|(cn=developers)(cn=staff))")
        self.assert_anna_comes_in()
        self.assertEqual(self.groups_of("anna"), {"developers@directory"})

    def test_bind_by_template_over_starttls_without_a_search_account(self):
        self.add_source(urls=[self.slapd.ldap], bind_template="uid={user},ou=people," + BASE,
                        bind_dn="", bind_password_file="")
        self.assert_anna_comes_in()
        self.assertEqual(self.groups_of("anna"), {"developers", "engineers", "staff"})
        self.assertEqual(self.try_login("anna", "wrong")[0], 401)

    def test_ldapi_needs_no_tls(self):
        self.add_source(urls=[self.slapd.ldapi])
        self.assert_anna_comes_in()

    def test_wrong_unknown_disabled_and_empty_look_the_same(self):
        self.add_source()
        for user, password in (("anna", "wrong"), ("nobody", ANNA), ("gone", "a good password")):
            status, reply = self.try_login(user, password)
            self.assertEqual((status, reply["code"], reply["detail"]),
                             (401, "bad-credentials", "the user name or password is wrong"), user)
        self.assertEqual(self.try_login("anna", "")[0], 400)

    def test_what_is_typed_stays_a_name(self):
        self.add_source()
        self.add_source("template", bind_template="uid={user},ou=people," + BASE)
        for i, user in enumerate(("*", "a*", "anna)(uid=*", "*)(objectClass=*", "anna\\", "\\2a",
                                  "anna,ou=people", "anna)(|(uid=*", "uid=anna", "(anna)",
                                  "anna'; DROP TABLE account; --", "anna\u00e9")):
            status, reply = self.try_login(user, ANNA, f"192.0.2.{i + 1}")
            self.assertEqual((status, reply["code"]), (401, "bad-credentials"), user)
        self.assertEqual([u["name"] for u in self.call("GET", "/v1/users")["users"]], ["admin"])

    def test_a_directory_cannot_take_a_local_account_over(self):
        self.add_source()
        status, reply = self.try_login("admin", "a directory password")
        self.assertEqual((status, reply["code"]), (401, "bad-credentials"))
        self.broker.login("admin", ADMIN_PASSWORD)

    def test_memberships_follow_the_directory(self):
        source = self.add_source()
        self.assert_anna_comes_in()
        settings = self.settings(group_filter="(cn=developers)")
        self.call("PATCH", f"/v1/sources/{source['id']}", {"settings": settings})
        self.assert_anna_comes_in()
        self.assertEqual(self.groups_of("anna"), {"developers"})

    def test_a_source_that_is_disabled_logs_its_users_out(self):
        source = self.add_source()
        token = self.assert_anna_comes_in()["token"]
        self.call("PATCH", f"/v1/sources/{source['id']}", {"enabled": False})
        self.call("GET", "/v1/me", token=token, expect=401)
        self.assertEqual(self.try_login("anna", ANNA)[0], 401)
        self.call("DELETE", f"/v1/sources/{source['id']}", expect=409)

    def test_settings_are_checked_and_shown_without_secrets(self):
        self.add_source(expect=400, tls=False)
        self.add_source(expect=400, urls=["http://localhost"])
        self.add_source()
        self.assertNotIn(SEARCHER_PASSWORD, str(self.call("GET", "/v1/sources")))
        names = self.broker.request("GET", "/v1/auth/sources")[1]["sources"]
        self.assertEqual([(s["name"], s["kind"]) for s in names], [("directory", "ldap")])
        self.assertNotIn("settings", names[0])


class Trouble(DirectoryCase):
    def test_a_dead_server_is_not_a_wrong_password(self):
        self.add_source(urls=[f"ldaps://localhost:{free_port()}"])
        self.assert_down()
        for _ in range(8):
            self.assert_down()  # and is not counted against the user

    def test_the_next_server_is_asked(self):
        self.add_source(urls=[f"ldaps://localhost:{free_port()}", self.slapd.ldaps])
        self.assert_anna_comes_in()

    def test_a_hanging_server_ends_by_its_time_and_stops_nobody_else(self):
        hanging = HangingServer()
        self.addCleanup(hanging.close)
        self.add_source(urls=[hanging.url], timeout_s=1)
        threads = [threading.Thread(target=self.try_login, args=(f"user{i}", ANNA))
                   for i in range(8)]
        for thread in threads:
            thread.start()
        worst = 0
        while any(thread.is_alive() for thread in threads):
            began = time.monotonic()
            self.call("GET", "/internal/v1/health", internal=True)
            worst = max(worst, time.monotonic() - began)
        print(f"meanwhile others waited {worst * 1000:.0f} ms at most", file=sys.stderr)
        self.assert_down()
        self.broker.login("admin", ADMIN_PASSWORD)

    def test_a_stranger_with_another_authority_is_not_believed(self):
        other = new_folder()
        self.addCleanup(other.cleanup)
        self.add_source(ca_file=Site(other.name).path("ca.pem"))
        self.assert_down()

    def test_starttls_is_needed_and_verified(self):
        other = new_folder()
        self.addCleanup(other.cleanup)
        self.add_source(urls=[self.slapd.ldap], ca_file=Site(other.name).path("ca.pem"))
        self.assert_down()

    def test_a_wrong_search_account_is_our_trouble_not_the_users(self):
        with open(self.site.path("wrong"), "w", encoding="utf-8") as file:
            file.write("wrong\n")
        self.add_source(bind_password_file=self.site.path("wrong"))
        self.assert_down()


if __name__ == "__main__":
    unittest.main(verbosity=2)

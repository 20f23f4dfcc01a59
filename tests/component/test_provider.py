#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker and an OpenID Connect provider that is honest, mistaken or hostile."""
import hashlib
import hmac
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, new_folder  # noqa: E402
from fake_provider import Key, Provider, b64  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
LOOPBACK = "http://127.0.0.1:49152/callback"


class ProviderCase(unittest.TestCase):
    kind = "RS256"

    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.site = Site(self.folder.name)
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)
        self.provider = Provider(self.site, self.kind)
        self.addCleanup(self.provider.close)
        with open(self.site.path("secret"), "w", encoding="utf-8") as file:
            file.write("the client secret\n")
        self.source = self.add_source()

    def add_source(self, **more):
        settings = {"issuer": self.provider.url, "client_id": "berth",
                    "client_secret_file": self.site.path("secret"),
                    "ca_file": self.site.path("ca.pem"), "timeout_s": 5,
                    "redirect_uris": ["https://console.example/login"], **more}
        body = {"name": f"provider{len(more)}", "kind": "oidc", "settings": settings}
        status, reply = self.broker.request("POST", "/v1/sources", body, self.admin)
        self.assertEqual(status, 201, reply)
        return reply["id"]

    def start(self, redirect_uri=LOOPBACK, source=None):
        return self.broker.request("POST", f"/v1/auth/oidc/{source or self.source}/start",
                                   {"redirect_uri": redirect_uri})

    def finish(self, state, flow, code, **more):
        return self.broker.request("POST", "/v1/auth/oidc/finish",
                                   {"state": state, "flow": flow, "code": code, **more})

    def log_in(self):
        status, begun = self.start()
        self.assertEqual(status, 200, begun)
        state, code = self.provider.login(begun["url"])
        self.assertEqual(state, begun["state"])
        return self.finish(state, begun["flow"], code)

    def assert_refused(self):
        status, reply = self.log_in()
        self.assertEqual((status, reply["code"]), (401, "bad-credentials"), reply)
        users = self.broker.request("GET", "/v1/users", None, self.admin)[1]["users"]
        self.assertEqual([u["name"] for u in users], ["admin"])


class Logins(ProviderCase):
    def test_a_user_comes_with_groups_and_stays_the_same(self):
        status, reply = self.log_in()
        self.assertEqual(status, 200, reply)
        self.assertEqual(reply["user"]["name"], "anna")
        groups = self.broker.request("GET", "/v1/groups", None, self.admin)[1]["groups"]
        self.assertEqual({(g["name"], g["n_members"]) for g in groups},
                         {("staff", 1), ("developers", 1)})
        self.provider.claims = {"preferred_username": "anna.b", "groups": ["staff"]}
        again = self.log_in()[1]
        self.assertEqual(again["user"]["id"], reply["user"]["id"])
        self.assertEqual(again["user"]["name"], "anna.b")
        me = self.broker.request("GET", "/v1/me", None, again["token"])[1]
        self.assertEqual(me["name"], "anna.b")

    def test_flow_state_and_code_are_good_once_and_only_together(self):
        one, two = self.start()[1], self.start()[1]
        state, code = self.provider.login(one["url"])
        self.assertEqual(self.finish(state, two["flow"], code)[1]["code"], "expired")
        self.assertEqual(self.finish(two["state"], one["flow"], code)[1]["code"], "expired")
        self.assertEqual(self.finish("ab" * 32, one["flow"], code)[1]["code"], "expired")
        self.assertEqual(self.finish(state, one["flow"], code)[0], 200)
        self.assertEqual(self.finish(state, one["flow"], code)[1]["code"], "expired")
        # A code of another login does not fit this one's verifier.
        _, stolen = self.provider.login(self.start()[1]["url"])
        self.assertEqual(self.finish(two["state"], two["flow"], stolen)[1]["code"],
                         "bad-credentials")

    def test_only_loopback_and_named_addresses_come_back(self):
        for uri in ("https://console.example/login", "http://127.0.0.1:1/x", "http://[::1]:80"):
            self.assertEqual(self.start(uri)[0], 200, uri)
        for uri in ("https://evil.example/", "http://127.0.0.1/", "http://127.0.0.1:80@evil.example",
                    "http://127.0.0.1:x/", "http://localhost:80/", "http://127.0.0.1.evil:80/",
                    "https://console.example/login/..", "javascript:alert(1)"):
            status, reply = self.start(uri)
            self.assertEqual((status, reply["code"]), (400, "invalid"), uri)

    def test_a_second_factor_of_our_own_can_be_asked_for(self):
        self.source = self.add_source(second_factor=True)
        user = self.log_in()[1]["user"]["id"]
        self.broker.request("PATCH", f"/v1/users/{user}", {"needs_totp": True}, self.admin)
        self.assertEqual(self.log_in()[1]["second_factor"], "enrol")

    def test_a_provider_cannot_take_a_local_account_over(self):
        self.provider.claims = {"preferred_username": "admin"}
        self.assert_refused()

    def test_unknown_and_disabled_sources_start_nothing(self):
        self.assertEqual(self.start(source="0" * 32)[0], 404)
        self.broker.request("PATCH", f"/v1/sources/{self.source}", {"enabled": False}, self.admin)
        self.assertEqual(self.start()[0], 404)


class Lies(ProviderCase):
    def test_claims_for_others_or_other_times(self):
        now = int(time.time())
        for claims in ({"nonce": "ab" * 32}, {"nonce": None}, {"aud": "another"}, {"aud": None},
                       {"aud": ["berth", "another"]}, {"azp": "another"}, {"exp": now - 3600},
                       {"exp": None}, {"exp": "never"}, {"iat": now + 3600}, {"iat": None},
                       {"nbf": now + 3600}, {"iss": "https://evil.example"}, {"iss": None},
                       {"sub": None}, {"sub": ""}, {"sub": 7}, {"preferred_username": None},
                       {"preferred_username": "a\nb"}, {"preferred_username": "a" * 200},
                       {"groups": ["x" * 200]}):
            with self.subTest(claims=claims):
                self.broker.kill()  # forgets what it counts against this address
                self.broker.start()
                self.provider.claims = claims
                self.assert_refused()

    def test_signatures_that_are_none(self):
        key = self.provider.keys[0]
        public = json.dumps(key.jwk()).encode()
        text = b64(json.dumps({"alg": "HS256", "kid": key.id}).encode()) + "." + b64(b"{}")
        shared = text + "." + b64(hmac.new(public, text.encode(), hashlib.sha256).digest())
        for header, token in (({"alg": "none"}, None), ({"alg": "nOnE"}, None),
                              ({"alg": "RS512"}, None), ({"alg": "ES256"}, None),
                              ({"crit": ["x"]}, None), ({"kid": "other"}, None), ({}, shared),
                              ({}, "x"), ({}, "a.b.c"), ({}, "..")):
            with self.subTest(header=header, token=token):
                self.broker.kill()
                self.broker.start()
                self.provider.header, self.provider.token = header, token
                self.assert_refused()

    def test_a_key_that_is_not_the_providers(self):
        self.provider.signing_key = Key(self.site.dir)
        self.provider.header = {"kid": self.provider.keys[0].id}
        self.assert_refused()

    def test_changed_keys_are_asked_for_again(self):
        self.assertEqual(self.log_in()[0], 200)
        self.provider.keys = [Key(self.site.dir)]
        # At most once a minute: strangers' tokens must not make us ask all the time.
        self.assertEqual(self.log_in()[0], 401)
        self.assertEqual(self.provider.n_key_requests, 1)
        self.broker.kill()
        self.broker.start()
        self.assertEqual(self.log_in()[0], 200)

    def test_another_issuer_plain_endpoints_and_nonsense(self):
        for discovery in ({"issuer": "https://evil.example"},
                          {"token_endpoint": "http://localhost/token"}, {"jwks_uri": None}):
            self.broker.kill()
            self.broker.start()
            self.provider.discovery = discovery
            status, reply = self.start()
            self.assertEqual((status, reply["code"]), (503, "source-down"), discovery)

    def test_a_provider_that_fails_is_not_a_wrong_password(self):
        for answer, code in (((b"nonsense", 200), "source-down"), (({}, 500), "source-down"),
                             ((b"{" + b" " * 300000 + b"}", 200), "source-down"),
                             (({"error": "x"}, 400), "bad-credentials"),
                             (({}, 200), "source-down")):
            self.provider.answer = answer
            self.assertEqual(self.log_in()[1]["code"], code, answer[1])

    def test_a_provider_with_another_authority_is_not_asked(self):
        other = new_folder()
        self.addCleanup(other.cleanup)
        self.source = self.add_source(ca_file=Site(other.name).path("ca.pem"), scopes="openid")
        self.assertEqual(self.start()[1]["code"], "source-down")


class EllipticLogins(ProviderCase):
    kind = "ES256"

    def test_a_token_signed_by_p256(self):
        self.assertEqual(self.log_in()[0], 200)

    def test_a_token_signed_by_another_p256(self):
        self.provider.signing_key = Key(self.site.dir, "ES256")
        self.provider.header = {"kid": self.provider.keys[0].id}
        self.assert_refused()


if __name__ == "__main__":
    unittest.main(verbosity=2)

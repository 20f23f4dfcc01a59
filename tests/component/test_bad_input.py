#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input at every operation of the API: refused in its own way, and nothing has changed.

usage: test_bad_input.py BROKER [TEST...]

The operations are those of /v1/openapi.json, so a new one is tested without a line here.
"""
import os
import re
import sqlite3
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import UnixConnection, new_folder  # noqa: E402
from chaos_users import ask  # noqa: E402
from fault_site import FaultSite, eventually  # noqa: E402

PROGRAM = None
BODY_MAX = 256 * 1024
MALFORMED = (b"{", b"[]", b"null", b"7", b'{"name": "a", "name": "b"}', b'{"name": "\xff\xfe"}',
             b'{"name": "\\ud800"}', b"[" * 20000, b'{"name": 1e999}', b"\0", b'{"name": "a"} x')
STRANGE_IDS = ("0" * 31, "0" * 33, "g" * 32, "'; DROP TABLE account; --", "' OR '1'='1", "../users",
               "%00", "*", "%", "\n2026-01-01T00:00:00.000Z berth-broker error store: forged")
OTHER_TYPE = {"string": 7, "integer": "seven", "boolean": "yes", "object": [], "array": {}}
FORGED = "\n2026-01-01T00:00:00.000Z berth-broker error store: forged\r\x1b[2J"
# What changes by itself: the log, who was seen when, who leads.
VOLATILE = {"event", "event_head", "lease", "meta", "host", "login_token", "store_mark",
            "connect_trace", "sqlite_sequence"}


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = new_folder()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.store = cls.folder.name + "/store.sqlite"
        cls.site = FaultSite(PROGRAM, cls.folder.name, "sqlite:" + cls.store,
                             limits="login_requests_per_s = 0\nsource_requests_per_s = 0\n")
        cls.addClassCleanup(cls.site.close)
        cls.host = cls.site.add_host("one")
        eventually(cls.site.all_up)
        cls.pool = cls.site.add_pool(size=4, spares=1)
        cls.anna = cls.site.add_user("anna", cls.pool)
        cls.bob = cls.site.add_user("bob", cls.pool)
        cls.desk = cls.site.connect(cls.anna, cls.pool)
        cls.group = cls.site.must("POST", "/v1/groups", {"name": "staff"})["id"]
        cls.schedule = cls.site.must("POST", "/v1/schedules", {
            "name": "days", "timezone": "Europe/Prague",
            "rules": [{"days": [1], "from": "08:00", "to": "17:00"}]})["id"]
        users = {row["name"]: row["id"] for row in cls.site.rows("users")}
        cls.ids = {"users": users["anna"], "groups": cls.group, "pools": cls.pool,
                   "schedules": cls.schedule, "hosts": cls.host.host_id,
                   "images": cls.site.rows("images")[0]["id"], "sessions": cls.desk["session"],
                   "machines": cls.desk["machine"], "desktops": cls.pool}
        document = cls.site.must("GET", "/v1/openapi.json")
        cls.operations = [(method.upper(), path, operation)
                          for path, methods in document["paths"].items()
                          for method, operation in methods.items()
                          if method in ("get", "post", "put", "patch", "delete")]
        eventually(cls.is_quiet)

    @classmethod
    def is_quiet(cls):
        """Whether every machine and session rests."""
        return all(row["state"] in ("ready", "assigned") for row in cls.site.rows("machines")) and \
            all(row["state"] == "active" for row in cls.site.rows("sessions")) and \
            len(cls.site.rows("machines")) == 2

    def setUp(self):
        self.before = self.dump()

    def tearDown(self):
        self.assertEqual(self.before, self.dump())
        self.assertEqual(self.site.breaches(), [])

    def dump(self):
        """All rows but of what changes by itself."""
        store = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            tables = [row[0] for row in
                      store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {table: sorted(map(str, store.execute(f"SELECT * FROM {table}")))
                    for table in tables if table not in VOLATILE}
        finally:
            store.close()

    def send(self, method, path, data=None, token=None, headers=None):
        """(status, reply, content type); the body is bytes."""
        connection = UnixConnection(self.site.brokers[0].socket)
        connection.request(method, path, data, {
            "Authorization": "Bearer " + (token or self.site.admin), "If-Match": "*",
            **(headers or {})})
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        return response.status, raw, response.headers["Content-Type"]

    def refuse(self, allowed, method, path, data=None, **more):
        status, raw, kind = self.send(method, path, data, **more)
        what = (method, path, (data or b"")[:60], status, raw[:200])
        self.assertIn(status, allowed, what)
        self.assertEqual(kind, "application/problem+json", what)

    def real(self, path):
        """The path with ids of things that are there, or with one of nothing."""
        def one(match):
            return self.ids.get(match.group(1), "0" * 32) + (match.group(2) or "")
        path = re.sub(r"([a-z-]+)/\{id\}", lambda m: f"{m.group(1)}/" + one(
            re.match(r"([a-z-]+)(x)?", m.group(1))), path)
        return path.replace("{id}", "0" * 32).replace("{part}", "0" * 32)

    @staticmethod
    def properties(operation):
        content = operation.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema", {}).get("properties")

    def with_body(self):
        for method, path, operation in self.operations:
            properties = self.properties(operation)
            if properties:
                yield method, self.real(path), properties

    def test_bodies_that_are_no_json_objects(self):
        for method, path, _ in self.with_body():
            for data in MALFORMED:
                self.refuse((400, 401, 404), method, path, data)

    def test_bodies_that_are_too_large(self):
        for method, path, _ in self.with_body():
            self.refuse((413,), method, path, b" " * (BODY_MAX + 1))

    def test_keys_that_nobody_knows_and_values_of_another_type(self):
        for method, path, properties in self.with_body():
            self.refuse((400, 401, 404), method, path, b'{"nonsense": 1}')
            for key, schema in properties.items():
                value = OTHER_TYPE[schema["type"]]
                body = f'{{"{key}": {value!r}}}'.replace("'", '"').encode()
                self.refuse((400, 401, 404), method, path, body)

    def test_a_body_where_none_is_taken(self):
        for method, path, operation in self.operations:
            if method in ("POST", "PUT") and not self.properties(operation):
                self.refuse((400, 404), method, self.real(path), b'{"a": 1}')

    def test_ids_that_are_none_and_of_other_things(self):
        others = list(self.ids.values())
        for method, path, operation in self.operations:
            if "{id}" not in path:
                continue
            kind = re.search(r"([a-z-]+)/\{id\}", path)
            mine = self.ids.get(kind.group(1) if kind else "", "")
            others_here = [other for other in others if other != mine]
            data = b"{}" if self.properties(operation) else None
            # Strangers are told by the link to a host, which may be at another broker.
            allowed = (400, 401, 404, 503) if path.endswith("/strangers") else (400, 401, 404)
            for strange in (*STRANGE_IDS, *others_here):
                quoted = urllib.parse.quote(strange, safe="")
                target = path.replace("{id}", quoted).replace("{part}", quoted)
                with self.subTest(method=method, path=path, strange=strange):
                    self.refuse(allowed, method, target, data)

    def test_what_is_anothers_is_no_capability(self):
        session, body = self.desk["session"], b'{"client_key": "' + b"ab" * 32 + b'"}'
        for token in (self.bob, "0" * 64, "A" * 43, "", "x y"):
            allowed = (403, 404) if token == self.bob else (400, 401)
            for act in ("disconnect", "logoff"):
                self.refuse(allowed, "POST", f"/v1/me/sessions/{session}/{act}",
                            token=token or " ")
                self.refuse(allowed, "POST", f"/v1/sessions/{session}/{act}", token=token or " ")
            self.refuse(allowed, "POST", f"/v1/sessions/{session}/shadow", body,
                        token=token or " ")
            self.refuse(allowed, "DELETE", f"/v1/users/{self.ids['users']}", token=token or " ")
            self.refuse(allowed, "POST", f"/v1/machines/{self.desk['machine']}/recycle", b"{}",
                        token=token or " ")

    def n_failed(self):
        store = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            return store.execute("SELECT count(*) FROM event WHERE kind = 'login.failed'"
                                 ).fetchone()[0]
        finally:
            store.close()

    def test_strings_are_strings_in_the_log_and_the_store(self):
        for name in (FORGED, "'); DELETE FROM account; --" + FORGED):
            status, _, _ = ask(self.site.brokers[0].socket, "POST", "/v1/auth/login",
                               {"user": name, "password": FORGED, "device_name": "x"})
            self.assertIn(status, (400, 401, 429))
            self.refuse((400, 401, 404), "GET",
                        "/v1/users/" + urllib.parse.quote(name, safe=""))
            self.refuse((400,), "POST", "/v1/users", b'{"name": "a\\nb", "password": "long enough"}')
        user = "'; DROP TABLE account; --"
        n_before = self.n_failed()
        status, _, _ = ask(self.site.brokers[0].socket, "POST", "/v1/auth/login",
                           {"user": user, "password": "wrong"})
        self.assertEqual((status, self.n_failed()), (401, n_before + 1))
        self.assertTrue(self.site.must("GET", "/v1/audit/verify")["is_whole"])
        with open(self.site.brokers[0].log.name, encoding="utf-8") as log:
            for line in log:
                self.assertRegex(line, r"^20\d\d-\d\d-\d\dT[\d:.]+Z berth-broker ")
                self.assertNotIn("\x1b", line)
                self.assertFalse(line.startswith("2026-01-01T00:00:00.000Z"), line)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's platform on a real broker: problems, versions, keys, pages, events, documents."""
import concurrent.futures
import json
import os
import re
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, UnixConnection, new_folder  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
PASSWORD = "a good password"
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
TYPES = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}


def validate(value, schema, document, where="answer"):
    """A small validator: what our document uses of JSON Schema."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if value is None:
        assert schema.get("nullable"), f"{where} is null"
        return
    if "type" in schema:
        assert isinstance(value, TYPES[schema["type"]]), f"{where} is no {schema['type']}: {value}"
        assert not (schema["type"] == "integer" and isinstance(value, bool)), where
    if "enum" in schema:
        assert value in schema["enum"], f"{where} is {value}"
    if "pattern" in schema:
        assert re.match(schema["pattern"], value), f"{where} is {value}"
    for key in schema.get("required", ()):
        assert key in value, f"{where} has no {key}"
    for key, inner in schema.get("properties", {}).items():
        if key in value:
            validate(value[key], inner, document, f"{where}.{key}")
    for i, item in enumerate(value if isinstance(value, list) else ()):
        validate(item, schema.get("items", {}), document, f"{where}[{i}]")


class PlatformCase(unittest.TestCase):
    more_config = ""  # of [limits]

    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.site = Site(self.folder.name)
        with open(self.site.path("broker.conf"), encoding="utf-8") as file:
            text = file.read().replace("[limits]\n", "[limits]\n" + self.more_config)
        with open(self.site.path("broker.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)

    def send(self, method, path, body=None, headers=None, token=None, source=None):
        """Returns (status, headers, decoded body)."""
        connection = UnixConnection(self.site.path("api.sock"), source)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        all_headers = {"Authorization": "Bearer " + (token or self.admin), **(headers or {})}
        connection.request(method, path, data, all_headers)
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        is_json = "json" in (response.headers.get("Content-Type") or "")
        return response.status, response.headers, json.loads(raw) if is_json else raw.decode()

    def call(self, method, path, body=None, expect=200, **more):
        status, headers, reply = self.send(method, path, body, **more)
        self.assertEqual(status, expect, reply)
        return reply

    def add_user(self, name):
        self.call("POST", "/v1/users", {"name": name, "password": PASSWORD}, 201)
        return self.broker.login(name, PASSWORD)

    def raw(self, data):
        """Sends bytes; returns all that comes until the end."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(self.site.path("api.sock"))
            answer = b""
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while part := sock.recv(65536):
                    answer += part
            except ConnectionError:
                pass  # it hung up before it had read all
            return answer


class Problems(PlatformCase):
    def test_every_refusal_is_a_problem_that_can_be_found_again(self):
        for method, path, body, status, code in (
                ("GET", "/v1/nothing", None, 404, "not-found"),
                ("PATCH", "/v1/me", None, 405, "unsupported"),
                ("POST", "/v1/users", b"{", 400, "invalid"),
                ("POST", "/v1/users", b" " * (256 * 1024 + 1), 413, "too-large"),
                ("GET", "/v1/users?limit=0", None, 400, "invalid"),
                ("GET", "/v1/users?what=1", None, 400, "invalid"),
                ("GET", "/v1/users?limit=1&limit=2", None, 400, "invalid"),
                ("GET", "/v1/users?cursor=x", None, 400, "invalid")):
            got, headers, reply = self.send(method, path, body)
            self.assertEqual((got, reply["code"], reply["status"]), (status, code, status), path)
            self.assertEqual(headers["Content-Type"], "application/problem+json")
            self.assertEqual(reply["type"], "urn:berth:problem:" + code)
            self.assertEqual(reply["request"], headers["X-Request-Id"])
            self.assertTrue(reply["title"] and reply["detail"])

    def test_broken_http_is_refused_and_hurts_nobody(self):
        huge = b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 65536 + b"\r\n\r\n"
        for data in (b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n",
                     b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     huge):
            self.assertNotRegex(self.raw(data), rb"^HTTP/1\.1 2", data[:40])
            self.call("GET", "/v1/me")

    def test_strings_that_mean_something_elsewhere_mean_nothing_here(self):
        for name in ("'; DROP TABLE account; --", "\" OR 1=1", "%s%n%x", "${jndi:ldap://x}",
                     "a\u202eb", "/../../etc/passwd"):
            reply = self.call("POST", "/v1/users", {"name": name, "password": PASSWORD}, 201)
            rows = self.call("GET", "/v1/users?limit=1000")["users"]
            self.assertEqual([r["name"] for r in rows if r["id"] == reply["id"]], [name])
        for bad in ("a\nb", "a\x1b[2J", "a\x7f"):
            self.call("POST", "/v1/users", {"name": bad, "password": PASSWORD}, 400)
        self.call("GET", "/v1/sessions?user=%27%20OR%20%271%27%3D%271")


class Keys(PlatformCase):
    def test_the_same_key_gives_the_same_answer_and_one_change(self):
        body = {"name": "demo", "manifest": MANIFEST}
        key = {"Idempotency-Key": "first"}
        status, _, first = self.send("POST", "/v1/images", body, key)
        again, headers, second = self.send("POST", "/v1/images", body, key)
        self.assertEqual((status, again, first), (201, 201, second))
        self.assertEqual(headers["Idempotency-Replayed"], "true")
        self.assertEqual(len(self.call("GET", "/v1/images")["images"]), 1)

    def test_a_key_is_for_one_request_and_one_user(self):
        key = {"Idempotency-Key": "k"}
        self.call("POST", "/v1/images", {"name": "a", "manifest": MANIFEST}, 201, headers=key)
        reply = self.call("POST", "/v1/images", {"name": "b", "manifest": MANIFEST}, 422,
                          headers=key)
        self.assertEqual(reply["code"], "key-reused")
        ann = self.add_user("ann")
        self.call("POST", "/v1/role-grants", {"role": "image-admin", "scope": "/", "user": "ann"},
                  201)
        self.call("POST", "/v1/images", {"name": "b", "manifest": MANIFEST}, 201, headers=key,
                  token=ann)

    def test_a_request_that_failed_may_be_sent_again(self):
        key = {"Idempotency-Key": "k"}
        grant = {"role": "viewer", "scope": "/", "user": "ann"}
        self.call("POST", "/v1/role-grants", grant, 404, headers=key)
        self.add_user("ann")
        self.call("POST", "/v1/role-grants", grant, 201, headers=key)

    def test_bad_keys_are_refused(self):
        for key in ("a b", "x" * 129):
            self.call("POST", "/v1/images", {"name": "a", "manifest": MANIFEST}, 400,
                      headers={"Idempotency-Key": key})

    def test_no_answer_with_a_secret_is_kept(self):
        body = {"client_key": "0" * 64}
        for path, body in (("/v1/me/desktops/" + "1" * 32 + "/connect", body),
                           ("/v1/me/tokens", {"name": "t"}), ("/v1/me/totp", None)):
            reply = self.call("POST", path, body, 400, headers={"Idempotency-Key": "k"})
            self.assertIn("Idempotency-Key", reply["detail"])

    def test_a_document_says_which_requests_take_a_key(self):
        for path, methods in self.call("GET", "/v1/openapi.json")["paths"].items():
            for method, what in methods.items():
                schema = what["responses"].get("200", what["responses"].get("201", {}))
                name = json.dumps(schema).split("schemas/")[-1].split('"')[0]
                if name in ("Launch", "Login", "NewToken", "Totp", "RecoveryCodes", "OidcStart"):
                    self.assertNotIn("Idempotency-Key", json.dumps(what["parameters"]),
                                     f"{method} {path} tells a secret")


class Versions(PlatformCase):
    def test_who_read_an_old_version_changes_nothing(self):
        made = self.call("POST", "/v1/pools", {"name": "p", "image": self.image(), "size": 1}, 201)
        path = "/v1/pools/" + made["id"]
        _, headers, pool = self.send("GET", path)
        tag = headers["ETag"]
        self.assertEqual(tag, f'"{pool["version"]}"')
        self.assertEqual(self.call("PATCH", path, {"size": 2}, 428)["code"],
                         "precondition-required")
        self.call("PATCH", path, {"size": 2}, headers={"If-Match": tag})
        self.assertEqual(self.call("PATCH", path, {"size": 3}, 412,
                                   headers={"If-Match": tag})["code"], "precondition")
        _, headers, pool = self.send("GET", path)
        self.assertEqual(pool["size"], 2)
        self.assertNotEqual(headers["ETag"], tag)
        self.call("PATCH", path, {"size": 4}, headers={"If-Match": headers["ETag"]})
        self.call("PATCH", path, {"size": 5}, headers={"If-Match": "*"})
        for bad in ("5", "W/\"1\"", "\"x\"", ""):
            self.call("PATCH", path, {"size": 6}, 400,
                      headers={"If-Match": bad})
        self.assertEqual(self.call("GET", path)["size"], 5)

    def test_of_two_who_read_the_same_one_wins(self):
        made = self.call("POST", "/v1/pools", {"name": "p", "image": self.image(), "size": 1}, 201)
        path = "/v1/pools/" + made["id"]
        tag = self.send("GET", path)[1]["ETag"]
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(
                lambda size: self.send("PATCH", path, {"size": size}, {"If-Match": tag})[0],
                range(2, 10)))
        self.assertEqual(sorted(statuses), [200] + 7 * [412])

    def image(self):
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, 201)
        return "demo"


class Pages(PlatformCase):
    def test_pages_show_everything_once_while_rows_come(self):
        for i in range(7):
            self.call("POST", "/v1/images", {"name": f"i{i}", "manifest": MANIFEST}, 201)
        seen, query = [], "?limit=2"
        while True:
            page = self.call("GET", "/v1/images" + query)
            seen += [row["name"] for row in page["images"]]
            if "next" not in page:
                break
            if len(seen) == 4:
                self.call("POST", "/v1/images", {"name": "a-new-one", "manifest": MANIFEST}, 201)
            query = "?limit=2&cursor=" + page["next"]
        self.assertEqual(seen, [f"i{i}" for i in range(7)])
        self.call("GET", "/v1/users?cursor=" + page.get("next", "aW1hZ2VzCmE="), expect=400)


class Rights(PlatformCase):
    def test_a_role_on_one_host_shows_that_host_only(self):
        ids = [self.site.new_host(name) for name in ("one", "two")]
        for host, name in zip(ids, ("one", "two")):
            self.call("POST", "/v1/hosts", {"id": host, "name": name}, 201)
        ann = self.add_user("ann")
        self.call("GET", "/v1/hosts", expect=403, token=ann)
        grant = self.call("POST", "/v1/role-grants", {"role": "viewer", "user": "ann",
                                                      "scope": "/hosts/" + ids[1]}, 201)
        rows = self.call("GET", "/v1/hosts", token=ann)["hosts"]
        self.assertEqual([row["name"] for row in rows], ["two"])
        self.call("GET", "/v1/status", expect=403, token=ann)
        self.assertEqual(self.call("GET", "/v1/me", token=ann)["roles"],
                         [{"role": "viewer", "scope": "/hosts/" + ids[1]}])
        self.call("DELETE", "/v1/role-grants/" + grant["id"], expect=204)
        self.call("GET", "/v1/hosts", expect=403, token=ann)

    def test_the_last_administrator_stays(self):
        grant, = self.call("GET", "/v1/role-grants")["grants"]
        self.assertEqual((grant["user"], grant["role"], grant["scope"]), ("admin", "admin", "/"))
        self.assertEqual(self.call("DELETE", "/v1/role-grants/" + grant["id"], expect=409)["code"],
                         "state")
        self.call("POST", "/v1/role-grants", {"role": "king", "scope": "/", "user": "admin"}, 400)
        self.call("POST", "/v1/role-grants", {"role": "viewer", "scope": "/x", "user": "admin"},
                  400)

    def test_only_administrators_of_a_part_give_roles_on_it(self):
        ann = self.add_user("ann")
        self.call("POST", "/v1/role-grants", {"role": "admin", "scope": "/hosts", "user": "ann"},
                  201)
        self.call("POST", "/v1/role-grants", {"role": "viewer", "scope": "/hosts", "user": "ann"},
                  201, token=ann)
        self.call("POST", "/v1/role-grants", {"role": "admin", "scope": "/", "user": "ann"}, 403,
                  token=ann)


class Limits(PlatformCase):
    def test_a_source_that_asks_too_fast_is_told_to_wait(self):
        statuses = set()
        connection = UnixConnection(self.site.path("api.sock"), "192.0.2.9")
        for _ in range(20000):
            connection.request("GET", "/v1/health")
            response = connection.getresponse()
            reply = json.loads(response.read())
            statuses.add(response.status)
            if response.status == 429:
                self.assertGreaterEqual(int(response.headers["Retry-After"]), 1)
                self.assertEqual(reply["code"], "throttled")
                break
        connection.close()
        self.assertEqual(statuses, {200, 429})
        self.call("GET", "/v1/health", source="192.0.2.10")


class Watching(PlatformCase):
    """Reads event streams."""

    def watch(self, token=None, last=None):
        connection = UnixConnection(self.site.path("api.sock"), timeout=60)
        headers = {"Authorization": "Bearer " + (token or self.admin)}
        if last:
            headers["Last-Event-ID"] = last
        connection.request("GET", "/v1/events", None, headers)
        response = connection.getresponse()
        self.addCleanup(connection.close)
        self.assertEqual((response.status, response.headers["Content-Type"]),
                         (200, "text/event-stream"))
        return response

    def next(self, stream, kind=None):
        event = {}
        while True:
            line = stream.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                key, value = line.split(":", 1)
                event[key] = value.strip()
            elif event:
                event["data"] = json.loads(event["data"])
                if kind is None or event["data"].get("kind") == kind:
                    return event
                event = {}


class Events(Watching):
    def test_changes_are_told_and_nothing_is_lost_between_two_streams(self):
        stream = self.watch()
        self.assertEqual(self.next(stream)["event"], "begin")
        user = self.call("POST", "/v1/users", {"name": "ann", "password": PASSWORD}, 201)
        note = self.next(stream, "user.added")
        self.assertEqual(note["data"]["object"], user["id"])
        stream.close()
        names = [self.call("POST", "/v1/images", {"name": f"i{i}", "manifest": MANIFEST}, 201)["id"]
                 for i in range(3)]
        again = self.watch(last=note["id"])
        self.assertEqual([self.next(again, "image.added")["data"]["object"] for _ in names], names)

    def test_a_watcher_sees_what_its_role_shows(self):
        ann = self.add_user("ann")
        stream = self.watch(ann)
        self.assertEqual(self.next(stream)["event"], "begin")
        self.call("POST", "/v1/images", {"name": "i", "manifest": MANIFEST}, 201)
        self.call("POST", "/v1/role-grants", {"role": "viewer", "scope": "/images", "user": "ann"},
                  201)
        seen = self.call("POST", "/v1/images", {"name": "j", "manifest": MANIFEST}, 201)["id"]
        objects = [self.next(stream)["data"]["object"]]
        while objects[-1] != seen:
            objects.append(self.next(stream)["data"]["object"])
        kinds = self.call("GET", "/v1/audit?limit=100")["audit"]
        granted = {row["object"] for row in kinds if row["kind"] == "role.granted"}
        self.assertFalse(granted & set(objects), "who has which role is for auditors")

    def test_a_stream_ends_with_its_login_and_bad_places_are_refused(self):
        token = self.broker.login("admin", ADMIN_PASSWORD)
        stream = self.watch(token)
        self.next(stream)
        self.call("POST", "/v1/auth/logout", expect=204, token=token)
        event = self.next(stream)
        while event["event"] == "change":
            event = self.next(stream)
        self.assertEqual(event["event"], "end")
        self.assertEqual(stream.read(), b"")
        self.call("GET", "/v1/events", expect=400, headers={"Last-Event-ID": "x:1"})


class StalledEvents(Watching):
    """Of 30 s, and thus on one database only."""

    def setUp(self):
        self.more_config = "login_requests_per_s = 100000\n"
        super().setUp()

    def get_metric(self, name):
        return int(re.search(rf"(?m)^{name} (\d+)$", self.call("GET", "/v1/metrics")).group(1))

    def wait_for_metric(self, name, value):
        end = time.monotonic() + 120
        while self.get_metric(name) != value:
            self.assertLess(time.monotonic(), end, f"{name} never was {value}")
            time.sleep(0.1)

    def change_often(self, pool, n):
        connection = UnixConnection(self.site.path("api.sock"))
        headers = {"Authorization": "Bearer " + self.admin, "If-Match": "*"}
        for i in range(n):
            connection.request("PATCH", "/v1/pools/" + pool, json.dumps({"size": i % 9}), headers)
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, 200)
        connection.close()

    def test_a_watcher_that_takes_nothing_is_cut_off_and_another_is_not(self):
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, 201)
        pool = self.call("POST", "/v1/pools", {"name": "p", "image": "demo", "size": 0}, 201)["id"]
        taking = self.watch()
        self.next(taking)
        stalled = socket.socket(socket.AF_UNIX)
        self.addCleanup(stalled.close)
        stalled.settimeout(60)
        stalled.connect(self.site.path("api.sock"))
        stalled.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                        self.admin.encode() + b"\r\n\r\n")
        self.wait_for_metric("berth_watchers", 2)
        seen = threading.Event()

        def take():
            self.next(taking, "image.added")
            seen.set()
        with concurrent.futures.ThreadPoolExecutor(5) as threads:
            threads.submit(take)
            for done in [threads.submit(self.change_often, pool, 600) for _ in range(4)]:
                done.result()
            self.wait_for_metric("berth_watchers_cut_total", 1)
            self.wait_for_metric("berth_watchers", 1)
            self.call("POST", "/v1/images", {"name": "j", "manifest": MANIFEST}, 201)
            self.assertTrue(seen.wait(60), "the other watcher was not told any more")
        while stalled.recv(65536):
            pass


class Documents(PlatformCase):
    def test_answers_are_as_the_document_says(self):
        document = self.call("GET", "/v1/openapi.json")
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, 201)
        self.call("POST", "/v1/hosts", {"id": self.site.new_host("one"), "name": "one"}, 201)
        pool = self.call("POST", "/v1/pools", {"name": "p", "image": "demo", "size": 2}, 201)["id"]
        self.call("POST", "/v1/entitlements", {"pool": "p", "user": "admin"}, 201)
        ids = self.make_one_of_each()
        n = 0
        for path, methods in document["paths"].items():
            kind = path.split("/")[2]
            if "get" not in methods or path == "/v1/events" or (
                    "{id}" in path and (kind not in ids or path.endswith("strangers"))):
                continue
            content = methods["get"]["responses"]["200"].get("content", {})
            if any(p["required"] for p in methods["get"]["parameters"]) or not content:
                continue
            reply = self.call("GET", path.replace("{id}", ids.get(kind, ""))
                              .replace("{part}", "hardened"))
            validate(reply, content["application/json"]["schema"], document, path)
            n += 1
        self.assertGreaterEqual(n, 30)
        validate(self.call("GET", "/v1/pools/" + pool, expect=200),
                 {"$ref": "#/components/schemas/Pool"}, document)
        validate(self.call("GET", "/v1/nothing", expect=404),
                 {"$ref": "#/components/schemas/Problem"}, document)

    def make_one_of_each(self):
        """Returns an id by kind, so that no list is empty."""
        made = {"users": {"name": "ann", "password": PASSWORD}, "groups": {"name": "g"},
                "sources": {"name": "pam", "kind": "pam"},
                "devices": {"name": "k", "fingerprint": "a" * 64, "user": "ann"},
                "schedules": {"name": "day", "timezone": "UTC", "rules": [
                    {"days": [1], "from": "08:00", "to": "18:00"}]}}
        ids = {kind: self.call("POST", "/v1/" + kind, body, 201)["id"]
               for kind, body in made.items()}
        self.call("PUT", f"/v1/groups/{ids['groups']}/members/{ids['users']}", expect=204)
        self.call("PUT", "/v1/policies/site", {"policy": {"usb": False}}, 204)
        self.call("POST", "/v1/me/tokens", {"name": "t"}, 201)
        for kind in ("pools", "hosts", "images"):
            ids[kind] = self.call("GET", "/v1/" + kind)[kind][0]["id"]
        return ids

    def test_answers_to_changes_are_as_the_document_says(self):
        document = self.call("GET", "/v1/openapi.json")
        self.call("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST}, 201)
        self.call("POST", "/v1/hosts", {"id": self.site.new_host("one"), "name": "one"}, 201)
        self.call("POST", "/v1/pools", {"name": "p", "image": "demo", "size": 2}, 201)
        ids = self.make_one_of_each()
        for method, path, body, expect in (
                ("POST", "/v1/me/tokens", {"name": "u"}, 201), ("POST", "/v1/me/totp", None, 200),
                ("POST", "/v1/groups", {"name": "h"}, 201),
                ("PATCH", "/v1/groups/{id}", {"name": "i"}, 200),
                ("PATCH", "/v1/sources/{id}", {"priority": 5}, 200),
                ("PATCH", "/v1/devices/{id}", {"enabled": False}, 200),
                ("PATCH", "/v1/schedules/{id}", {"timezone": "Europe/Berlin"}, 200),
                ("PATCH", "/v1/users/{id}", {"display_name": "Ann"}, 200)):
            reply = self.call(method, path.replace("{id}", ids.get(path.split("/")[2], "")), body,
                              expect, headers={"If-Match": "*"})
            answer = document["paths"][path][method.lower()]["responses"][str(expect)]
            validate(reply, answer["content"]["application/json"]["schema"], document, path)

    def test_every_answer_has_a_schema(self):
        document = self.call("GET", "/v1/openapi.json")
        for path, methods in document["paths"].items():
            for method, what in methods.items():
                for answer in what["responses"].values():
                    for content in answer.get("content", {}).values():
                        name = content["schema"].get("$ref", "").rsplit("/", 1)[-1]
                        self.assertIn(name, document["components"]["schemas"], f"{method} {path}")

    def test_reports_come_as_tables_too(self):
        self.broker.request("POST", "/v1/auth/login", {"user": "=cmd()", "password": "wrong one!"})
        rows = self.call("GET", "/v1/reports/failed-logins")["rows"]
        self.assertEqual([(r["actor"], r["n_failures"]) for r in rows], [("user:=cmd()", 1)])
        status, headers, text = self.send("GET", "/v1/reports/usage?by=pool",
                                          headers={"Accept": "text/csv"})
        self.assertEqual((status, headers["Content-Type"], text.splitlines()[0]),
                         (200, "text/csv; charset=utf-8",
                          "pool,sessions,seconds,peak,peak_at_us"))
        self.call("GET", "/v1/reports/usage?from=5&to=4", expect=400)

    def test_metrics_name_nobody(self):
        self.add_user("somebody-special")
        text = self.call("GET", "/v1/metrics")
        self.assertNotIn("somebody-special", text)
        self.assertRegex(text, r'berth_http_requests_total\{class="2xx"\} [1-9]')
        self.assertIn("berth_store_read_seconds_bucket", text)
        for name in ("store_read", "store_write", "store_queue", "login", "login_hash"):
            self.assertRegex(text, rf"berth_{name}_seconds_count [1-9]")
        self.assertRegex(text, r"(?m)^berth_store_queued \d+$")

    def test_the_audit_log_is_whole_and_says_so(self):
        self.add_user("ann")
        reply = self.call("GET", "/v1/audit/verify")
        self.assertEqual((reply["is_whole"], reply["breach"], reply["n_chains"]), (True, None, 1))
        self.assertGreaterEqual(reply["n_events"], 2)

    def test_log_levels_are_set_by_name(self):
        self.call("PUT", "/v1/log", {"scopes": "warning,http=debug"}, 204)
        rows = self.call("GET", "/v1/audit")["audit"]
        self.assertEqual([r["data"] for r in rows if r["kind"] == "site.log-levels"],
                         [{"scopes": "warning,http=debug"}])
        for bad in ("loud", "=info", "http=", "a" * 513):
            self.call("PUT", "/v1/log", {"scopes": bad}, 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""berthctl, the program, with a real broker: over its socket, and over the real gateway.

usage: test_berthctl.py BERTHCTL BROKER GATEWAY FAKE_AGENT [TEST...]
"""
import http.server
import json
import os
import pty
import re
import select
import signal
import socketserver
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, die_with_parent, new_folder  # noqa: E402
from fake_hosts import FakeHosts  # noqa: E402

BERTHCTL = PROGRAM = GATEWAY = FAKE_AGENT = None
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
KINDS = os.path.join(ROOT, "broker/ctl/kind.c")
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
PASSWORD = "a good password"
LIMIT_S = 60


def eventually(probe):
    end = time.monotonic() + LIMIT_S
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def pipe_with(text):
    read_fd, write_fd = os.pipe()
    os.write(write_fd, text.encode() + b"\n")
    os.close(write_fd)
    return read_fd


def totp(secret):
    return subprocess.run(["oathtool", "--totp", "--base32", secret], check=True,
                          capture_output=True, text=True).stdout.strip()


class SiteCase(unittest.TestCase):
    """A broker, and an administrator with a token file."""

    def setUp(self):
        folder = new_folder()
        self.addCleanup(folder.cleanup)
        self.site = Site(folder.name)
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.env = {"BERTH_TOKEN_FILE": self.site.path("token"), "LC_ALL": "C.UTF-8",
                    "PATH": os.environ["PATH"]}
        self.login("admin", ADMIN_PASSWORD)

    def where(self):
        return ["--socket", self.site.path("api.sock")]

    def run_ctl(self, *args, secrets=(), env=None):
        """Runs it; secrets are (option, text), each given on a descriptor of its own."""
        fds, options = [], []
        for option, text in secrets:
            fds.append(pipe_with(text))
            options += [option, str(fds[-1])]
        done = subprocess.run([BERTHCTL, *self.where(), *args, *options], pass_fds=fds, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S,
                              env=env or self.env, start_new_session=True, check=False)
        for fd in fds:
            os.close(fd)
        return done

    def ctl(self, *args, secrets=(), status=0, env=None):
        done = self.run_ctl(*args, secrets=secrets, env=env)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done.stdout if status == 0 else done.stderr

    def json(self, *args, **more):
        out = self.ctl("--json", *args, **more)
        return json.loads(out) if out.strip() else None

    def refused(self, *args, says="", status=1, **more):
        text = self.ctl(*args, status=status, **more)
        self.assertIn(says, text)
        self.assertTrue(text.startswith("berthctl: "), text)

    def login(self, user, password, *more, env=None):
        return self.ctl("login", "--user", user, secrets=[("--password-fd", password), *more],
                        env=env)

    def write(self, name, value):
        path = self.site.path(name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file)
        return path

    def names(self, kind, key="name"):
        return [row[key] for row in self.json("get", kind)[kind]]

    def add_pool(self, name="office", size=1, **more):
        if "demo" not in self.names("images"):
            self.ctl("create", "image", "demo", "--manifest", self.write("demo.json", MANIFEST))
        self.ctl("create", "pool", name, "--image", "demo", "--size", str(size), "--spares",
                 str(size), "--vcpus", "1", "--memory", "256",
                 *[word for key, value in more.items() for word in ("--" + key, value)])

    def add_user(self, name):
        self.ctl("create", "user", name, secrets=[("--new-password-fd", PASSWORD)])

    def env_of(self, user):
        """Environment of another user who has logged in."""
        env = {**self.env, "BERTH_TOKEN_FILE": self.site.path("token-" + user)}
        self.login(user, PASSWORD, env=env)
        return env

    def check_columns(self, kind):
        """Nothing that a kind's table could show is missing in what the broker says."""
        rows = self.json("get", kind)[kind]
        self.assertTrue(rows, kind)
        head = self.ctl("get", kind).splitlines()[0].lower().split()
        with open(KINDS, encoding="utf-8") as file:
            row = re.search(rf'\{{ "{kind}",(.*?)\}}', file.read(), re.DOTALL).group(1)
        columns = " ".join(re.findall(r'"([^"]*)"', row)[4:]).split()
        self.assertEqual(head, columns, kind)


class Commands(SiteCase):
    def test_login_keeps_the_token_for_its_owner_and_logout_ends_it(self):
        for name in ("token", "token.device"):
            mode = os.stat(self.site.path(name)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertIn("n_users", self.ctl("status"))
        self.ctl("logout")
        self.refused("status", says="no longer valid")
        out = self.ctl("login", "--user", "admin", secrets=[("--password-fd", ADMIN_PASSWORD)],
                       env={"LC_ALL": "C"})
        self.assertRegex(out.strip(), "^[0-9a-f]{64}$")
        self.assertEqual(self.json("--user", "admin", "get", "users", env={"LC_ALL": "C"},
                                   secrets=[("--password-fd", ADMIN_PASSWORD)])
                         ["users"][0]["name"], "admin")
        self.refused("login", "--user", "admin", secrets=[("--password-fd", "wrong")],
                     says="the user name or password is wrong")

    def test_a_known_device_is_not_locked_out_by_strangers(self):
        with open(self.site.path("token.device"), encoding="ascii") as file:
            device = file.read()
        for _ in range(8):
            self.run_ctl("login", "--user", "admin", env={"LC_ALL": "C"},
                         secrets=[("--password-fd", "a guess")])
        self.refused("login", "--user", "admin", env={"LC_ALL": "C"},
                     secrets=[("--password-fd", ADMIN_PASSWORD)], says="too many attempts")
        self.login("admin", ADMIN_PASSWORD)
        with open(self.site.path("token.device"), encoding="ascii") as file:
            self.assertEqual(file.read(), device)

    def test_wrong_command_lines_end_with_2_and_say_why(self):
        for line in ("nothing", "get", "get clouds", "create pool", "create pool a --size x",
                     "set pool a --enabled maybe", "get pools --wide", "report usage --from monday",
                     "report usage --from 2026-02-30", "get pools a b", "login", "apply",
                     "apply /nonexistent", "get machines one --state ready", "completion fish",
                     "policy set planet", "policy set site", "db nothing"):
            self.assertTrue(self.ctl(*line.split(), status=2), line)
        self.ctl("get", "pools", status=2, env={"LC_ALL": "C"})
        self.assertEqual(subprocess.run([BERTHCTL, "--broker", "http://x", "get", "pools"],
                                        env=self.env, capture_output=True, check=False).returncode,
                         2)

    def test_what_the_server_refuses_ends_with_1(self):
        self.refused("get", "pools", "none", says='there is no pool "none"')
        self.refused("delete", "pool", "0" * 32, says="no such thing")
        self.add_user("anna")
        self.refused("create", "user", "anna", secrets=[("--new-password-fd", PASSWORD)],
                     says="exists")
        self.refused("create", "pool", "p", "--size", "99999999", says="size")
        self.refused("get", "hosts", "--pool", "p", says="pool")
        env = self.env_of("anna")
        self.refused("status", env=env, says="not permitted")
        self.broker.stop()
        self.refused("status", says="localhost")

    def test_every_kind_is_made_shown_changed_and_deleted(self):
        self.add_pool("office", policy=self.write("p.json", {"usb": False}))
        self.add_user("anna")
        self.ctl("create", "group", "staff")
        self.ctl("create", "host", "one", "--id", "ab" * 16)
        self.ctl("create", "host", "two", "--id", "ac" * 16)
        rules = self.write("rules.json", [{"days": [1, 2], "from": "08:00", "to": "18:00"}])
        self.ctl("create", "schedule", "work", "--timezone", "Europe/Berlin", "--rules", rules)
        self.ctl("create", "source", "system", "--kind", "pam")
        self.ctl("create", "device", "lobby", "--fingerprint", "cd" * 32, "--as-user", "anna")
        token = self.json("create", "token", "backup", "--days", "3")["token"]
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.ctl("create", "pool", "desks", "--kind", "physical", "--size", "2")
        self.ctl("create", "machine", "desk1", "--pool", "desks", "--host", "one", "--address",
                 "192.0.2.7:5900")
        changes = {
            "pool": ("office", "--size 7 --enabled no --on-logoff recycle", "size", 7),
            "user": ("anna", "--display-name Anna --needs-totp yes", "needs_totp", True),
            "group": ("staff", "--name people", "name", "people"),
            "image": ("demo", "--name base", "name", "base"),
            "host": ("one", "--memory-overcommit 150", "memory_overcommit_pct", 150),
            "schedule": ("work", "--timezone Europe/Paris", "timezone", "Europe/Paris"),
            "source": ("system", "--priority 5 --enabled no", "priority", 5),
            "device": ("lobby", "--enabled no", "enabled", False),
        }
        for kind, (name, options, key, value) in changes.items():
            self.ctl("set", kind, name, *options.split())
            name = value if key == "name" else name
            self.assertEqual(self.json("get", kind, name)[key], value, kind)
            self.assertIn(name, self.ctl("get", kind, name))
            self.assertIn(name, self.ctl("get", kind + "s"))
        self.ctl("set", "password", "anna", secrets=[("--new-password-fd", "another good one")])
        self.refused("login", "--user", "anna", secrets=[("--password-fd", PASSWORD)], says="wrong")
        for kind, name in (("device", "lobby"), ("token", "backup"), ("source", "system"),
                           ("pool", "office"),
                           ("image", "base"), ("schedule", "work"), ("group", "people"),
                           ("host", "two"), ("user", "anna")):
            if kind == "pool":
                self.ctl("set", "pool", name, "--size", "0", "--spares", "0")
                eventually(lambda: self.json("get", "pool", name)["n_machines"] == 0)
            self.ctl("delete", kind, name)
            self.assertNotIn(name, self.names(kind + "s"))
        # Its host never came, so nobody confirms that it is gone.
        self.ctl("delete", "machine", "desk1")
        self.assertEqual(self.json("get", "machine", "desk1")["state"], "deleting")

    def test_entitlements_grants_and_members(self):
        self.add_pool()
        self.add_user("anna")
        self.ctl("create", "group", "staff")
        self.ctl("add", "member", "staff", "anna")
        self.assertEqual([row["name"] for row in self.json("members", "staff")["members"]],
                         ["anna"])
        self.ctl("entitle", "office", "--group", "staff")
        env = self.env_of("anna")
        self.assertEqual([row["name"] for row in self.json("desktops", env=env)["desktops"]],
                         ["office"])
        self.ctl("remove", "member", "staff", "anna")
        self.assertEqual(self.json("members", "staff")["members"], [])
        self.assertEqual(self.json("desktops", env=env)["desktops"], [])
        entitlement = self.json("get", "entitlements", "--group", "staff")["entitlements"][0]["id"]
        self.assertEqual(self.json("get", "entitlement", entitlement)["group"], "staff")
        self.ctl("delete", "entitlement", entitlement)
        self.assertEqual(self.names("entitlements", "id"), [])
        grant = self.json("grant", "viewer", "--as-user", "anna", "--scope", "/")["id"]
        self.assertIn("n_users", self.ctl("status", env=env))
        self.ctl("delete", "role-grant", grant)
        self.refused("status", env=env, says="not permitted")
        self.assertIn("login", self.ctl("logins", "anna"))
        self.ctl("revoke", "logins", "anna")
        self.refused("desktops", env=env, says="no longer valid")

    def test_policies_are_set_explained_and_removed(self):
        self.add_pool()
        self.add_user("anna")
        self.ctl("create", "group", "staff")
        self.ctl("add", "member", "staff", "anna")
        self.assertIn("usb", self.ctl("policy", "preset", "hardened"))
        self.ctl("policy", "set", "site", "--preset", "hardened")
        self.ctl("policy", "set", "group", "staff", "--file", self.write("p", {"printing": False}))
        why = {row["key"]: row for row in self.json("policy", "explain", "anna", "office")["why"]}
        self.assertEqual((why["usb"]["from"], why["usb"]["value"]), ("site", False))
        self.assertEqual((why["printing"]["from"]), 'group "staff"')
        table = self.ctl("policy", "explain", "anna", "office").splitlines()
        self.assertEqual(table[0].split(), ["KEY", "VALUE", "FROM", "STRICT", "ALSO"])
        self.assertEqual([row["level"] for row in self.json("policy", "list")["policies"]],
                         ["group", "site"])
        self.assertIn("staff", self.ctl("policy", "list"))
        self.ctl("policy", "remove", "group", "staff")
        self.ctl("policy", "remove", "site")
        self.assertEqual(self.json("policy", "list")["policies"], [])
        self.refused("policy", "remove", "site")

    def test_a_list_is_followed_over_all_its_pages(self):
        for i in range(230):
            status, _ = self.broker.request("POST", "/v1/groups", {"name": f"group-{i:03}"},
                                            self.token())
            self.assertEqual(status, 201)
        self.assertEqual(self.names("groups"), [f"group-{i:03}" for i in range(230)])
        self.assertEqual(self.json("get", "group", "group-229")["name"], "group-229")

    def token(self):
        with open(self.env["BERTH_TOKEN_FILE"], encoding="ascii") as file:
            return file.read().strip()

    def test_a_name_that_several_have_needs_an_id(self):
        self.ctl("create", "host", "one", "--id", "ab" * 16)
        for pool in ("a", "b"):
            self.ctl("create", "pool", pool, "--kind", "physical", "--size", "1")
            self.ctl("create", "machine", "desk", "--pool", pool, "--host", "one", "--address",
                     "192.0.2.7:5900")
        self.refused("get", "machine", "desk", says='several machines are called "desk"')
        row = self.json("get", "machines", "--pool", "b")["machines"][0]
        self.assertEqual(self.json("get", "machine", row["id"])["pool"], "b")

    def test_reports_and_other_answers_are_tables_and_json(self):
        self.add_pool()
        for line in ("status", "fsck", "audit list --limit 3", "report usage --by pool",
                     "report usage --by hour --from 2026-01-01 --to 2026-01-02", "report peak",
                     "report failed-logins --from 2026-01-31", "report capacity", "top --once",
                     "get operations", "audit verify", "explain pool office", "explain user admin"):
            self.assertTrue(self.ctl(*line.split()).strip(), line)
            self.assertIsInstance(self.json(*line.split()), dict, line)
        self.assertIn("office", self.ctl("report", "capacity"))
        self.assertEqual(len(self.json("audit", "list", "--limit", "3")["audit"]), 3)
        hours = self.json("report", "usage", "--by", "hour", "--from", "2026-01-01", "--to",
                          "2026-01-02")
        self.assertEqual(hours["to_us"] - hours["from_us"], 2 * 24 * 3600 * 10**6)
        self.refused("reset", "breakers", "office", says="no machine of this pool failed")
        self.ctl("safe-mode", "off")
        self.ctl("hosts-gone")
        self.ctl("log", "set", "info,agent=debug")
        self.refused("log", "set", "loud")

    def test_columns_of_a_table_are_members_of_its_rows(self):
        self.add_pool()
        self.add_user("anna")
        self.ctl("create", "group", "staff")
        self.ctl("create", "host", "one", "--id", "ab" * 16)
        self.ctl("create", "schedule", "work", "--timezone", "UTC", "--rules",
                 self.write("r", []))
        self.ctl("create", "source", "system", "--kind", "pam")
        self.ctl("create", "device", "lobby", "--fingerprint", "cd" * 32, "--as-user", "anna")
        self.ctl("create", "token", "backup")
        self.ctl("entitle", "office", "--group", "staff")
        for kind in ("pools", "hosts", "images", "schedules", "users", "groups",
                     "sources", "devices", "entitlements", "role-grants", "tokens"):
            self.check_columns(kind)

    def test_fsck_ends_with_1_if_the_store_is_broken(self):
        self.assertEqual(self.json("fsck")["breaches"], 0)
        self.add_pool()
        self.broker.stop()
        store = sqlite3.connect(self.site.path("state/broker.sqlite"))
        with store:
            store.execute("UPDATE pool SET size = size + 0, n_machines = 55")
        store.close()
        self.broker.start()
        done = self.run_ctl("fsck")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("pool-counts-its-machines", done.stdout)
        self.assertIn("breaks its own rules", done.stderr)

    def test_audit_verify_ends_with_1_if_a_record_was_edited(self):
        self.assertTrue(self.json("audit", "verify")["is_whole"])
        self.broker.stop()
        store = sqlite3.connect(self.site.path("state/broker.sqlite"))
        with store:
            for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' "
                                         "AND tbl_name = 'event'").fetchall():
                store.execute(f'DROP TRIGGER "{name}"')
            store.execute("UPDATE event SET actor = 'user:nobody' WHERE kind = 'login.ok'")
        store.close()
        self.broker.start()
        done = self.run_ctl("audit", "verify")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("tampered", done.stderr)

    def test_db_runs_the_broker_with_the_same_words(self):
        config = ["--config", self.site.path("broker.conf")]
        self.env["PATH"] = os.path.dirname(PROGRAM) + ":" + self.env["PATH"]
        backup = self.site.path("backup")
        copy = "sqlite:" + self.site.path("copy.sqlite")
        for words in (["backup", backup], ["verify", backup]):
            done = subprocess.run([BERTHCTL, "db", *words, *config], capture_output=True, text=True,
                                  env=self.env, timeout=LIMIT_S, check=False)
            self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        self.ctl("create", "group", "later")
        self.broker.stop()
        store = "sqlite:" + self.site.path("state/broker.sqlite")
        for words, status in ((["migrate"], 0), (["copy", store, copy], 0), (["restore", backup], 1),
                              (["restore", backup, "--force"], 0)):
            done = subprocess.run([BERTHCTL, "db", *words, *config], capture_output=True, text=True,
                                  env=self.env, timeout=LIMIT_S, check=False)
            self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        self.broker.start()
        self.login("admin", ADMIN_PASSWORD)
        self.assertEqual(self.names("groups"), [])
        self.assertTrue(self.json("status")["status"]["safe_mode"])
        self.ctl("safe-mode", "off")
        eventually(lambda: not self.json("status")["status"]["safe_mode"])


class Apply(SiteCase):
    FILE = {
        "schedules": [{"name": "work", "timezone": "Europe/Berlin",
                       "rules": [{"days": [1], "from": "08:00", "to": "18:00"}]}],
        "groups": [{"name": "staff"}],
        "pools": [{"name": "office", "image": "demo", "size": 0, "vcpus": 1, "memory_mib": 256}],
        "entitlements": [{"group": "staff", "pool": "office", "schedule": "work"}],
        "policies": {"site": {"usb": False}, "groups": {"staff": {"usb": True}}},
    }

    def setUp(self):
        super().setUp()
        self.ctl("create", "image", "demo", "--manifest", self.write("demo.json", MANIFEST))

    def diff(self, file, *options):
        return [(row["act"], row["kind"]) for row in
                self.json("diff", self.write("site.json", file), *options)]

    def test_a_site_becomes_as_the_file_says_and_stays(self):
        file = self.write("site.json", self.FILE)
        self.assertEqual(self.diff(self.FILE), [
            ("create", "schedules"), ("create", "groups"), ("create", "pools"),
            ("create", "entitlements"), ("create", "policies"), ("create", "policies")])
        self.assertEqual(self.names("pools"), [])
        self.ctl("apply", file, status=2)  # nobody to ask
        self.assertEqual(self.names("pools"), [])
        self.assertIn("6 changes", self.ctl("apply", file, "--yes"))
        self.assertEqual(self.ctl("apply", file), "0 changes\n")
        self.assertEqual(self.ctl("diff", file), "0 changes\n")

    def test_what_differs_is_updated_and_what_is_not_named_pruned(self):
        self.ctl("apply", self.write("site.json", self.FILE), "--yes")
        file = {**self.FILE, "pools": [{"name": "office", "size": 0, "max_per_user": 2}],
                "groups": [{"name": "staff"}], "entitlements": [],
                "policies": {"site": {"usb": True}}}
        self.assertEqual(self.diff(file), [("update", "pools"), ("update", "policies")])
        self.assertEqual(self.diff(file, "--prune")[-1], ("delete", "entitlements"))
        text = self.ctl("diff", self.write("site.json", file))
        self.assertIn("max_per_user: 1 -> 2", text)
        self.ctl("apply", self.site.path("site.json"), "--yes", "--prune")
        self.assertEqual(self.json("get", "pool", "office")["max_per_user"], 2)
        self.assertEqual(self.names("entitlements", "id"), [])
        self.assertEqual(self.ctl("apply", self.site.path("site.json"), "--prune"), "0 changes\n")

    def change_while_asked(self, change, *says):
        """Answers "y" at a terminal after somebody else changed something."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(BERTHCTL, [BERTHCTL, *self.where(), "apply", self.site.path("site.json")],
                      self.env)
        text = read_until(terminal, "[y/N]")
        change()
        os.write(terminal, b"y\n")
        text += read_until(terminal, None)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 1, text)
        for what in says:
            self.assertIn(what, text)

    def test_what_somebody_else_changed_meanwhile_is_not_overwritten(self):
        self.ctl("apply", self.write("site.json", self.FILE), "--yes")
        self.write("site.json", {"pools": [{"name": "office", "max_per_user": 2}]})
        self.change_while_asked(lambda: self.ctl("set", "pool", "office", "--max-per-user", "5"),
                                "changed meanwhile", "after 0 of 1 changes")
        self.assertEqual(self.json("get", "pool", "office")["max_per_user"], 5)
        self.write("site.json", {"policies": {"site": {"usb": True}}})
        self.change_while_asked(lambda: self.ctl("policy", "set", "site", "--preset", "kiosk"),
                                "changed meanwhile")

    def test_a_file_that_is_none_is_refused(self):
        for value in ({"clouds": []}, [], {"pools": [{}]}, {"pools": 1},
                      {"policies": {"planet": {}}}, {"pools": [{"name": "a"}, {"name": "a"}]}):
            self.ctl("diff", self.write("site.json", value), status=2)
        self.write("site.json", {"pools": [{"name": "p", "size": 1, "nonsense": 1}]})
        self.refused("apply", self.site.path("site.json"), "--yes", says="nonsense")


def read_until(terminal, what):
    """Text of a terminal up to some words, or to its end."""
    text = ""
    while what is None or what not in text:
        if not select.select([terminal], [], [], LIMIT_S)[0]:
            raise AssertionError(f"{what!r} did not come: {text!r}")
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            assert what is None, f"it ended without {what!r}: {text!r}"
            break
        text += chunk.decode()
    return text


class Desktops(SiteCase):
    """A host with desktops, which is fake."""
    OPTIONS = ()

    def setUp(self):
        super().setUp()
        self.hosts = FakeHosts(FAKE_AGENT, self.site, self.broker.port, 1, "--state-dir",
                               self.site.dir, *self.OPTIONS)
        self.addCleanup(lambda: self.hosts.kill())
        self.ctl("create", "host", "one", "--id", self.hosts.ids[0])
        self.hosts.send(op="dial")
        eventually(lambda: self.json("get", "host", "one")["state"] == "up")
        self.add_pool()
        self.ctl("entitle", "office", "--as-user", "admin")

    def ready(self):
        eventually(lambda: self.json("get", "pool", "office")["n_ready"] == 1)

    def sessions(self):
        return self.json("get", "sessions")["sessions"]

    def test_a_test_connects_tells_its_steps_and_logs_off(self):
        self.ready()
        text = self.ctl("connect-as-test", "office")
        self.assertRegex(text, r"STEP +MS\n(.*\n)*granted +\d+\n")
        eventually(lambda: self.sessions() == [])
        self.ready()
        steps = self.json("connect-as-test", "office", "--keep")["steps"]
        self.assertEqual(steps[-1]["step"], "granted")
        self.assertEqual([row["user"] for row in self.sessions()], ["admin"])
        self.refused("connect-as-test", "office", says="there already")
        self.assertEqual(len(self.sessions()), 1)
        self.refused("connect-as-test", "lab", says="may not have a desktop")

    def test_a_link_opens_a_desktop_once(self):
        self.refused("link", "office", says="--address", status=2)
        address = ["--address", "https://desk.example:7443"]
        link = self.ctl("link", "office", *address).strip()
        self.assertRegex(link, r"^berth://desk\.example:7443/office\?code=[0-9a-f]{64}$")
        code = link.rpartition("=")[2]
        self.assertEqual(self.broker.request("POST", "/v1/auth/code", {"code": code})[0], 200)
        self.assertEqual(self.broker.request("POST", "/v1/auth/code", {"code": code})[0], 401)
        reply = self.json("link", "office", *address)
        self.assertIn(reply["code"], reply["link"])
        path = self.site.path("office.berth")
        self.assertEqual(self.ctl("link", "office", *address, "--file", path), "")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, encoding="utf-8") as file:
            self.assertRegex(file.read(), r"^\[berth\]\nbroker=https://desk\.example:7443\n"
                                          r"desktop=office\ncode=[0-9a-f]{64}\n$")
        self.refused("link", "nowhere", *address, says="nowhere")

    def test_sessions_are_told_disconnected_and_ended(self):
        self.ready()
        session = self.json("connect-as-test", "office", "--keep")["session"]
        for options in (["--pool", "office"], ["--of-user", "admin"], ["--host", "one"]):
            rows = self.json("get", "sessions", *options)["sessions"]
            self.assertEqual([row["id"] for row in rows], [session])
        self.assertEqual(self.json("get", "session", session)["pool"], "office")
        self.assertIn(session, self.ctl("top", "--once"))
        self.ctl("message", session, "we close at six")
        eventually(lambda: "session.message" in self.ctl("audit", "list", "--limit", "20") or
                   "notice" in self.ctl("audit", "list", "--limit", "20"))
        self.ctl("disconnect", session)
        self.assertTrue(self.ctl("explain", "user", "admin"))
        self.check_columns("machines")
        self.check_columns("sessions")
        self.ctl("logoff", session)
        eventually(lambda: self.sessions() == [])

    def test_hosts_and_machines_do_as_they_are_told(self):
        self.ready()
        machine = self.json("get", "machines")["machines"][0]["name"]
        self.ctl("hold", machine)
        self.assertTrue(self.json("get", "machine", machine)["hold"])
        self.ctl("release", machine)
        self.assertEqual(self.json("strangers", "one")["strangers"], [])
        self.assertTrue(self.json("drain", "one")["drain"])
        self.assertFalse(self.json("undrain", "one")["drain"])
        self.assertTrue(self.json("maintenance", "one", "--enabled", "yes")["maintenance"])
        self.assertFalse(self.json("maintenance", "one", "--enabled", "no")["maintenance"])
        self.refused("fence", "one")
        self.refused("maintenance", "one", says="enabled")

    def interrupt_test(self, number):
        process = subprocess.Popen([BERTHCTL, *self.where(), "connect-as-test", "office"],
                                   env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, preexec_fn=die_with_parent)
        eventually(self.waits)
        process.send_signal(number)
        _, why = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 1, why)
        self.assertIn("interrupted", why)
        # The host is silent, so it cannot say yet that the session has ended.
        self.assertEqual([row["state"] for row in self.sessions()], ["ending"])

    def waits(self):
        """The test has a session, which its silent host does not open."""
        audit = self.json("audit", "list", "--limit", "10")["audit"]
        return any(row["kind"].startswith("session.") for row in audit)

    def test_an_interrupted_test_leaves_no_session(self):
        self.ready()
        self.hosts.send(op="mute", host=self.hosts.ids[0], enabled=True)
        self.interrupt_test(signal.SIGINT)

    def test_a_killed_test_leaves_no_session(self):
        self.ready()
        self.hosts.send(op="mute", host=self.hosts.ids[0], enabled=True)
        self.interrupt_test(signal.SIGTERM)


class Terminal(SiteCase):
    def spawn(self, *args, fds=(), env=None):
        """Runs berthctl at a terminal of its own."""
        pid, terminal = pty.fork()
        if pid == 0:
            for fd in fds:
                os.set_inheritable(fd, True)
            os.execve(BERTHCTL, [BERTHCTL, *self.where(), *args], env or self.env)
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def end(self, pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_top_draws_until_it_is_interrupted_and_logs_out(self):
        fd = pipe_with(ADMIN_PASSWORD)
        pid, terminal = self.spawn("--user", "admin", "--password-fd", str(fd), "top", fds=[fd])
        os.close(fd)
        read_until(terminal, "n_users")
        self.assertEqual(len(self.logins()), 2)
        os.write(terminal, b"\x03")
        read_until(terminal, None)
        self.assertEqual(self.end(pid), 0)
        self.assertEqual(len(self.logins()), 1)

    def logins(self):
        rows = self.json("logins", "admin")["logins"]
        return [row for row in rows if row["kind"] == "login"]

    def second_factor(self):
        """A user who must have a second factor enrols at the terminal; returns the secret."""
        self.add_user("anna")
        self.ctl("set", "user", "anna", "--needs-totp", "yes")
        self.env = {**self.env, "BERTH_TOKEN_FILE": self.site.path("token-anna")}
        fd = pipe_with(PASSWORD)
        pid, terminal = self.spawn("login", "--user", "anna", "--password-fd", str(fd), fds=[fd])
        os.close(fd)
        text = read_until(terminal, "Code (or recovery code): ")
        secret = re.search(r"secret=([A-Z2-7]+)", text).group(1)
        os.write(terminal, totp(secret).encode() + b"\n")
        text = read_until(terminal, None)
        self.assertEqual(self.end(pid), 0, text)
        self.assertIn("recovery codes", text)
        return secret, re.findall(r"^  (\S+)\r?$", text, re.MULTILINE)

    def test_a_code_is_asked_for_or_read_from_a_descriptor(self):
        _, codes = self.second_factor()
        self.assertEqual(len(codes), 10)
        self.ctl("desktops")
        self.login("anna", PASSWORD, ("--code-fd", codes[0]))
        self.refused("login", "--user", "anna", says="the code is wrong",
                     secrets=[("--password-fd", PASSWORD), ("--code-fd", codes[0])])
        self.ctl("login", "--user", "anna", secrets=[("--password-fd", PASSWORD)], status=2)
        fd = pipe_with(PASSWORD)
        pid, terminal = self.spawn("login", "--user", "anna", "--password-fd", str(fd), fds=[fd])
        os.close(fd)
        read_until(terminal, "Code (or recovery code): ")
        os.write(terminal, codes[1].encode() + b"\n")
        read_until(terminal, None)
        self.assertEqual(self.end(pid), 0)
        self.assertEqual(os.stat(self.site.path("token-anna.device")).st_mode & 0o777, 0o600)


class SlowServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    n_asked = 0


class SlowHandler(http.server.BaseHTTPRequestHandler):
    """A broker whose report takes long: an operation that is done when it was asked for thrice."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "unix"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if not self.path.startswith("/v1/operations/"):
            self.answer(202, {"operation": "12" * 16})
            return
        self.server.n_asked += 1
        is_done = self.server.n_asked >= 3
        self.answer(200, {"id": "12" * 16, "kind": "read", "state": "done" if is_done else "running",
                          "progress_pct": 100 if is_done else 40, "detail": "counts \x1b hours",
                          "result": {"pools": [{"name": "office"}], "rows": []}})


class Progress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="berth-")
        self.addCleanup(folder.cleanup)
        self.socket = os.path.join(folder.name, "api.sock")
        self.server = SlowServer(self.socket, SlowHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        token = os.path.join(folder.name, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write("0" * 64)
        self.env = {"BERTH_TOKEN_FILE": token}
        self.line = [BERTHCTL, "--socket", self.socket, "report", "capacity"]

    def test_long_work_shows_a_bar_at_a_terminal_and_its_result(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(BERTHCTL, self.line, self.env)
        text = read_until(terminal, None)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)
        self.assertIn("[############------------------]  40 %  counts ? hours", text)
        self.assertIn("100 %", text)
        self.assertIn("office", text)

    def test_a_list_that_takes_long_is_waited_for_too(self):
        done = subprocess.run([*self.line[:3], "get", "pools"], env=self.env, capture_output=True,
                              text=True, timeout=LIMIT_S, check=True)
        self.assertEqual(done.stdout, "NAME\noffice\n")

    def test_scripts_get_the_result_without_a_bar(self):
        done = subprocess.run(self.line, env=self.env, capture_output=True, text=True,
                              timeout=LIMIT_S, check=True)
        self.assertEqual((done.stdout, done.stderr), ("NAME\noffice\n", ""))


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = ('source <("$1" completion bash); shift; COMP_WORDS=("$@"); '
                  'COMP_CWORD=$(($# - 1)); _berthctl; printf "%s\\n" "${COMPREPLY[@]}"')
        return subprocess.run(["bash", "-c", script, "bash", BERTHCTL, "berthctl", *words],
                              capture_output=True, text=True, timeout=LIMIT_S,
                              check=True).stdout.split()

    def test_verbs_nouns_kinds_and_options(self):
        self.assertEqual(self.complete("dra"), ["drain"])
        self.assertEqual(self.complete("--cod"), ["--code-fd"])
        self.assertIn("connect-as-test", self.complete(""))
        self.assertEqual(self.complete("policy", "ex"), ["explain"])
        self.assertEqual(self.complete("get", "mach"), ["machines"])
        self.assertEqual(self.complete("--socket", "/x", "create", "pool", "p", "--spares-c"),
                         ["--spares-cold"])
        self.assertEqual(self.complete("get", "pools", "--json"), [])


class Documents(unittest.TestCase):
    def test_the_commands_of_the_documents_exist(self):
        text = subprocess.run([BERTHCTL, "--help"], capture_output=True, text=True,
                              check=True).stdout.partition("\nCommands:\n")[2]
        commands = set(re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)", text, re.MULTILINE))
        found = []
        for name in ("docs/ADMIN.md", "packaging/README.md", "docs/POLICIES.md", "docs/API.md"):
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                found += re.findall(r"(?:`|^|\| )berthctl ([a-z-]+)(?: ([a-z-]+))?", file.read(),
                                    re.MULTILINE)
        self.assertGreater(len(found), 20)
        wrong = [words for words in found
                 if words[0] not in commands and " ".join(words) not in commands]
        self.assertEqual(wrong, [])


class OverTheGateway(SiteCase):
    """The same by TLS, as from another machine."""

    def setUp(self):
        self.port = None
        super().setUp()
        self.site.issue("gateway", "DNS:localhost")
        config = self.site.path("gateway.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[gateway]\nlisten=127.0.0.1:0\ncert_file=gateway.pem\n"
                       "key_file=gateway.key\napi_socket=api.sock\n"
                       "internal_socket=internal.sock\n")
        read_fd, write_fd = os.pipe()
        gateway = subprocess.Popen([GATEWAY, "--config", config, "--ready-fd", str(write_fd)],
                                   pass_fds=[write_fd], preexec_fn=die_with_parent)
        self.addCleanup(gateway.wait)
        self.addCleanup(gateway.kill)
        os.close(write_fd)
        with os.fdopen(read_fd) as ready:
            self.port = int(re.search(r"port=(\d+)", ready.read()).group(1))

    def where(self):
        if self.port is None:
            return super().where()
        return ["--broker", f"https://localhost:{self.port}", "--ca", self.site.path("ca.pem")]

    def test_it_logs_in_works_and_trusts_only_the_sites_authority(self):
        os.unlink(self.site.path("token"))
        self.login("admin", ADMIN_PASSWORD)
        self.ctl("create", "group", "staff")
        self.assertEqual(self.names("groups"), ["staff"])
        self.ctl("set", "group", "staff", "--name", "people")
        self.ctl("delete", "group", "people")
        done = subprocess.run([BERTHCTL, "--broker", f"https://localhost:{self.port}", "status"],
                              env=self.env, capture_output=True, text=True, timeout=LIMIT_S,
                              check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("certificate", done.stderr)


if __name__ == "__main__":
    BERTHCTL, PROGRAM, GATEWAY, FAKE_AGENT = sys.argv[1:5]
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])

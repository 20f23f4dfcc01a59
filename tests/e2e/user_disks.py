#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's disk with a real Debian desktop: what he writes is there on his next machine, nobody else
sees it, it grows in use, and an agent that is killed at any step of attaching or giving back goes on.

usage: user_disks.py BUILD [NAME...]
"""
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import lab  # noqa: E402

POOL = "office"
# For a guest without KVM on a machine that is busy with other things.
LIMIT_S = 900
RULE = {"size_mib": 64, "mount": "/data", "fs": "ext4"}
SECRET = "letter-" + secrets.token_hex(16)
KILL_POINTS = ("disk-noted", "disk-made", "disk-opened", "disk-plugged", "disk-formatted",
               "disk-format-noted", "disk-mounted")
END_KILL_POINTS = ("disk-left", "disk-closed", "disk-checked")
# Each costs four boots: BERTH_TEST_KILL_POINTS=all visits all of them.
VISITED = (KILL_POINTS + END_KILL_POINTS if os.environ.get("BERTH_TEST_KILL_POINTS") == "all"
           else ("disk-noted", "disk-checked"))


class Guest:
    """Runs shell commands in a machine by its guest agent."""

    def __init__(self, site, machine):
        self.path = site.path("agent", "vms", machine, "guest-agent.sock")

    def _call(self, name, **arguments):
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                return self._call_once(name, arguments)
            except OSError:  # the agent of the host talks to it now
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _call_once(self, name, arguments):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(self.path)
            number = secrets.randbelow(1 << 30)
            sock.sendall(b"\xff" + json.dumps({"execute": "guest-sync-delimited",
                                               "arguments": {"id": number}}).encode() + b"\n")
            text = b""
            while f'"return": {number}'.encode() not in text.split(b"\xff")[-1]:
                text += self._receive(sock)
            sock.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                text += self._receive(sock)
            return json.loads(text)["return"]

    @staticmethod
    def _receive(sock):
        part = sock.recv(65536)
        if not part:
            raise OSError("the agent's port was closed")
        return part

    def run(self, script):
        """(exit status, output) of a shell script in the guest."""
        pid = self._call("guest-exec", **{"path": "/bin/sh", "arg": ["-c", script],
                                          "capture-output": True})["pid"]
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            status = self._call("guest-exec-status", pid=pid)
            if status["exited"]:
                return status["exitcode"], base64.b64decode(status.get("out-data", "")).decode()
            time.sleep(0.1)
        raise lab.LabError("the script in the guest does not end")


class UserDisks(unittest.TestCase):
    site = None

    @classmethod
    def setUpClass(cls):
        cls.site.add_user("bert", cls.site.password)
        rule = cls.site.path("disk.json")
        with open(rule, "w", encoding="utf-8") as file:
            json.dump(RULE, file)
        cls.site.add_pool(POOL, "demo", size=3, spares=1, users=["anna", "bert"],
                          template=False)
        cls.site.berthctl("set", "pool", POOL, "--user-disk", rule)
        cls.site.wait_machines(1, LIMIT_S)

    def tearDown(self):
        for row in self.site.rows("sessions"):
            if row["state"] not in ("ending", "ended", "lost"):
                self.log_off(row["id"])

    def connect(self, user):
        """(probe, machine id, session id) of a user who has a desktop."""
        probe = self.site.probe_script("--desktop", POOL, "--timeout", str(LIMIT_S), user=user)
        self.addCleanup(probe.__exit__)
        probe.command("wait-stable 200")
        row = next(row for row in self.site.rows("sessions")
                   if row["user"] == user and row["state"] not in ("ending", "ended", "lost"))
        machine = next(m for m in self.site.rows("machines") if m["name"] == row["machine"])
        return probe, machine["id"], row["id"]

    def log_off(self, session):
        self.site.berthctl("logoff", session)

    def disk(self, user):
        rows = [row for row in self.site.rows("user-disks") if row["user"] == user]
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def wait_disk(self, user, state, what):
        lab.wait_until(what, lambda: self.disk(user)["state"] == state, LIMIT_S)

    def put_away(self, session, user):
        self.log_off(session)
        lab.wait_until(f"the disk of {user} at rest", lambda: self.disk(user)["lease"] == "",
                       LIMIT_S)
        self.site.wait_machines(1, LIMIT_S)

    def guest(self, machine, script):
        status, out = Guest(self.site, machine).run(script)
        self.assertEqual(status, 0, out)
        return out

    def test_1_what_a_user_writes_is_on_the_next_machine_and_nowhere_else(self):
        probe, first, session = self.connect("anna")
        self.assertEqual(self.disk("anna")["state"], "attached")
        self.guest(first, f"su user -c 'echo {SECRET} > /data/letter'")
        self.assertIn("ext4", self.guest(first, "grep ' /data ' /proc/mounts"))
        # Bert is on another machine at the same time, with a disk of his own.
        _, other, _ = self.connect("bert")
        self.assertNotEqual(first, other)
        self.guest(other, "su user -c 'test -w /data && test ! -e /data/letter'")
        status, _ = Guest(self.site, other).run(f"grep -q {SECRET} /dev/vdb")
        self.assertEqual(status, 1, "another user's disk holds the secret")
        probe.close()
        self.put_away(session, "anna")
        _, second, session = self.connect("anna")
        self.assertNotEqual(first, second)
        self.assertEqual(self.guest(second, "cat /data/letter").strip(), SECRET)
        self.put_away(session, "anna")
        with open(self.site.path("agent", "disks", self.disk("anna")["id"] + ".json"),
                  encoding="utf-8") as file:
            journal = json.load(file)
        self.assertEqual((journal["open"], journal["formatted"]), (False, True))
        out = subprocess.run(["qemu-img", "check", self.site.path(
            "agent", "disks", self.disk("anna")["id"] + ".qcow2")], capture_output=True,
            text=True, check=False)
        self.assertEqual(out.returncode, 0, out.stdout)

    def test_2_a_disk_grows_in_use(self):
        _, machine, session = self.connect("anna")
        disk = self.disk("anna")
        self.site.berthctl("grow", "user-disk", disk["id"], "--size", "160")
        lab.wait_until("a larger file system", lambda: int(self.guest(
            machine, "df -m --output=size /data | tail -n 1")) > 100, LIMIT_S)
        self.put_away(session, "anna")

    def restart_agent(self, kill_at=None):
        if kill_at is None:
            self.site.agent.env.pop("BERTH_KILL_AT", None)
        else:
            self.site.agent.env["BERTH_KILL_AT"] = kill_at
        self.site.agent.stop()
        self.site.agent.start()

    def wait_killed(self, point):
        lab.wait_until(f"the agent dead at {point}", lambda: not self.site.agent.is_running(),
                       LIMIT_S)
        self.restart_agent()

    def test_3_an_agent_killed_at_any_step_goes_on(self):
        for point in VISITED:
            with self.subTest(point=point):
                self.visit(point)
                print(f"killed at {point} and gone on", flush=True)

    def visit(self, point):
        """A new disk each time, for the steps that only a new one has."""
        self.forget_disk("bert")
        self.restart_agent(point)
        self.site.wait_machines(1, LIMIT_S)
        pending = self.site.probe_script("--desktop", POOL, "--timeout", str(LIMIT_S), user="bert")
        self.addCleanup(pending.__exit__)
        if point in KILL_POINTS:
            self.wait_killed(point)
        pending.command("wait-stable 200")
        row = next(row for row in self.site.rows("sessions") if row["user"] == "bert"
                   and row["state"] not in ("ending", "ended", "lost"))
        machine = next(m["id"] for m in self.site.rows("machines") if m["name"] == row["machine"])
        self.guest(machine, f"su user -c 'echo {point} > /data/point' && sync")
        pending.close()
        if point in END_KILL_POINTS:
            self.log_off(row["id"])
            self.wait_killed(point)
        self.put_away(row["id"], "bert") if point in KILL_POINTS else lab.wait_until(
            "the disk of bert at rest", lambda: self.disk("bert")["lease"] == "", LIMIT_S)
        _, machine, session = self.connect("bert")
        self.assertEqual(self.guest(machine, "cat /data/point").strip(), point)
        self.put_away(session, "bert")
        self.forget_disk("bert")

    def forget_disk(self, user):
        """Removes the disk of a user, if there is one."""
        def mine():
            return [row for row in self.site.rows("user-disks") if row["user"] == user]
        for row in mine():
            self.site.berthctl("delete", "user-disk", row["id"], "--force")
        lab.wait_until(f"no disk of {user}", lambda: not mine(), LIMIT_S)

    def test_4_a_missing_file_is_said_and_not_replaced(self):
        disk = self.disk("anna")
        path = self.site.path("agent", "disks", disk["id"] + ".qcow2")
        os.rename(path, path + ".away")
        done = self.site.probe("--desktop", POOL, user="anna", limit_s=LIMIT_S)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("missing", done.stderr)
        self.assertFalse(os.path.exists(path))
        os.rename(path + ".away", path)
        lab.wait_until("the disk of anna at rest", lambda: self.disk("anna")["lease"] == "",
                       LIMIT_S)
        _, machine, session = self.connect("anna")
        self.assertEqual(self.guest(machine, "cat /data/letter").strip(), SECRET)
        self.put_away(session, "anna")

    def test_5_a_backup_of_a_disk_becomes_another_users(self):
        site = self.site
        self.forget_disk("bert")
        site.berthctl("export", "user-disk", self.disk("anna")["id"], "letters", limit_s=LIMIT_S)
        backup, = site.berthctl("backup", "list")["backups"]
        self.assertEqual((backup["kind"], backup["user"], backup["state"]),
                         ("user-disk", "anna", "ready"))
        site.berthctl("import", "user-disk", "letters", "--host", site.host_names[0], "--pool",
                      POOL, "--as-user", "bert", limit_s=LIMIT_S)
        _, machine, session = self.connect("bert")
        self.assertEqual(self.guest(machine, "cat /data/letter").strip(), SECRET)
        self.assertNotEqual(self.disk("bert")["id"], self.disk("anna")["id"])
        self.put_away(session, "bert")


def main():
    folder = tempfile.mkdtemp(prefix="berth-demo-image-")
    build = os.path.join(HERE, "..", "..", "tools", "demo-image", "build.sh")
    if subprocess.run([build, folder], check=False).returncode != 0:
        print("SKIP: the demo's image cannot be built here")
        sys.exit(77)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[2:]] or None
    with lab.Lab(BUILD, {"demo": folder},
                 agent_options=[f"ready_deadline_s={LIMIT_S}"]) as site:
        UserDisks.site = site
        result = unittest.TextTestRunner(verbosity=2).run(
            loader.loadTestsFromTestCase(UserDisks))
        if not result.wasSuccessful() and os.environ.get("BERTH_KEEP_LOGS"):
            subprocess.run(["cp", site.agent.log_path, site.broker.log_path,
                            os.environ["BERTH_KEEP_LOGS"]], check=False)
    subprocess.run(["rm", "-rf", folder], check=False)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()

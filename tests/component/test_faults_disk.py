#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full under the store while users come, and has room again.

usage: test_faults_disk.py BROKER [TEST...]

The store lies on a small tmpfs of a mount namespace of our own.
"""
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres  # noqa: E402
from broker_site import new_folder  # noqa: E402
from chaos_users import NoAnswer  # noqa: E402
from fault_site import FaultSite, Load, eventually, new_seed, sentence  # noqa: E402

PROGRAM = None
N_USERS = 4


def mount_tmpfs(path, size):
    os.makedirs(path, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)


class Ballast:
    """A file that takes all the room there is."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "ballast")

    def fill(self):
        with open(self.path, "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def drop(self):
        os.unlink(self.path)


class FullDisk(unittest.TestCase):
    def start(self, url):
        self.seed = new_seed()
        self.site = FaultSite(PROGRAM, self.folder, url)
        self.addCleanup(self.site.close)
        self.host = self.site.add_host("one")
        eventually(self.site.all_up)
        self.pool = self.site.add_pool(size=30)
        self.tokens = [self.site.add_user(f"user{i}", self.pool) for i in range(N_USERS)]
        self.anna = self.site.add_user("anna", self.pool)
        self.first = self.site.connect(self.anna, self.pool)

    def setUp(self):
        folder = new_folder()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def disk(self, size):
        disk = tempfile.mkdtemp(prefix="berth-disk-")
        mount_tmpfs(disk, size)
        self.addCleanup(os.rmdir, disk)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", disk], check=True))
        return disk

    def works(self):
        """Whether something can be written."""
        try:
            return self.site.ask("POST", f"/v1/sessions/{self.first['session']}/message",
                                 {"text": "hello"})[0] in (200, 202, 204)
        except NoAnswer:
            return False

    def check_untouched(self):
        """The desktop of who was connected is the same, on its host and in the store."""
        with self.host.lock:
            self.assertEqual(self.host.sessions[self.first["session"]]["state"], "connected")
        again = self.site.connect(self.anna, self.pool)
        self.assertEqual([again[key] for key in ("machine", "epoch", "session")],
                         [self.first[key] for key in ("machine", "epoch", "session")])
        eventually(self.site.all_up)
        self.assertEqual(self.site.breaches(), [])

    def run_full(self, ballast, seconds):
        """The answers that came while there was no room."""
        load = Load(self.site, self.tokens, self.pool, self.seed)
        eventually(lambda: any(answer[0] == 200 for answer in load.answers))
        ballast.fill()
        with load.lock:
            n_before = len(load.answers)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ballast.fill()  # what the store itself freed
            time.sleep(0.2)
        with load.lock:
            answers = load.answers[n_before:]
        print(f"full: {sentence(answers)}", file=sys.stderr)
        return load, answers


class OnSqlite(FullDisk):
    def test_who_asks_is_told_and_it_goes_on_by_itself(self):
        disk = self.disk("6m")
        self.start(f"sqlite:{disk}/store.sqlite")
        ballast = Ballast(disk)
        load, answers = self.run_full(ballast, 5)
        self.assertIn(507, [answer[0] for answer in answers])
        for status, _, reply in answers:
            self.assertIn(status, (200, 202, 204, 404, 409, 503, 507), reply)
        self.assertIn(self.site.ask("GET", "/v1/me", token=self.anna)[0], (200, 507))
        ballast.drop()
        eventually(self.works)
        load.end()
        for token in self.tokens:
            self.site.connect(token, self.pool)
        self.check_untouched()
        self.assertTrue(self.site.must("GET", "/v1/audit/verify")["is_whole"])


@unittest.skipIf(os.getuid() != 0 or "BERTH_TEST_USERNS" in os.environ,
                 "PostgreSQL needs a user of its own")
class OnPostgresql(FullDisk):
    def test_the_database_may_stop_and_comes_back(self):
        """With no room for its log PostgreSQL ends; whoever looks after it starts it again."""
        disk = self.disk("96m")
        server = postgres.Server(disk, max_wal_size="32MB", min_wal_size="32MB",
                                 shared_buffers="16MB")
        self.addCleanup(server.stop)
        self.start(server.new_database("berth"))
        ballast = Ballast(disk)
        server.query("CREATE TABLE filler (t text)")
        load, answers = self.run_full(ballast, 4)
        try:
            # Its log comes to its end in the middle of the users' work.
            server.query("INSERT INTO filler SELECT repeat('x', 2000) FROM "
                         "generate_series(1, 30000)")
        except subprocess.CalledProcessError:
            pass
        ballast.drop()
        if server.process.poll() is not None:
            print("the database ended", file=sys.stderr)
            server.start()
        eventually(self.works)
        answers = load.end()
        for status, _, reply in answers:
            self.assertIn(status, (200, 202, 204, 404, 409, 503, 507, None), reply)
        for token in self.tokens:
            self.site.connect(token, self.pool)
        self.check_untouched()
        self.assertTrue(self.site.must("GET", "/v1/audit/verify")["is_whole"])


def enter_namespace():
    """Mounts are seen by us and our children only."""
    if "BERTH_TEST_MOUNTS" in os.environ:
        return
    os.environ["BERTH_TEST_MOUNTS"] = "1"
    options = ["--mount", "--propagation", "private"]
    if os.getuid() != 0:
        os.environ["BERTH_TEST_USERNS"] = "1"
        options.append("--map-root-user")
    os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])


if __name__ == "__main__":
    enter_namespace()
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)

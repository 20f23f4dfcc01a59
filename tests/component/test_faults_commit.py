#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link to the database breaks in a COMMIT, before or after it happened: it is done once.

usage: test_faults_commit.py BROKER [TEST...]; BERTH_TEST_SEED repeats a run
"""
import os
import random
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postgres  # noqa: E402
from broker_site import new_folder  # noqa: E402
from fault_site import FaultSite, new_seed  # noqa: E402

PROGRAM = None
SOCKET = ".s.PGSQL.5432"
N_ROUNDS = 20
DONE = b"COMMIT\0"


class Cutter:
    """Stands before the server and ends a writer's connection at its next COMMIT, when told to."""

    def __init__(self, server_folder):
        self.folder = tempfile.mkdtemp(prefix="berth-cut-")
        self.server_folder = server_folder
        self.lock = threading.Lock()
        self.where = None     # "before", "after"
        self.n_cut = {"before": 0, "after": 0}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, SOCKET))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(os.path.join(self.server_folder, SOCKET))
            writer = threading.Event()
            for source, sink, where in ((client, server, "before"), (server, client, "after")):
                threading.Thread(target=self.relay, args=(source, sink, where, writer),
                                 daemon=True).start()

    def is_cut(self, where, data, writer):
        if where == "before" and b"UPDATE store_mark" in data:
            writer.set()
        with self.lock:
            if self.where != where or not writer.is_set() or DONE not in data:
                return False
            self.where = None
            self.n_cut[where] += 1
            return True

    def relay(self, source, sink, where, writer):
        try:
            while data := source.recv(65536):
                if self.is_cut(where, data, writer):
                    break
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def arm(self, where):
        with self.lock:
            self.where = where

    def close(self):
        self.listener.close()
        os.unlink(os.path.join(self.folder, SOCKET))
        os.rmdir(self.folder)


class Commits(unittest.TestCase):
    def test_what_was_answered_is_there_once(self):
        numbers = random.Random(new_seed())
        folder = new_folder()
        self.addCleanup(folder.cleanup)
        server = postgres.Server()
        self.addCleanup(server.stop)
        cutter = Cutter(server.folder)
        self.addCleanup(cutter.close)
        url = server.new_database("berth").replace(f"host={server.folder}",
                                                   f"host={cutter.folder}")
        site = FaultSite(PROGRAM, folder.name, url)
        self.addCleanup(site.close)
        wanted = []
        for number in range(N_ROUNDS):
            cutter.arm(numbers.choice(("before", "after")))
            name = f"group{number}"
            status, reply = site.ask("POST", "/v1/groups", {"name": name})
            self.assertEqual(status, 201, reply)
            wanted.append(name)
        print(f"cut {cutter.n_cut}", file=sys.stderr)
        self.assertGreater(min(cutter.n_cut.values()), 0)
        self.assertEqual(sorted(row["name"] for row in site.rows("groups")), sorted(wanted))
        added = server.query("SELECT count(*) FROM event WHERE kind = 'group.added'", "berth")
        self.assertEqual(int(added[0][0]), N_ROUNDS)
        self.assertTrue(site.must("GET", "/v1/audit/verify")["is_whole"])
        self.assertEqual(site.breaches(), [])
        with open(site.brokers[0].log.name, encoding="utf-8") as log:
            text = log.read()
        self.assertIn("the commit that was cut off had happened", text)
        self.assertIn("the commit that was cut off had not happened", text)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)

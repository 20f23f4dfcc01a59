#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""berth-send and an agent that answers: many files, files that are refused, an agent that ends.

usage: test_send.py BERTH_SEND
"""
import array
import os
import socket
import subprocess
import sys
import tempfile
import unittest

LIMIT_S = 60
MOST_UNDER_WAY = 64  # BERTH_LIMIT_SEND_FILES
DONE, NO_AGENT = 3, 6
N_FILES = 600


class Send(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(os.path.join(self.folder.name, "berth-guest.sock"))
        self.listener.listen()
        self.listener.settimeout(LIMIT_S)

    def tearDown(self):
        self.listener.close()
        self.folder.cleanup()

    def start(self, *paths):
        env = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        sender = subprocess.Popen([sys.argv[1], *paths], env=env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        connection, _ = self.listener.accept()
        connection.settimeout(LIMIT_S)
        return sender, connection

    def files(self, n_files):
        paths = [os.path.join(self.folder.name, f"file {n}") for n in range(n_files)]
        for path in paths:
            with open(path, "w", encoding="ascii") as file:
                file.write(path)
        return paths

    def take(self, connection):
        """Name and content of the next file that is given; None if no more comes."""
        fds = array.array("i")
        name, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(fds.itemsize))
        if not name:
            return None
        fds.frombytes(ancillary[0][2])
        with os.fdopen(fds[0]) as file:
            return name.decode(), file.read()

    def test_many_files_wait_for_answers(self):
        paths = self.files(N_FILES)
        sender, connection = self.start(*paths)
        waiting, n_answered = [], 0
        for path in paths:
            waiting.append(self.take(connection))
            self.assertEqual(waiting[-1], (os.path.basename(path), path))
            # Nothing more comes before an answer.
            if len(waiting) == MOST_UNDER_WAY:
                connection.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    connection.recv(1)
                connection.settimeout(LIMIT_S)
                connection.send(f"{DONE} {waiting.pop(0)[0]}".encode())
                n_answered += 1
        for name, _ in waiting:
            connection.send(f"{DONE} {name}".encode())
        out, errors = sender.communicate(timeout=LIMIT_S)
        self.assertEqual((sender.returncode, errors), (0, ""))
        self.assertEqual(out.count(" was sent to your computer\n"), N_FILES)
        self.assertEqual(n_answered, N_FILES - MOST_UNDER_WAY + 1)
        connection.close()

    def test_what_is_refused_is_told(self):
        paths = self.files(2)
        sender, connection = self.start(*paths)
        for status in (DONE, NO_AGENT):
            name, _ = self.take(connection)
            connection.send(f"{status} {name}".encode())
        out, errors = sender.communicate(timeout=LIMIT_S)
        self.assertEqual((sender.returncode, out), (1, '"file 0" was sent to your computer\n'))
        self.assertIn('"file 1" was not sent: nobody is connected', errors)
        connection.close()

    def test_an_agent_that_ends_is_told(self):
        sender, connection = self.start(*self.files(3))
        self.take(connection)
        connection.close()
        _, errors = sender.communicate(timeout=LIMIT_S)
        self.assertEqual(sender.returncode, 1)
        self.assertTrue("the agent has ended" in errors or "cannot be given" in errors, errors)

    def test_without_an_agent(self):
        done = subprocess.run([sys.argv[1], __file__], text=True, capture_output=True, check=False,
                              env={**os.environ, "XDG_RUNTIME_DIR": "/nonexistent"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("is berth-guest started", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

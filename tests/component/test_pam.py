#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real broker, berth-auth-helper and a real PAM stack in a private folder."""
import os
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, die_with_parent, new_folder  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
HELPER = os.environ["BERTH_AUTH_HELPER_PROGRAM"]
PASSWORD = "a system password"
# pam_exec gives the password by stdin and the rest by the environment.  A program that says no is
# a system error to it; pam_deny makes that the refusal it is.
SCRIPT = """#!/bin/sh
IFS= read -r password
[ "$PAM_USER" = anna ] || [ "$PAM_USER" = expired ] || exit 1
printf '%s %s %s' "$PAM_USER" "$PAM_RHOST" "$PAM_SERVICE" > {dir}/seen
[ "$password" = "{password}" ]
"""
ACCOUNT = """#!/bin/sh
[ "$PAM_USER" != expired ]
"""
STACK = """auth [success=1 default=ignore] pam_exec.so quiet expose_authtok {dir}/check
auth requisite pam_deny.so
auth required pam_permit.so
account [success=1 default=ignore] pam_exec.so quiet {dir}/account
account requisite pam_deny.so
account required pam_permit.so
"""


def text(value):
    return struct.pack("<H", len(value)) + value


class PamCase(unittest.TestCase):
    options = "pam_helper = {helper}\npam_confdir = {dir}/pam\n"

    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.site = Site(self.folder.name)
        os.makedirs(self.site.path("pam"))
        for name, content in (("check", SCRIPT), ("account", ACCOUNT)):
            with open(self.site.path(name), "w", encoding="utf-8") as file:
                file.write(content.format(dir=self.site.dir, password=PASSWORD))
            os.chmod(self.site.path(name), 0o755)
        self.set_stack(STACK.format(dir=self.site.dir))
        with open(self.site.path("broker.conf"), "a", encoding="utf-8") as file:
            file.write("[auth]\n" + self.options.format(helper=HELPER, dir=self.site.dir))
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(lambda: self.broker.kill())
        self.admin = self.broker.login("admin", ADMIN_PASSWORD)
        status, _ = self.broker.request("POST", "/v1/sources", {"name": "system", "kind": "pam"},
                                        self.admin)
        self.assertEqual(status, 201)

    def set_stack(self, content):
        with open(self.site.path("pam/berth"), "w", encoding="utf-8") as file:
            file.write(content)

    def try_login(self, user, password, source="192.0.2.5"):
        return self.broker.request("POST", "/v1/auth/login", {"user": user, "password": password},
                                   source=source)


class Logins(PamCase):
    def test_right_wrong_unknown_and_expired(self):
        status, reply = self.try_login("anna", PASSWORD)
        self.assertEqual((status, reply["user"]["name"]), (200, "anna"), reply)
        with open(self.site.path("seen"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "anna 192.0.2.5 berth")
        for user, password in (("anna", "wrong"), ("nobody", PASSWORD), ("expired", PASSWORD)):
            status, reply = self.try_login(user, password)
            self.assertEqual((status, reply["code"]), (401, "bad-credentials"), user)

    def test_permit_and_deny(self):
        self.set_stack("auth required pam_permit.so\naccount required pam_permit.so\n")
        self.assertEqual(self.try_login("bert", "anything at all")[0], 200)
        self.set_stack("auth required pam_deny.so\naccount required pam_deny.so\n")
        self.assertEqual(self.try_login("bert", "anything at all")[0], 401)

    def test_a_broken_stack_is_not_a_wrong_password(self):
        self.set_stack("auth required pam_no_such_module.so\n")
        self.assertEqual(self.try_login("anna", PASSWORD)[1]["code"], "source-down")

    def test_a_local_account_keeps_its_name(self):
        self.set_stack("auth required pam_permit.so\naccount required pam_permit.so\n")
        self.assertEqual(self.try_login("admin", "anything at all")[0], 401)


class NoHelper(PamCase):
    options = "pam_helper = {dir}/nothing\n"

    def test_a_missing_helper_is_not_a_wrong_password(self):
        self.assertEqual(self.try_login("anna", PASSWORD)[1]["code"], "source-down")


class Listening(PamCase):
    """The helper as another user's service: one process a connection, as systemd starts it."""
    options = "pam_socket = {dir}/helper.sock\n"

    def setUp(self):
        super().setUp()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.site.path("helper.sock"))
        self.listener.listen()
        self.addCleanup(self.listener.close)
        self.answer = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    if self.answer is not None:
                        connection.recv(2048)
                        connection.send(self.answer) if self.answer else None
                    else:
                        subprocess.run([HELPER, "--confdir", self.site.path("pam")],
                                       stdin=connection, check=False,
                                       preexec_fn=die_with_parent, timeout=60)
        except OSError:
            pass

    def test_a_listening_helper_answers(self):
        self.assertEqual(self.try_login("anna", PASSWORD)[0], 200)
        self.assertEqual(self.try_login("anna", "wrong")[0], 401)

    def test_a_lying_helper_lets_nobody_in(self):
        for answer in (b"", b"\1", b"\1\0", b"\1\0" + text(b""), b"\2\0" + text(b"anna"),
                       b"\1\3" + text(b"anna"), b"\1\0" + text(b"anna") + b"x",
                       b"\1\0\xff\xffanna", b"\1\0" + text(b"an\0na"), b"\1\0" + text(b"an\nna"),
                       b"\1\0" + text(b"a" * 300)):
            self.answer = answer
            self.assertNotEqual(self.try_login("anna", PASSWORD)[0], 200, answer)


class Helper(unittest.TestCase):
    """The program alone."""

    def ask(self, packet):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                process = subprocess.Popen([HELPER], stdin=theirs, preexec_fn=die_with_parent)
            ours.send(packet)
            answer = ours.recv(2048)
            return answer, process.wait(60)

    def test_nonsense_gets_an_answer_and_an_end(self):
        for packet in (b"\0", b"\1", b"\1" + text(b"") + text(b"x") + text(b"y"), b"\2abc",
                       b"\1" + text(b"a" * 500) + text(b"x") + text(b"y"), b"\1\xff\xff"):
            answer, status = self.ask(packet)
            self.assertEqual((answer[:2], status), (b"\1\2", 1), packet)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A kiosk in the lobby: the certificate of the device is the account; one desktop and no way out;
it comes back by itself, and nothing of the last visitor is left."""
import hashlib
import os
import signal
import subprocess
import unittest

import lab
from desk import Desk
from story import EXIT_LOGIN, POOL, PictureStory, Site

KEY_A, LEFT_ALT, LEFT_CTRL, F4, F11 = 30, 56, 29, 62, 87
VISITOR = (f"key:{F11}", f"key:{LEFT_ALT}", f"key:{F4}", f"key:{LEFT_CTRL}", f"key:{KEY_A}")


def enrol(site, name, user):
    """A certificate of the kiosks' authority that logs a user in; returns the options of berth."""
    devices = Site.devices
    devices.issue(name, "DNS:" + name)
    public = subprocess.run(["openssl", "pkey", "-in", devices.path(name + ".key"), "-pubout",
                             "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
    site.berthctl("create", "device", name, "--fingerprint", hashlib.sha256(public).hexdigest(),
                  "--as-user", user)
    return ["--certificate", devices.path(name + ".pem"), "--certificate-key",
            devices.path(name + ".key")]


class Kiosk(PictureStory):
    def test_a_device_shows_its_desktop_and_nothing_else(self):
        self.lab.add_user("lobby", self.lab.password)
        self.lab.berthctl("entitle", POOL, "--as-user", "lobby")
        certificate = enrol(self.lab, "lobby-1", "lobby")
        desk = Desk(self.lab, "kiosk")
        self.addCleanup(desk.close)
        desk.run("--kiosk", "--desktop", POOL, *certificate)
        desk.wait_shows(self.expect())
        desk.wait_keys()
        self.no_way_out(desk)
        self.comes_back(desk)
        self.next_visitor(desk)
        self.is_managed(desk)
        self.assertIsNone(desk.berth.poll())

    def no_way_out(self, desk):
        """Every key is the desktop's, those of the window and of the window manager, too."""
        desk.tap("F11")
        desk.wait_shows(self.expect(*VISITOR[:1]))
        desk.tap("alt+F4", "ctrl+a")
        desk.wait_shows(self.expect(*VISITOR))
        self.assertEqual(len(desk.titles()), 1, desk.titles())

    def comes_back(self, desk):
        """The session process dies: the same desktop, without a hand."""
        (session,) = self.lab.processes("berth-session")
        machine = self.session("lobby")["machine"]
        os.kill(session, signal.SIGKILL)
        lab.wait_until("another session process", lambda: self.lab.processes("berth-session")
                       not in ([], [session]))
        desk.wait_shows(self.expect(*VISITOR))
        self.assertEqual(self.session("lobby")["machine"], machine)

    def next_visitor(self, desk):
        """The session ends: a fresh desktop."""
        self.lab.berthctl("logoff", self.session("lobby")["id"])
        desk.wait_shows(self.expect())

    def is_managed(self, desk):
        """Taken out of service and put back from the centre."""
        self.lab.berthctl("set", "device", "lobby-1", "--enabled", "no")
        desk.wait_no_guest()
        self.lab.berthctl("set", "device", "lobby-1", "--enabled", "yes")
        desk.wait_shows(self.expect())

    def test_a_stranger_s_certificate_opens_nothing(self):
        devices = Site.devices
        devices.issue("thief", "DNS:thief")
        done = self.lab.run([self.lab.program("berth"), "probe", "--broker", self.lab.url(),
                             "--ca", self.lab.path("keys", "ca.pem"), "--device",
                             "--certificate", devices.path("thief.pem"), "--certificate-key",
                             devices.path("thief.key"), "--desktop", POOL], check=False)
        self.assertEqual(done.returncode, EXIT_LOGIN, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()

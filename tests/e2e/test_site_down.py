# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker is down: who works goes on working, through a lost network, too."""
import unittest

import lab
from desk import Desk
from story import KEY_A, POOL, PictureStory

from relay import Relay

KEY_B = 48


class SiteDown(PictureStory):
    def test_the_window_goes_on_while_the_broker_is_away(self):
        relay = Relay(int(self.lab.gateway.ready["port"]))
        desk = Desk(self.lab, "worker")
        self.addCleanup(desk.close)
        desk.open("--desktop", POOL, "--fullscreen", broker=f"https://localhost:{relay.port}")
        desk.wait_shows(self.expect())
        desk.wait_keys()
        session = self.session()["id"]
        self.lab.broker.kill()
        try:
            desk.tap("a")
            desk.wait_shows(self.expect(f"key:{KEY_A}"))
            relay.end_connections()
            self.comes_back(desk)
        finally:
            self.lab.broker.start()
        lab.wait_until("the session at the broker", lambda: self.session()["state"] == "active")
        self.assertEqual(self.session()["id"], session)

    def comes_back(self, desk):
        """The picture is bright again, and one more key shows."""
        desk.wait_log("resume -> open")
        desk.wait_shows(self.expect(f"key:{KEY_A}"))
        desk.tap("b")
        desk.wait_shows(self.expect(f"key:{KEY_A}", f"key:{KEY_B}"))


if __name__ == "__main__":
    unittest.main()

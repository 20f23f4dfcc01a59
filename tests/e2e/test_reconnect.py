# SPDX-License-Identifier: GPL-3.0-or-later
"""The network goes and comes back between a user and the site: the same session, without a word
of the password, and no key is typed or acknowledged twice."""
import json
import os
import sys
import unittest

import lab
from story import KEY_A, POOL, PictureStory

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "component"))
from relay import Relay  # noqa: E402

KEY_B, KEY_C = 48, 46


class Reconnects(PictureStory):
    def setUp(self):
        super().setUp()
        self.relay = Relay(int(self.lab.gateway.ready["port"]))
        self.probe = self.open_desktop("anna", "--broker", f"https://localhost:{self.relay.port}")
        self.id = self.session()["id"]
        self.acts = self.acts_of_the_user()

    def acts_of_the_user(self):
        """What the user did at the broker, as a login or a connect."""
        return {json.dumps(row, sort_keys=True)
                for row in self.lab.berthctl("audit", "list")["audit"]
                if row["actor"].endswith("anna")}

    def press(self, key):
        self.command(self.probe, f"key {key}")
        self.command(self.probe, "wait-echo 60000")

    def comes_back(self, n_resumes=1):
        """The desktop is there again: the same one, by the token alone."""
        self.command(self.probe, "wait-open")
        self.press("c")
        self.assertEqual(self.command(self.probe, "wait-stable 300")["resumes"], n_resumes)

    def same_session(self):
        self.assertEqual(self.session()["id"], self.id)
        self.assertLessEqual(self.acts_of_the_user(), self.acts)

    def n_acknowledged(self):
        return self.command(self.probe, "stats")["stats"]["input_to_frame"]["n_samples"]

    def test_a_cut_network_comes_back(self):
        (process,) = self.lab.processes("berth-session")
        self.press("a")
        self.relay.cut()
        self.command(self.probe, "wait-lost")
        self.relay.restore()
        self.comes_back()
        self.same_session()
        self.assertEqual(self.lab.processes("berth-session"), [process])
        self.assert_shows(self.probe, "cut.png", f"key:{KEY_A}", f"key:{KEY_C}")

    def test_it_comes_back_as_often_as_it_goes(self):
        for n_resumes in range(1, 4):
            self.relay.end_connections()
            self.command(self.probe, "wait-lost")
            self.comes_back(n_resumes)
        self.same_session()

    def test_a_network_that_is_silent_is_noticed(self):
        self.relay.silence()
        self.command(self.probe, "wait-lost")
        self.relay.restore()
        self.comes_back()
        self.same_session()

    def test_a_short_silence_is_no_loss(self):
        self.relay.hold(up=True, down=True)
        self.command(self.probe, "key a")
        self.relay.hold()
        self.command(self.probe, "wait-echo 60000")
        self.comes_back(n_resumes=0)
        self.assert_shows(self.probe, "stall.png", f"key:{KEY_A}", f"key:{KEY_C}")

    def test_a_key_that_did_not_arrive_is_not_typed_later(self):
        self.press("a")
        self.relay.hold(up=True)
        self.command(self.probe, "key b")
        self.relay.silence()
        self.relay.hold()
        self.command(self.probe, "wait-lost")
        self.relay.restore()
        self.comes_back()
        self.assert_shows(self.probe, "lost.png", f"key:{KEY_A}", f"key:{KEY_C}")
        self.assertEqual(self.n_acknowledged(), 2)

    def test_a_key_whose_answer_was_lost_is_typed_once(self):
        self.press("a")
        self.relay.hold(down=True)
        before = self.relay.n_up
        self.command(self.probe, "key b")
        lab.wait_until("the key at the session", lambda: self.relay.n_up > before)
        self.relay.silence()
        self.relay.hold()
        self.command(self.probe, "wait-lost")
        self.relay.restore()
        self.comes_back()
        self.assert_shows(self.probe, "once.png", f"key:{KEY_A}", f"key:{KEY_B}", f"key:{KEY_C}")
        self.assertEqual(self.n_acknowledged(), 2)

    def test_a_long_way_is_no_loss(self):
        self.relay.delay_s = 0.2
        for key in "aa":
            self.press(key)
        self.comes_back(n_resumes=0)

    def test_the_broker_is_not_needed_for_it(self):
        self.lab.broker.kill()
        try:
            self.relay.cut()
            self.command(self.probe, "wait-lost")
            self.relay.restore()
            self.comes_back()
        finally:
            self.lab.broker.start()
        lab.wait_until("the session at the broker", lambda: self.session()["state"] == "active")
        self.same_session()

    def test_a_gateway_that_was_killed_comes_back(self):
        self.lab.gateway.kill()
        self.command(self.probe, "wait-lost")
        self.lab.gateway.start()
        self.comes_back()
        self.same_session()

    def test_the_old_device_is_told_of_the_new_one_and_stays_away(self):
        other = self.open_desktop("anna", "--broker", f"https://localhost:{self.relay.port}")
        self.assertIn("another device", self.wait_end(self.probe))
        self.relay.end_connections()
        self.command(other, "wait-lost")
        self.command(other, "wait-open")
        self.assert_alive(other)
        self.assertEqual(self.session()["id"], self.id)


if __name__ == "__main__":
    unittest.main()

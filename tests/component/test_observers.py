#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several viewers of one real session: consent, rights, a slow observer, a client whose picture is
wrong.

usage: test_observers.py BERTH_SESSION SESSION_CLIENT TG_EXPECT BUILD_TG_SH
"""
import signal
import sys

import display_fixture as fixture
from session_fixture import Client, Session
from test_session import KEY_A, KEY_B, KEY_F7, Story

VIEW, CONTROL = 4, 5  # rights: OBSERVE, and INPUT with it


class Observers(Story):
    """One guest, its user, and others who want to look."""

    def begin(self):
        self.session.start(self.client.broker_key, self.qemu.add_display(), resume_window_s=60)
        self.session.connect(self.client, self.next_ticket())
        self.client.wait_for(phase="open")
        self.qemu.wait_for_agent(60)
        self.shows("the user's picture")
        self.helper = Client(self.client_program)

    def knock(self, rights, session=None):
        """An observer comes to the door; it sees nothing yet."""
        session = session or self.session
        ticket = session.ticket(self.client, 1, client_key=self.helper.key, user="cd" * 16,
                                rights=rights)
        session.connect(self.helper, ticket)

    def asked(self, mode, last):
        state = self.client.wait_for(ask_mode=mode)
        fixture.wait_until("a new question", lambda: int(self.client.state()["asked"]) > last)
        state = self.client.state()
        if self.helper.state()["frames"] != "0":
            sys.exit("an observer sees something before the user has answered")
        return int(state["asked"])

    def refused(self):
        self.knock(VIEW)
        question = self.asked("1", 0)
        if self.helper.state()["mode"] != "0x0":
            sys.exit("an observer learns the size before the user has answered")
        self.client(f"answer {question + 7} 1")
        self.client(f"answer {question} 0")
        self.helper.wait_for(phase="closed", code="forbidden", bye="1")
        print("ok: the user says no", flush=True)
        return question

    def watches(self, last):
        self.knock(VIEW)
        question = self.asked("1", last)
        self.client(f"answer {question} 1")
        self.helper.wait_for(phase="open", rights=str(VIEW))
        self.shows("an observer sees the user's picture", client=self.helper)
        self.client.wait_for(observers="1")
        self.session.wait_for_state(connected=True, observers=1)
        self.helper("key 30 1")
        self.helper("key 30 0")
        self.helper("resize 800 600")
        self.client.tap(KEY_B)
        self.shows("an observer who may only look changes nothing", f"key:{KEY_B}")
        self.shows("and sees what the user does", client=self.helper)
        return question

    def controls(self, last):
        self.helper("bye")
        self.client.wait_for(observers="0")
        self.knock(CONTROL)
        question = self.asked("2", last)
        self.client(f"answer {question} 1")
        self.helper.wait_for(phase="open", rights=str(CONTROL))
        self.shows("an observer who may help", client=self.helper)
        self.helper(f"key {KEY_A} 1")
        self.helper.wait_for(seen="1")
        self.helper(f"key {KEY_A} 0")
        self.shows("a key of the helper", f"key:{KEY_A}")
        self.shows("the helper sees it", client=self.helper)

    def slow_observer(self):
        """It stops reading in the middle of a video; the user's frames go on."""
        client = self.client
        print("echo alone, us: ", client(f"echo {KEY_A} 30"), flush=True)
        client.tap(KEY_F7)
        fixture.wait_until("frames flow", lambda: int(client.state()["frames"]) > 60)
        self.helper.process.send_signal(signal.SIGSTOP)
        before = int(self.session.status()["VmRSS"].split()[0])
        n_frames = int(client.state()["frames"])
        fixture.wait_until("the user's frames go on",
                           lambda: int(client.state()["frames"]) > n_frames + 120)
        after = int(self.session.status()["VmRSS"].split()[0])
        if after > before + 16384:
            sys.exit(f"a stopped observer: {before} kB before, {after} kB after")
        client.tap(KEY_F7)
        print("echo beside a stopped observer, us: ", client(f"echo {KEY_A} 30"), flush=True)
        self.helper.process.send_signal(signal.SIGCONT)
        fixture.wait_until("the observer catches up",
                           lambda: self.picture(self.helper) == self.picture(client))
        print("ok: a stopped observer holds nobody and catches up", flush=True)

    def wrong_picture(self):
        n_frames = int(self.client.state()["frames"])
        self.client("wrong")
        self.session.wait_for_state(checks_failed=1)
        fixture.wait_until("a whole picture", lambda: int(self.client.state()["frames"]) > n_frames)
        for _ in range(200):
            self.client("refresh")
        state = self.client.state()
        if int(state["frames"]) > n_frames + 20:
            sys.exit(f"{int(state['frames']) - n_frames} whole pictures for 200 questions")
        fixture.wait_until("a picture check", lambda: int(self.client.state()["checks"]) > 0)
        if self.client.state()["wrong"] != "0":
            sys.exit("a picture check failed")
        print("ok: a wrong picture is counted and mended; checks come and agree", flush=True)

    def nobody_there(self):
        self.client("bye")
        self.session.wait_for_state(connected=False)
        other = Client(self.client_program)
        ticket = self.session.ticket(self.client, 1, client_key=other.key, rights=VIEW)
        self.session.connect(other, ticket)
        other.wait_for(phase="closed", code="forbidden", bye="1")
        other.close()
        print("ok: nobody is there to agree, so nobody comes in", flush=True)

    def policies(self):
        for policy, rights, wanted in (("never", VIEW, "closed"), ("always", VIEW, "open")):
            session = Session(self.session_program, self.folder)
            session.start(self.client.broker_key, self.qemu.add_display(), observe=policy)
            self.knock(rights, session)
            self.helper.wait_for(phase=wanted)
            if wanted == "open":
                fixture.wait_until("a picture", lambda: self.helper.state()["frames"] != "0")
            session.close()
        print("ok: the policy decides without the user", flush=True)

    def run(self):
        self.begin()
        last = self.refused()
        last = self.watches(last)
        self.controls(last)
        self.slow_observer()
        self.wrong_picture()
        self.nobody_there()
        self.policies()


if __name__ == "__main__":
    Observers(*sys.argv[1:]).run()

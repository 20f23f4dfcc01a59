#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real session between a real guest and a real client: pixels, keys, tickets, resume, ends.

usage: test_session.py BERTH_SESSION SESSION_CLIENT TG_EXPECT BUILD_TG_SH
"""
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import display_fixture as fixture
import qmp
from session_fixture import Client, Session

KEY_A, KEY_B, KEY_KPENTER, KEY_F7 = 30, 48, 96, 65
# Of 255: no letter of a watermark changes a pixel by more.
MARK_STRENGTH = 36


class Story:
    """One guest and one session, used from one test to the next."""

    def __init__(self, session_program, client_program, tg_expect, build_tg_sh):
        self.session_program = session_program
        self.client_program = client_program
        self.tg_expect = tg_expect
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-session-")
        self.folder = self.temporary.name
        self.events = []
        self.qemu = fixture.DisplayQemu(fixture.build_guest(build_tg_sh, self.folder))
        self.client = Client(client_program)
        self.session = Session(session_program, self.folder)
        self.epoch = 0

    def picture(self, client):
        path = os.path.join(self.folder, "seen.ppm")
        return qmp.read_ppm(path) if client(f"ppm {path}") == "ok" else None

    def expected(self):
        path = os.path.join(self.folder, "expected.ppm")
        with open(path, "wb") as file:
            subprocess.run([self.tg_expect, "1280", "800", "0", *self.events], stdout=file,
                           check=True)
        return qmp.read_ppm(path)

    def shows(self, what, *events, client=None):
        self.events += events
        wanted = self.expected()
        fixture.wait_until(what, lambda: self.picture(client or self.client) == wanted)
        print(f"ok: {what}", flush=True)

    def next_ticket(self, client=None, **other):
        self.epoch += 1
        return self.session.ticket(client or self.client, self.epoch, **other)

    def first_picture(self):
        self.session.start(self.client.broker_key, self.qemu.add_display(), resume_window_s=60)
        self.session.connect(self.client, self.next_ticket())
        self.client.wait_for(phase="open")
        self.qemu.wait_for_agent(60)
        self.shows("the guest's picture, all pixels")
        seen = self.qemu.screen(os.path.join(self.folder, "dump.ppm"))
        if seen != self.picture(self.client):
            sys.exit("the client's picture is not QEMU's")
        print("ok: the client's picture is QEMU's screendump")

    def input(self):
        self.client.wait_for(absolute="1")
        self.client.tap(KEY_A)
        self.shows("a key", f"key:{KEY_A}")
        self.client.tap(KEY_KPENTER)
        self.shows("a key with a prefix", f"key:{KEY_KPENTER}")
        self.client("move 700 300")
        self.client("button 0 1")
        self.client("button 0 0")
        self.shows("pointer and click", "point:700,300", "button:272")
        self.client("wheel 0 -120")
        self.shows("a notch of the wheel", "scroll:48")
        state = self.client.state()
        if state["seen"] != state["serial"]:
            sys.exit(f"frames name input {state['seen']} of {state['serial']}")
        self.session.wait_for_state(connected=True, width=1280, height=800)

    def live_policy(self):
        """A policy that changes reaches who is here, and so does a sentence."""
        self.session.send({"op": "policy", "policy": {"input": False, "resize": True}})
        self.client.wait_for(rights="2")
        before = self.session.wait_for_state(connected=True)["input_us"]
        self.client.tap(KEY_A)
        self.client("wheel 0 -120")
        self.session.send({"op": "notice", "number": 9, "text": "Save your work."})
        # What was sent before the answer has been looked at: none of it was input.
        self.client.wait_for(notice="9", rights="2")
        self.session.send({"op": "policy", "policy": {"resume_window_s": 60}})
        self.client.wait_for(rights="3")
        self.client.tap(KEY_KPENTER)
        self.shows("a key after the right came back", f"key:{KEY_KPENTER}")
        if before <= 0:
            sys.exit(f"the last input was at {before}")
        # Reports of the time before the key may still wait.
        while self.session.wait_for_state(connected=True)["input_us"] <= before:
            pass
        print("ok: rights go and come back while a client is connected", flush=True)

    def is_marked(self, bare):
        """Whether the client's picture is this one under a mark: in places, and faint."""
        seen = self.picture(self.client)
        if seen is None or seen[:2] != bare[:2] or seen == bare:
            return False
        changes = [abs(a - b) for a, b in zip(seen[2], bare[2])]
        n_changed = sum(change > 0 for change in changes)
        return (max(changes) <= MARK_STRENGTH and
                len(changes) / 200 < n_changed < len(changes) / 8)

    def watermark(self):
        """A policy marks the picture of who is here, under what is drawn later too, and ends it."""
        self.session.send({"op": "policy", "policy": {"watermark": "{user} {date}"}})
        fixture.wait_until("the watermark", lambda: self.is_marked(self.expected()))
        self.client.tap(KEY_KPENTER)
        self.events.append(f"key:{KEY_KPENTER}")
        fixture.wait_until("a key below the watermark", lambda: self.is_marked(self.expected()))
        self.session.send({"op": "policy", "policy": {"resume_window_s": 60}})
        self.shows("the picture without the watermark")

    def sandbox(self):
        status = self.session.status()
        if status["Seccomp"] != "2" or status["NoNewPrivs"] != "1":
            sys.exit(f"no sandbox: Seccomp {status['Seccomp']}, NoNewPrivs {status['NoNewPrivs']}")
        n_fds = len(os.listdir(f"/proc/{self.session.process.pid}/fd"))
        print(f"ok: sandboxed; {status['VmRSS']}, {status['Threads']} threads, {n_fds} descriptors",
              flush=True)

    def refusals(self):
        session = self.session
        used = self.next_ticket()
        client = self.client
        session.connect(client, used)
        client.wait_for(phase="open")
        self.shows("a second ticket of the same client opens it again")
        replay = Client(self.client_program)
        session.connect(replay, used)
        replay.wait_for(phase="closed", code="untrusted", bye="1")
        replay.close()
        print("ok: a ticket with another client's key is refused")
        # From here on the broker's hand is the first client; it makes tickets for its own key.
        self.client_is_refused("a used ticket", used, "replayed")
        self.client_is_refused("an expired ticket", session.ticket(client, 90, life_s=-100),
                               "expired")
        self.client_is_refused("another user's ticket",
                               session.ticket(client, 91, user="ab" * 16), "forbidden")
        self.client_is_refused("another session's ticket",
                               session.ticket(client, 92, session="ab" * 16), "forbidden")
        self.client_is_refused("a ticket of an earlier epoch",
                               session.ticket(client, 93, epoch=6), "stale-epoch")
        self.client_is_refused("a ticket for another session key",
                               session.ticket(client, 94, key="ab" * 32), "untrusted")
        self.client_is_refused("an older connection", session.ticket(client, 1), "stale-epoch")
        self.client_is_refused("a spoilt ticket", "00" * 248, "untrusted")

    def client_is_refused(self, what, ticket, code):
        """The same client with a bad ticket; the desktop stays open for the next good one."""
        self.session.connect(self.client, ticket)
        self.client.wait_for(phase="closed", code=code, bye="1")
        print(f"ok: {what} is refused as {code}", flush=True)

    def strangers(self):
        for what, data in (("random bytes", os.urandom(4096)), ("plain HTTP", b"GET / HTTP/1.1\r\n\r\n")):
            port, listener = self.session.dial()
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                self.session.pass_client(listener)
                stranger.settimeout(60)
                stranger.sendall(data)
                try:
                    while stranger.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
            print(f"ok: {what} get nowhere", flush=True)
        self.tls_is_refused("TLS 1.2", ssl.TLSVersion.TLSv1_2)
        self.tls_is_refused("TLS 1.3 without a client key", ssl.TLSVersion.TLSv1_3)

    def tls_is_refused(self, what, version):
        port, listener = self.session.dial()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["berth/1"])
        with socket.create_connection(("127.0.0.1", port)) as plain:
            self.session.pass_client(listener)
            plain.settimeout(60)
            try:
                with context.wrap_socket(plain) as stranger:
                    if stranger.recv(1):
                        sys.exit(f"{what} got an answer")
            except (ssl.SSLError, ConnectionResetError):
                pass
        print(f"ok: {what} is refused", flush=True)

    def resume(self):
        client = self.client
        self.session.connect(client, self.next_ticket_above(100))
        token = client.wait_for(phase="open")["token"]
        client.tap(KEY_B)
        self.shows("a new ticket opens it again", f"key:{KEY_B}")
        client("key 30 1")
        self.shows("a key is held", f"key:{KEY_A}")
        client("drop")
        self.session.wait_for_state(connected=False)
        self.session.resume(client, token)
        fresh = client.wait_for(phase="open")["token"]
        if fresh == token:
            sys.exit("the token is the old one")
        self.shows("a dropped connection resumes")
        client("drop")
        self.session.resume(client, token)
        client.wait_for(phase="closed", code="replayed", bye="1")
        print("ok: a token works once", flush=True)
        self.session.resume(client, fresh)
        client.wait_for(phase="open")
        self.shows("the new token works")

    def next_ticket_above(self, epoch):
        self.epoch = max(self.epoch, epoch)
        return self.next_ticket()

    def takeover(self):
        """Another device with a newer connection; the old one is told why it ends."""
        second = Client(self.client_program)
        self.session.connect(second, self.next_ticket(client_key=second.key))
        second.wait_for(phase="open")
        self.client.wait_for(phase="closed", code="taken-over", bye="1")
        self.shows("another device takes over", client=second)
        self.session.connect(self.client, self.next_ticket())
        second.wait_for(phase="closed", code="taken-over", bye="1")
        self.client.wait_for(phase="open")
        self.shows("the first device takes it back")
        second.close()

    def stall(self):
        """A client that reads nothing stops neither the guest nor the reports; it costs little."""
        client = self.client
        client.tap(KEY_F7)  # the video block of the guest starts
        fixture.wait_until("frames flow", lambda: int(client.state()["frames"]) > 30)
        before = int(self.session.status()["VmRSS"].split()[0])
        client.process.send_signal(signal.SIGSTOP)
        marks = {self.mark()}
        fixture.wait_until("the guest goes on", lambda: marks.add(self.mark()) or len(marks) > 9)
        self.new_agent()
        after = int(self.session.status()["VmRSS"].split()[0])
        client.process.send_signal(signal.SIGCONT)
        if after > before + 16384:
            sys.exit(f"a stalled client: {before} kB before, {after} kB after")
        n_frames = int(client.state()["frames"])
        fixture.wait_until("frames flow again",
                           lambda: int(client.state()["frames"]) > n_frames + 10)
        client.tap(KEY_F7)
        print(f"ok: a stalled client: {before} kB before, {after} kB after", flush=True)

    def mark(self):
        """A number of what QEMU shows now: it changes while the guest goes on."""
        return hash(self.qemu.screen(os.path.join(self.folder, "mark.ppm"))[2])

    def resized(self):
        """Sizes come in a burst, as from a dragged window; the last one counts."""
        for step in range(1000):
            self.client(f"resize {800 + step} {600 + step // 2} {step % 3 * 4}")
        self.client("resize 1000 700")
        self.shows("a new size", "resize:1000,700")
        self.client.tap(KEY_B)
        self.shows("a key at the new size", f"key:{KEY_B}")
        self.client("resize 1280 800")
        self.shows("the old size again", "resize:1280,800")

    def head_picture(self, head):
        path = os.path.join(self.folder, "head.ppm")
        return qmp.read_ppm(path) if self.client(f"ppm {path} {head}") == "ok" else None

    def heads(self):
        """The second output of the card becomes a head when it is asked for, and goes again."""
        dump = os.path.join(self.folder, "second.ppm")
        if self.head_picture(1):
            sys.exit("a head that nobody asked for is there")
        self.client("resize 640 480 1")
        fixture.wait_until("the picture of a second head",
                           lambda: self.head_picture(1) == self.qemu.screen(dump, head=1))
        self.client("resize 800 600 7")
        self.client("move 10 10 7")
        self.client.tap(KEY_A)
        self.shows("the first head beside others", f"key:{KEY_A}")
        self.client("resize 0 0 1")
        self.client("resize 0 0 9")
        self.client.tap(KEY_B)
        self.shows("the first head alone again", f"key:{KEY_B}")
        self.client("resize 640 480 1")
        fixture.wait_until("the second head once more",
                           lambda: self.head_picture(1) == self.qemu.screen(dump, head=1))
        self.client("resize 0 0 1")

    def rfb(self):
        """The other capture source, in the sandbox as well."""
        vnc = os.path.join(self.folder, "vnc")
        manifest = fixture.without_kernel(os.path.join(self.folder, "tg.json"))
        qemu = fixture.DisplayQemu(manifest, ["-vnc", f"unix:{vnc}"])
        display = socket.socket(socket.AF_UNIX)
        display.connect(vnc)
        session = Session(self.session_program, self.folder)
        session.start(self.client.broker_key, display, capture="rfb")
        session.connect(self.client, session.ticket(self.client, 1))
        self.client.wait_for(phase="open", mode="720x400")
        dump = os.path.join(self.folder, "text.ppm")
        fixture.wait_until("the firmware's text by RFB",
                           lambda: self.picture(self.client) == qemu.screen(dump))
        self.client.tap(KEY_A)
        qemu.close()
        self.client.wait_for(phase="closed", code="desktop-gone", bye="1")
        session.process.wait(timeout=60)
        print("ok: the firmware's text by RFB, all pixels", flush=True)

    def text_mode(self):
        """A guest in VGA text mode: QEMU tells its size by no picture."""
        qemu = fixture.DisplayQemu(fixture.without_kernel(os.path.join(self.folder, "tg.json")))
        session = Session(self.session_program, self.folder)
        session.start(self.client.broker_key, qemu.add_display())
        session.connect(self.client, session.ticket(self.client, 1))
        self.client.wait_for(phase="open", mode="720x400")
        dump = os.path.join(self.folder, "text.ppm")
        fixture.wait_until("the firmware's text",
                           lambda: self.picture(self.client) == qemu.screen(dump))
        print("ok: the firmware's text, all pixels", flush=True)
        self.client("drop")
        session.close()
        qemu.close()

    def frozen_guest(self):
        """A QEMU that stops answers nothing; the session goes on and queues little."""
        client = self.client
        before = int(self.session.status()["VmRSS"].split()[0])
        self.qemu.process.send_signal(signal.SIGSTOP)
        for step in range(3000):
            client(f"move {step % 1280} {step % 800}")
        for _ in range(400):
            client.tap(KEY_B)
        self.new_agent()
        if client.state()["phase"] != "open":
            sys.exit("a frozen guest ended the connection")
        after = int(self.session.status()["VmRSS"].split()[0])
        if after > before + 8192:
            sys.exit(f"a frozen guest: {before} kB before, {after} kB after")
        self.qemu.process.send_signal(signal.SIGCONT)
        before_picture = self.picture(client)
        fixture.wait_until("input after the freeze", lambda: self.comes_through(before_picture))
        print(f"ok: a frozen guest: {before} kB before, {after} kB after", flush=True)

    def new_display(self):
        """The agent attaches a new display connection; the client notices nothing."""
        display = self.qemu.add_display()
        self.session.send({"op": "display"}, display.fileno())
        display.close()
        before = self.picture(self.client)
        fixture.wait_until("input through the new display", lambda: self.comes_through(before))
        if self.client.state()["phase"] != "open":
            sys.exit("the client lost its connection with the old display")
        print("ok: a new display connection takes the place of the old one", flush=True)

    def comes_through(self, before):
        """Whether key presses change the picture; those before the attach are lost."""
        self.client.tap(KEY_B)
        return self.picture(self.client) != before

    def stopped(self):
        """SIGTERM is a clean end."""
        self.restarted("one more session shows the guest")
        self.session.process.terminate()
        self.client.wait_for(phase="closed", code="disconnected", bye="1")
        if self.session.process.wait(timeout=60) != 0:
            sys.exit(f"SIGTERM gives status {self.session.process.returncode}")
        print("ok: SIGTERM is a clean end", flush=True)

    def new_agent(self):
        self.session.control.close()
        self.session.attach()
        answer = self.session.receive()
        if answer["op"] != "listening" or not answer["connected"]:
            sys.exit(f"a new agent gets {answer}")
        print("ok: a new agent hears how things are", flush=True)

    def latency(self):
        print("echo min p50 p90 max us:", self.client(f"echo {KEY_A} 50"), flush=True)

    def ends(self):
        self.session.send({"op": "disconnect", "reason": "disconnected",
                           "connection_epoch": 2**62})
        self.client.wait_for(phase="closed", code="disconnected", bye="1")
        print("ok: disconnect says why", flush=True)
        self.session.connect(self.client, self.next_ticket())
        self.client.wait_for(phase="open")
        self.session.send({"op": "end", "reason": "logged-off"})
        self.client.wait_for(phase="closed", code="logged-off", bye="1")
        if self.session.process.wait(timeout=60) != 0:
            sys.exit(f"end gives status {self.session.process.returncode}")
        print("ok: end says why and exits with 0", flush=True)

    def restarted(self, what):
        """A new session on the same guest."""
        self.session = Session(self.session_program, self.folder)
        self.session.start(self.client.broker_key, self.qemu.add_display())
        self.session.connect(self.client, self.next_ticket())
        self.client.wait_for(phase="open")
        fixture.wait_until(what, lambda: int(self.client.state()["frames"]) > 0)
        print(f"ok: {what}", flush=True)

    def wait_for_echo(self):
        state = self.client.state()
        self.client.wait_for(seen=state["serial"])

    def pressed_anew(self, what):
        """The guest notices a press only of what is not down already."""
        dump = os.path.join(self.folder, "held.ppm")
        self.client("move 333 222")
        fixture.wait_until("the guest at rest",
                           lambda: self.picture(self.client) == self.qemu.screen(dump))
        before = self.picture(self.client)
        self.client(f"{what} 1")
        fixture.wait_until(f"{what} of a new session",
                           lambda: self.picture(self.client) != before)
        self.client(f"{what} 0")

    def deaths(self):
        self.restarted("a new session shows the same guest")
        self.client(f"key {KEY_A} 1")
        self.client("button 0 1")
        self.client("key 46 1")  # the guest has seen all before it, once it shows this one
        self.wait_for_echo()
        self.session.close()
        self.client.wait_for(phase="closed", bye="0")
        if self.qemu.process.poll() is not None:
            sys.exit("QEMU died with its session")
        start = time.monotonic()
        self.restarted("after kill -9 of a session the next one shows the guest")
        print(f"a whole picture {time.monotonic() - start:.3f} s after the new process was started")
        for what in (f"key {KEY_A}", "button 0"):
            self.pressed_anew(what)
        print("ok: what a killed session held is released", flush=True)
        self.qemu.close()
        self.client.wait_for(phase="closed", code="desktop-gone", bye="1")
        packet = self.session.receive()
        while packet and packet["op"] != "failed":
            packet = self.session.receive()
        if not packet or packet["code"] != "desktop-gone":
            sys.exit(f"the agent hears {packet}")
        if self.session.process.wait(timeout=60) != 1:
            sys.exit(f"a dead guest gives status {self.session.process.returncode}")
        print("ok: the death of the guest is told to all", flush=True)

    def forgotten(self):
        """An agent that died before it wrote its session down leaves no process."""
        session = Session(self.session_program, self.folder)
        session.control.close()
        if session.process.wait(timeout=60) != 1:
            sys.exit(f"a session that nobody wants gives status {session.process.returncode}")
        print("ok: a session that nobody wants ends", flush=True)

    def run(self):
        self.first_picture()
        self.input()
        self.live_policy()
        self.watermark()
        self.sandbox()
        self.refusals()
        self.strangers()
        self.resume()
        self.takeover()
        self.resized()
        self.heads()
        self.new_agent()
        self.latency()
        self.stall()
        self.frozen_guest()
        self.new_display()
        self.ends()
        self.stopped()
        self.forgotten()
        self.deaths()
        self.text_mode()
        self.rfb()


if __name__ == "__main__":
    Story(*sys.argv[1:]).run()

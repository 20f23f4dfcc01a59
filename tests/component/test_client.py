#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client, with and without its window, against a scripted broker and a real session.

usage: test_client.py PART BERTH BERTH_SESSION SESSION_CLIENT TG_EXPECT BUILD_TG_SH [KEEP_FOLDER]
PART is probe or window.  Pictures of the window are kept in KEEP_FOLDER if it is given.
"""
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

import display_fixture as fixture
import qmp
from fake_site import FakeSite, make_keys, PASSWORD, POOL, USER
from session_fixture import Client, Session
from window_log import complaints

INPUT, RESIZE, SCREENSHOT = 1, 2, 8
PARTS = ("network", "guest", "wait", "encode", "decode", "paint")
KEY_A, KEY_H, KEY_I, KEY_ENTER = 30, 35, 23, 28
LIMIT_S = 60
CONNECT, RESTART, REPORT = (f"POST /v1/me/desktops/{POOL}/{verb}"
                            for verb in ("connect", "restart", "report"))


def check(what, is_good, detail=""):
    if not is_good:
        sys.exit(f"FAILED: {what} {detail}")
    print(f"ok: {what}", flush=True)


class Desktop:
    """A real guest behind a real session, offered by the site."""

    def __init__(self, site, folder, session_program, ticket_program, tg_expect, build_tg_sh):
        self.folder, self.tg_expect = folder, tg_expect
        self.qemu = fixture.DisplayQemu(fixture.build_guest(build_tg_sh, folder))
        self.tickets = Client(ticket_program)
        self.rights = INPUT | RESIZE | SCREENSHOT
        self.session_program = session_program
        self.epoch = 0
        self.events = []
        site.make_ticket = self.ticket
        self.start_session(site)

    def start_session(self, site):
        """A session process, the first or the next one, for the same guest."""
        self.session = Session(self.session_program, self.folder)
        self.session.start(self.tickets.broker_key, self.qemu.add_display(), resume_window_s=60)
        self.session.control.settimeout(None)
        threading.Thread(target=self._drain, args=(self.session,), daemon=True).start()
        site.session = self.session

    @staticmethod
    def _drain(session):
        try:
            while session.receive() is not None:
                pass
        except (OSError, ValueError):
            pass

    def ticket(self, client_key):
        self.epoch += 1
        answer = self.session.ticket(self.tickets, self.epoch, client_key=client_key,
                                     rights=self.rights)
        return base64.b64encode(bytes.fromhex(answer.split()[-1])).decode()

    def expected(self, width=1280, height=800):
        path = os.path.join(self.folder, "expected.ppm")
        with open(path, "wb") as file:
            subprocess.run([self.tg_expect, str(width), str(height), "0", *self.events],
                           stdout=file, check=True)
        return qmp.read_ppm(path)


class Story:
    def __init__(self, berth, *programs):
        self.berth = berth
        self.programs = programs
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-client-",
                                                     ignore_cleanup_errors=True)
        self.folder = self.temporary.name
        self.site = FakeSite(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def password_fd(self, password):
        reading, writing = os.pipe()
        os.write(writing, password.encode())
        os.close(writing)
        return reading

    def argv(self, fd, *args, broker=None, ca=None):
        return [self.berth, "probe", "--broker", broker or self.site.url(), "--ca",
                ca or self.site.ca, "--user", USER, "--password-fd", str(fd), *args]

    def probe(self, *args, password=PASSWORD, **where):
        fd = self.password_fd(password)
        done = subprocess.run(self.argv(fd, *args, **where), pass_fds=[fd], text=True,
                              capture_output=True, timeout=LIMIT_S, preexec_fn=qmp.die_with_parent)
        os.close(fd)
        return done.returncode, done.stderr

    def expect(self, what, status, words, *args, **where):
        got, text = self.probe(*args, **where)
        check(what, got == status and words in text, f"(status {got}: {text})")


class ProbeStory(Story):
    """Exit status and reasons, then a desktop from the first frame to the log off."""

    def refusals(self):
        self.expect("a wrong password is refused", 2, "the user name or password is wrong",
                    password="wrong")
        self.expect("an unknown desktop is named", 3, "'Office', 'Laboratory'", "--desktop", "x")
        self.expect("an unknown option is refused", 1, "--help", "--nonsense")
        self.expect("a plain text broker is refused", 1, "only https", broker="http://127.0.0.1:1")
        self.expect("a broker that is not there is told", 4, "check the address",
                    broker="https://127.0.0.1:1")
        other = tempfile.mkdtemp(dir=self.folder)
        self.expect("a foreign authority is not trusted", 6, "not trusted",
                    ca=make_keys(other)[0])
        self.expect("a missing CA file is told", 1, "CA file", ca="/nonexistent")

    def hostile_brokers(self):
        answers = self.site.answers
        login, desktops = "POST /v1/auth/login", "GET /v1/me/desktops"
        answers[login] = lambda _: (200, b"<html>hello</html>")
        self.expect("HTML is no login", 8, "not JSON")
        answers[login] = lambda _: (200, {"token": "x" * 64, "user": {"name": "a"}})
        self.expect("a token that is no token is refused", 8, "token")
        answers[login] = lambda _: (200, b" " * (5 << 20))
        self.expect("an endless answer is cut off", 8, "too large")
        answers[login] = lambda _: (429, {"code": "throttled", "title": "too many attempts",
                                          "retry_after_s": 9})
        self.expect("throttling is told", 2, "too many attempts")
        del answers[login]
        answers[desktops] = lambda _: (200, {"desktops": [{"pool": "../../x", "name": "Office",
                                                           "state": "busy"}]})
        self.expect("a pool that is no id is refused", 8, "pool")
        del answers[desktops]
        answers[CONNECT] = lambda _: (200, {"state": "ready", "session": POOL, "sni": "evil"})
        self.expect("a session name of another kind is refused", 8, "sni", "--desktop", "Office")
        answers[CONNECT] = lambda _: (409, {"code": "no-desktop", "title": "no desktop is free"})
        self.expect("a full pool is told", 3, "no desktop is free", "--desktop", "Office")
        answers[CONNECT] = lambda _: (202, {"state": "queued", "position": 4, "retry_ms": 100})
        self.expect("the place in the queue is told until time is over", 3, "place 4",
                    "--desktop", "Office", "--timeout", "1")
        check("the client asked again by itself", self.site.count(CONNECT) > 4)
        del answers[CONNECT]

    def wrong_session_key(self, desktop):
        session, good = desktop.session, desktop.session.key
        session.key = "0" * 64
        self.expect("a session with another key is not trusted", 6, "", "--desktop", "Office")
        session.key = good

    def one_shot(self, desktop):
        desktop.qemu.wait_for_agent(60)
        stats = self.path("stats.json")
        shot = self.path("shot.png")
        self.expect("a whole visit works", 0, "", "--desktop", "Office", "--wait-stable", "1000",
                    "--wait-key-echo", "--type", "hi", "--key", "enter", "--wait-stable", "1000",
                    "--screenshot", shot, "--stats", stats, "--disconnect")
        desktop.events += [f"key:{code}" for code in (KEY_H, KEY_I, KEY_ENTER)]
        check("the screenshot is the guest's picture", self.read_png(shot) == desktop.expected())
        with open(stats, encoding="ascii") as file:
            numbers = json.load(file)
        echo = numbers["input_to_frame"]
        check("every press was answered", echo["n_samples"] == 3, str(echo))
        check("times and bytes were measured",
              numbers["first_picture_us"] > 0 and numbers["login_us"] > 0 and
              numbers["bytes_in"] > 10000 and numbers["status"] == 0, str(numbers))
        check("the broker was told", any("/disconnect" in r for r in self.site.requests))
        parts = numbers["input_to_pixel"]
        check("the host told where the time of presses went",
              parts["n_samples"] > 0 and sum(parts[f"{name}_us"] for name in PARTS) > 0, str(parts))
        check("and how it is", 1 <= numbers["host"]["photo_quality"] <= 100, str(numbers["host"]))
        check("pictures may be saved", numbers["may_save_pictures"] is True)
        print(f"# first picture {numbers['first_picture_us']} us, key to frame p50 "
              f"{echo['p50_us']} us, {numbers['bytes_in']} bytes in")

    def read_png(self, path):
        ppm = self.path("shot.ppm")
        subprocess.run(["convert", path, "-depth", "8", ppm], check=True)
        return qmp.read_ppm(ppm)

    def start_script(self):
        """A probe on the desktop and a function that gives it a command."""
        fd = self.password_fd(PASSWORD)
        probe = subprocess.Popen(self.argv(fd, "--desktop", "Office", "--script", "-"),
                                 pass_fds=[fd], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True,
                                 preexec_fn=qmp.die_with_parent)
        os.close(fd)

        def command(text, is_good=True):
            probe.stdin.write(text + "\n")
            probe.stdin.flush()
            line = probe.stdout.readline()
            if not line:
                sys.exit(f"FAILED: script: {text}: {probe.stderr.read()}")
            answer = json.loads(line)
            check(f"script: {text}", answer["ok"] == is_good, str(answer))
            return answer
        return probe, command

    def script(self, desktop):
        desktop.rights = INPUT | RESIZE
        probe, command = self.start_script()
        command("wait-stable 1000")
        answer = command(f"screenshot {self.path('forbidden.png')}", is_good=False)
        check("without the right no picture is saved", "may be saved" in str(answer) and
              not os.path.exists(self.path("forbidden.png")), str(answer))
        before = command("hash")["sha256"]
        command("key a")
        echo = command("wait-echo 60000")
        check("the echo was timed", echo["latency_us"] > 0, str(echo))
        command("wait-stable 1000")
        check("the picture is another one", command("hash")["sha256"] != before)
        desktop.events += [f"key:{KEY_A}"]
        check("a bar has its colour", command("pixel 10,10")["rgb"] == "ff0000")
        command("pixel 5000,10", is_good=False)
        command("nonsense", is_good=False)
        command("break")
        command("wait-open")
        check("the connection came back", command("wait-stable 1000")["resumes"] == 1)
        check("by the token alone", self.site.count(CONNECT) == self.n_connects + 1)
        command("resize 1024x768")
        command("wait-size 1024x768")
        answer = command("stats")
        check("the resume was timed", answer["stats"]["last_resume_us"] > 0)
        command("resize 1280x800")
        command("wait-size 1280x800")
        command("logoff")
        check("the script ended well", probe.wait(LIMIT_S) == 0)
        check("the desktop was thrown away", any("/logoff" in r for r in self.site.requests))

    def steps(self):
        """A line for each step, for a monitor, and what failed in the last one."""
        fd = self.password_fd(PASSWORD)
        texts = []
        self.site.answers[REPORT] = lambda data: (texts.append(data["text"]), (204, b""))[1]
        done = subprocess.run(self.argv(fd, "--desktop", "Office", "--steps", "--wait-stable",
                                        "200", "--report", 'the "Ä" key', "--disconnect"),
                              pass_fds=[fd], text=True, capture_output=True, timeout=LIMIT_S,
                              preexec_fn=qmp.die_with_parent)
        os.close(fd)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        check("every step has a line", [line["command"] for line in lines] ==
              ["login", "list", "open", "wait-stable", "report", "disconnect", "leave", "end"],
              str(lines))
        check("all are good, with their times", done.returncode == 0 and
              all(line["ok"] and line["elapsed_us"] >= 0 for line in lines), str(lines))
        check("the end took longest", lines[-1]["elapsed_us"] ==
              max(line["elapsed_us"] for line in lines) and lines[-1]["status"] == 0)
        check("the report reached the site", texts == ['the "Ä" key'], str(texts))
        del self.site.answers[REPORT]
        self.failed_step("login", 2, "--list", password="wrong")
        self.failed_step("wait-pixel", 5, "--desktop", "Office", "--wait-pixel", "1,1,123456",
                         "--timeout", "2")

    def failed_step(self, step, status, *args, password=PASSWORD):
        fd = self.password_fd(password)
        done = subprocess.run(self.argv(fd, "--steps", *args), pass_fds=[fd], text=True,
                              capture_output=True, timeout=LIMIT_S,
                              preexec_fn=qmp.die_with_parent)
        os.close(fd)
        last = json.loads(done.stdout.splitlines()[-1])
        check(f"a monitor reads that {step} failed", done.returncode == status and
              (last["during"], last["status"], last["ok"]) == (step, status, False) and
              last["error"] in done.stderr, done.stdout)

    def restart(self, desktop):
        """The broker restarts the desktop: its session ends, the next one is opened by itself."""
        asked = threading.Event()

        def end_session(_):
            desktop.session.send({"op": "end", "reason": "logged-off"})
            return 204, b""

        def not_yet(_):
            asked.set()
            return 202, {"state": "starting", "retry_ms": 100}
        probe, command = self.start_script()
        before = command("wait-stable 1000")
        self.site.answers[RESTART] = lambda _: (403, {"code": "forbidden", "title": "not allowed"})
        check("a policy that forbids it is told", "not allowed" in
              command("restart", is_good=False)["error"])
        self.site.answers[RESTART] = end_session
        self.site.answers[CONNECT] = not_yet
        probe.stdin.write("restart\n")
        probe.stdin.flush()
        check("the desktop is asked for again", asked.wait(LIMIT_S))
        desktop.session.close()
        desktop.start_session(self.site)
        del self.site.answers[CONNECT], self.site.answers[RESTART]
        answer = json.loads(probe.stdout.readline())
        check("it is open again, as another session", answer["ok"] and answer["state"] == "open" and
              answer["resumes"] == before["resumes"] and answer["frames"] > before["frames"],
              str(answer))
        command("wait-stable 1000")
        command("quit")
        check("the script ended well", probe.wait(LIMIT_S) == 0)

    def takeover(self):
        """Another device opens the session: the first one is told and does not fight."""
        probe, command = self.start_script()
        command("wait-stable 1000")
        self.expect("a second device gets the session", 0, "", "--desktop", "Office")
        text = probe.communicate(timeout=LIMIT_S)[1]
        check("the first one was told why", probe.returncode == 7 and "another device" in text,
              f"(status {probe.returncode}: {text})")
        probe, command = self.start_script()
        command("wait-stable 1000")
        probe.stdin.write("wait-end\nquit\n")
        probe.stdin.flush()
        self.expect("a third device gets it", 0, "", "--desktop", "Office")
        answer = json.loads(probe.stdout.readline())
        check("the second one waited for that", answer["ok"] and answer["why"] == "taken-over",
              str(answer))
        check("and ends well", probe.wait(LIMIT_S) == 0)

    def new_session_process(self, desktop):
        """The session dies: its token is worth nothing, the broker knows the new one."""
        probe, command = self.start_script()
        command("wait-stable 1000")
        before = command("hash")["sha256"]
        desktop.session.close()
        self.site.break_connections()  # the site has a copy of each, which would stay open
        desktop.start_session(self.site)
        command("wait-open")
        answer = command("wait-stable 1000")
        check("a new session took the place of the old one", answer["resumes"] == 1, str(answer))
        check("with the same picture", command("hash")["sha256"] == before)
        command("quit")
        check("the script ended well", probe.wait(LIMIT_S) == 0)

    def interrupted_login(self):
        """A broker that does not answer cannot keep the probe."""
        arrived, over = threading.Event(), threading.Event()

        def stall(_):
            arrived.set()
            over.wait(LIMIT_S)
            return 500, b""
        self.site.answers["POST /v1/auth/login"] = stall
        fd = self.password_fd(PASSWORD)
        probe = subprocess.Popen(self.argv(fd), pass_fds=[fd], stderr=subprocess.PIPE, text=True,
                                 preexec_fn=qmp.die_with_parent)
        os.close(fd)
        check("the login arrives", arrived.wait(LIMIT_S))
        probe.send_signal(signal.SIGTERM)
        text = probe.communicate(timeout=LIMIT_S)[1]
        over.set()
        check("a signal ends a login that hangs", probe.returncode == 130, text)
        del self.site.answers["POST /v1/auth/login"]

    def signals(self):
        fd = self.password_fd(PASSWORD)
        probe = subprocess.Popen(self.argv(fd, "--desktop", "Office", "--hold", "60"),
                                 pass_fds=[fd], stderr=subprocess.PIPE, text=True,
                                 preexec_fn=qmp.die_with_parent)
        os.close(fd)
        dialled = self.site.n_dialled
        fixture.wait_until("the probe dials", lambda: self.site.n_dialled > dialled)
        probe.send_signal(signal.SIGINT)
        text = probe.communicate(timeout=LIMIT_S)[1]
        check("Ctrl-C ends it cleanly", probe.returncode == 130 and "signal" in text, text)

    def run(self):
        self.refusals()
        self.hostile_brokers()
        desktop = Desktop(self.site, self.folder, *self.programs)
        self.wrong_session_key(desktop)
        self.one_shot(desktop)
        self.n_connects = self.site.count(CONNECT)
        self.script(desktop)
        self.steps()
        self.takeover()
        self.restart(desktop)
        self.new_session_process(desktop)
        self.interrupted_login()
        self.signals()


class WindowStory(Story):
    """A person in front of a window: wrong password, the list, the desktop, a lost network."""

    def __init__(self, keep_folder, *programs):
        super().__init__(*programs)
        self.keep_folder = keep_folder
        self.display = self.start_display()
        self.env = {**os.environ, "DISPLAY": self.display, "HOME": self.folder,
                    "XDG_CONFIG_HOME": self.path("config"), "GTK_THEME": "Adwaita",
                    "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11"}
        self.openbox = subprocess.Popen(["openbox"], env=self.env, stderr=subprocess.DEVNULL,
                                        preexec_fn=qmp.die_with_parent)

    def start_display(self):
        reading, writing = os.pipe()
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten",
             "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL,
            preexec_fn=qmp.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            return ":" + file.readline().strip()

    def xdotool(self, *args):
        return subprocess.run(["xdotool", *args], env=self.env, text=True, capture_output=True,
                              timeout=LIMIT_S).stdout.strip()

    def screen(self, name="screen"):
        path = self.path(name + ".ppm")
        subprocess.run(["import", "-window", "root", "-depth", "8", path], env=self.env,
                       check=True, timeout=LIMIT_S)
        return qmp.read_ppm(path)

    def keep(self, name):
        if self.keep_folder:
            subprocess.run(["import", "-window", "root",
                            os.path.join(self.keep_folder, name + ".png")], env=self.env,
                           check=True, timeout=LIMIT_S)

    def titles(self):
        ids = self.xdotool("search", "--onlyvisible", "--class", "berth").split()
        return [self.xdotool("getwindowname", one) for one in ids]

    def wait_title(self, title):
        try:
            fixture.wait_until(f"a window called '{title}'", lambda: title in self.titles())
        except SystemExit:
            self.keep("lost")
            print("# windows:", self.titles(), "requests:", self.site.requests[-5:])
            raise

    def still(self):
        """Waits until the screen does not change any more; returns it."""
        def same():
            first = self.screen()
            return first if first == self.screen() else None
        return fixture.wait_until("a screen at rest", same)

    def type_login(self, password):
        self.xdotool("type", "--delay", "5", password)
        self.xdotool("key", "Return")

    def login(self):
        self.wait_title("Berth")
        self.still()
        self.keep("login")
        self.type_login("wrong")
        fixture.wait_until("a login", lambda: self.site.count("POST /v1/auth/login") == 1)
        self.wait_title("Berth")
        self.still()
        self.keep("login-refused")
        check("a wrong password leads back to the login", self.berth_runs())
        self.type_login(PASSWORD)
        self.wait_title("Desktops")
        self.still()
        self.keep("picker")

    def berth_runs(self):
        return self.process.poll() is None

    def shows_guest(self):
        """Looks for the bars at the top of the guest's picture: red, green and blue, 64 each."""
        bars = b"\xff\0\0" * 64 + b"\0\xff\0" * 64 + b"\0\0\xff" * 64
        width, _, pixels = self.screen()
        at = pixels.find(bars)
        return divmod(at // 3, width) if at >= 0 and at % 3 == 0 else None

    def presses_in_guest(self):
        return self.desktop.qemu.screen(self.path("guest.ppm"))

    def use(self):
        # The list is in order of names: Laboratory comes first.
        self.xdotool("key", "Down")
        self.xdotool("key", "Return")
        self.wait_title("Office")
        row, column = fixture.wait_until("the guest's bars", self.shows_guest)
        self.still()
        self.keep("desktop")
        print(f"# the canvas begins at {column},{row}")
        before = self.presses_in_guest()
        self.xdotool("key", "a")
        fixture.wait_until("the key in the guest", lambda: self.presses_in_guest() != before)
        print("ok: a key of the window reaches the guest")
        self.same_as_guest()

    def same_as_guest(self):
        """The canvas is the guest's screen, pixel by pixel."""
        def compare():
            width, height, pixels = self.presses_in_guest()
            screen_width, _, screen = self.screen()
            found = self.shows_guest()
            if found is None:
                return False
            row, column = found
            for y in range(0, height, 7):
                start = 3 * ((row + y) * screen_width + column)
                if screen[start:start + 3 * width] != pixels[3 * y * width:3 * (y + 1) * width]:
                    return False
            return True
        fixture.wait_until("the canvas is the guest's screen", compare)
        print("ok: the canvas is the guest's screen, pixel by pixel")

    def fullscreen(self):
        self.xdotool("key", "F11")
        fixture.wait_until("full screen", lambda: self.shows_guest() == (0, 0))
        self.still()
        print("ok: F11 fills the screen, and the guest follows")
        self.xdotool("mousemove", "700", "0")
        fixture.wait_until("the bar", lambda: self.bar_is_out())
        self.still()
        self.keep("fullscreen")
        self.xdotool("mousemove", "700", "500")
        fixture.wait_until("the bar is gone", lambda: not self.bar_is_out())
        print("ok: the bar comes at the top edge only")
        self.xdotool("key", "F11")
        fixture.wait_until("a window again", lambda: (self.shows_guest() or (0, 0))[0] > 20)

    def bar_is_out(self):
        """The pixel in the middle of the top row is the bar's and not the guest's bright one."""
        width, _, pixels = self.screen()
        return max(pixels[3 * (3 * width + width // 2):][:3]) < 64

    def lose(self):
        self.site.is_cut_off = True
        self.desktop.session.process.send_signal(signal.SIGSTOP)
        before = self.screen()
        self.site.break_connections()
        fixture.wait_until("the overlay", lambda: self.screen() != before)
        self.keep("resume")
        self.site.is_cut_off = False
        self.desktop.session.process.send_signal(signal.SIGCONT)
        fixture.wait_until("the desktop again", self.shows_guest)
        self.same_as_guest()
        print("ok: a lost connection comes back")

    def leave(self):
        self.desktop.session.send({"op": "end", "reason": "logged-off"})
        fixture.wait_until("the end", lambda: self.shows_guest() is None)
        self.still()
        self.keep("ended")
        self.xdotool("key", "alt+F4")
        check("closing the window ends the program", self.process.wait(LIMIT_S) == 0)
        check("the login ends with it", any("/auth/logout" in r for r in self.site.requests))

    def logs_in_by_itself(self, log):
        """With --password-fd nobody types, and the settings of a first start are empty."""
        reader, writer = os.pipe()
        os.write(writer, PASSWORD.encode() + b"\n")
        os.close(writer)
        self.process = subprocess.Popen(
            [self.berth, "--broker", self.site.url(), "--ca", self.site.ca, "--user", USER,
             "--password-fd", str(reader)], pass_fds=[reader],
            env=dict(self.env, XDG_CONFIG_HOME=self.path("first")), stderr=log,
            preexec_fn=qmp.die_with_parent)
        os.close(reader)
        self.wait_title("Desktops")
        self.xdotool("key", "alt+F4")
        check("a password from a descriptor logs in", self.process.wait(LIMIT_S) == 0)

    def run(self):
        self.desktop = Desktop(self.site, self.folder, *self.programs)
        self.desktop.qemu.wait_for_agent(60)
        log = open(self.path("berth.log"), "wb")
        self.process = subprocess.Popen(
            [self.berth, "--broker", self.site.url(), "--ca", self.site.ca, "--user", USER],
            env=self.env, stderr=log, preexec_fn=qmp.die_with_parent)
        self.login()
        self.use()
        self.fullscreen()
        self.lose()
        self.leave()
        self.logs_in_by_itself(log)
        with open(self.path("berth.log"), encoding="utf-8") as file:
            text = file.read()
        check("GTK had nothing to complain of", not complaints(text), complaints(text))


def main():
    part, programs = sys.argv[1], [os.path.abspath(arg) for arg in sys.argv[2:7]]
    keep = sys.argv[7] if len(sys.argv) > 7 else None
    story = ProbeStory(*programs) if part == "probe" else WindowStory(keep, *programs)
    story.run()


main()

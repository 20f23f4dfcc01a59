#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's window before a desktop is open, under Xvfb, against a scripted broker.

usage: test_entrance.py BERTH [KEEP_FOLDER]
Pictures of the pages are kept in KEEP_FOLDER if it is given.
"""
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from broker_site import die_with_parent
from fake_site import FakeSite, OTHER_POOL, PASSWORD, POOL, USER
from window_log import complaints

LIMIT_S = 60
PENDING, STATE, FLOW, CODE = "ab" * 32, "cd" * 32, "ef" * 32, "12" * 32
SOURCE = "5" * 32
LOGIN, MFA, TOTP = "POST /v1/auth/login", "POST /v1/auth/mfa", "POST /v1/auth/totp"
DESKTOPS, CONNECT = "GET /v1/me/desktops", f"POST /v1/me/desktops/{POOL}/connect"
DAY_US = 24 * 3600 * 1000 * 1000


def check(what, is_good, detail=""):
    if not is_good:
        sys.exit(f"FAILED: {what} {detail}")
    print(f"ok: {what}", flush=True)


class Story:
    def __init__(self, berth, keep_folder):
        self.berth, self.keep_folder = berth, keep_folder
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-entrance-",
                                                     ignore_cleanup_errors=True)
        self.folder = self.temporary.name
        self.site = FakeSite(self.folder)
        self.seen = []
        self.good = (200, {"token": self.site.token, "expires_in_s": 3600,
                           "user": {"id": POOL, "name": USER, "admin": False}})
        self.start_display()
        self.start_browser()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start_display(self):
        reading, writing = os.pipe()
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten",
             "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.env = {**os.environ, "DISPLAY": display, "HOME": self.folder,
                    "XDG_CONFIG_HOME": self.path("config"), "XDG_DATA_HOME": self.path("data"),
                    "XDG_DATA_DIRS": "/usr/share", "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1",
                    "GDK_BACKEND": "x11", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        self.openbox = subprocess.Popen(["openbox"], env=self.env, stderr=subprocess.DEVNULL,
                                        preexec_fn=die_with_parent)

    def start_browser(self):
        """The browser of this system writes down where it was sent."""
        os.makedirs(self.path("data/applications"))
        os.makedirs(self.path("config"))
        script = self.path("browser")
        with open(script, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {self.path("visited")}\n')
        os.chmod(script, 0o755)
        with open(self.path("data/applications/browser.desktop"), "w", encoding="ascii") as file:
            file.write("[Desktop Entry]\nType=Application\nName=Browser\n"
                       f"Exec={script} %u\nMimeType=x-scheme-handler/https;\n")
        with open(self.path("config/mimeapps.list"), "w", encoding="ascii") as file:
            file.write("[Default Applications]\nx-scheme-handler/https=browser.desktop\n")

    def visited(self):
        try:
            with open(self.path("visited"), encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def start(self, *args):
        log = open(self.path("berth.log"), "ab")
        fds = [int(arg) for arg in args if arg.isdigit()]
        self.process = subprocess.Popen(
            [self.berth, "--ca", self.site.ca, *args], env=self.env, stderr=log, pass_fds=fds,
            preexec_fn=die_with_parent)
        for fd in fds:
            os.close(fd)

    def xdotool(self, *args):
        return subprocess.run(["xdotool", *args], env=self.env, text=True, capture_output=True,
                              timeout=LIMIT_S, check=False).stdout.strip()

    def titles(self):
        ids = self.xdotool("search", "--onlyvisible", "--class", "berth").split()
        return [self.xdotool("getwindowname", one) for one in ids]

    def wait(self, what, is_there):
        end = time.monotonic() + LIMIT_S
        while True:
            value = is_there()
            if value:
                return value
            if time.monotonic() > end or self.process.poll() is not None:
                self.keep("lost", is_still=False)
                with open(self.path("berth.log"), encoding="utf-8") as file:
                    sys.exit(f"FAILED: {what} never came; windows {self.titles()}, "
                             f"requests {self.site.requests[-5:]}\n{file.read()}")

    def wait_title(self, title):
        self.wait(f"a window called '{title}'", lambda: title in self.titles())
        print(f"ok: the window says '{title}'", flush=True)

    def wait_request(self, request, n=1):
        self.wait(request, lambda: self.site.count(request) >= n)

    def picture(self):
        return subprocess.run(["import", "-window", "root", "-depth", "8", "ppm:-"], env=self.env,
                              capture_output=True, check=True, timeout=LIMIT_S).stdout

    def keep(self, name, is_still=True):
        """Waits until the screen does not change any more, and keeps it."""
        while is_still and self.picture() != self.picture():
            pass
        if self.keep_folder:
            subprocess.run(["import", "-window", "root",
                            os.path.join(self.keep_folder, name + ".png")], env=self.env,
                           check=True, timeout=LIMIT_S)

    def type(self, text, key="Return"):
        self.xdotool("type", "--delay", "5", text)
        self.xdotool("key", key)

    def answer(self, request, reply):
        self.site.answers[request] = lambda data: (self.seen.append(data), reply)[1]

    def close(self):
        self.xdotool("key", "alt+F4")
        check("the window closes", self.process.wait(LIMIT_S) == 0)

    def desktop(self, pool, name, state, **more):
        return {**self.site.desktop(pool, name, state), **more}

    def second_factor(self):
        """A wrong code is asked for again, a right one leads to the list."""
        self.list_desktops()
        self.answer(LOGIN, (200, {"pending": PENDING, "second_factor": "totp"}))
        self.answer(MFA, self.site.problem(401, "bad-credentials", "wrong"))
        self.start("--broker", self.site.url(), "--user", USER)
        self.wait_title("Berth")
        self.keep("login")
        self.type(PASSWORD)
        self.wait_title("Logging in")
        self.keep("code")
        self.type("000 000")
        self.wait_request(MFA)
        self.keep("code-wrong")
        self.answer(MFA, self.good)
        self.type("123 456")
        self.wait_title("Desktops")
        check("the code was sent", {"pending": PENDING, "code": "123456"} in self.seen)

    def list_desktops(self):
        now_us = int(time.time() * 1000000)
        self.answer(DESKTOPS, (200, {"desktops": [
            self.desktop(POOL, "Office", "in-use", last_used_us=now_us - 3 * DAY_US,
                         may_restart=True, may_report=True),
            self.desktop(OTHER_POOL, "Accounting", "available", may_report=True),
            self.desktop("1" * 32, "Laboratory", "busy", last_used_us=now_us - 60 * 1000000),
            self.desktop("2" * 32, "Old system", "disabled")]}))

    def picker(self):
        """Favourites come first and are remembered."""
        self.keep("picker")
        before = self.picture()
        self.xdotool("key", "Down", "Down", "Tab", "space")
        self.wait("a favourite", lambda: self.picture() != before)
        self.keep("picker-favourite")
        with open(self.path("config/berth/client.ini"), encoding="utf-8") as file:
            text = file.read()
        check("a favourite is remembered", f"favourites={POOL};" in text, text)
        check("no secret is remembered", PASSWORD not in text and self.site.token not in text)

    def queue(self):
        """A place in the queue, a start and its times."""
        replies = [{"state": "queued", "position": 3, "estimate_s": 150, "retry_ms": 100},
                   {"state": "starting", "estimate_s": 20, "retry_ms": 100}]
        turn = threading.Event()
        self.site.answers[CONNECT] = lambda _: (202, replies[1 if turn.is_set() else 0])
        self.close()
        self.start("--broker", self.site.url(), "--user", USER, "--desktop", "Office",
                   "--password-fd", str(self.password_fd()))
        self.answer(LOGIN, self.good)
        self.wait_title("Office")
        self.wait_request(CONNECT)
        self.keep("queue", is_still=False)
        turn.set()
        n = self.site.count(CONNECT)
        self.wait_request(CONNECT, n + 2)
        self.keep("starting", is_still=False)
        self.cancel()
        self.close()

    def cancel(self):
        """The button has the keyboard as soon as the page is there."""
        def is_back():
            self.xdotool("key", "Escape", "Return")
            return "Desktops" in self.titles()
        self.wait("the list", is_back)

    def password_fd(self):
        reading, writing = os.pipe()
        os.write(writing, PASSWORD.encode())
        os.close(writing)
        return reading

    def enrol(self):
        """A factor that has to be made, and the codes that come with it."""
        self.answer(LOGIN, (200, {"pending": PENDING, "second_factor": "enrol"}))
        self.answer(TOTP, (200, {"secret": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                                 "uri": "otpauth://totp/Berth:ann?secret="
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=Berth"}))
        token = dict(self.good[1], recovery_codes=["abcd-efgh", "ijkl-mnop", "qrst-uvwx"])
        self.answer(MFA, (200, token))
        self.start("--broker", self.site.url(), "--user", USER)
        self.wait_title("Berth")
        self.keep("login-again")
        self.type(PASSWORD)
        self.wait_title("Logging in")
        self.wait_request(TOTP)
        self.keep("enrol")
        self.type("123456")
        self.wait_title("Recovery codes")
        self.keep("recovery-codes")
        self.xdotool("key", "Return")
        self.wait_title("Desktops")
        self.close()

    def browser(self):
        """A provider of the site: the system's browser is sent there and comes back."""
        begun = []
        self.answer("GET /v1/auth/sources", (200, {"sources": [
            {"id": SOURCE, "name": "Company Login", "kind": "oidc"}]}))
        self.site.answers[f"POST /v1/auth/oidc/{SOURCE}/start"] = lambda data: (
            begun.append(data["redirect_uri"]),
            (200, {"url": "https://login.example/auth?x=1", "state": STATE, "flow": FLOW}))[1]
        self.answer("POST /v1/auth/oidc/finish", self.good)
        n = self.site.count("GET /v1/auth/sources")
        self.start("--broker", self.site.url(), "--user", USER)
        self.wait_title("Berth")
        self.wait_request("GET /v1/auth/sources", n + 1)
        self.keep("providers")
        self.xdotool("key", "alt+w")
        self.wait("the browser", self.visited)
        self.wait_title("Logging in")
        self.keep("browser")
        check("the browser was sent there", self.visited() == ["https://login.example/auth?x=1"],
              self.visited())
        with urllib.request.urlopen(f"{begun[-1]}?state={STATE}&code=xyz",
                                    timeout=LIMIT_S) as page:
            check("it is told to go back", b"Go back to Berth" in page.read())
        self.wait_title("Desktops")
        self.close()

    def link(self):
        """A link logs in and opens its desktop; the broker is known."""
        self.answer("POST /v1/auth/code", self.good)
        n = self.site.count(CONNECT)
        self.start(self.site.url().replace("https", "berth") + f"/Office?code={CODE}")
        self.wait_request(CONNECT, n + 1)
        self.wait_title("Office")
        check("by its code", {"code": CODE} in self.seen)
        self.cancel()
        self.close()

    def strange_link(self):
        """A link to a broker that was never used asks first."""
        os.remove(self.path("config/berth/client.ini"))
        n = self.site.count("POST /v1/auth/code")
        self.start(self.site.url().replace("https", "berth") + f"/Office?code={CODE}")
        self.wait("a question", lambda: len(self.titles()) == 2)
        self.keep("strange-link")
        self.xdotool("key", "Escape")
        self.wait("the login", lambda: len(self.titles()) == 1)
        check("nothing was sent", self.site.count("POST /v1/auth/code") == n)
        self.close()

    def run(self):
        self.second_factor()
        self.picker()
        self.queue()
        self.enrol()
        self.browser()
        self.link()
        self.strange_link()
        with open(self.path("berth.log"), encoding="utf-8") as file:
            text = file.read()
        check("GTK had nothing to complain of", not complaints(text), complaints(text))


if __name__ == "__main__":
    Story(os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None).run()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""All the ways to log in, by the probe, against a scripted broker: no desktop is opened.

usage: test_login.py BERTH
"""
import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from broker_site import die_with_parent
from fake_site import FakeSite, make_keys, PASSWORD, POOL, USER

LIMIT_S = 60
PENDING = "ab" * 32
# With two desktops and none named the probe ends here: it is logged in.
LOGGED_IN = (3, "'Office', 'Laboratory'")
LOGIN, MFA, TOTP = "POST /v1/auth/login", "POST /v1/auth/mfa", "POST /v1/auth/totp"
FINISH = "POST /v1/auth/oidc/finish"


def check(what, is_good, detail=""):
    if not is_good:
        sys.exit(f"FAILED: {what} {detail}")
    print(f"ok: {what}", flush=True)


class Story:
    def __init__(self, berth):
        self.berth = berth
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-login-",
                                                     ignore_cleanup_errors=True)
        self.folder = self.temporary.name
        self.site = FakeSite(self.folder)
        self.good = (200, {"token": self.site.token, "expires_in_s": 3600,
                           "user": {"id": POOL, "name": USER, "admin": False}})
        self.seen = []

    def secret_fd(self, text):
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        return reading

    def start(self, *args, broker=True):
        fds = [int(arg) for arg in args if arg.isdigit()]
        where = ["--broker", self.site.url()] if broker else []
        probe = subprocess.Popen(
            [self.berth, "probe", *where, "--ca", self.site.ca, *args], pass_fds=fds, text=True,
            stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        for fd in fds:
            os.close(fd)
        return probe

    def expect(self, what, ending, *args, **more):
        probe = self.start(*args, **more)
        text = probe.communicate(timeout=LIMIT_S)[1]
        check(what, probe.returncode == ending[0] and ending[1] in text,
              f"(status {probe.returncode}: {text})")
        check("no secret is told", PASSWORD not in text and PENDING not in text, text)

    def password(self, *args):
        return ["--user", USER, "--password-fd", str(self.secret_fd(PASSWORD)), *args]

    def code(self, text):
        return self.password("--code-fd", str(self.secret_fd(text)))

    def answer(self, request, reply):
        """What the site answers; what it was asked is kept."""
        self.site.answers[request] = lambda data: (self.seen.append(data), reply)[1]

    def second_factor(self):
        self.answer(LOGIN, (200, {"pending": PENDING, "second_factor": "totp"}))
        self.answer(MFA, self.good)
        self.expect("a code of the moment logs in", LOGGED_IN, *self.code("123 456\n"))
        check("it came with the pending login, without spaces",
              self.seen[-1] == {"pending": PENDING, "code": "123456"}, self.seen)
        self.expect("a recovery code logs in", LOGGED_IN, *self.code("abcd-efgh"))
        check("it is told as one", self.seen[-1] == {"pending": PENDING,
                                                     "recovery_code": "abcd-efgh"}, self.seen)
        self.expect("without a code the way is told", (2, "--code-fd"), *self.password())
        self.answer(MFA, self.site.problem(401, "bad-credentials", "wrong"))
        self.expect("a wrong code is told", (2, "the code is wrong"), *self.code("000000"))
        self.answer(MFA, self.site.problem(401, "expired", "it is no longer valid"))
        self.expect("a login that took too long is told", (2, "log in again"),
                    *self.code("000000"))
        self.answer(LOGIN, (200, {"pending": PENDING, "second_factor": "enrol"}))
        self.answer(TOTP, (200, {"secret": "ABCDEFGH", "uri": "otpauth://totp/x?secret=ABCDEFGH"}))
        self.expect("a factor that is not set up is told", (2, "set a second factor up"),
                    *self.code("000000"))

    def browser(self):
        state, flow = secrets.token_hex(32), secrets.token_hex(32)
        begun, source = [], "5" * 32
        self.answer("GET /v1/auth/sources",
                    (200, {"sources": [{"id": source, "name": "Company", "kind": "oidc"},
                                       {"id": POOL, "name": "files", "kind": "ldap"}]}))
        self.site.answers[f"POST /v1/auth/oidc/{source}/start"] = lambda data: (
            begun.append(data["redirect_uri"]),
            (200, {"url": "https://login.example/auth?x=1", "state": state, "flow": flow,
                   "expires_in_s": 300}))[1]
        self.answer(FINISH, self.good)
        self.expect("an unknown provider is told", (2, "'Company'"), "--provider", "x")
        probe = self.start("--provider", "Company")
        line = probe.stderr.readline()
        check("the address is told", "https://login.example/auth?x=1" in line, line)
        for query, status in ((f"state={'0' * 64}&code=evil", 404), ("code=evil", 404),
                              (f"state={state}&code=a%2Fb", 200)):
            check(f"the browser's {query.partition('&')[0][:20]} is {status}",
                  self.visit(f"{begun[-1]}?{query}") == status)
        text = probe.communicate(timeout=LIMIT_S)[1]
        check("the browser logs in", (probe.returncode, LOGGED_IN[1] in text) == (3, True), text)
        check("with what stayed here", self.seen[-1] == {"state": state, "flow": flow,
                                                         "code": "a/b"}, self.seen[-1])
        probe = self.start("--provider", "Company")
        probe.stderr.readline()
        self.visit(f"{begun[-1]}?state={state}&error=access_denied&error_description=not%20you")
        text = probe.communicate(timeout=LIMIT_S)[1]
        check("a provider that refuses is told", probe.returncode == 2 and "not you" in text, text)

    @staticmethod
    def visit(url):
        try:
            with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def lists(self):
        self.answer(LOGIN, self.good)
        args = self.password("--list")
        fds = [int(arg) for arg in args if arg.isdigit()]
        done = subprocess.run(
            [self.berth, "probe", "--broker", self.site.url(), "--ca", self.site.ca, *args],
            pass_fds=fds, text=True, capture_output=True, timeout=LIMIT_S, check=False,
            preexec_fn=die_with_parent)
        for fd in fds:
            os.close(fd)
        check("a list ends well", done.returncode == 0, done.stderr)
        names = [row["name"] for row in json.loads(done.stdout)["desktops"]]
        check("and names the desktops", names == ["Office", "Laboratory"], done.stdout)

    def device(self):
        self.answer("POST /v1/auth/device", self.good)
        folder = os.path.join(self.folder, "device")
        os.mkdir(folder)
        _, cert, key = make_keys(folder)
        self.expect("a certificate logs in", LOGGED_IN, "--device", "--certificate", cert,
                    "--certificate-key", key)
        check("nothing else was said", self.seen[-1] == {}, self.seen[-1])
        self.expect("a missing certificate is told", (1, "/nonexistent"), "--device",
                    "--certificate", "/nonexistent")
        self.expect("a device needs a certificate", (1, "--certificate FILE"), "--device")

    def link(self):
        self.answer("POST /v1/auth/code", self.good)
        code = "cd" * 32
        link = self.site.url().replace("https", "berth") + f"/Nowhere?code={code}"
        self.expect("a link logs in and names the desktop", (3, "no single desktop 'Nowhere'"),
                    "--link", link, broker=False)
        check("by its code", self.seen[-1] == {"code": code}, self.seen[-1])
        path = os.path.join(self.folder, "x.berth")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[berth]\nbroker={self.site.url()}\ndesktop={POOL}x\ncode={code}\n")
        self.expect("a file does, too", (3, f"no single desktop '{POOL}x'"), "--link", path,
                    broker=False)
        self.answer("GET /v1/me/desktops", self.site.problem(401, "expired", "no longer valid"))
        self.expect("a login by a link that has ended is told", (2, "get a new link"), "--link", path,
                    broker=False)
        del self.site.answers["GET /v1/me/desktops"]
        self.answer("POST /v1/auth/code", self.site.problem(401, "expired", "used already"))
        self.expect("a code that was used is told", (2, "used already"), "--link", path,
                    broker=False)
        with open(path, "a", encoding="utf-8") as file:
            file.write("ca=/tmp/evil.pem\n")
        self.expect("a file that wants more is refused", (1, "ask for a new one"), "--link", path,
                    broker=False)

    def run(self):
        self.lists()
        self.second_factor()
        self.browser()
        self.device()
        self.link()


Story(os.path.abspath(sys.argv[1])).run()

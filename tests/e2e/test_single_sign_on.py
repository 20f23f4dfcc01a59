# SPDX-License-Identifier: GPL-3.0-or-later
"""Olga logs in at her company's provider in the browser, and is at her desktop."""
import os
import subprocess
import unittest
import urllib.parse
import urllib.request

import lab
from desk import LIMIT_S, Desk
from story import EXIT_NO_DESKTOP, KEY_A, POOL, PictureStory

from broker_site import Site as Authority
from fake_provider import Provider

SOURCE = "Company"


class SingleSignOn(PictureStory):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.lab.path("company"))
        self.provider = Provider(self.authority)
        self.provider.claims = {"preferred_username": "olga", "name": "Olga O.",
                                "groups": ["company staff"]}
        self.addCleanup(self.provider.close)
        with open(self.authority.path("secret"), "w", encoding="ascii") as file:
            file.write("the client secret\n")
        self.lab.berthctl("create", "source", SOURCE, "--kind", "oidc", "--settings",
                          self.settings())
        self.addCleanup(self.lab.berthctl, "set", "source", SOURCE, "--enabled", "no")

    def settings(self):
        path = self.authority.path("settings.json")
        with open(path, "w", encoding="ascii") as file:
            file.write('{"issuer": "%s", "client_id": "berth", "client_secret_file": "%s", '
                       '"ca_file": "%s"}' % (self.provider.url, self.authority.path("secret"),
                                             self.authority.path("ca.pem")))
        return path

    def test_a_login_in_the_browser_opens_the_desktop(self):
        self.first_login()
        self.lab.berthctl("entitle", POOL, "--group", "company staff")
        desk = Desk(self.lab, "olga")
        self.addCleanup(desk.close)
        visited = self.give_browser(desk)
        desk.run()
        desk.wait_title("Berth")
        # The button comes when the broker has told of its providers.
        desk.wait("the browser", lambda: (desk.tap("alt+w"), visited())[1])
        self.browse(visited()[0])
        desk.wait_title(POOL)
        desk.wait("the desktop", desk.shows_a_guest)
        desk.wait_focus()
        desk.tap("F11")
        desk.wait_shows(self.expect())
        desk.wait_keys()
        desk.tap("a")
        desk.wait_shows(self.expect(f"key:{KEY_A}"))
        self.assertEqual(self.session("olga")["user"], "olga")
        self.assertNotIn("client secret", desk.log_text())

    def first_login(self):
        """By the probe, before she may have anything: it makes her account and her group."""
        probe = subprocess.Popen(
            [self.lab.program("berth"), "probe", "--broker", self.lab.url(), "--ca",
             self.lab.path("keys", "ca.pem"), "--provider", SOURCE, "--desktop", POOL],
            stderr=subprocess.PIPE, text=True, preexec_fn=lab.die_with_parent)
        line = probe.stderr.readline()
        self.browse(next(word for word in line.split() if word.startswith(self.provider.url)))
        rest = probe.communicate(timeout=LIMIT_S)[1]
        self.assertEqual(probe.returncode, EXIT_NO_DESKTOP, rest)

    def browse(self, url):
        """What a browser does: the provider asks its user, and sends back."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        state, code = self.provider.login(url)
        with urllib.request.urlopen(f"{query['redirect_uri'][0]}?state={state}&code={code}",
                                    timeout=LIMIT_S) as page:
            self.assertIn(b"Berth", page.read())

    def give_browser(self, desk):
        """The browser of that device writes down where it was sent."""
        applications, config = desk.path("data", "applications"), desk.path("config")
        os.makedirs(applications)
        os.makedirs(config)
        script, log = desk.path("browser"), desk.path("visited")
        with open(script, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {log}\n')
        os.chmod(script, 0o755)
        with open(os.path.join(applications, "browser.desktop"), "w", encoding="ascii") as file:
            file.write("[Desktop Entry]\nType=Application\nName=Browser\n"
                       f"Exec={script} %u\nMimeType=x-scheme-handler/https;\n")
        with open(os.path.join(config, "mimeapps.list"), "w", encoding="ascii") as file:
            file.write("[Default Applications]\nx-scheme-handler/https=browser.desktop\n")

        def visited():
            if not os.path.exists(log):
                return []
            with open(log, encoding="ascii") as file:
                return file.read().split()
        return visited


if __name__ == "__main__":
    unittest.main()

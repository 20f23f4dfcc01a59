#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in the client's windows has a name for screen readers and is reached by keys alone.

usage: test_accessible.py BERTH SCRIPTED_SESSION ACCESSIBLE_TREE LOCALE_DIR
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_keys
from accessible import Person, Reader, check
from fake_site import PASSWORD, USER
from test_direct import AUDIO_OUT, CONTROL, SHADOW_ANSWER, Script
from test_entrance import CONNECT, LOGIN, MFA, PENDING, SOURCE, Story
from window_log import complaints

SHADOW_ASK, NOTICE = 7, 10
SOUND_STATE, MAY_PLAY = 4, b"\1"
ASK_ID = 77
HOST = test_keys.HOST


class Pages(Story):
    """The pages before a desktop is open."""

    def __init__(self, berth, tree, locale_dir):
        super().__init__(berth, None)
        self.reader = Reader(tree, self.env)
        self.env["BERTH_LOCALE_DIR"] = locale_dir

    def open(self, language=""):
        self.env["LANGUAGE"] = language
        self.start("--broker", self.site.url(), "--user", USER)
        self.wait_title("Berth")
        return Person(self.reader, self.process.pid, self.xdotool)

    def login(self):
        self.answer("GET /v1/auth/sources", (200, {"sources": [
            {"id": SOURCE, "name": "Company Login", "kind": "oidc"}]}))
        self.answer(LOGIN, (200, {"pending": PENDING, "second_factor": "totp"}))
        self.answer(MFA, self.site.problem(401, "bad-credentials", "wrong"))
        self.list_desktops()
        person = self.open()
        person.wait_name("Log in with Company Login", "focusable")
        person.wait_name("Password", "focused")
        self.xdotool("type", PASSWORD)
        person.wait_name("Log in", "sensitive")
        person.visit("the login", "Tab")
        person.press("alt+p")
        person.wait_name("Password", "focused")
        check("letters lead to fields", True)
        person.press("Return")
        return person

    def second_factor(self, person):
        person.wait_name("Code", "focused")
        person.visit("the second factor", "Tab")
        person.go("Code", "Tab")
        self.type("000000")
        things = person.wait("a wrong code", lambda things: [
            thing for thing in things if thing.role == "notification"])
        said = [thing.name for thing in things if thing.role == "notification"]
        check("what went wrong is said", "code is wrong" in said[0], said)
        self.answer(MFA, self.good)
        self.type("123456")

    def picker(self, person):
        person.wait_name("Office", "focusable")
        visited = person.visit("the list", "Tab")
        check("each star says whose it is", ("push button", "Make Office a favourite") in visited)
        office = [thing for thing in person.read() if thing.name == "Office"][0]
        check("the list says how a desktop is", "continue where you left" in office.description)
        person.go("Old system", "Tab")
        person.go("Office", "Up")
        person.go("More about Office", "Tab")
        person.press("space")
        person.wait("the menu", lambda things: [
            thing for thing in things if thing.name.startswith("Report a problem")])
        check("the menu opens", True)
        person.press("Escape")

    def queue(self, person):
        reply = {"state": "queued", "position": 3, "estimate_s": 150, "retry_ms": 100}
        self.site.answers[CONNECT] = lambda _: (202, reply)
        person.go("Office", "shift+Tab")
        person.press("Return")
        person.wait_name("under way")
        person.visit("the queue", "Tab")
        person.go("Cancel", "Tab")
        person.press("Return")
        person.wait_name("Office", "focusable")
        check("Cancel leads back", True)

    def in_german(self):
        person = self.open("de")
        person.wait_name("Passwort", "focused")
        person.wait_name("Mit Company Login anmelden", "focusable")
        names = {thing.name for thing in person.read()}
        check("a screen reader speaks German, too", {"Benutzername", "Zertifikate"} <= names, names)
        person.press("alt+u")
        person.wait_name("Benutzername", "focused")
        check("German letters lead to fields", True)
        self.close()

    def run(self):
        person = self.login()
        self.second_factor(person)
        self.picker(person)
        self.queue(person)
        self.close()
        self.in_german()


class Desk(test_keys.Window):
    """A desktop in its window."""

    def __init__(self, script, tree):
        self.tree, self.reader = tree, None
        super().__init__(script)
        self.person = Person(self.reader, self.berth.pid, self.xdotool)

    def run(self, *argv, **more):
        if self.reader is None:
            self.env.pop("NO_AT_BRIDGE")
            self.env["LC_ALL"] = "C.UTF-8"
            self.reader = Reader(self.tree, self.env)
        return super().run(*argv, **more)

    def canvas(self):
        return self.person.wait("the canvas", lambda things: [
            thing for thing in things if thing.role == "canvas" and thing.can("focused")])

    def leave(self):
        """From the desktop to what is around it."""
        self.tap(HOST, HOST)

    def header(self):
        self.script.send(AUDIO_OUT, SOUND_STATE, MAY_PLAY)
        self.person.wait_name("Mute the desktop")
        things = self.canvas()
        desktop = [thing for thing in things if thing.role == "canvas"][0]
        check("the desktop has a name", desktop.name.startswith("Desktop "), desktop.name)
        check("and says how it is left", "host key" in desktop.description)
        self.leave()
        self.person.wait("the header", lambda things: [
            thing for thing in things if thing.role != "canvas" and thing.can("focused")])
        self.person.go("Menu", "Tab")
        self.tap("space")
        self.person.wait("the menu", lambda things: [
            thing for thing in things if thing.name.startswith("Send files")])
        self.person.visit("the menu", "Tab", "Down", but=self.behind_menu())
        self.tap("Escape")
        self.person.wait_name("Menu", "focused")
        self.tap(HOST)
        self.canvas()
        check("the host key leads back", True)

    def desktop(self):
        return {thing.key() for thing in self.person.read() if thing.role == "canvas"}

    def behind_menu(self):
        """What is on the window itself, which the menu keeps the keyboard from."""
        return self.desktop() | {thing.key() for thing in self.person.read()
                                 if thing.name in self.buttons}

    buttons = {"Menu", "Full screen (F11)", "Volume and microphone",
               "Mute the desktop"}

    def notice(self):
        text = "back in a moment".encode()
        self.script.send(CONTROL, NOTICE, struct.pack("<IIH", 5, 3, len(text)) + text)
        self.person.wait_name("back in a moment")
        self.leave()
        self.person.go("Close", "Tab")
        self.tap("Return")
        self.canvas()
        check("a notice is closed by keys, and the desktop has them again", True)

    def question(self):
        self.script.send(CONTROL, SHADOW_ASK, struct.pack("<IBH", ASK_ID, 1, 5) + b"boris")
        self.person.wait_name("Allow", "focusable")
        said = [thing.name for thing in self.person.read() if thing.role == "notification"]
        check("a question is said", said == ["boris wants to watch this desktop"], said)
        self.tap("Return", "space", "Tab", "Return")
        self.person.wait_name("Allow", "focusable")
        self.leave()
        self.person.go("Refuse", "Tab")
        self.tap("space")
        self.canvas()
        check("a question is answered by keys", "Allow" not in {
            thing.name for thing in self.person.read()})
        answer = self.script(f"take {CONTROL} {SHADOW_ANSWER}")
        check("what is typed for the desktop answers nothing",
              answer == struct.pack("<IB", ASK_ID, 0).hex(), answer)

    def point(self):
        """A click on the volume is heard, and leaves the keyboard to the desktop."""
        self.canvas()
        self.xdotool("mousemove", "640", "0")
        places = []

        def resting(things):
            places.append([thing.place for thing in things
                           if thing.name == "Volume of the desktop"])
            return places[-1] and places[-1] in places[-2:-1]
        self.person.wait("the volume", resting)
        x, y, width, height = places[-1][0]
        self.xdotool("mousemove", str(x + width // 2), str(y + height // 2), "click", "1")
        self.person.wait_name("Mute the desktop")
        check("a click on the volume leaves the keyboard to the desktop", "canvas" in {
            thing.role for thing in self.person.read() if thing.can("focused")})

    def full_screen(self):
        self.tap("F11")
        self.person.wait("the full screen", lambda things: not [
            thing for thing in things if thing.name == "Menu"])
        self.tap(HOST)
        self.person.wait_name("Leave the full screen (F11)", "focusable")
        wanted = self.person.visit("the bar in full screen", "Tab", but=self.desktop())
        check("the sound is in it", {("push button", "Mute the desktop"),
                                     ("slider", "Volume of the desktop")} <= wanted, wanted)
        self.person.go("Volume of the desktop", "Tab")
        self.tap("Left")
        self.person.go("Mute the desktop", "shift+Tab")
        self.tap("space")
        self.person.wait_name("Hear the desktop", "focused")
        check("the bar mutes the desktop by keys", True)
        self.tap(HOST)
        self.point()
        self.tap(HOST)
        self.person.go("Leave the full screen (F11)", "Tab")
        self.tap("Return")
        self.person.wait_name("Menu", "focusable")
        self.canvas()
        check("the bar leads out of the full screen", True)


def main():
    berth, scripted_session, tree, locale_dir = sys.argv[1:5]
    Pages(os.path.abspath(berth), tree, locale_dir).run()
    desk = Desk(Script(berth, scripted_session), tree)
    desk.header()
    desk.question()
    desk.notice()
    desk.full_screen()
    desk.log.seek(0)
    text = desk.log.read().decode()
    text = complaints(text, is_read=True)
    check("GTK had nothing to complain of", not text, text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that the desktop sends: the question in the client's window, answered by pointer and keys.

usage: test_incoming.py BERTH SCRIPTED_SESSION ACCESSIBLE_TREE [KEEP_FOLDER]
"""
import hashlib
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import test_accessible
from test_direct import DISPLAY, HEAD_CONFIG, Script, check
from test_keys import HOST
from window_log import complaints

FILES = 7
STATE, GIVE, GIVE_DATA, GIVE_END = 16, 17, 18, 19
TAKE, TAKE_ACK = 6, 7
SEND, CANCELLED, DONE, NO_SPACE = 0, 1, 3, 4
PIECE = 65536
RIGHT_TO_LEFT = "\u202e"
WIDTH, HEIGHT = 1000, 700


class Desk(test_accessible.Desk):
    """The window, and what the desktop in it sends."""

    last_id = 0

    def show(self):
        self.script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, WIDTH, HEIGHT))
        self.script.paint(0, 0x406080, WIDTH, HEIGHT)
        self.script.send(FILES, STATE, struct.pack("<BI", 5, 100))

    def give(self, name, size):
        """The desktop sends a file; returns its number when the user is asked."""
        self.last_id += 1
        self.script.send(FILES, GIVE, struct.pack("<IQ", self.last_id, size) + name.encode())
        self.wait_button("Save")
        return self.last_id

    def wait_button(self, name):
        return self.person.wait(f"the button {name}", lambda things: [
            thing for thing in things if thing.name == name and thing.role == "push button"])

    def wait_text(self, begin):
        """A line of the panel that begins so."""
        def of_text(things):
            return [thing.name for thing in things if thing.name.startswith(begin)]
        return of_text(self.person.wait(f"'{begin}'", of_text))[0]

    def answer(self, what, file, status):
        answer = bytes.fromhex(self.script(f"take {FILES} {TAKE}"))
        check(what, answer == struct.pack("<IB", file, status), answer)

    def send(self, file, content):
        for at in range(0, len(content), PIECE):
            self.script.send(FILES, GIVE_DATA, struct.pack("<I", file) + content[at:at + PIECE])
        acked = 0
        while acked < len(content):
            _, acked = struct.unpack("<IQ", bytes.fromhex(
                self.script(f"take {FILES} {TAKE_ACK}")))

    def click(self, name):
        """The lowest button of that name, where a screen reader says that it is."""
        x, y, width, height = max((thing.place for thing in self.person.read()
                                   if (thing.name, thing.role) == (name, "push button")),
                                  key=lambda place: place[1])
        self.xdotool("mousemove", str(x + width // 2), str(y + height // 2), "click", "1")

    def press(self, name):
        """By keys: the host key twice, Tab to the button, the space bar."""
        self.leave()
        self.person.go(name, "Tab")
        self.tap("space")

    def wait_no_panel(self):
        self.person.wait("the end of the panel", lambda things: not [
            thing for thing in things if thing.name in ("Save", "Refuse", "Stop") or
            thing.name.startswith(("Saved as", "Not saved"))])

    def folder(self):
        return sorted(name for name in os.listdir(self.script.folder)
                      if name.startswith(("report", "bill", "_hidden", ".berth-")))

    def read(self, name):
        with open(self.script.path(name), "rb") as file:
            return file.read()


def test_save(desk, act, how, wanted):
    """The whole of a file, under a name that nobody has."""
    content = hashlib.shake_128(how.encode()).digest(300 * 1024 + 7)
    file = desk.give("report.ods", len(content))
    check("the question has the name", desk.wait_text("report.ods") == "report.ods")
    check("and the size", "307.2" in desk.wait_text("The desktop sends this file"))
    desk.keep("incoming-question")
    act("Save")
    desk.answer(f"it is wanted by {how}", file, SEND)
    desk.wait_button("Stop")
    desk.send(file, content)
    desk.answer("and there to the last byte", file, DONE)
    said = desk.wait_text("Saved as ")
    check("where it is is said", said == "Saved as " + desk.script.path(wanted), said)
    check("what is there has its bytes", desk.read(wanted) == content)
    desk.keep("incoming-saved")
    act("Close")
    desk.wait_no_panel()
    desk.canvas()
    check("the panel is closed, and the desktop has the keys", True)


def test_refuse(desk, act, how):
    before = desk.folder()
    file = desk.give("report.ods", 1000)
    act("Refuse")
    desk.answer(f"it is refused by {how}", file, CANCELLED)
    desk.wait_no_panel()
    desk.canvas()
    check("and nothing is saved", desk.folder() == before, desk.folder())


def test_stop(desk):
    """Half of it was there."""
    before = desk.folder()
    file = desk.give("report.ods", 2 * PIECE)
    desk.press("Save")
    desk.answer("it is wanted", file, SEND)
    desk.script.send(FILES, GIVE_DATA, struct.pack("<I", file) + bytes(PIECE))
    fixture.wait_until("half of it is there", lambda: desk.folder() != before)
    desk.press("Stop")
    desk.answer("and then not any more", file, CANCELLED)
    desk.wait_no_panel()
    fixture.wait_until("what was there of it is gone", lambda: desk.folder() == before)


def test_names(desk):
    """Names that hide what a file is, or the file."""
    for name, wanted in ((f"bill{RIGHT_TO_LEFT}fdp.exe", "bill_fdp.exe"), (".hidden", "_hidden"),
                         ("empty.txt", "empty.txt")):
        file = desk.give(name, 0)
        things = [thing.name for thing in desk.person.read()]
        check("a name is shown as it is", not [one for one in things if RIGHT_TO_LEFT in one],
              things)
        desk.click("Save")
        desk.answer("it is wanted", file, SEND)
        desk.answer("and there at once", file, DONE)
        check(f"as {wanted}", desk.read(wanted) == b"")
        desk.click("Close")
        desk.wait_no_panel()


def test_typing(desk):
    """Keys of the desktop answer no question of ours."""
    file = desk.give("report.ods", 10)
    desk.tap("Return", "space", "Tab", "Return")
    desk.wait_button("Save")
    desk.script.send(FILES, GIVE_END, struct.pack("<IB", file, CANCELLED))
    desk.wait_no_panel()
    check("what is typed for the desktop saves nothing, and who sends may think better of it", True)


def test_several(desk):
    """One under the other, each with its own buttons; the third does not come any more."""
    files = [desk.give(f"report {n}.ods", 10) for n in range(3)]
    desk.keep("incoming-several")
    saves = [thing for thing in desk.person.read() if thing.name == "Save"]
    check("each has its question", len(saves) == 3, saves)
    desk.script.send(FILES, GIVE_END, struct.pack("<IB", files[2], NO_SPACE))
    desk.wait_text("Not saved: this computer has no space")
    for file in files[1::-1]:
        desk.click("Refuse")
        desk.answer("the lowest is refused first", file, CANCELLED)
        fixture.wait_until("its question is gone", lambda file=file: len(
            [thing for thing in desk.person.read() if thing.name == "Refuse"]) == file - files[0])
    desk.click("Close")
    desk.wait_no_panel()


def main():
    script = Script(*sys.argv[1:3])
    desk = Desk(script, sys.argv[3])
    desk.keep_folder = sys.argv[4] if len(sys.argv) > 4 else None
    desk.canvas()
    test_save(desk, desk.click, "a click", "report.ods")
    test_save(desk, desk.press, "keys", "report (2).ods")
    test_refuse(desk, desk.click, "a click")
    test_refuse(desk, desk.press, "keys")
    test_stop(desk)
    test_names(desk)
    test_typing(desk)
    test_several(desk)
    desk.close()
    desk.log.seek(0)
    text = desk.log.read().decode()
    text = complaints(text, is_read=True)
    check("GTK had nothing to complain of", not text, text)


if __name__ == "__main__":
    main()

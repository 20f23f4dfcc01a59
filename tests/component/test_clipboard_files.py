#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clipboard and files of the client against a session that says what it is told: the probe first,
then the window with the clipboards of a real X server and files that are dragged onto it.

usage: test_clipboard_files.py BERTH SCRIPTED_SESSION DRAG_SOURCE
"""
import hashlib
import json
import os
import pathlib
import select
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import qmp
from test_direct import DISPLAY, FILL, LIMIT_S, Script, Window, check, outside

CLIPBOARD, FILES = 6, 7
GRAB, REQUEST, DATA, RELEASE, STATE = 1, 2, 3, 4, 16
OFFER, ANSWER, FILE_DATA, ACK, CANCEL = 1, 2, 3, 4, 5
TEXT, PNG, HTML = 1, 2, 3
TAKE, TAKE_ACK, GIVE, GIVE_DATA, GIVE_END = 6, 7, 17, 18, 19
SEND, CANCELLED, DONE, NO_SPACE = 0, 1, 3, 4
ALL = 7
PIECE = 65536


def png(width, height):
    """A picture that compresses badly."""
    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    rows = b"".join(b"\0" + hashlib.shake_128(bytes([y])).digest(width * 3)
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


PICTURE = png(120, 90)
LONG_TEXT = ("A line with an Ä, a € and a 𝄞.\n" * 9000).encode()


def allow_clipboard(script, flags=ALL, types=ALL, max_kib=1024):
    script.send(CLIPBOARD, STATE, struct.pack("<BBI", flags, types, max_kib))


def allow_files(script, flags=5, max_mib=100):
    script.send(FILES, STATE, struct.pack("<BI", flags, max_mib))


def grab(script, serial, *types, selection=0):
    script.send(CLIPBOARD, GRAB, struct.pack("<IBB", serial, selection, len(types)) + bytes(types))


def take(script, channel, kind):
    return bytes.fromhex(script(f"take {channel} {kind}"))


def take_grab(script):
    """Serial, selection and types of the next GRAB of the client."""
    payload = take(script, CLIPBOARD, GRAB)
    serial, selection, n = struct.unpack_from("<IBB", payload)
    return serial, selection, list(payload[6:6 + n])


def fetch(script, serial, kind, selection=0):
    """What the client has: (status, content)."""
    script.send(CLIPBOARD, REQUEST, struct.pack("<IBB", serial, selection, kind))
    content = b""
    while True:
        payload = take(script, CLIPBOARD, DATA)
        head = struct.unpack_from("<IBBBB", payload)
        assert head[:3] == (serial, selection, kind), head
        content += payload[8:]
        if head[4]:
            return head[3], content


def serve(script, serial, kind, content, selection=0):
    """Answers the next REQUEST of the client."""
    asked = struct.unpack("<IBB", take(script, CLIPBOARD, REQUEST))
    check("the client asks for what is pasted", asked == (serial, selection, kind), asked)
    pieces = [content[at:at + PIECE] for at in range(0, len(content), PIECE)] or [b""]
    for i, piece in enumerate(pieces):
        head = struct.pack("<IBBBB", serial, selection, kind, 0, i == len(pieces) - 1)
        script.send(CLIPBOARD, DATA, head + piece)


class File:
    """The guest's end of one file that the client sends."""

    def __init__(self, script):
        payload = take(script, FILES, OFFER)
        self.script = script
        self.id, self.size = struct.unpack_from("<IQ", payload)
        self.name = payload[12:].decode()
        self.content = b""

    def answer(self, status):
        self.script.send(FILES, ANSWER, struct.pack("<IB", self.id, status))

    def take_piece(self):
        payload = take(self.script, FILES, FILE_DATA)
        assert payload[:4] == struct.pack("<I", self.id)
        self.content += payload[4:]
        self.script.send(FILES, ACK, struct.pack("<IQ", self.id, len(self.content)))

    def take_all(self):
        self.answer(SEND)
        while len(self.content) < self.size:
            self.take_piece()
        self.answer(DONE)


def give(script, number, name, content):
    """Offers a file of the desktop."""
    script.send(FILES, GIVE, struct.pack("<IQ", number, len(content)) + name.encode())


def taken(script, number, content):
    """Gives a file that was taken, and waits until the client says that it is saved."""
    assert take(script, FILES, TAKE) == struct.pack("<IB", number, SEND)
    for at in range(0, len(content), PIECE):
        script.send(FILES, GIVE_DATA, struct.pack("<I", number) + content[at:at + PIECE])
    assert take(script, FILES, TAKE) == struct.pack("<IB", number, DONE)


class Probe:
    """A probe that is told what to do, line by line."""

    def __init__(self, script, *args):
        self.script = script
        script.start("--quiet", "--script", "-", *args)

    def begin(self, line):
        self.script.probe.stdin.write(line + "\n")
        self.script.probe.stdin.flush()

    def answer(self):
        if not select.select([self.script.probe.stdout], [], [], LIMIT_S)[0]:
            sys.exit("the probe does not answer")
        return json.loads(self.script.probe.stdout.readline())

    def expect(self, what, is_ok=True):
        answer = self.answer()
        check(what, answer["ok"] == is_ok, answer.get("error", ""))
        return answer

    def end(self):
        status, _, errors, _ = self.script.end()
        self.script("wait closed")
        return status, errors


def write(script, name, content):
    path = script.path(name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def test_probe_clipboard(script):
    probe = Probe(script)
    allow_clipboard(script)
    for name, kind, content in (("a.txt", TEXT, LONG_TEXT), ("a.png", PNG, PICTURE),
                                ("a.html", HTML, b"<b>bold</b>"), ("empty.txt", TEXT, b"")):
        probe.begin(f"copy {write(script, name, content)}")
        probe.expect(f"{name} is copied")
        serial, selection, types = take_grab(script)
        check("and the guest hears of it", selection == 0 and types == [kind], types)
        check("and gets it", fetch(script, serial, kind) == (0, content))
    check("another type is gone", fetch(script, serial, PNG) == (1, b""))
    check("and so is an older one", fetch(script, 1, TEXT) == (1, b""))
    for serial, (name, kind, content) in enumerate((("b.txt", TEXT, LONG_TEXT),
                                                    ("b.png", PNG, PICTURE),
                                                    ("b.html", HTML, b"<i>x</i>")), 1):
        path = script.path(name)
        grab(script, serial, kind)
        probe.begin(f"paste {path}")
        serve(script, serial, kind, content)
        probe.expect(f"{name} is pasted")
        check("to the last byte", read(path) == content)
    check("the probe ends well", probe.end()[0] == 0)


def test_probe_refusals(script):
    """What the session must not do with the clipboard costs the user one paste, no more."""
    path = script.path("refused")
    probe = Probe(script)
    allow_clipboard(script, max_kib=1)
    grab(script, 1, PNG, TEXT)
    for what, name, kind, content in (
            ("a picture that is none is refused", "x.png", PNG, b"GIF89a" * 9),
            ("text that is none is refused", "x.txt", TEXT, b"\xff\xfe\xfd"),
            ("too much is refused", "x.txt", TEXT, b"a" * 1025)):
        probe.begin(f"paste {path}{name}")
        serve(script, 1, kind, content)
        probe.expect(what, is_ok=False)
        check("and nothing is written", not os.path.exists(path + name))
    probe.begin(f"copy {write(script, 'large.txt', b'a' * 1025)}")
    probe.expect("what is too large can be copied")
    check("but does not go over", fetch(script, take_grab(script)[0], TEXT) == (3, b""))
    allow_clipboard(script, flags=6)
    check("what is forbidden does not", fetch(script, 1, TEXT) == (2, b""))
    probe.end()
    probe = Probe(script, "--timeout", "1")
    allow_clipboard(script, flags=5)
    probe.begin(f"copy {write(script, 'x.txt', b'x')}")
    probe.expect("one direction alone is possible")
    grab(script, 1, TEXT)
    probe.begin(f"paste {path}")
    answer = probe.answer() if script.probe.poll() is None else {}
    check("the other one is not", not answer.get("ok"), answer)
    probe.end()


def test_probe_files(script):
    content = hashlib.shake_128(b"file").digest(3 * 1024 * 1024 + 17)
    probe = Probe(script)
    allow_files(script)
    probe.begin(f"send-file {write(script, 'Grüße 1.bin', content)}")
    file = File(script)
    check("a file is offered", (file.name, file.size) == ("Grüße 1.bin", len(content)), file.name)
    file.take_all()
    check("and comes to the last byte", file.content == content)
    probe.expect("and the probe knows")
    probe.begin(f"send-file {write(script, 'empty', b'')}")
    File(script).take_all()
    probe.expect("an empty file comes, too")
    folder = script.path("folder")
    os.makedirs(os.path.join(folder, "inner"))
    os.symlink("/etc/passwd", os.path.join(folder, "link"))
    os.mkfifo(os.path.join(folder, "pipe"))
    write(script, "folder/one", b"1")
    write(script, "folder/inner/two", b"22")
    probe.begin(f"send-file {folder}")
    files = [File(script), File(script)]
    check("a folder comes file by file, without links and pipes",
          sorted(file.name for file in files) == ["one", "two"])
    for file in files:
        file.take_all()
    probe.expect("and it is done")
    probe.begin(f"send-file {write(script, 'full', b'x' * 100)}")
    File(script).answer(NO_SPACE)
    answer = probe.expect("a guest without space is told of", is_ok=False)
    check("in a sentence", "no space" in answer["error"], answer["error"])
    probe.begin(f"send-file {script.path('not-there')}")
    probe.expect("a file that is not there is told of", is_ok=False)
    allow_files(script, max_mib=1)
    probe.begin(f"send-file {script.path('Grüße 1.bin')}")
    answer = probe.expect("a file that is too large is told of", is_ok=False)
    check("the probe ends well", probe.end()[0] == 0)


def test_probe_takes(script):
    """Files of the desktop: one that was offered before is taken, too, and none is replaced."""
    folder = script.path("taken")
    os.makedirs(folder)
    probe = Probe(script)
    allow_files(script)
    for number, name, path in ((1, "Übersicht.txt", "Übersicht.txt"),
                               (2, "Übersicht.txt", "Übersicht (2).txt"), (3, "empty", "empty")):
        content = b"" if name == "empty" else hashlib.shake_128(name.encode()).digest(200000)
        give(script, number, name, content)
        probe.begin(f"take-file {folder}")
        taken(script, number, content)
        answer = probe.expect(f"{path} is taken")
        with open(os.path.join(folder, path), "rb") as file:
            check("with every byte", file.read() == content)
        check("and the answer tells where", answer["path"] == os.path.join(folder, path))
    give(script, 4, "gone", b"12")
    probe.begin(f"take-file {folder}")
    assert take(script, FILES, TAKE) == struct.pack("<IB", 4, SEND)
    script.send(FILES, GIVE_END, struct.pack("<IB", 4, CANCELLED))
    probe.expect("one that does not come is told of", is_ok=False)
    check("and nothing of it is left", len(os.listdir(folder)) == 3, os.listdir(folder))
    probe.begin("restart")
    answer = probe.expect("where there is no broker nothing is restarted", is_ok=False)
    check("and it says why", "--direct" in answer["error"], answer["error"])
    check("the probe ends well", probe.end()[0] == 0)


def offered(script):
    """Lets the probe of a hostile session offer a file, and answers it."""
    allow_files(script)
    script.probe.stdin.write(f"send-file {write(script, 'offered', b'12345')}\n")
    script.probe.stdin.flush()
    return File(script)


def lie_of_file(act):
    def run(script):
        act(script, offered(script))
    return run


LIES = [
    ("a clipboard of an unknown type is refused", "protocol",
     outside(CLIPBOARD, GRAB, struct.pack("<IBB", 1, 0, 1) + b"\x09")),
    ("a type twice is refused", "protocol",
     outside(CLIPBOARD, GRAB, struct.pack("<IBB", 1, 0, 2) + b"\1\1")),
    ("a third clipboard is refused", "protocol",
     outside(CLIPBOARD, REQUEST, struct.pack("<IBB", 1, 2, 1))),
    ("a refusal with content is refused", "protocol",
     outside(CLIPBOARD, DATA, struct.pack("<IBBBB", 1, 0, 1, 2, 1) + b"x")),
    ("an unknown right is refused", "protocol",
     outside(CLIPBOARD, STATE, struct.pack("<BBI", 255, 7, 1024))),
    ("a right that a file has not is refused", "protocol",
     outside(FILES, STATE, struct.pack("<BI", 2, 1))),
    ("more bytes taken than were sent are refused", "protocol",
     lie_of_file(lambda script, file: script.send(FILES, ACK, struct.pack("<IQ", file.id, 1)))),
    ("a file that is done before it began is refused", "protocol",
     lie_of_file(lambda script, file: file.answer(DONE))),
    ("a second answer is refused", "protocol",
     lie_of_file(lambda script, file: (file.answer(SEND), file.answer(SEND)))),
    ("an unknown answer is refused", "protocol",
     lie_of_file(lambda script, file: file.answer(99))),
]


def test_lies(script):
    for what, code, act in LIES:
        script.start("--quiet", "--script", "-")
        act(script)
        answer = script("wait closed")
        status, _, errors, _ = script.end()
        check(what, answer == f"closed {code}" and status == 8, f"({answer}, {status}: {errors})")
        check("  and it says so in a line", len(errors.strip().splitlines()) == 1, errors)


def flood(script):
    """What nobody asked for, as much as the session's own line takes."""
    allow_clipboard(script)
    allow_files(script)
    for _ in range(20):
        script.send(CLIPBOARD, GRAB, struct.pack("<IBB", 7, 0, 1) + b"\1", 500)
        script.send(CLIPBOARD, DATA, struct.pack("<IBBBB", 7, 0, 1, 0, 0) + b"x" * PIECE, 20)
        script.send(CLIPBOARD, REQUEST, struct.pack("<IBB", 7, 0, 1), 200)
        script.send(FILES, ACK, struct.pack("<IQ", 9, 9), 200)
        script.send(FILES, ANSWER, struct.pack("<IB", 9, 3), 200)


class Desk(Window):
    """The window, with programs beside it that copy and paste."""

    def __init__(self, script):
        super().__init__(script)
        script(f"all {CLIPBOARD}")  # what clients before it said
        script.paint(0, 0x204060, 800, 600)
        self.wait_pixel("the desktop is shown", 790, 10, "204060")
        self.focus()

    def focus(self):
        self.xdotool("mousemove", "400", "300")
        ids = subprocess.run(["xdotool", "search", "--class", "berth"], env=self.env,
                             capture_output=True, text=True, check=True).stdout.split()
        for window in ids:
            subprocess.run(["xdotool", "windowfocus", window], env=self.env, check=False,
                           stderr=subprocess.DEVNULL)

    def copy(self, content, selection="clipboard", target="UTF8_STRING"):
        subprocess.run(["xclip", "-selection", selection, "-t", target, "-i"], input=content,
                       env=self.env, check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL)

    def paste(self, selection="clipboard", target="UTF8_STRING"):
        return subprocess.Popen(["xclip", "-selection", selection, "-t", target, "-o"],
                                env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                preexec_fn=qmp.die_with_parent)

    def targets(self, selection="clipboard"):
        program = self.paste(selection, "TARGETS")
        return program.communicate(timeout=LIMIT_S)[0].decode().split()

    def wait_offer(self, target, selection="clipboard"):
        """Until the window has that to paste; xclip, which copies here, has no MULTIPLE."""
        fixture.wait_until("the guest's clipboard is here", lambda: {target, "MULTIPLE"} <=
                           set(self.targets(selection)))


def test_window_copies(script, desk):
    """From here to the guest."""
    allow_clipboard(script)
    last = 0
    for target, kind, content in (("UTF8_STRING", TEXT, "Grüße, 𝄞\n".encode()),
                                  ("image/png", PNG, PICTURE),
                                  ("text/html", HTML, "<b>Ä</b>".encode()),
                                  ("UTF8_STRING", TEXT, LONG_TEXT)):
        desk.copy(content, target=target)
        serial, selection, types = take_grab(script)
        check(f"{target} is told to the guest", selection == 0 and types == [kind], types)
        check("once", serial == last + 1, serial)
        check("and goes over", fetch(script, serial, kind) == (0, content))
        last = serial
    desk.copy(b"marked", selection="primary")
    serial, selection, types = take_grab(script)
    check("what is marked is told", (selection, types) == (1, [TEXT]))
    check("and goes over", fetch(script, serial, TEXT, selection=1) == (0, b"marked"))
    return serial


def test_window_pastes(script, desk, last):
    """From the guest to here; nothing of it is told back."""
    for serial, (target, kind, content) in enumerate((("UTF8_STRING", TEXT, b"guest \xc3\xa4"),
                                                      ("image/png", PNG, PICTURE),
                                                      ("text/html", HTML, b"<i>x</i>"),
                                                      ("UTF8_STRING", TEXT, LONG_TEXT)), 1):
        grab(script, serial, kind)
        desk.wait_offer(target)
        program = desk.paste(target=target)
        serve(script, serial, kind, content)
        check(f"{target} is pasted", program.communicate(timeout=LIMIT_S)[0] == content)
        desk.copy(content, target=target)  # as a manager of clipboards does
    grab(script, 9, TEXT, selection=1)
    desk.wait_offer("UTF8_STRING", "primary")
    program = desk.paste(selection="primary")
    serve(script, 9, TEXT, b"marked there", selection=1)
    check("what is marked there is pasted here",
          program.communicate(timeout=LIMIT_S)[0] == b"marked there")
    grab(script, 10, PNG)
    desk.wait_offer("image/png")
    script.send(CLIPBOARD, RELEASE, struct.pack("<IB", 10, 0))
    fixture.wait_until("what is gone there is gone here", lambda: not desk.targets())
    desk.copy(b"mine")
    serial, _, _ = take_grab(script)
    check("nothing came back", serial == last + 1, serial)


def test_window_hostile(script, desk):
    """The window lives, whatever comes, and a program that pastes does not hang."""
    flood(script)
    script.paint(0, 0x608040, 800, 600)
    desk.wait_pixel("the window lives after a flood", 790, 10, "608040")
    grab(script, 50, TEXT)
    desk.wait_offer("UTF8_STRING")
    program = desk.paste()
    take(script, CLIPBOARD, REQUEST)
    script.paint(0, 0x204060, 800, 600)
    desk.wait_pixel("the picture goes on while a program waits", 790, 10, "204060")
    script.send(CLIPBOARD, RELEASE, struct.pack("<IB", 50, 0))
    check("a program that waits for nothing gets nothing",
          program.communicate(timeout=LIMIT_S)[0] == b"")


def drag(desk, source):
    """Drags from the corner to the middle; lets go when the window says that it takes it."""
    desk.xdotool("mousemove", "20", "20", "mousedown", "1", "mousemove", "40", "40")
    for at in range(LIMIT_S * 10):
        desk.xdotool("mousemove", str(400 + at % 2), "300")
        if select.select([source.stdout], [], [], 0.1)[0]:
            break
    check("the window takes what is dragged", source.stdout.readline() == "accepted\n")
    desk.xdotool("mouseup", "1")


def test_window_drop(script, desk, drag_source):
    """Files that are dragged onto the window, and the panel that tells of them."""
    content = hashlib.shake_128(b"drop").digest(600 * 1024)
    names = ["dropped.bin", "Größe & mehr.txt"]
    uris = [pathlib.Path(write(script, name, content)).as_uri() for name in names]
    source = subprocess.Popen([drag_source, *uris], env=desk.env, stdout=subprocess.PIPE, text=True,
                              preexec_fn=qmp.die_with_parent)
    check("there is something to drag", source.stdout.readline() == "ready\n")
    allow_files(script)
    drag(desk, source)
    files = [File(script), File(script)]
    check("what is dropped is offered", [file.name for file in files] == names)
    fixture.wait_until("and the panel shows it", lambda: desk.pixel(770, 570) != "204060")
    for file in files:
        file.take_all()
        check(f"'{file.name}' comes to the last byte", file.content == content)
    check("the other program knows", source.stdout.readline() == "done\n")
    desk.wait_pixel("the panel goes by itself", 770, 570, "204060")
    drag(desk, source)
    first, second = File(script), File(script)
    first.answer(NO_SPACE)
    second.answer(SEND)
    second.take_piece()
    fixture.wait_until("the panel shows the failure", lambda: desk.pixel(770, 570) != "204060")
    script("drop")
    check("the client comes back by itself", script("wait open") == "open")
    source.kill()
    source.wait()


def main():
    script = Script(*sys.argv[1:3])
    test_probe_clipboard(script)
    test_probe_refusals(script)
    test_probe_files(script)
    test_probe_takes(script)
    test_lies(script)
    desk = Desk(script)
    last = test_window_copies(script, desk)
    test_window_pastes(script, desk, last)
    test_window_hostile(script, desk)
    test_window_drop(script, desk, sys.argv[3])
    desk.close()


if __name__ == "__main__":
    main()

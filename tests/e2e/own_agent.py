#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our agent does in a Debian desktop: formatted text, layouts, texts, files to the client.

Then the same chain with the client's window: clipboard and files both ways, and letters that are on
no keyboard.

usage: own_agent.py BUILD [MANIFEST]
"""
import hashlib
import os
import re
import sys
import tempfile

BUILD = sys.argv[1]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guest_desk import LIMIT_S, USER, Desk, build_image, fixture  # noqa: E402
from client_and_guest import Door, Window  # noqa: E402
from session_fixture import Client  # noqa: E402

HTML = 3
SHIFT, ALTGR, ENTER, CAPS_LOCK, SPACE, KEY_Q = 42, 100, 28, 58, 57, 16
# For each layout: keys as (code, with what held), and what they type; all with dead keys but "us".
LAYOUTS = {
    "us": ([(21, 0), (44, 0), (26, 0), (39, 0), (40, 0), (16, SHIFT), (53, 0)], "yz[;'Q/"),
    "de": ([(21, 0), (44, 0), (26, 0), (39, 0), (40, SHIFT), (12, 0), (41, 0), (18, 0), (13, 0), (18, 0),
            (13, SHIFT), (30, 0), (18, ALTGR)], "zyüöÄßêéà€"),
    "fr": ([(16, 0), (30, 0), (39, 0), (2, 0), (3, 0), (26, 0), (18, 0), (26, SHIFT), (23, 0),
            (18, ALTGR), (50, 0)], "aqm&éêï€,"),
}

# One message each: more different characters than a layout has free places for.
TEXTS = (
    "The quick brown fox, (a) [b] {c} <d> #1 $2 %3 &4 *5 +6 =7 ~8 ^9 `0 | \\ @ ; : ? ! ' \" _-",
    "é ü ß ç œ € „Hallo“ – … À Ñ ø ł ĳ ő",
    "Ελληνικά αβγδεζηθ",
    "Привет, мир: ЩЭЮЯ",
    "日本語 漢字 中文 한국어",
    "😀 𝔘 👍",
)


class Story:
    def __init__(self, folder, manifest):
        self.desk = Desk(BUILD, folder, manifest)
        self.client = Client(os.path.join(BUILD, "tests", "component", "session-client"))
        self.folder = folder
        self.door = Door(self.desk.session, folder)

    def path(self, name, data=None):
        path = os.path.join(self.folder, name)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        return path

    def begin(self):
        session = self.desk.session
        session.start(self.client.broker_key, self.desk.qemu.add_display(), token=self.door.token,
                      files_max_mib=64)
        self.door.open()
        self.desk.give_ports()
        session.connect(self.client, session.ticket(self.client, 1))
        self.client.wait_for(phase="open")
        print(f"ok: the guest lives after {self.desk.qemu.wait_for_agent(LIMIT_S):.0f} s", flush=True)
        fixture.wait_until("our agent", lambda: (s := self.client.state())["clip_types"] == "7" and
                           s["clip_flags"] == "7", LIMIT_S)
        print("ok: our agent is there and has the clipboard", flush=True)

    # ---- the clipboard ----

    def html(self):
        page = "<p>Grüße <b>fett</b> 日本</p>".encode() * 3000
        grabs = int(self.client.state()["grabs"])
        assert self.client(f"clip-grab 0 {HTML} {self.path('page', page)}") == "ok"
        fixture.wait_until("the guest's new owner", lambda: b"text/html" in self.desk.targets(), LIMIT_S)
        if self.desk.pastes("text/html") != page:
            sys.exit("the guest pasted other HTML")
        print(f"ok: {len(page)} bytes of HTML to the guest", flush=True)
        own = page[::-1].decode("latin-1").encode()
        self.desk.copies(own, "text/html")
        fixture.wait_until("what the guest has copied",
                           lambda: int(self.client.state()["grabs"]) > grabs, LIMIT_S)
        path = self.path("pasted", b"")
        assert self.client(f"clip-get 0 {HTML} {path}") == "ok"
        state = fixture.wait_until("the guest's content",
                                   lambda: (s := self.client.state())["got"] != "255" and s, LIMIT_S)
        with open(path, "rb") as file:
            if state["got"] != "0" or file.read() != own:
                sys.exit(f"the client pasted other HTML ({state['got']})")
        print(f"ok: {len(own)} bytes of HTML from the guest", flush=True)

    # ---- the keyboard ----

    def open_terminal(self):
        """A terminal whose lines go into a file."""
        self.desk.run(f"({USER} xterm -u8 -T typed -e sh -c 'stty -icanon -echo; cat >> ~/typed' "
                      "> /dev/null 2>&1 < /dev/null &)")
        fixture.wait_until("the terminal with the keyboard", lambda: b'"typed"' in self.desk.run(
            f"{USER} sh -c 'xprop -id $(xprop -root _NET_ACTIVE_WINDOW | cut -d\" \" -f 5) WM_NAME'",
            None), LIMIT_S)
        fixture.wait_until("its file", lambda: self.desk.run("ls ~user", None).split().count(b"typed"),
                           LIMIT_S)

    def typed(self):
        """What was typed up to the last end of a line; the file is empty again."""
        def look():
            text = self.desk.run("cat ~user/typed")
            return text.endswith(b"\n") and text
        text = fixture.wait_until("what was typed", look, LIMIT_S,
                                  lambda: self.desk.run("cat ~user/typed"))
        self.desk.run(": > ~user/typed")
        return text.decode()[:-1].replace("\0", "")

    def press(self, code, held):
        for key, down in ((held, 1), (code, 1), (code, 0), (held, 0)):
            if key and self.client(f"key {key} {down}") != "ok":
                sys.exit(f"key {key} is refused")

    def check(self, what, wanted):
        self.press(ENTER, 0)
        text = self.typed()
        if text != wanted:
            sys.exit(f"{what}: typed {text!r}, not {wanted!r}")
        print(f"ok: {what}: {text}", flush=True)

    def wait_for_keys(self):
        """A layout has the window manager bind its keys anew; none of ours may be lost meanwhile."""
        def look():
            self.press(SPACE, 0)
            return self.desk.run("cat ~user/typed")
        fixture.wait_until("a key in the terminal", look, LIMIT_S)
        self.press(ENTER, 0)
        self.typed()

    def layouts(self):
        for layout, (keys, wanted) in LAYOUTS.items():
            assert self.client(f"layout {layout}") == "ok"
            fixture.wait_until("the guest's layout", lambda name=layout: f"layout:     {name}\n".encode() in
                               self.desk.run(f"{USER} setxkbmap -query", None), LIMIT_S)
            self.wait_for_keys()
            for code, held in keys:
                self.press(code, held)
                self.desk.run("true")  # QEMU's keyboard drops what a busy guest does not fetch
            self.check(f"keys of layout {layout}", wanted)

    def give_texts(self, texts):
        for text in texts:
            if self.client("text " + text.encode().hex()) != "ok":
                sys.exit(f"the text {text!r} is refused")

    def texts(self):
        """Back to back and right after the layout; keys come behind them."""
        for layout in ("fr", "de", "us"):
            assert self.client(f"layout {layout}") == "ok"
            self.give_texts(TEXTS)
            self.check(f"texts in layout {layout}", "".join(TEXTS))

    def press_caps_lock(self, state):
        self.press(CAPS_LOCK, 0)
        fixture.wait_until(f"Caps Lock {state}", lambda: re.search(
            rb"Caps Lock: +" + state.encode(), self.desk.run(f"{USER} xset q")), LIMIT_S)

    def texts_with_keys(self):
        """Texts among keys, with Shift and AltGr of the user held and Caps Lock on."""
        self.press_caps_lock("on")
        for key, down in ((SHIFT, 1), (ALTGR, 1)):
            assert self.client(f"key {key} {down}") == "ok"
        self.give_texts(("aé", "日"))
        assert self.client(f"key {ALTGR} 0") == "ok"
        self.press(KEY_Q, 0)
        assert self.client(f"key {SHIFT} 0") == "ok"
        self.press_caps_lock("off")
        self.press(KEY_Q, 0)
        self.give_texts(("ж",))
        self.check("texts among keys", "aé日qqж")

    # ---- files ----

    def send(self, name, wanted):
        return self.desk.run(f"cd ~user; {USER} berth-send {name}", wanted).decode()

    def files(self):
        self.desk.run("head -c 5000000 /dev/urandom > ~user/Größe.bin; : > ~user/empty; chown user ~user/*")
        said = self.send("Größe.bin", 1)
        if "refused" not in said:
            sys.exit(f"a file that is refused: {said}")
        assert self.client(f"file-take {self.folder}") == "ok"
        for name in ("Größe.bin", "empty"):
            if "was sent" not in self.send(name, 0):
                sys.exit(f"{name} was not sent")
        with open(self.path("Größe.bin"), "rb") as file:
            sha = hashlib.sha256(file.read()).hexdigest()
        if sha not in self.desk.run("sha256sum ~user/Größe.bin").decode():
            sys.exit("the file has other bytes at the client")
        if os.path.getsize(self.path("empty")) != 0:
            sys.exit("an empty file has bytes at the client")
        print("ok: files to the client with their hash", flush=True)
        if "only files" not in self.send("/tmp", 1):
            sys.exit("a folder was taken for a file")
        self.desk.session.send({"op": "policy", "policy": {"files_from_guest": False}})
        fixture.wait_until("the policy", lambda: "may not" in self.send("empty", None), LIMIT_S)
        self.desk.session.send({"op": "policy", "policy": {"files_max_mib": 1}})
        fixture.wait_until("the policy", lambda: "larger" in self.send("Größe.bin", None), LIMIT_S)
        print("ok: the policy decides", flush=True)

    # ---- the window ----

    def clipboard_of_window(self, window):
        page, text = "<h1>Fenster ü</h1>".encode(), "vom Gerät 日本".encode()
        for data, target in ((text, "UTF8_STRING"), (page, "text/html")):
            window.copy(data, target)
            fixture.wait_until(f"{target} in the guest", lambda d=data, t=target: self.desk.pastes(t) == d,
                               LIMIT_S)
        for data, target in (("aus dem Gast ß".encode(), "UTF8_STRING"), (page[::-1].decode(
                "latin-1").encode(), "text/html")):
            self.desk.copies(data, target)
            fixture.wait_until(f"{target} on the device", lambda d=data, t=target: window.paste(t) == d,
                               LIMIT_S)
        print("ok: text and HTML both ways through the client's window", flush=True)

    def files_of_window(self, window):
        content = os.urandom(3 << 20)
        window.drop(os.path.join(BUILD, "tests", "component", "drag-source"),
                    self.path("Fallen gelassen.bin", content))
        wanted = hashlib.sha256(content).hexdigest().encode()
        fixture.wait_until("the dropped file in the guest", lambda: wanted in self.desk.run(
            "find ~user -name 'Fallen*' -exec sha256sum {} +", None), LIMIT_S)
        print("ok: a file that is dropped on the window, with its hash", flush=True)

    def letters_of_window(self, window):
        """As a keyboard on the screen and an input method give them."""
        for letter in "é日ж":
            window.xdotool("key", f"U{ord(letter):04X}")
            fixture.wait_until(f"the letter {letter}", lambda c=letter: self.desk.run(
                "cat ~user/typed").decode().endswith(c), LIMIT_S)
        self.desk.run(": > ~user/typed")
        print("ok: letters that are on no keyboard, through the client's window", flush=True)

    def window(self):
        window = Window(os.path.join(BUILD, "client", "berth"), self.folder, self.door.file)
        window.focus()
        self.letters_of_window(window)
        self.clipboard_of_window(window)
        self.files_of_window(window)
        window.close()

    def run_all(self):
        self.begin()
        self.html()
        self.open_terminal()
        self.layouts()
        self.texts()
        self.texts_with_keys()
        self.files()
        self.desk.session.send({"op": "policy", "policy": {"files_max_mib": 64}})
        self.window()
        self.client.close()
        self.desk.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="berth-own-") as temporary:
        fixture.run_or_skip(lambda: Story(
            temporary, sys.argv[2] if len(sys.argv) > 2 else build_image(temporary)).run_all())

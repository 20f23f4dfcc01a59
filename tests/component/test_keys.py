#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyboard of the client's window, under a window manager: what the session gets, in order.

usage: test_keys.py BERTH SCRIPTED_SESSION [KEEP_FOLDER]
"""
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import qmp
from test_direct import CONTROL, DISPLAY, HEAD_CONFIG, LIMIT_S, Script, check
from window_log import complaints

INPUT = 3
KEY, BUTTON, RELEASE_ALL, TEXT, LOCKS, LAYOUT = 1, 4, 6, 7, 8, 9
CAPS_LOCK, NUM_LIGHT, CAPS_LIGHT = 58, 2, 4
ESC, TAB, LEFT_CTRL, A, LEFT_SHIFT, LEFT_ALT = 1, 15, 29, 30, 42, 56
RIGHT_CTRL, DELETE, SUPER, F4, F5, F10, F11 = 97, 111, 125, 62, 63, 68, 87
BYE, LOGGED_OFF = 6, -32

SCROLL_LOCK = "78"
HOST = "105"  # the X11 number of the right Ctrl; xdotool takes its name for the left one


def down(key):
    return f"+{key}"


def up(key):
    return f"-{key}"


class Window:
    """berth in a window of openbox, beside other windows."""

    def __init__(self, script, keep_folder=None):
        self.script = script
        self.keep_folder = keep_folder
        reading, writing = os.pipe()
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
            pass_fds=[writing], stderr=subprocess.DEVNULL, preexec_fn=qmp.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.env = {**os.environ, "DISPLAY": display, "HOME": script.folder, "LANG": "C.UTF-8",
                    "XDG_CONFIG_HOME": script.folder, "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1",
                    "GDK_BACKEND": "x11"}
        self.openbox = self.run("openbox")
        self.log = open(script.path("window.log"), "w+b")
        self.serial = 0
        self.seen, self.locks, self.layouts = [], [], []
        self.open()

    def run(self, *argv, stderr=subprocess.DEVNULL):
        return subprocess.Popen(argv, env=self.env, stderr=stderr, preexec_fn=qmp.die_with_parent)

    def open(self, *args):
        self.script.frame_id = 0
        self.berth = self.run(self.script.berth, "--direct", self.script.file, *args,
                              stderr=self.log)
        check("the window is in", self.script("wait open") == "open")
        self.id = self.wait_window(self.berth.pid)
        self.show()
        self.focus()

    def show(self):
        self.script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 100, 80))
        self.script.paint(0, 0x102030)

    def xdotool(self, *args):
        done = subprocess.run(["xdotool", *args], env=self.env, text=True, capture_output=True,
                              timeout=LIMIT_S)
        return done.stdout.strip()

    def wait_window(self, pid):
        return fixture.wait_until("a window", lambda: self.xdotool(
            "search", "--all", "--onlyvisible", "--pid", str(pid), "--name", ".").split()[-1:])[0]

    def focus(self, window=None):
        """Asks for it until it is there: a window manager that begins late has not heard of it."""
        window = window or self.id

        def has_focus():
            if self.xdotool("getwindowfocus") == window:
                return True
            self.xdotool("windowactivate", window)
            return False
        fixture.wait_until("the focus", has_focus)

    def picture(self, *options):
        """The window as it is seen, a PPM file; options: of ImageMagick's import."""
        return subprocess.run(["import", "-window", self.id, *options, "-depth", "8", "ppm:-"],
                              env=self.env, capture_output=True, timeout=LIMIT_S,
                              check=True).stdout

    def keep(self, name):
        if self.keep_folder:
            subprocess.run(["import", "-window", "root",
                            os.path.join(self.keep_folder, name + ".png")], env=self.env,
                           check=True, timeout=LIMIT_S)

    def inputs(self):
        """What was done since the last check: +CODE, -CODE, button+N, button-N, release, text."""
        for message in self.script(f"all {INPUT}").split():
            kind, _, payload = message.partition(":")
            data = bytes.fromhex(payload)
            self.serial += 1
            check_serial(struct.unpack_from("<I", data)[0], self.serial)
            if int(kind) == KEY:
                code, is_down = struct.unpack("<HB", data[4:])
                self.seen.append(down(code) if is_down else up(code))
            elif int(kind) == BUTTON:
                self.seen.append("button" + (down(data[4]) if data[5] else up(data[4])))
            elif int(kind) == RELEASE_ALL:
                self.seen.append("release")
            elif int(kind) == TEXT:
                self.seen.append("text " + data[6:].decode())
            elif int(kind) == LOCKS:
                self.locks.append(data[4])
            elif int(kind) == LAYOUT:
                self.layouts.append(layout_names(data[4:]))
        return self.seen

    def expect(self, what, *wanted):
        """Waits for the last message wanted; the list must then be what is wanted."""
        try:
            fixture.wait_until(what, lambda: len(self.inputs()) >= len(wanted))
        except SystemExit:
            self.keep("lost")
            print("# the session got", self.seen, "instead of", wanted)
            raise
        check(what, self.seen == list(wanted), f"({self.seen} instead of {list(wanted)})")
        self.seen = []

    def tap(self, *keys):
        for key in keys:
            self.xdotool("key", key)

    def marker(self):
        """Nothing may come before this key."""
        self.tap("F5")
        return down(F5), up(F5)

    def close(self):
        self.berth.kill()
        self.berth.wait()
        check("the window is gone", self.script("wait closed").startswith("closed"))
        self.serial, self.seen = 0, []


def check_serial(serial, wanted):
    if serial != wanted:
        sys.exit(f"FAILED: input message {serial} came where {wanted} was due")


def layout_names(data):
    """Model, layout, variant and options."""
    names = []
    while data:
        names.append(data[1:1 + data[0]].decode())
        data = data[1 + data[0]:]
    return names


def wait_for(window, what, is_so):
    def look():
        window.inputs()
        return is_so()
    try:
        fixture.wait_until(what, look)
    except SystemExit:
        print("#", window.locks, window.layouts, window.seen)
        raise
    print(f"ok: {what}", flush=True)


def test_locks(window):
    """Caps Lock that was pressed elsewhere is told when the window has the keyboard again."""
    wait_for(window, "the lock keys are told at first", lambda: window.locks[-1:] == [0])
    window.tap("Caps_Lock")
    window.expect("Caps Lock is a key of the desktop", down(CAPS_LOCK), up(CAPS_LOCK))
    other = window.run(window.script.berth, stderr=window.log)
    window.focus(window.wait_window(other.pid))
    window.tap("Caps_Lock", "Num_Lock")
    window.locks = []
    window.focus()
    wait_for(window, "what others did to the lock keys is told",
             lambda: window.locks[-1:] == [NUM_LIGHT])
    window.tap("Num_Lock")
    other.kill()
    other.wait()
    window.expect("and only that", down(69), up(69))


def test_layouts(window):
    """The layout is told; keys are places in each of them, dead keys are keys."""
    for name, variant in (("de", ""), ("fr", "oss"), ("us", "intl")):
        subprocess.run(["setxkbmap", "-layout", name, "-variant", variant], env=window.env,
                       check=True, timeout=LIMIT_S)
        wait_for(window, f"the layout {name} is told",
                 lambda name=name, variant=variant: [one[1:3] for one in window.layouts[-1:]] ==
                 [[name, variant]])
        window.tap("24", "21")  # by number: Q of a US keyboard, and a dead key of most of these
        window.expect("its keys are places", down(16), up(16), down(13), up(13))
    subprocess.run(["setxkbmap", "-layout", "us", "-variant", ""], env=window.env, check=True,
                   timeout=LIMIT_S)


def test_held_keys(window):
    """Whatever takes the keyboard away, Tab goes up before Alt and Super."""
    window.xdotool("keydown", "super", "keydown", "shift", "keydown", "a")
    window.expect("keys go down", down(SUPER), down(LEFT_SHIFT), down(A))
    other = window.run(window.script.berth, stderr=window.log)
    other_id = window.wait_window(other.pid)
    window.focus(other_id)
    window.expect("a lost focus lets all go", up(A), up(LEFT_SHIFT), up(SUPER), "release")
    window.xdotool("keyup", "a", "keyup", "shift", "keyup", "super")
    other.kill()
    other.wait()
    window.focus()
    window.expect("late releases are nobody's", *window.marker())
    window.xdotool("keydown", "alt", "keydown", "shift")
    window.expect("keys go down again", down(LEFT_ALT), down(LEFT_SHIFT))
    window.xdotool("windowminimize", window.id)
    window.expect("a hidden window lets all go", up(LEFT_SHIFT), up(LEFT_ALT), "release")
    window.xdotool("keyup", "shift", "keyup", "alt")
    window.xdotool("windowmap", window.id)
    window.focus()


def test_host_key(window):
    """One key takes all keys and gives them back."""
    window.tap("alt+Tab")
    window.expect("the window manager has its keys", down(LEFT_ALT), up(LEFT_ALT), "release")
    window.focus()
    window.tap(HOST)
    window.tap("alt+Tab", "super+a")
    window.expect("after the host key they are the guest's", down(LEFT_ALT), down(TAB),
                  up(LEFT_ALT), up(TAB), down(SUPER), down(A), up(SUPER), up(A))
    window.keep("keys-grabbed")
    window.tap(HOST + "+a")
    window.expect("with another key it is a key", down(RIGHT_CTRL), down(A),
                  up(RIGHT_CTRL), up(A))
    window.xdotool("keydown", "shift")
    window.expect("a key is down", down(LEFT_SHIFT))
    window.tap(HOST)
    window.expect("giving the keys back lets all go", up(LEFT_SHIFT), "release")
    window.xdotool("keyup", "shift")
    window.keep("keys-released")
    window.tap(HOST)
    window.tap("alt+Tab")
    window.expect("the window manager has them again", down(LEFT_ALT), up(LEFT_ALT), "release")
    window.focus()


def test_other_host_key(window):
    """The host key is the user's to choose; the one before is a key as any other then."""
    window.close()
    folder = window.script.path("berth")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "client.ini"), "w", encoding="ascii") as file:
        file.write("[client]\nhost_key=scroll-lock\n")
    window.open()
    window.tap(HOST)
    window.expect("the right Ctrl is the guest's", down(RIGHT_CTRL), up(RIGHT_CTRL))
    window.tap(SCROLL_LOCK)
    window.tap("alt+Tab")
    window.expect("Scroll Lock gives all keys", down(LEFT_ALT), down(TAB), up(LEFT_ALT), up(TAB))
    window.close()
    os.remove(os.path.join(folder, "client.ini"))
    window.open()


def forget_seen(window):
    """Waits for a key of its own, behind which nothing earlier can come."""
    window.tap("F5")
    fixture.wait_until("what was typed last", lambda: up(F5) in window.inputs())
    window.seen = []


def test_full_screen(window):
    """In full screen all keys are the guest's by themselves, and F11 is never."""
    window.tap("F11")
    fixture.wait_until("full screen", lambda: "1280x900" in window.xdotool(
        "getwindowgeometry", window.id))

    def reaches_guest():
        window.tap("alt+Tab")
        window.inputs()
        return down(TAB) in window.seen
    fixture.wait_until("all keys in full screen", reaches_guest)
    forget_seen(window)
    check("in full screen all keys are the guest's", True)
    window.tap("F11")
    fixture.wait_until("a window", lambda: "1280x900" not in window.xdotool(
        "getwindowgeometry", window.id))
    window.tap("alt+Tab")
    window.focus()
    window.expect("and in a window they are not", down(LEFT_ALT), up(LEFT_ALT), "release")


def test_lost_connection(window):
    """A connection that comes back begins with no key held."""
    window.xdotool("keydown", "alt")
    window.expect("alt is down", down(LEFT_ALT))
    check("the connection is cut", window.script("drop") == "dropped")
    check("it is back", window.script("wait open") == "open")
    window.serial = 0
    window.script.frame_id = 0
    window.show()
    window.xdotool("keyup", "alt")
    window.expect("the old press is forgotten", *window.marker())


class Watchdog:
    """A service manager that listens."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(LIMIT_S)
        self.path = path

    def expect(self, text):
        while self.socket.recv(100).decode() != text:
            pass
        print(f"ok: the service manager hears {text}", flush=True)


def wait_pixel(window, what, x, y, rgb):
    def is_there():
        path = window.script.path("screen.ppm")
        subprocess.run(["import", "-window", "root", "-depth", "8", "-type", "TrueColor", path],
                       env=window.env, check=True, timeout=LIMIT_S)
        width, _, pixels = qmp.read_ppm(path)
        return pixels[3 * (y * width + x):][:3].hex() == rgb
    fixture.wait_until(what, is_there)
    print(f"ok: {what}", flush=True)


def show_on(window, rgb):
    window.script.frame_id = 0
    window.script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 1280, 900))
    window.script.paint(0, rgb, 1280, 900)
    wait_pixel(window, f"the whole screen is the desktop {rgb:06x}", 640, 450, f"{rgb:06x}")


def test_kiosk(window):
    """No key, no edge of the screen and no end of a session leads out of it."""
    watchdog = Watchdog(window.script.path("notify"))
    window.env.update(NOTIFY_SOCKET=watchdog.path, WATCHDOG_USEC="200000")
    window.open("--kiosk")
    watchdog.expect("READY=1")
    watchdog.expect("WATCHDOG=1")
    show_on(window, 0x204060)

    def has_all_keys():
        window.tap("alt+Tab")
        window.inputs()
        return down(TAB) in window.seen
    fixture.wait_until("all keys", has_all_keys)
    forget_seen(window)
    window.tap("F11", "shift+F11", "ctrl+F11", HOST, "alt+F4", "ctrl+alt+Delete", "F10")
    window.expect("every key is the desktop's", down(F11), up(F11), down(LEFT_SHIFT), down(F11),
                  up(LEFT_SHIFT), up(F11), down(LEFT_CTRL), down(F11), up(LEFT_CTRL), up(F11),
                  down(RIGHT_CTRL),
                  up(RIGHT_CTRL), down(LEFT_ALT), down(F4), up(LEFT_ALT), up(F4),
                  down(LEFT_CTRL), down(LEFT_ALT), down(DELETE), up(LEFT_CTRL), up(LEFT_ALT),
                  up(DELETE), down(F10), up(F10))
    window.xdotool("mousemove", "640", "400", "mousemove", "640", "0", "mousemove", "641", "0")
    window.xdotool("click", "1")
    window.expect("the upper edge is the desktop's", "button+0", "button-0")
    wait_pixel(window, "and nothing comes out of it", 640, 2, "204060")
    window.script("drop")
    check("a lost connection comes back", window.script("wait open") == "open")
    window.serial = 0
    show_on(window, 0x406020)
    subprocess.run(["xclip", "-selection", "clipboard"], env=window.env, input=b"a secret",
                   check=True, timeout=LIMIT_S)
    window.script.send(CONTROL, BYE, struct.pack("<iH", LOGGED_OFF, 0))
    window.script("wait closed")
    check("after the end the next session begins", window.script("wait open") == "open")
    window.serial = 0
    show_on(window, 0x602040)
    left = subprocess.run(["xclip", "-o", "-selection", "clipboard"], env=window.env,
                          capture_output=True, timeout=LIMIT_S)
    check("nothing of the last one is left to paste", b"secret" not in left.stdout)
    window.keep("kiosk")
    check("it never ended", window.berth.poll() is None)
    window.close()


def main():
    script = Script(*sys.argv[1:3])
    window = Window(script, *sys.argv[3:4])
    test_locks(window)
    test_layouts(window)
    test_held_keys(window)
    test_host_key(window)
    test_other_host_key(window)
    test_full_screen(window)
    test_lost_connection(window)
    window.close()
    test_kiosk(window)
    window.log.seek(0)
    text = window.log.read().decode()
    check("GTK had nothing to complain of", not complaints(text), complaints(text))


if __name__ == "__main__":
    main()

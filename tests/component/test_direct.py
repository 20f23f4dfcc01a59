#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a session that says what it should not: each lie ends the connection with a
reason, and costs no memory.  Then its window: the same pictures the short way and through GTK.

usage: test_direct.py BERTH SCRIPTED_SESSION
"""
import json
import os
import select
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import qmp

LIMIT_S = 60
CONTROL, DISPLAY, CURSOR, INPUT, AUDIO_OUT = 0, 1, 2, 3, 4
TEXT, LAYOUT, TOUCH = 7, 9, 10
SOUND_OPEN, SOUND_DATA = 1, 2
SHADOW_ASK, SHADOW_ANSWER, VIEWERS = 7, 8, 9
HEAD_CONFIG, FRAME_BEGIN, COPY, FILL, CACHED, EXACT, PHOTO, VIDEO = range(1, 9)
FRAME_END, VIDEO_OPEN, VIDEO_CLOSE, TILE_STORE, PICTURE_CHECK = range(9, 14)
FRAME_ACK, HEAD_REQUEST, REFRESH = 16, 17, 18
CURSOR_DEFINE, CURSOR_SET = 1, 2
MOST_MEMORY_KB = 400 * 1024

# A zstd frame of a window of 128 KiB, a block of it with the table of one pixel, and one that is
# one byte 128 Ki times.
ZSTD_BEGIN = bytes.fromhex("28b52ffd0038")
ZSTD_TABLE = struct.pack("<I", 8 << 3)[:3] + struct.pack("<4H", 0, 0, 1, 1)
ZSTD_BOMB = struct.pack("<I", (131072 << 3) | 2)[:3] + b"\0"
ZSTD_HUGE_WINDOW = bytes.fromhex("28b52ffd00f8")


def check(what, is_good, detail=""):
    if not is_good:
        sys.exit(f"FAILED: {what} {detail}")
    print(f"ok: {what}", flush=True)


class Script:
    """The scripted session, and one probe at it at a time."""

    def __init__(self, berth, program):
        self.berth = berth
        self.temporary = tempfile.TemporaryDirectory(prefix="berth-direct-",
                                                     ignore_cleanup_errors=True)
        self.folder = self.temporary.name
        self.file = self.path("connection.json")
        self.process = subprocess.Popen([program, self.file], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        preexec_fn=qmp.die_with_parent)
        self.read()
        self.frame_id = 0
        self.probe = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self):
        if not select.select([self.process.stdout], [], [], LIMIT_S)[0]:
            sys.exit("the scripted session does not answer")
        return self.process.stdout.readline().strip()

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.read()

    def start(self, *args):
        self.frame_id = 0
        self.probe = subprocess.Popen([self.berth, "probe", "--direct", self.file, *args],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True,
                                      preexec_fn=qmp.die_with_parent)
        check("the client is in", self("wait open") == "open")
        self.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 100, 80))
        self.paint(0, 0x102030)

    def end(self):
        """Ends the probe and returns status, output, errors and most memory in KiB."""
        with open(f"/proc/{self.probe.pid}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        memory = int(fields.get("VmHWM", "0 kB").split()[0])
        out, errors = self.probe.communicate("quit\n", timeout=LIMIT_S)
        return self.probe.returncode, out, errors, memory

    def send(self, channel, kind, payload=b"", times=1):
        """A client that has seen through the last message may be gone by now."""
        answer = self(f"send {channel} {kind} {payload.hex()} {times}")
        if not answer.isdigit() and answer not in ("state", "closed"):
            sys.exit(f"message {channel}/{kind}: {answer}")

    def frame(self, *messages, head=0):
        """A whole frame of messages (kind, payload)."""
        self.frame_id += 1
        begin = struct.pack("<IHHIq", self.frame_id, head, 0, 0, 0)
        n_bytes = len(begin)
        self.send(DISPLAY, FRAME_BEGIN, begin)
        for kind, payload in messages:
            self.send(DISPLAY, kind, payload)
            n_bytes += len(payload)
        self.send(DISPLAY, FRAME_END, struct.pack("<3I", self.frame_id, n_bytes, 0))

    def paint(self, head, rgb, width=100, height=80):
        self.frame((FILL, struct.pack("<5HI", 1, 0, 0, width, height, rgb)), head=head)
        self(f"take {DISPLAY} {FRAME_ACK}")

    def expect_end(self, what, code, act):
        """What act() sends ends the connection with that code."""
        self.start("--quiet", "--hold", "50")
        act(self)
        answer = self("wait closed")
        status, _, errors, memory = self.end()
        check(what, answer == f"closed {code}" and status == 8, f"({answer}, {status}: {errors})")
        check("  and it says so in a line", len(errors.strip().splitlines()) == 1, errors)
        check("  and took no memory", memory < MOST_MEMORY_KB, f"{memory} KiB")


def in_frame(*messages):
    return lambda script: script.frame(*messages)


def outside(channel, kind, payload):
    return lambda script: script.send(channel, kind, payload)


def exact(stream, n, area, data):
    return EXACT, struct.pack("<BHI", stream, n, area) + data


def flood(script):
    """Frames that nobody acknowledged, as many as the session's own line takes."""
    for _ in range(40):
        script.frame_id += 1
        script.send(DISPLAY, FRAME_BEGIN, struct.pack("<IHHIq", script.frame_id, 0, 0, 0, 0))
        script.send(DISPLAY, TILE_STORE, struct.pack("<3H", 1, 0, 0), 5000)
        script.send(DISPLAY, FRAME_END, struct.pack("<3I", script.frame_id, 20 + 6 * 5000, 0))
    script.frame((CACHED, struct.pack("<3H", 1, 0, 4000)))


LIES = [
    ("a head of 268 million pixels is refused", "protocol",
     outside(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 16384, 16384))),
    ("a rectangle outside of the head is refused", "invalid",
     in_frame((FILL, struct.pack("<5HI", 1, 90, 0, 20, 10, 0)))),
    ("a copy from outside is refused", "invalid",
     in_frame((COPY, struct.pack("<7H", 1, 90, 0, 20, 10, 0, 0)))),
    ("a kept tile that was never kept is refused", "invalid",
     in_frame((CACHED, struct.pack("<3H", 1, 0, 7)))),
    ("a place in the cache that was not offered is refused", "invalid",
     in_frame((TILE_STORE, struct.pack("<3H", 1, 0, 4000)))),
    ("a tile outside of the head is refused", "invalid",
     in_frame((TILE_STORE, struct.pack("<3H", 1, 100, 0)))),
    ("bytes that are not zstd are refused", "corrupt",
     in_frame(exact(0, 1, 1, b"hello hello hello"))),
    ("a zstd bomb is refused", "corrupt",
     in_frame(exact(0, 1, 1, ZSTD_BEGIN + ZSTD_TABLE + ZSTD_BOMB * 8000))),
    ("a zstd window that was not offered is refused", "corrupt",
     in_frame(exact(1, 1, 1, ZSTD_HUGE_WINDOW + ZSTD_BOMB))),
    ("a photo that is no JPEG is refused", "corrupt",
     in_frame((PHOTO, struct.pack("<4HBB", 0, 0, 16, 16, 1, 90) + b"\xff\xd8 and no more"))),
    ("a photo outside of the head is refused", "invalid",
     in_frame((PHOTO, struct.pack("<4HBB", 95, 0, 16, 16, 1, 90) + b"\xff\xd8"))),
    ("a picture of a video that was not opened is refused", "state",
     in_frame((VIDEO, struct.pack("<BBHHH", 0, 1, 0, 0, 0) + b"x"))),
    ("a frame that says another size is refused", "protocol",
     lambda script: (script.send(DISPLAY, FRAME_BEGIN, struct.pack("<IHHIq", 2, 0, 0, 0, 0)),
                     script.send(DISPLAY, FRAME_END, struct.pack("<3I", 2, 7, 0)))),
    ("a pixel outside of a frame is refused", "state",
     outside(DISPLAY, FILL, struct.pack("<5HI", 1, 0, 0, 1, 1, 0))),
    ("a check of a frame that never was is refused", "protocol",
     outside(DISPLAY, PICTURE_CHECK, struct.pack("<HIQH", 0, 99, 0, 1) + b"\1")),
    ("a pointer that is not zstd is refused", "corrupt",
     outside(CURSOR, CURSOR_DEFINE, struct.pack("<I4HI", 0, 8, 8, 0, 0, 5) + b"hello")),
    ("a pointer that was not defined is refused", "protocol",
     outside(CURSOR, CURSOR_SET, struct.pack("<I", 9))),
    ("sound in a codec that nobody knows is refused", "protocol",
     outside(AUDIO_OUT, SOUND_OPEN, struct.pack("<BBH", 2, 2, 480))),
    ("a packet of sound outside of a stream is refused", "protocol",
     outside(AUDIO_OUT, SOUND_DATA, struct.pack("<Qq", 0, 0) + b"x")),
    ("sound that goes back in time is refused", "protocol",
     lambda script: (script.send(AUDIO_OUT, SOUND_OPEN, struct.pack("<BBH", 1, 2, 480)),
                     script.send(AUDIO_OUT, SOUND_DATA, struct.pack("<Qq", 960, 0) + b"x"),
                     script.send(AUDIO_OUT, SOUND_DATA, struct.pack("<Qq", 480, 0) + b"x"))),
    ("a flood ends at its first lie", "invalid", flood),
]


def test_lies(script):
    for what, code, act in LIES:
        script.expect_end(what, code, act)


def test_check(script):
    """A picture check that does not agree asks for the picture again, and is counted."""
    stats = script.path("stats.json")
    script.start("--quiet", "--script", "-", "--stats", stats)
    script.send(DISPLAY, PICTURE_CHECK, struct.pack("<HIQH", 0, script.frame_id, 12345, 1) + b"\1")
    refresh = script(f"take {DISPLAY} {REFRESH}")
    check("a wrong picture is asked for again", refresh == "00000100", refresh)
    status, _, errors, _ = script.end()
    with open(stats, encoding="ascii") as file:
        numbers = json.load(file)
    check("and it is counted", status == 0 and numbers["failed_checks"] == 1, errors)
    check("the ways of the pixels are counted",
          numbers["traffic"]["fill"]["px"] == 8000 and numbers["exact_permille"] == 1000)


def test_shadow(script):
    """Somebody asks to watch."""
    for args, allowed in (((), "00"), (("--allow-shadow",), "01")):
        script.start("--quiet", "--events", "--script", "-", *args)
        ask = struct.pack("<IBH", 77, 1, 3) + b"bob"
        script.send(CONTROL, SHADOW_ASK, ask)
        answer = script(f"take {CONTROL} {SHADOW_ANSWER}")
        check(f"a question is answered ({allowed})", answer == "4d000000" + allowed, answer)
        script.send(CONTROL, VIEWERS, struct.pack("<HB", 2, 1))
        script.paint(0, 0x405060)
        _, out, _, _ = script.end()
        check("who asks is told", '"event":"shadow-ask"' in out and '"text":"bob"' in out, out)
        check("who watches is told", "2 watching, recorded" in out, out)


def test_heads(script):
    """A second head has a picture of its own."""
    shot = script.path("head.png")
    script.start("--quiet", "--script", "-", "--head", "1", "--resize", "120x90",
                 "--wait-size", "120x90", "--wait-pixel", "5,5,abcdef", "--screenshot", shot)
    request = script(f"take {DISPLAY} {HEAD_REQUEST}")
    check("a head is asked for", request == struct.pack("<5H", 1, 120, 90, 0, 0).hex(), request)
    script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 1, 120, 90))
    script.paint(1, 0xabcdef, 120, 90)
    status, _, errors, _ = script.end()
    check("and shown", status == 0 and os.path.getsize(shot) > 50, errors)


def test_optional_input(script):
    """What not every session takes: text of an input method, the layout, a finger."""
    text = "Ä日"
    script.start("--quiet", "--text", text, "--layout", "de", "--touch",
                 "7,9", "--script", "-")
    seen = script(f"take {INPUT} {TEXT}")
    check("a text is entered", bytes.fromhex(seen).endswith(text.encode()), seen)
    seen = script(f"take {INPUT} {LAYOUT}")
    check("a layout is told", b"\2de" in bytes.fromhex(seen), seen)
    for phase in ("down", "up"):
        seen = bytes.fromhex(script(f"take {INPUT} {TOUCH}"))
        check(f"a finger goes {phase}", seen.endswith(struct.pack("<2H", 7, 9)), seen)
    status, _, errors, _ = script.end()
    check("and it was done", status == 0, errors)


class Window:
    """berth on the full screen of an X server of its own, without a window manager."""

    def __init__(self, script, *server_args, log=None):
        self.script = script
        reading, writing = os.pipe()
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp",
             *server_args], pass_fds=[writing], stderr=subprocess.DEVNULL,
            preexec_fn=qmp.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.env = {**os.environ, "DISPLAY": display, "HOME": script.folder,
                    "XDG_CONFIG_HOME": script.folder, "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1",
                    "GDK_BACKEND": "x11"}
        script.frame_id = 0
        self.berth = subprocess.Popen([script.berth, "--direct", script.file, "--fullscreen"],
                                      env=dict(self.env, BERTH_LOG="info"), stderr=log,
                                      preexec_fn=qmp.die_with_parent)
        check("the window is in", script("wait open") == "open")
        script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 800, 600))

    def close(self):
        self.berth.kill()
        self.berth.wait()
        self.xvfb.kill()
        self.xvfb.wait()
        check("the window is gone", self.script("wait closed").startswith("closed"))

    def pixels(self):
        path = self.script.path("screen.ppm")
        subprocess.run(["import", "-window", "root", "-depth", "8", path], env=self.env,
                       check=True, timeout=LIMIT_S)
        return qmp.read_ppm(path)[2]

    def pixel(self, x, y):
        at = (y * 800 + x) * 3
        return self.pixels()[at:at + 3].hex()

    def wait_pixel(self, what, x, y, rgb):
        fixture.wait_until(what, lambda: self.pixel(x, y) == rgb)
        print(f"ok: {what}", flush=True)

    def xdotool(self, *args):
        subprocess.run(["xdotool", *args], env=self.env, check=True, timeout=LIMIT_S)

    def windows(self):
        """Ids of what the program shows."""
        done = subprocess.run(["xdotool", "search", "--onlyvisible", "--class", "berth"],
                              env=self.env, text=True, capture_output=True, timeout=LIMIT_S,
                              check=False)
        return done.stdout.split()


def has_short_way(window):
    """Whether the picture has a window of its own inside the program's."""
    tree = subprocess.run(["xwininfo", "-root", "-tree"], env=window.env, text=True,
                          capture_output=True, check=True).stdout
    return len([line for line in tree.splitlines() if "800x600+0+0" in line]) == 2


def test_window(script, has_memory, *server_args):
    """Every pixel is the session's, also below and beside what lies over it."""
    window = Window(script, *server_args)
    script.paint(0, 0x204060, 800, 600)
    script.frame((FILL, struct.pack("<5HI", 1, 799, 599, 1, 1, 0xfedcba)))
    window.wait_pixel("the picture fills the screen to its last pixel", 799, 599, "fedcba")
    fixture.wait_until("it fills the screen from its first, when the host key was shown",
                       lambda: window.pixels().count(bytes.fromhex("204060")) == 800 * 600 - 1)
    check("by the way that there is", has_short_way(window) == has_memory)
    script.send(CONTROL, VIEWERS, struct.pack("<HB", 1, 0))
    fixture.wait_until("who is watched is told", lambda: window.pixel(3, 3) != "204060")
    script.send(CONTROL, SHADOW_ASK, struct.pack("<IBH", 9, 2, 3) + b"eve")
    fixture.wait_until("a question comes", lambda: window.pixel(400, 6) != "204060")
    script.paint(0, 0x608040, 800, 600)
    window.wait_pixel("the picture goes on around it", 400, 300, "608040")
    check("and not over it", window.pixel(400, 6) != "608040" and window.pixel(3, 3) != "608040")
    click_allow(window)
    answer = script(f"take {CONTROL} {SHADOW_ANSWER}")
    check("a click allows it", answer == "0900000001", answer)
    window.wait_pixel("then the picture is there again", 400, 6, "608040")
    script.send(CONTROL, VIEWERS, struct.pack("<HB", 0, 0))
    window.wait_pixel("nobody watches any more", 3, 3, "608040")
    window.close()


def click_allow(window):
    """The right one of the two bright buttons in the panel."""
    row = window.pixels()[44 * 800 * 3:45 * 800 * 3]
    bright = [x for x in range(800) if min(row[3 * x:3 * x + 3]) > 0xe0]
    window.xdotool("mousemove", str(bright[-1] - 8), "44", "click", "1")


def main():
    script = Script(*sys.argv[1:3])
    test_lies(script)
    test_check(script)
    test_shadow(script)
    test_heads(script)
    test_optional_input(script)
    test_window(script, True)
    test_window(script, False, "-extension", "MIT-SHM")


if __name__ == "__main__":
    main()

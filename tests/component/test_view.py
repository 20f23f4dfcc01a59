#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canvas on real screens, pixel by pixel: X11 and Wayland, of one and of two device pixels a
unit, pictures that fit, are smaller, twice as small and too large; and the pointer above them.

usage: test_view.py BERTH SCRIPTED_SESSION
"""
import os
import random
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import qmp
from x_display import OtherDisplay
from test_direct import (CONTROL, CURSOR, DISPLAY, FILL, FRAME_ACK, HEAD_CONFIG, HEAD_REQUEST, LIMIT_S,
                         VIEWERS, Script, check)
from window_log import complaints

WIDTH, HEIGHT = 1200, 900
INPUT, POINTER_ABS = 3, 2
CURSOR_HIDE = 3
BACKGROUND = (0x17, 0x19, 0x1c)
PATCH = 48
MM_PER_INCH, DPI = 25.4, 96
# Smooth scaling may round.
TOLERANCE = 2


class Picture:
    """A picture of the session: one colour, and in its corners and its middle pixels by chance."""

    def __init__(self, width, height, seed=7):
        self.width, self.height = width, height
        chance = random.Random(seed)
        self.base = 0x30506f
        self.rows = [[self.base] * width for _ in range(height)]
        for left in (0, (width - PATCH) // 2, width - PATCH):
            for top in (0, (height - PATCH) // 2, height - PATCH):
                for y in range(top, top + PATCH):
                    for x in range(left, left + PATCH):
                        self.rows[y][x] = chance.getrandbits(24)

    def fills(self):
        """Rectangles for the whole of it: the base, then each pixel that differs."""
        boxes = [(x, y, 1, 1, pixel) for y, row in enumerate(self.rows)
                 for x, pixel in enumerate(row) if pixel != self.base]
        yield struct.pack("<5HI", 1, 0, 0, self.width, self.height, self.base)
        for first in range(0, len(boxes), 20000):
            part = boxes[first:first + 20000]
            yield struct.pack("<H", len(part)) + b"".join(
                struct.pack("<4HI", *box) for box in part)

    def pixel(self, x, y):
        return tuple(self.rows[y][x].to_bytes(3, "big"))


class Stripes:
    """Black and white, one column of pixels each."""

    def __init__(self, width, height):
        self.width, self.height = width, height

    def fills(self):
        yield struct.pack("<5HI", 1, 0, 0, self.width, self.height, 0)
        yield struct.pack("<H", self.width // 2) + b"".join(
            struct.pack("<4HI", x, 0, 1, self.height, 0xffffff)
            for x in range(1, self.width, 2))


class Screen:
    """An X server with berth on all of it, by X11 or on a compositor inside."""

    def __init__(self, script, is_wayland, scale, n_monitors=1, *options):
        self.script, self.is_wayland, self.scale = script, is_wayland, scale
        self.n_monitors = n_monitors
        self.what = f"{'Wayland' if is_wayland else 'X11'}, scale {scale}"
        self.processes = []
        self.runtime = script.path("run")
        os.makedirs(self.runtime, mode=0o700, exist_ok=True)
        self.start_x()
        self.env = {**os.environ, "DISPLAY": self.display, "HOME": script.folder,
                    "XDG_CONFIG_HOME": script.folder, "XDG_RUNTIME_DIR": self.runtime,
                    "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11"}
        self.env.pop("WAYLAND_DISPLAY", None)
        if is_wayland:
            self.start_compositor()
        elif scale > 1:
            self.env["GDK_SCALE"] = str(scale)
        script.frame_id = 0
        self.log = script.path("berth.log")
        with open(self.log, "wb") as log:
            self.start([script.berth, "--direct", script.file, *(options or ["--fullscreen"])],
                       env=dict(self.env, BERTH_LOG="info,paint=debug"), stderr=log)
        check(f"{self.what}: the window is in", script("wait open") == "open")
        script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, 64, 64))
        script.send(CURSOR, CURSOR_HIDE)
        script.paint(0, 0x204060, 64, 64)

    def start(self, command, **options):
        self.processes.append(subprocess.Popen(command, preexec_fn=qmp.die_with_parent, **options))

    def start_x(self):
        reading, writing = os.pipe()
        self.start(["Xvfb", "-displayfd", str(writing), "-screen", "0",
                    f"{WIDTH * self.n_monitors}x{HEIGHT}x24",
                    "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as file:
            self.display = ":" + file.readline().strip()

    def start_compositor(self):
        """weston in windows of the X server: it has a seat, and its picture can be looked at."""
        name = f"wayland-{self.scale}"
        config = self.script.path("weston.ini")
        with open(config, "w", encoding="ascii") as file:
            file.write("[core]\nidle-time=0\n[shell]\npanel-position=none\nlocking=false\n"
                       "startup-animation=none\nanimation=none\n")
        # The kiosk's shell shows the active window only, on whatever output.
        shell = "kiosk" if self.n_monitors == 1 else "desktop"
        self.start(["weston", "--backend=x11-backend.so", "--use-pixman",
                    f"--shell={shell}-shell.so", f"--socket={name}", f"--config={config}",
                    f"--width={WIDTH // self.scale}", f"--height={HEIGHT // self.scale}",
                    f"--scale={self.scale}", f"--output-count={self.n_monitors}"], env=self.env, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
        fixture.wait_until("the compositor",
                           lambda: os.path.exists(os.path.join(self.runtime, name)))
        self.outputs = self.find_outputs()
        for i, window in enumerate(self.outputs):
            self.xdotool("windowmove", "--sync", window, str(i * WIDTH), "0")
        if self.n_monitors > 1:
            # On the border of two, luck would choose the monitor of each window.
            self.xdotool("mousemove", str(WIDTH * self.n_monitors - 300), "300")
        self.env = dict(self.env, WAYLAND_DISPLAY=name, GDK_BACKEND="wayland")

    def find_outputs(self):
        """The windows of the compositor, from left to right, if there are several."""
        if self.n_monitors == 1:
            return []

        def look():
            tree = subprocess.run(["xwininfo", "-root", "-children", "-display", self.display],
                                  check=True, stdout=subprocess.PIPE, text=True).stdout
            found = re.findall(r'(0x\w+) "Weston Compositor - screen(\d)"', tree)
            return found if len(found) == self.n_monitors else None
        found = fixture.wait_until("the outputs", look)
        return [window for window, _ in sorted(found, key=lambda pair: pair[1])]

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        check(f"{self.what}: the window is gone", self.script("wait closed").startswith("closed"))
        with open(self.log, encoding="utf-8") as file:
            text = file.read()
        check(f"{self.what}: GTK had nothing to complain of", not complaints(text),
              complaints(text))
        check(f"{self.what}: pictures went past GTK", "to the screen past GTK" in text, text)
        check(f"{self.what}: the time to the screen is told", " us from the last byte" in text, text)

    def pixels(self):
        path = self.script.path("screen.ppm")
        subprocess.run(["import", "-window", "root", "-depth", "8", "-type", "TrueColor", path],
                       env=dict(os.environ, DISPLAY=self.display), check=True, timeout=LIMIT_S)
        return qmp.read_ppm(path)[2]

    def xdotool(self, *args):
        subprocess.run(["xdotool", *args], env=dict(os.environ, DISPLAY=self.display), check=True,
                       timeout=LIMIT_S)

    def show(self, picture):
        self.script.send(DISPLAY, HEAD_CONFIG,
                         struct.pack("<3H", 0, picture.width, picture.height))
        self.script.frame(*((FILL, fill) for fill in picture.fills()))
        self.script(f"take {DISPLAY} {FRAME_ACK}")

    def wait_same(self, what, expected):
        """Every pixel of the screen is as computed."""
        def look():
            return self.pixels() == expected
        try:
            fixture.wait_until(what, look)
        except SystemExit:
            seen = self.pixels()
            wrong = [i for i in range(0, len(expected), 3) if seen[i:i + 3] != expected[i:i + 3]]
            at = wrong[0] // 3
            width = WIDTH * self.n_monitors
            sys.exit(f"FAILED: {self.what}: {what}: {len(wrong)} pixels differ, the first at "
                     f"{at % width},{at // width}: {seen[3 * at:3 * at + 3].hex()} for "
                     f"{expected[3 * at:3 * at + 3].hex()}")
        print(f"ok: {self.what}: {what}", flush=True)

    def wait_pointer(self, what, x, y, picture_x, picture_y):
        """A pointer at a place of the screen is over that pixel of the picture."""
        # A compositor that has just begun swallows the first move now and then.
        for at_x, at_y in ((x // 2, y // 2), (x, y)):
            self.xdotool("mousemove", str(at_x), str(at_y))
        wanted = struct.pack("<3H", 0, picture_x, picture_y).hex()
        while self.script(f"take {INPUT} {POINTER_ABS}")[8:] != wanted:
            pass
        print(f"ok: {self.what}: {what}", flush=True)


def place(picture, zoom):
    """The screen with each pixel of a picture zoom x zoom times, in the middle."""
    left, top = (WIDTH - zoom * picture.width) // 2, (HEIGHT - zoom * picture.height) // 2
    screen = bytearray(bytes(BACKGROUND) * (WIDTH * HEIGHT))
    for y in range(picture.height):
        row = b"".join(pixel.to_bytes(3, "big") * zoom for pixel in picture.rows[y])
        for copy in range(zoom):
            at = 3 * ((top + zoom * y + copy) * WIDTH + left)
            screen[at:at + len(row)] = row
    return bytes(screen)


def test_request(screen):
    """The desktop is asked for device pixels, and told how large they are."""
    def mm(length):
        return int(length * (MM_PER_INCH / (DPI * screen.scale)))
    wanted = struct.pack("<5H", 0, WIDTH, HEIGHT, mm(WIDTH), mm(HEIGHT)).hex()
    while screen.script(f"take {DISPLAY} {HEAD_REQUEST}") != wanted:
        pass
    print(f"ok: {screen.what}: the desktop is asked for device pixels", flush=True)


def test_sizes(screen):
    whole, small, half = Picture(WIDTH, HEIGHT), Picture(700, 500), Picture(600, 450)
    screen.show(whole)
    screen.wait_same("one pixel is one pixel", place(whole, 1))
    screen.wait_pointer("the pointer is over the last pixel", WIDTH - 1, HEIGHT - 1, WIDTH - 1,
                        HEIGHT - 1)
    screen.show(small)
    screen.wait_same("what is smaller stays as it is, in the middle", place(small, 1))
    screen.wait_pointer("the pointer knows where that is", 251, 207, 1, 7)
    screen.wait_pointer("and that nothing is beside it", WIDTH - 1, 0, 699, 0)
    screen.show(half)
    screen.wait_same("what fits twice is doubled, not blurred", place(half, 2))
    screen.wait_pointer("the pointer is over the pixel that is seen", 603, 450, 301, 225)


def test_cover(screen):
    """What lies over the canvas is seen, and the picture goes on around it."""
    whole, next_one = Picture(WIDTH, HEIGHT), Picture(WIDTH, HEIGHT, seed=8)
    screen.show(whole)
    screen.wait_same("the whole screen again", place(whole, 1))
    screen.script.send(CONTROL, VIEWERS, struct.pack("<HB", 1, 0))
    fixture.wait_until("a sign", lambda: screen.pixels()[:3] != place(whole, 1)[:3])
    screen.show(next_one)
    below = 3 * WIDTH * HEIGHT // 2
    fixture.wait_until("the picture below the sign",
                       lambda: screen.pixels()[below:] == place(next_one, 1)[below:])
    check(f"{screen.what}: a sign lies over the picture",
          screen.pixels()[:3] != place(next_one, 1)[:3])
    screen.script.send(CONTROL, VIEWERS, struct.pack("<HB", 0, 0))
    screen.wait_same("and leaves nothing behind", place(next_one, 1))


def test_shrinking(screen):
    """Twice as many pixels as there is room for: each of the screen is a mean."""
    screen.show(Stripes(2 * WIDTH, 2 * HEIGHT))

    def is_grey():
        return all(abs(byte - 127.5) <= TOLERANCE for byte in set(screen.pixels()))
    fixture.wait_until("a smooth picture", is_grey)
    print(f"ok: {screen.what}: what is too large is made smaller smoothly", flush=True)
    screen.wait_pointer("the pointer is over the last pixel of it", WIDTH - 1, HEIGHT - 1,
                        2 * WIDTH - 2, 2 * HEIGHT - 2)


def take_request(script, head):
    """The next size that is asked for a head; 0 x 0 gives it back."""
    while True:
        seen, width, height, _, _ = struct.unpack(
            "<5H", bytes.fromhex(script(f"take {DISPLAY} {HEAD_REQUEST}")))
        if seen == head:
            return width, height


def show_head(screen, head, picture):
    screen.script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", head, WIDTH, HEIGHT))
    screen.script.frame(*((FILL, fill) for fill in picture.fills()), head=head)
    screen.script(f"take {DISPLAY} {FRAME_ACK}")


def beside(left, right):
    """Two pictures of a whole monitor each."""
    return b"".join(picture[at:at + 3 * WIDTH] for at in range(0, 3 * WIDTH * HEIGHT, 3 * WIDTH)
                    for picture in (left, right))


def part(pixels, monitor):
    """What one of two monitors shows."""
    row = 3 * WIDTH
    return b"".join(pixels[at:at + row] for at in range(monitor * row, len(pixels), 2 * row))


def test_unplugging(screen, monitor, picture):
    """The second head goes with either monitor; the first one fills what is left."""
    OtherDisplay(screen.display).ask_to_close(int(screen.outputs[monitor], 16))
    while take_request(screen.script, 1) != (0, 0):
        pass
    print("ok: two monitors: one is unplugged, and the second screen goes", flush=True)
    show_head(screen, 0, picture)
    expected = place(picture, 1)
    fixture.wait_until("the first screen on all of the other monitor",
                       lambda: part(screen.pixels(), 1 - monitor) == expected)
    print("ok: two monitors: the first one fills the other monitor", flush=True)


def test_monitors(script):
    """The first head goes to the left monitor, the second one to the right, whatever the order."""
    screen = Screen(script, True, 1, 2, "--monitors", "2,1")
    left, right = Picture(WIDTH, HEIGHT), Picture(WIDTH, HEIGHT, seed=9)
    check("two monitors: a second head is asked for", take_request(script, 1) == (WIDTH, HEIGHT))
    show_head(screen, 0, left)
    show_head(screen, 1, right)
    screen.wait_same("each monitor has its head, pixel by pixel",
                     beside(place(left, 1), place(right, 1)))
    test_unplugging(screen, 1, left)
    screen.close()
    screen = Screen(script, True, 1, 2, "--monitors", "all")
    check("two monitors: both are filled", take_request(script, 1) == (WIDTH, HEIGHT))
    show_head(screen, 0, left)
    show_head(screen, 1, right)
    screen.wait_same("each has its head", beside(place(left, 1), place(right, 1)))
    test_unplugging(screen, 0, right)
    screen.close()
    screen = Screen(script, False, 1, 1, "--monitors", "2")
    whole = Picture(WIDTH, HEIGHT)
    screen.show(whole)
    middle = 3 * WIDTH * HEIGHT // 2
    expected = place(whole, 1)

    def is_below_a_reason():
        pixels = screen.pixels()
        return pixels[middle:] == expected[middle:] and pixels[:middle] != expected[:middle]
    fixture.wait_until("the desktop, and the reason over it", is_below_a_reason)
    print("ok: a monitor that is not there: the desktop is shown, and the reason over it")
    screen.close()


def main():
    script = Script(*sys.argv[1:3])
    for is_wayland in (False, True):
        if is_wayland and shutil.which("weston") is None:
            sys.exit("weston is missing: install what tools/packages.txt names")
        for scale in (1, 2):
            screen = Screen(script, is_wayland, scale)
            test_request(screen)
            test_sizes(screen)
            test_shrinking(screen)
            test_cover(screen)
            screen.close()
    test_monitors(script)


if __name__ == "__main__":
    main()

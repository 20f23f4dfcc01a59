#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures of README and documents: the client's real windows with the demo's desktop.

Starts a site as ./dev demo does, on a display of its own, and does what a person would.  Needs a
build with tests, whose view of a screen reader finds what is to be pressed.

usage: screenshots.py BUILD OUTPUT_FOLDER
"""
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tests", "component"),
                os.path.join(HERE, "..", "tests", "e2e")]
import accessible  # noqa: E402
import demo  # noqa: E402
import lab  # noqa: E402
from accessible import Person, Reader  # noqa: E402

WIDTH, HEIGHT, GAP = 1440, 900, 16  # of one monitor, and between two
HOST_KEY = "105"  # the right Ctrl, by its X11 number
# The width of the desktop in it is one that its agent can have: a multiple of 8.
WINDOW_SIZE, WINDOW_PLACE = ("1298", "830"), ("70", "35")
ENTRANCE_SIZE = ("1000", "700")
FILE_MIB = 300
MOST_BYTES = 200 * 1000
READY_LIMIT_S = 900
LIMIT_S = 300
STILL_S = 0.5
BAR = (1050, 764)  # in the window: somewhere in the middle of the bar of what is sent
PROMPT, CARET = (146, 306), "8fc1e3"  # where the terminal's caret is at first, and its colour
PANEL, BRIGHT = (22, 42, 61), 0x90
TERMINAL = "1d2430"
BESIDE = "17191c"  # the colour beside a desktop that does not fill its window
OFFICE = "Office"
POOLS = ((OFFICE, "applications-office"), ("Accounting", "accessories-calculator"),
         ("Drawing office", "applications-graphics"))


class Display:
    """An X server of our own; env is what programs on it need."""

    def __init__(self, folder, width):
        reading, writing = os.pipe()
        self.folder, self.processes = folder, []
        os.makedirs(os.path.join(folder, "config"), mode=0o700, exist_ok=True)
        self.start(["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{HEIGHT}x24",
                    "-nolisten", "tcp", "-noreset"], pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.env = {**os.environ, "DISPLAY": display, "HOME": folder, "LC_ALL": "C.UTF-8",
                    "XDG_CONFIG_HOME": os.path.join(folder, "config"), "GTK_THEME": "Adwaita",
                    "XDG_RUNTIME_DIR": folder, "GDK_BACKEND": "x11", "TZ": "UTC"}
        self.env.pop("WAYLAND_DISPLAY", None)

    def start(self, argv, **options):
        self.processes.append(subprocess.Popen(argv, stderr=subprocess.DEVNULL,
                                               preexec_fn=lab.die_with_parent, **options))

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def xdotool(self, *args):
        return subprocess.run(["xdotool", *args], env=self.env, text=True, capture_output=True,
                              timeout=lab.CALL_LIMIT_S, check=False).stdout.strip()

    def shoot(self, path, area=f"{WIDTH}x{HEIGHT}+0+0", scale="100%"):
        subprocess.run(["import", "-window", "root", "-crop", area, "+repage", "-resize", scale,
                        "-depth", "8", "-strip", path], env=self.env, check=True,
                       timeout=lab.CALL_LIMIT_S)

    def pixel(self, x, y):
        return subprocess.run(["import", "-window", "root", "-crop", f"1x1+{x}+{y}", "-depth", "8",
                               "rgb:-"], env=self.env, stdout=subprocess.PIPE, check=True,
                              timeout=lab.CALL_LIMIT_S).stdout.hex()

    def settle(self):
        """Until two pictures in a row are the same."""
        pictures = [os.path.join(self.folder, name) for name in ("one.ppm", "two.ppm")]
        for _ in range(60):
            self.shoot(pictures[0])
            time.sleep(STILL_S)
            self.shoot(pictures[1])
            with open(pictures[0], "rb") as one, open(pictures[1], "rb") as two:
                if one.read() == two.read():
                    return


class Desk(Display):
    """One monitor with a window manager."""

    def __init__(self, folder):
        super().__init__(folder, WIDTH)
        self.start(["openbox"], env=self.env)
        lab.wait_until("a window manager", self.has_manager)

    def has_manager(self):
        return "window id" in subprocess.run(
            ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=self.env, text=True,
            capture_output=True, check=False).stdout


class TwoMonitors(Display):
    """A Wayland compositor with two monitors, side by side."""

    def __init__(self, folder):
        super().__init__(folder, 2 * WIDTH + GAP)
        config = os.path.join(folder, "weston.ini")
        with open(config, "w", encoding="ascii") as file:
            file.write("[core]\nidle-time=0\n[shell]\npanel-position=none\nlocking=false\n"
                       "startup-animation=none\nanimation=none\n")
        self.start(["weston", "--backend=x11-backend.so", "--use-pixman", "--socket=wayland-two",
                    "--shell=desktop-shell.so", f"--config={config}", f"--width={WIDTH}",
                    f"--height={HEIGHT}", "--output-count=2"], env=self.env,
                   stdout=subprocess.DEVNULL)
        lab.wait_until("the compositor",
                       lambda: os.path.exists(os.path.join(folder, "wayland-two")))
        for i, (window, _) in enumerate(lab.wait_until("the monitors", self.find_monitors)):
            self.xdotool("windowmove", "--sync", window, str(i * (WIDTH + GAP)), "0")
        self.xdotool("mousemove", str(WIDTH // 2), str(HEIGHT // 2))
        self.env.update(WAYLAND_DISPLAY="wayland-two", GDK_BACKEND="wayland")

    def find_monitors(self):
        """The compositor's windows, from left to right, when both are there."""
        tree = subprocess.run(["xwininfo", "-root", "-children"], env=self.env, check=True,
                              text=True, stdout=subprocess.PIPE).stdout
        found = re.findall(r'(0x\w+) "Weston Compositor - screen(\d)"', tree)
        return sorted(found, key=lambda pair: pair[1]) if len(found) == 2 else None


class Album:
    def __init__(self, build, output, site, screen):
        self.output, self.site, self.screen = output, site, screen
        os.makedirs(output, exist_ok=True)
        self.reader = Reader(os.path.join(build, "tests/component/accessible-tree"),
                             self.screen.env)
        self.berth = self.person = None

    def start(self, *args):
        fds = []
        if args:
            fds = [lab.pipe_with(self.site.password)]
            args = [*args, "--password-fd", str(fds[0])]
        self.berth = subprocess.Popen(
            [self.site.program("berth"), "--broker", self.site.url(), "--ca",
             self.site.path("keys", "ca.pem"), "--user", self.site.user, *args],
            env=self.screen.env, pass_fds=fds, stderr=subprocess.DEVNULL,
            preexec_fn=lab.die_with_parent)
        for fd in fds:
            os.close(fd)
        self.person = Person(self.reader, self.berth.pid, self.screen.xdotool)

    def stop(self):
        self.berth.terminate()
        self.berth.wait()

    # What is kept.

    def windows(self):
        return self.screen.xdotool("search", "--onlyvisible", "--class", "berth").split()

    def window_area(self):
        """Where the client's one window is, for import."""
        words = self.screen.xdotool("getwindowgeometry", "--shell", self.windows()[-1]).split()
        place = dict(word.split("=") for word in words)
        return f"{place['WIDTH']}x{place['HEIGHT']}+{place['X']}+{place['Y']}"

    def keep(self, name, **how):
        """Keeps what is to be seen, with so few colours that the file is small."""
        path = os.path.join(self.output, name + ".png")
        self.screen.shoot(path, **how)
        for n_colours in (256, 128, 64):
            if os.path.getsize(path) <= MOST_BYTES:
                break
            subprocess.run(["convert", path, "+dither", "-colors", str(n_colours), path],
                           check=True, timeout=lab.CALL_LIMIT_S)
        demo.say(f"{path}: {os.path.getsize(path) // 1000} KB")

    def pixel(self, x, y):
        """A colour of the window."""
        return self.screen.pixel(int(WINDOW_PLACE[0]) + x, int(WINDOW_PLACE[1]) + y)

    def is_drawn(self):
        """Whether the desktop has the size of the window, its panel at the bottom, and a prompt."""
        return (self.pixel(10, 400) != BESIDE and self.is_panel(self.pixel(700, 820)) and
                self.pixel(*PROMPT) == CARET)

    def has_document(self):
        """Whether the editor with its text is there."""
        return self.pixel(980, 700) == "ffffff"

    def ensure_document(self):
        """On a machine that is too busy it may not have started."""
        try:
            lab.wait_until("the document", self.has_document)
        except lab.LabError:
            self.type("mousepad Documents/notes.txt & "
                      "clear; exec /usr/lib/desktop/first-terminal\n")
            lab.wait_until("the document", self.has_document, LIMIT_S)

    @staticmethod
    def is_panel(colour):
        """Whether it is that of the desktop's panel, through which the backdrop shines a bit."""
        return all(abs(one - other) <= 6 for one, other in zip(bytes.fromhex(colour), PANEL))

    def is_half_sent(self):
        """Whether the bar is blue as far as that."""
        red, _, blue = bytes.fromhex(self.pixel(*BAR))
        return blue > red + 50

    def is_measured(self):
        """Presses a key if not: what takes seconds on a busy machine does not count."""
        if any(thing.name.startswith("Key to pixel: ") and "press a key" not in thing.name
               for thing in self.person.read()):
            return True
        self.type(" ")
        return False

    def wait_thing(self, what, is_it):
        """Until a screen reader hears of such a thing; a busy machine may take long."""
        lab.wait_until(what, lambda: any(is_it(thing) for thing in self.person.read()), LIMIT_S)

    def keep_still(self, name, **how):
        self.screen.settle()
        self.keep(name, **how)

    # What is done.

    def place(self, size):
        """Puts the window onto the first monitor, all of it."""
        window = self.windows()[-1]
        self.screen.xdotool("windowsize", "--sync", window, *size)
        self.screen.xdotool("windowmove", "--sync", window, *WINDOW_PLACE)

        def has_focus():
            """Asks for it until it is there: openbox may give it away at its start."""
            if self.screen.xdotool("getwindowfocus") == window:
                return True
            self.screen.xdotool("windowactivate", window)
            return False
        lab.wait_until("the focus", has_focus)

    def type(self, text):
        """A letter at a time: a guest without KVM is slow to fetch them."""
        self.screen.xdotool("type", "--delay", "150", text)

    def canvas(self):
        self.person.wait("the desktop", lambda things: [
            thing for thing in things if thing.role == "canvas" and thing.can("focused")])

    def login_and_list(self):
        self.start()
        self.person.wait_name("Password")
        self.place(ENTRANCE_SIZE)
        self.person.wait_name("Password", "focused")
        self.screen.xdotool("type", self.site.password)
        self.keep_still("login", area=self.window_area())
        self.screen.xdotool("key", "Return")
        self.person.wait_name(OFFICE, "focusable")
        self.person.go(OFFICE, "Down")
        self.person.go(f"Make {OFFICE} a favourite", "Tab")
        self.person.press("space")
        self.person.go(OFFICE, "shift+Tab")
        self.keep_still("picker", area=self.window_area())

    def open_desktop(self):
        self.place(WINDOW_SIZE)
        self.person.press("Return")
        self.canvas()
        lab.wait_until("a desktop as large as its window", self.is_drawn, LIMIT_S)
        self.ensure_document()
        self.keep_still("desktop", area=self.window_area())

    def menu(self, item):
        """From the desktop to a line of the menu, and that pressed."""
        self.person.press(HOST_KEY)
        self.person.press(HOST_KEY)
        self.person.go("Menu", "Tab")
        self.person.press("space")
        self.person.wait_name(item, "focusable")
        self.person.go(item, "Down")
        self.person.press("Return")

    def files(self):
        """One that the desktop offers, and one that goes there."""
        self.type("berth-send Documents/notes.txt\n")
        self.person.wait_name("Refuse")
        path = self.site.path("Figures of the year.ods")
        with open(path, "wb") as file:
            for _ in range(FILE_MIB):
                file.write(os.urandom(1 << 20))
        self.menu("Send files…")
        self.person.wait("the question for files", lambda things: [
            thing for thing in things if thing.role == "file chooser"])
        self.screen.xdotool("key", "ctrl+l")
        self.wait_thing("a field for a path", lambda thing: thing.role == "text" and
                        thing.can("focused"))
        self.screen.xdotool("type", "--delay", "60", path)

        def is_chosen():
            """The first Return may take what the chooser completes."""
            self.screen.xdotool("key", "Return")
            return not any(thing.role == "file chooser" for thing in self.person.read())
        lab.wait_until("the end of the question", is_chosen, LIMIT_S)
        lab.wait_until("half of the file", self.is_half_sent, LIMIT_S)
        self.keep("files", area=self.window_area())
        for button in ("Stop", "Save"):
            self.person.press(HOST_KEY)
            self.person.press(HOST_KEY)
            self.person.go(button, "Tab")
            self.person.press("space")
        self.wait_thing("a saved file", lambda thing: thing.name.startswith("Saved as"))
        lab.wait_until("the end of the panel", lambda: not any(
            thing.name.startswith("Saved as") for thing in self.person.read()), LIMIT_S)
        self.canvas()

    def statistics(self):
        self.screen.xdotool("key", "shift+F11")
        self.type("ls -l Documents\n")
        lab.wait_until("a measurement", self.is_measured, LIMIT_S)
        self.keep_still("statistics", area=self.window_area())
        self.screen.xdotool("key", "shift+F11")

    def reconnect(self):
        """The gateway is away for a while."""
        self.site.gateway.kill()
        self.person.wait_name("The connection was lost")
        self.wait_thing("a countdown", lambda thing: thing.name.startswith("Your work is kept"))
        self.keep("reconnect", area=self.window_area())
        self.site.gateway.start()
        self.canvas()

    def wait_backdrop(self, width):
        """Until it is as wide as the screen: its corner is bright."""
        lab.wait_until("the backdrop", lambda: bytes.fromhex(
            self.screen.pixel(width - 4, 4))[2] > BRIGHT, LIMIT_S)

    def fullscreen(self):
        self.screen.xdotool("key", "F11")
        self.person.wait("the full screen", lambda things: not [
            thing for thing in things if thing.name == "Menu"])
        lab.wait_until("a desktop as large as the screen", lambda: self.is_panel(
            self.screen.pixel(WIDTH // 2, HEIGHT - 6)), LIMIT_S)
        self.wait_backdrop(WIDTH)
        self.screen.settle()
        self.person.press(HOST_KEY)
        self.person.wait_name("Leave the full screen (F11)", "focusable")
        self.keep_still("fullscreen")
        self.stop()

    def two_monitors(self):
        """The desktop on both; a terminal of it goes to the second one."""
        self.start("--desktop", OFFICE, "--monitors", "all")
        self.wait_thing("the second window", lambda thing: thing.name == f"{OFFICE}, screen 2")
        width = 2 * WIDTH + GAP
        lab.wait_until("the desktop on the second monitor", lambda: self.is_panel(
            self.screen.pixel(width - WIDTH // 2, HEIGHT - 6)), LIMIT_S)
        self.wait_backdrop(width)
        self.screen.settle()
        self.type(f"xterm -geometry 90x32+{WIDTH + 160}+120 -e less Documents/notes.txt &\n")
        lab.wait_until("a window on it", lambda: self.screen.pixel(
            WIDTH + GAP + 700, 500) == TERMINAL, LIMIT_S)
        self.keep_still("monitors", area=f"{width}x{HEIGHT}+0+0", scale="50%")
        self.stop()


def main():
    accessible.LIMIT_S = LIMIT_S  # a machine without KVM may be slow
    build, output = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    demo.end_on_signals()
    site = lab.Lab(build, {}, template_dir=os.path.join(demo.cache_folder(), "templates"),
                   agent_options=(f"ready_deadline_s={READY_LIMIT_S}",))
    try:
        name, site.images["demo"] = demo.demo_image()
        site.start()
        for pool, icon in POOLS:
            is_used = pool == OFFICE
            site.add_pool(pool, name, size=1, spares=int(is_used), template=False)
            site.berthctl("set", "pool", pool, "--icon", icon)
        demo.say("waiting for a desktop")
        lab.wait_until("a ready desktop", lambda: any(
            row["state"] == "ready" for row in site.rows("machines")), READY_LIMIT_S)
        album = Album(build, output, site, Desk(site.path("desk")))
        album.login_and_list()
        album.open_desktop()
        album.statistics()
        album.files()
        album.reconnect()
        album.fullscreen()
        Album(build, output, site, TwoMonitors(site.path("two"))).two_monitors()
    except demo.Ended as ended:
        sys.exit(ended.status)
    except lab.LabError as error:
        sys.exit(f"screenshots: {error}")
    finally:
        site.stop()


if __name__ == "__main__":
    main()

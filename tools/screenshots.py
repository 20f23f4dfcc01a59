#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures of README and documents: the client's real windows with the demo's desktop.

Starts a site as ./dev demo does, on a display of its own, and does what a person would.  Needs a
build with tests, whose view of a screen reader finds what is to be pressed.

usage: screenshots.py BUILD OUTPUT_FOLDER
"""
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tests", "component"),
                os.path.join(HERE, "..", "tests", "e2e")]
import demo  # noqa: E402
import lab  # noqa: E402
from accessible import Person, Reader  # noqa: E402

WIDTH, HEIGHT = 1280, 800
HOST_KEY = "105"  # the right Ctrl, by its X11 number
WINDOW = "1110x750+85+25"  # where it is put
FILE_MIB = 400
MOST_BYTES = 200 * 1000
READY_LIMIT_S = 900
STILL_S = 0.5
OFFICE = "Office"
POOLS = ((OFFICE, "applications-office"), ("Accounting", "accessories-calculator"),
         ("Drawing office", "applications-graphics"))


class Screen:
    """A display of two monitors with a window manager, of which most pictures show the first."""

    def __init__(self, folder):
        reading, writing = os.pipe()
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{2 * WIDTH}x{HEIGHT}x24",
             "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL,
            preexec_fn=lab.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.folder = folder
        self.env = {**os.environ, "DISPLAY": display, "HOME": folder, "LC_ALL": "C.UTF-8",
                    "XDG_CONFIG_HOME": os.path.join(folder, "config"), "GTK_THEME": "Adwaita",
                    "GDK_BACKEND": "x11", "TZ": "UTC"}
        for name, at in (("left", 0), ("right", WIDTH)):
            subprocess.run(["xrandr", "--setmonitor", name, f"{WIDTH}/340x{HEIGHT}/212+{at}+0",
                            "screen" if at == 0 else "none"], env=self.env, check=True)
        self.openbox = None
        lab.wait_until("a window manager", self.has_manager)

    def has_manager(self):
        """Starts it, again if it found no display on a busy machine."""
        if self.openbox is None or self.openbox.poll() is not None:
            self.openbox = subprocess.Popen(["openbox"], env=self.env, stderr=subprocess.DEVNULL,
                                            preexec_fn=lab.die_with_parent)
        found = subprocess.run(["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=self.env,
                               text=True, capture_output=True, check=False).stdout
        return "window id" in found

    def xdotool(self, *args):
        return subprocess.run(["xdotool", *args], env=self.env, text=True, capture_output=True,
                              timeout=lab.CALL_LIMIT_S, check=False).stdout.strip()

    def shoot(self, path, area=f"{WIDTH}x{HEIGHT}+0+0", scale="100%"):
        subprocess.run(["import", "-window", "root", "-crop", area, "+repage", "-resize", scale,
                        "-strip", path], env=self.env, check=True, timeout=lab.CALL_LIMIT_S)

    def settle(self):
        """Until two pictures in a row are the same; a clock in them may tick."""
        pictures = [os.path.join(self.folder, name) for name in ("one.ppm", "two.ppm")]
        for _ in range(60):
            self.shoot(pictures[0])
            time.sleep(STILL_S)
            self.shoot(pictures[1])
            with open(pictures[0], "rb") as one, open(pictures[1], "rb") as two:
                if one.read() == two.read():
                    return


class Album:
    def __init__(self, build, output, site):
        self.output, self.site = output, site
        os.makedirs(output, exist_ok=True)
        self.screen = Screen(site.path("screen-home"))
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
            env=self.screen.env, pass_fds=fds, preexec_fn=lab.die_with_parent)
        self.person = Person(self.reader, self.berth.pid, self.screen.xdotool)

    def stop(self):
        self.berth.terminate()
        self.berth.wait()

    def keep(self, name, **how):
        """Keeps what is to be seen, with so few colours that the file is small."""
        self.screen.settle()
        path = os.path.join(self.output, name + ".png")
        self.screen.shoot(path, **how)
        for n_colours in (256, 128, 64):
            if os.path.getsize(path) <= MOST_BYTES:
                break
            subprocess.run(["convert", path, "+dither", "-colors", str(n_colours), path],
                           check=True, timeout=lab.CALL_LIMIT_S)
        demo.say(f"{path}: {os.path.getsize(path) // 1000} KB")

    def place(self):
        """Puts the window into the middle of the first monitor."""
        ids = self.screen.xdotool("search", "--all", "--onlyvisible", "--pid",
                                  str(self.berth.pid), "--name", ".").split()
        self.screen.xdotool("windowsize", ids[-1], "1110", "750", "windowmove", ids[-1], "85", "25")
        self.screen.xdotool("windowactivate", ids[-1])

    def login_and_list(self):
        self.start()
        self.person.wait_name("Password")
        self.place()
        self.person.wait_name("Password", "focused")
        self.keep("login", area=WINDOW)
        self.screen.xdotool("type", self.site.password)
        self.screen.xdotool("key", "Return")
        self.person.wait_name(OFFICE, "focusable")
        self.keep("picker", area=WINDOW)

    def open_desktop(self):
        self.person.go(OFFICE, "Down")
        self.person.press("Return")
        self.canvas()

    def canvas(self):
        self.person.wait("the desktop", lambda things: [
            thing for thing in things if thing.role == "canvas" and thing.can("focused")])

    def menu(self, item):
        """From the desktop to a line of the menu, and that pressed."""
        self.person.press(HOST_KEY)
        self.person.press(HOST_KEY)
        self.person.go("Menu", "Tab")
        self.person.press("space")
        self.person.wait_name(item, "focusable")
        self.person.go(item, "Down")
        self.person.press("Return")

    def transfer(self):
        path = self.site.path("Figures of the year.ods")
        with open(path, "wb") as file:
            for _ in range(FILE_MIB):
                file.write(os.urandom(1 << 20))
        self.menu("Send files…")
        self.person.wait("the question for files", lambda things: [
            thing for thing in things if thing.role == "file chooser"])
        self.screen.xdotool("key", "ctrl+l")
        self.person.wait_name("Location:", "focused")
        self.screen.xdotool("type", "--delay", "60", path)
        self.screen.xdotool("key", "Return")
        self.person.wait("the file", lambda things: [
            thing for thing in things if thing.name.startswith("Do not send")])
        self.keep("files", area=WINDOW)
        self.person.press(HOST_KEY)
        self.person.press(HOST_KEY)
        self.person.go("Stop", "Tab")
        self.person.press("space")

    def statistics(self):
        self.menu("Statistics")
        self.keep("statistics", area=WINDOW)

    def fullscreen(self):
        self.screen.xdotool("key", "F11")
        self.person.wait_name("Leave the full screen (F11)")
        self.person.press(HOST_KEY)
        self.person.wait_name("Leave the full screen (F11)", "focusable")
        self.keep("desktop")
        self.stop()

    def two_monitors(self):
        self.start("--desktop", OFFICE, "--monitors", "all")
        self.canvas()
        self.keep("monitors", area=f"{2 * WIDTH}x{HEIGHT}+0+0", scale="50%")
        self.stop()


def main():
    build, output = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    demo.end_on_signals()
    site = lab.Lab(build, {}, template_dir=os.path.join(demo.cache_folder(), "templates"))
    try:
        name, site.images["demo"] = demo.demo_image()
        os.makedirs(site.path("screen-home", "config"))
        site.start()
        for pool, icon in POOLS:
            is_used = pool == OFFICE
            site.add_pool(pool, name, size=2, spares=int(is_used), template=is_used)
            site.berthctl("set", "pool", pool, "--icon", icon)
        demo.say("waiting for a desktop")
        lab.wait_until("a ready desktop", lambda: any(
            row["state"] == "ready" for row in site.rows("machines")), READY_LIMIT_S)
        album = Album(build, output, site)
        album.login_and_list()
        album.open_desktop()
        album.transfer()
        album.statistics()
        album.fullscreen()
        album.two_monitors()
    except lab.LabError as error:
        sys.exit(f"screenshots: {error}")
    finally:
        site.stop()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sits at: an X screen with a window manager, and the client's window on it.

    desk = Desk(lab, "front")
    desk.open("--desktop", "office")     logs in by a password and waits for the desktop
    desk.wait_shows(picture)             it is on the screen, in every pixel

The test guest shows where the pointer is in one block of its picture; where a user's pointer
rests is no matter of these stories, so that block is not looked at.
"""
import os
import subprocess

import lab

LIMIT_S = int(os.environ.get("BERTH_TEST_LIMIT_S", "120"))
# The block of the pointer: between these columns, counted from the right, in the first rows.
POINTER_FROM, POINTER_TO, POINTER_ROWS = 128, 64, 64


def parse_ppm(data):
    """(width, height, RGB bytes) of a binary PPM with 8 bits a sample."""
    magic, sizes, depth, pixels = data.split(b"\n", 3)
    assert (magic, depth) == (b"P6", b"255"), data[:20]
    return (*map(int, sizes.split()), pixels)


def find(screen, picture):
    """Where a picture is on the screen, (column, row), or None; the pointer's block may differ."""
    width, height, pixels = screen
    wanted_width, wanted_height, wanted = picture
    stride, wanted_stride = 3 * width, 3 * wanted_width
    first = wanted[:3 * (wanted_width - POINTER_FROM)]
    at = pixels.find(first)
    while at >= 0:
        column, row = at % stride // 3, at // stride
        if (at % 3 == 0 and column + wanted_width <= width and row + wanted_height <= height and
                all(is_same_row(pixels[at + y * stride:at + y * stride + wanted_stride],
                                wanted[y * wanted_stride:(y + 1) * wanted_stride], y)
                    for y in range(wanted_height))):
            return column, row
        at = pixels.find(first, at + 1)
    return None


def is_same_row(seen, wanted, y):
    if y >= POINTER_ROWS:
        return seen == wanted
    left, right = len(wanted) - 3 * POINTER_FROM, len(wanted) - 3 * POINTER_TO
    return seen[:left] == wanted[:left] and seen[right:] == wanted[right:]


class Desk:
    """One user's device.  close() ends all that runs on it."""

    def __init__(self, site, name, size=(1280, 800)):
        self.site, self.name, self.size = site, name, size
        self.folder = site.path("desk-" + name)
        os.makedirs(self.folder)
        self.berth, self.log = None, self.path("berth.log")
        self.processes = []
        reading, writing = os.pipe()
        self.start(["Xvfb", "-displayfd", str(writing), "-screen", "0",
                    f"{size[0]}x{size[1]}x24", "-nolisten", "tcp", "-noreset"],
                   pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.env = {**os.environ, "DISPLAY": display, "HOME": self.folder, "LC_ALL": "C.UTF-8",
                    "XDG_CONFIG_HOME": self.path("config"), "XDG_DATA_HOME": self.path("data"),
                    "XDG_DATA_DIRS": "/usr/share", "XDG_RUNTIME_DIR": self.folder,
                    "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11",
                    "BERTH_LOG": "info,client=debug,keyboard=debug", lab.MARK: site.folder}
        self.start(["openbox"], env=self.env, stdout=subprocess.DEVNULL)
        lab.wait_until("the window manager", self.has_window_manager)

    def has_window_manager(self):
        """A window that is mapped while openbox starts may be left hidden by it."""
        done = subprocess.run(["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=self.env,
                              text=True, capture_output=True, timeout=LIMIT_S, check=False)
        return "window id #" in done.stdout

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def start(self, argv, **options):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   preexec_fn=lab.die_with_parent, **options)
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    # The client.

    def run(self, *args, broker=None):
        """Starts the window; who logs in, and how, is said by args."""
        fds = [int(arg) for arg in args if arg.isdigit()]
        with open(self.log, "ab") as log:
            self.berth = subprocess.Popen(
                [self.site.program("berth"), "--broker", broker or self.site.url(), "--ca",
                 self.site.path("keys", "ca.pem"), *args], env=self.env, stdin=subprocess.DEVNULL,
                stderr=log, pass_fds=fds, preexec_fn=lab.die_with_parent)
        self.processes.append(self.berth)
        for fd in fds:
            os.close(fd)

    def open(self, *args, user="anna", **more):
        """Logs in by a password that nobody has to type."""
        self.run("--user", user, "--password-fd", str(lab.pipe_with(self.site.password)), *args,
                 **more)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, what, test):
        """Waits for something as long as the window lives."""
        def look():
            if self.berth.poll() is not None:
                raise lab.LabError(f"{what}: the window of {self.name} ended: {self.log_text()}")
            return test()
        try:
            return lab.wait_until(what, look, LIMIT_S)
        except lab.LabError as error:
            self.keep()
            raise lab.LabError(f"{error}; windows {self.titles()}; log of {self.name}: "
                               f"{self.log_text()[-2000:]}") from error

    def keep(self):
        """The screen at a failure, for who set BERTH_TEST_KEEP to a folder."""
        if "BERTH_TEST_KEEP" in os.environ:
            subprocess.run(["import", "-window", "root",
                            os.path.join(os.environ["BERTH_TEST_KEEP"], self.name + ".png")],
                           env=self.env, check=False, timeout=LIMIT_S)

    def wait_log(self, *words):
        """Until the client has said a line with all the words."""
        self.wait(f"a line with {words}", lambda: any(
            all(word in line for word in words) for line in self.log_text().splitlines()))

    # The screen.

    def xdotool(self, *args):
        done = subprocess.run(["xdotool", *args], env=self.env, text=True, capture_output=True,
                              timeout=LIMIT_S, check=False)
        return done.stdout.strip()

    def wait_keys(self):
        """Until every key is the desktop's, as it is in full screen."""
        self.wait("all keys", lambda: self.log_text().rpartition("all keys are ")[2][:5] == "taken")

    def wait_focus(self):
        """Until the window has the keyboard."""
        self.wait("the keyboard", lambda: self.xdotool("getwindowfocus") in self.windows().values())

    def tap(self, *keys):
        for key in keys:
            self.xdotool("key", key)

    def windows(self):
        """Ids of the client's windows that are shown, by title."""
        ids = self.xdotool("search", "--onlyvisible", "--class", "berth").split()
        return {self.xdotool("getwindowname", one): one for one in ids}

    def titles(self):
        return sorted(self.windows())

    def wait_title(self, title):
        self.wait(f"a window called '{title}'", lambda: title in self.windows())

    def picture(self):
        out = subprocess.run(["import", "-window", "root", "-depth", "8", "-type", "TrueColor",
                              "ppm:-"], env=self.env, stdout=subprocess.PIPE, timeout=LIMIT_S,
                             check=True).stdout
        return parse_ppm(out)

    def wait_shows(self, *pictures):
        """Until each picture is somewhere on the screen in every pixel; returns the places."""
        def look():
            screen = self.picture()
            places = [find(screen, picture) for picture in pictures]
            return places if None not in places else None
        return self.wait("the desktop's picture", look)

    def shows_a_guest(self):
        """Whether the bars are there that only the guest paints: red, green, blue, 64 each."""
        return b"\xff\0\0" * 64 + b"\0\xff\0" * 64 + b"\0\0\xff" * 64 in self.picture()[2]

    def wait_no_guest(self):
        self.wait("a screen without the desktop", lambda: not self.shows_a_guest())

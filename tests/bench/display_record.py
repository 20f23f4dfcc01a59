# SPDX-License-Identifier: GPL-3.0-or-later
"""Records the project's own scenes from programs of Debian, so that anyone can run the benchmark.

Each scene is a program under Xvfb with openbox, driven by xdotool, for some seconds.  What a
scene shows is made here from files that every Debian has; nothing is fetched.
"""
import os
import random
import shutil
import subprocess
import tempfile
import time

import display_run
from display_run import Group, RunError, Tool, wait_display

SECONDS = 8
SEED = 20
WORDS = ("desktop host guest tile frame pixel session exact stream window letter paper office "
         "report number table summer winter river mountain").split()
PACKAGES = "xterm mousepad zathura zathura-pdf-poppler imagemagick ffmpeg openbox xdotool"


def text(n_words, seed):
    picks = random.Random(seed)
    return " ".join(picks.choice(WORDS) for _ in range(n_words))


class Stage:
    """An X display with a window manager, on which one scene happens."""

    def __init__(self, folder):
        self.run = display_run.Run(os.path.join(folder, "stage"))
        self.group = Group(self.run)
        self.display = self.run.server_display
        self.group.start(["Xvfb", self.display, "-screen", "0", "1920x1080x24", "-nolisten",
                          "tcp", "-noreset"])
        wait_display(self.display)
        self.group.start(["openbox"], display=self.display)
        time.sleep(0.5)

    def path(self, name):
        return self.run.path(name)

    def start(self, *command):
        return self.group.start(list(command), display=self.display)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content)
        return self.path(name)

    def do(self, *words):
        subprocess.run(["xdotool", *words], env=dict(os.environ, DISPLAY=self.display),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def wait_window(self, name, seconds=20):
        if subprocess.run(["xdotool", "search", "--sync", "--onlyvisible", "--name", name],
                          env=dict(os.environ, DISPLAY=self.display), timeout=seconds,
                          stdout=subprocess.DEVNULL, check=False).returncode != 0:
            raise RunError(f"no window \"{name}\" came")
        time.sleep(1)

    def record(self, scene, act):
        """Records while act() happens again and again; act waits between its steps."""
        recorder = Tool(self.group, "record", "--display", self.display, "--seconds",
                        str(SECONDS), scene)
        recorder.expect("recording", 10)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            act()
        recorder.process.wait(timeout=SECONDS + 20)

    def close(self):
        self.group.stop()


def xterm(stage, *command):
    stage.start("xterm", "-T", "terminal", "-geometry", "150x50+60+40", "-fa", "Monospace", "-fs",
                "11", *(("-e", *command) if command else ()))
    stage.wait_window("terminal")


def typing(stage, scene):
    xterm(stage, "cat")
    letters = iter(text(2000, SEED))

    def act():
        letter = next(letters)
        stage.do("key", "space" if letter == " " else letter)
        time.sleep(0.06)

    stage.record(scene, act)


def termscroll(stage, scene):
    lines = stage.write("lines", "\n".join(
        f"{i:5} {text(18, SEED + i)}" for i in range(4000)))
    xterm(stage, "sh", "-c", f"read start; while read -r line; do echo \"$line\"; sleep 0.01; done "
          f"< {lines}")
    stage.do("key", "Return")
    stage.record(scene, lambda: time.sleep(0.2))


def office(stage, scene):
    letter = stage.write("letter.txt", "\n\n".join(text(90, SEED + i) for i in range(30)))
    stage.start("mousepad", letter)
    stage.wait_window("letter.txt")
    steps = iter(range(10 ** 6))

    def act():
        step = next(steps)
        stage.do("key", ("Down", "e", "x", "a", "c", "t", "space", "Next", "Return",
                         "BackSpace")[step % 10])
        time.sleep(0.1)

    stage.record(scene, act)


def make_pages(stage):
    """Pictures of text pages, by ImageMagick."""
    pages = []
    for i in range(8):
        words = "\n".join(text(12, SEED + 100 * i + line) for line in range(60))
        page = stage.path(f"page{i}.png")
        subprocess.run(["convert", "-size", "1000x1400", "xc:white", "-pointsize", "16",
                        "-annotate", "+40+40", words, page], check=True,
                       stderr=subprocess.DEVNULL)
        pages.append(page)
    return pages


def pages(stage, scene):
    """A page viewer that shows one page after another."""
    stage.start("display", "-title", "pages", "-geometry", "+400+0", *make_pages(stage))
    stage.wait_window("pages")

    def act():
        stage.do("key", "space")
        time.sleep(0.5)

    stage.record(scene, act)


def windows(stage, scene):
    xterm(stage, "sh", "-c", f"echo '{text(900, SEED)}'; cat")
    stage.start("xterm", "-T", "second", "-geometry", "90x30+500+300", "-bg", "navy", "-fg",
                "white", "-e", "sh", "-c", f"echo '{text(400, SEED + 1)}'; cat")
    stage.wait_window("second")
    steps = iter(range(10 ** 6))

    def act():
        step = next(steps) % 40
        x = 200 + 25 * (step if step < 20 else 40 - step)
        stage.do("search", "--name", "second", "windowmove", str(x), str(150 + x // 4))
        time.sleep(0.05)

    stage.record(scene, act)


def movie(stage, scene):
    """A moving picture by ffmpeg's own sources, in a window."""
    stage.start("ffplay", "-loglevel", "quiet", "-window_title", "movie", "-left", "300", "-top",
                "200", "-f", "lavfi", "gradients=size=960x540:rate=25:speed=0.03")
    stage.wait_window("movie")
    stage.record(scene, lambda: time.sleep(0.2))


SCENES = {
    "typing": (typing, ("xterm",)),
    "termscroll": (termscroll, ("xterm",)),
    "office": (office, ("mousepad",)),
    "pdf": (pages, ("display", "convert")),
    "windows": (windows, ("xterm",)),
    "video": (movie, ("ffplay",)),
}


def record(name, path):
    act, programs = SCENES[name]
    missing = [program for program in (*programs, "Xvfb", "openbox", "xdotool")
               if not shutil.which(program)]
    if missing:
        print(f"display: {name} is not recorded without {', '.join(missing)}; all scenes need: "
              f"apt-get install {PACKAGES}")
        return
    with tempfile.TemporaryDirectory(prefix="berth-record-") as folder:
        stage = Stage(folder)
        try:
            act(stage, path + ".part")
            os.rename(path + ".part", path)
        except (RunError, subprocess.SubprocessError) as error:
            print(f"display: {name} is not recorded: {error}")
        finally:
            stage.close()


def ensure(environment):
    """The folder of the project's own scenes, which are recorded where they are missing."""
    folder = os.path.join(environment.get("BERTH_CACHE", os.path.expanduser("~/.cache/berth")),
                          "bench", "scenes")
    os.makedirs(folder, exist_ok=True)
    for name in SCENES:
        path = os.path.join(folder, name + ".scr")
        if not os.path.exists(path):
            print(f"display: recording {name}", flush=True)
            record(name, path)
    return folder

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shared X display between a real X server and a real probe: pixels, input, sizes, ends.

usage: test_share.py BERTH_SESSION BERTH
"""
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile

from display_fixture import wait_until
from qmp import die_with_parent, read_ppm

WIDTH, HEIGHT = 800, 600
# So that a grey picture is no other kind of PPM.
PLAIN = ["-depth", "8", "-type", "TrueColor"]


class Display:
    """An X server that chooses its own number."""

    def __init__(self):
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{WIDTH}x{HEIGHT}x24",
             "-nolisten", "tcp", "-noreset"], pass_fds=[write_end], stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        os.close(write_end)
        with os.fdopen(read_end) as file:
            self.name = ":" + file.readline().strip()
        self.environment = dict(os.environ, DISPLAY=self.name)

    def run(self, *command):
        return subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def start(self, *command):
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def picture(self, path):
        self.run("import", "-window", "root", *PLAIN, path)
        return read_ppm(path)

    def close(self):
        self.process.kill()
        self.process.wait()


class Share:
    """berth-session --share."""

    def __init__(self, program, target, file, *options):
        self.file = file
        self.process = subprocess.Popen(
            [program, "--share", target, "--connection-file", file, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)

    def wait_open(self):
        line = self.process.stdout.readline()
        if not line.startswith("sharing "):
            sys.exit(f"the share said '{line}': {self.process.stderr.read()}")
        return self

    def end(self, number=signal.SIGINT):
        if number:
            self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return status, errors


class Probe:
    """berth probe, asked line by line."""

    def __init__(self, program, file, *options):
        self.process = subprocess.Popen(
            [program, "probe", "--direct", file, "--timeout", "60", "--script", "-", *options],
            text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=die_with_parent)

    def ask(self, text):
        self.process.stdin.write(text + "\n")
        answer = json.loads(self.process.stdout.readline())
        if not answer["ok"]:
            sys.exit(f"{text}: {answer}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


class Story:
    def __init__(self, session_program, client_program, folder):
        self.session_program, self.client_program = session_program, client_program
        self.folder = folder
        self.file = self.path("connection.json")
        self.display = Display()

    def path(self, name):
        return os.path.join(self.folder, name)

    def share(self, *options):
        return Share(self.session_program, self.display.name, self.file, *options).wait_open()

    def shows_same(self, probe, what):
        """Every pixel of the probe's picture is that of the X server."""
        seen = self.path("seen.png")

        def is_same():
            probe.ask(f"screenshot {seen}")
            self.display.run("convert", seen, *PLAIN, self.path("seen.ppm"))
            return (read_ppm(self.path("seen.ppm")) ==
                    self.display.picture(self.path("shown.ppm")))

        wait_until(what, is_same)
        print(f"ok: {what}", flush=True)

    def pixels(self):
        picture = self.path("plasma.png")
        self.display.run("convert", "-size", f"{WIDTH}x{HEIGHT}", "-seed", "7", "plasma:red-blue",
                         picture)
        share = self.share()
        if stat.S_IMODE(os.stat(self.file).st_mode) != 0o600:
            sys.exit("others may read the connection file")
        probe = Probe(self.client_program, self.file)
        self.shows_same(probe, "an empty display")
        empty = self.display.picture(self.path("empty.ppm"))
        viewer = self.display.start("display", "-geometry", "+0+0", picture)
        wait_until("a photo on the display",
                   lambda: self.display.picture(self.path("shown.ppm")) != empty)
        self.shows_same(probe, "a photo, all pixels")
        viewer.kill()
        viewer.wait()
        viewer.stdout.close()
        self.input(probe)
        self.sizes(probe)
        self.second_client(probe)
        status, _ = share.end()
        if status != 0 or os.path.exists(self.file):
            sys.exit(f"Ctrl-C: status {status}, connection file: {os.path.exists(self.file)}")
        print("ok: Ctrl-C ends it and removes the connection file")

    def pointer(self):
        return tuple(map(int, re.findall(r"[xy]:(\d+)", self.display.run("xdotool",
                                                                        "getmouselocation"))))

    def input(self, probe):
        probe.ask("move 123,45")
        wait_until("the pointer", lambda: self.pointer() == (123, 45))
        watcher = self.display.start("xev", "-geometry", "200x200+300+300")
        self.display.run("xdotool", "search", "--sync", "--onlyvisible", "--name", "Event Tester")
        probe.ask("move 350,350")
        probe.ask("click 350,350")
        probe.ask("key shift+a")
        seen = b""
        while b"keysym 0x41, A" not in seen:
            line = watcher.stdout.readline()
            if not line:
                sys.exit("xev saw no key")
            seen += line
        if b"ButtonPress" not in seen or b"ButtonRelease" not in seen:
            sys.exit("xev saw no click")
        watcher.kill()
        watcher.wait()
        watcher.stdout.close()
        print("ok: pointer, button and key")

    def sizes(self, probe):
        self.display.run("xrandr", "--newmode", "640x480", "24", "640", "656", "752", "800", "480",
                         "490", "492", "525")
        self.display.run("xrandr", "--addmode", "screen", "640x480")
        self.display.run("xrandr", "--output", "screen", "--mode", "640x480")
        probe.ask("wait-size 640x480")
        self.shows_same(probe, "another size")

    def second_client(self, first):
        second = Probe(self.client_program, self.file)
        self.shows_same(second, "a second client")
        if first.close() == 0:
            sys.exit("the first client was not told that another one came")
        second.close()

    def view_only(self):
        share = self.share("--view-only", "--once")
        probe = Probe(self.client_program, self.file)
        self.shows_same(probe, "with --view-only")
        before = self.pointer()
        probe.process.stdin.write("move 10,10\n")
        probe.process.stdout.readline()
        probe.ask("wait-stable 200")
        if self.pointer() != before:
            sys.exit("a client moved the pointer in spite of --view-only")
        probe.close()
        status, errors = share.end(None)
        if status != 0 or os.path.exists(self.file):
            sys.exit(f"--once: status {status}: {errors}")
        print("ok: --view-only takes no input, --once ends with the first client")

    def wrong_token(self):
        share = self.share()
        with open(self.file, encoding="utf-8") as file:
            connection = json.load(file)
        connection["token"] = "00" * 32
        forged = self.path("forged.json")
        with open(forged, "w", encoding="utf-8") as file:
            json.dump(connection, file)
        os.chmod(forged, 0o600)
        done = subprocess.run([self.client_program, "probe", "--direct", forged, "--timeout",
                               "60", "--wait-stable", "10"], stderr=subprocess.PIPE, check=False)
        if done.returncode == 0:
            sys.exit("a wrong token opened the display")
        print("ok: a wrong token opens nothing")
        return share

    def server_goes(self, share):
        self.display.close()
        status, errors = share.end(None)
        if status != 1 or "the X server closed the connection" not in errors:
            sys.exit(f"without the X server: status {status}: {errors}")
        if os.path.exists(self.file):
            sys.exit("the connection file stayed")
        print("ok: the end of the X server ends the share")

    def refusals(self):
        for target, reason in ((":x", "can not be shared"), (":59000", "no X server"),
                               ("qemu:" + self.path("none"), "cannot connect")):
            share = Share(self.session_program, target, self.file)
            status, errors = share.end(None)
            if status != 1 or reason not in errors:
                sys.exit(f"{target}: status {status}: {errors}")
        print("ok: what cannot be shared is refused in a sentence")


def main():
    with tempfile.TemporaryDirectory(prefix="berth-share-") as folder:
        story = Story(*map(os.path.abspath, sys.argv[1:3]), folder)
        story.refusals()
        story.pixels()
        story.view_only()
        story.server_goes(story.wrong_token())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window costs: CPU of a frame, time to the screen, start, memory, idleness.

usage: ./dev bench client [--quick] [--only PART]...
PART: paint, start, desktop, heads

  paint    CPU of pixels that are decoded already: the client's canvas beside a plain put and
           a plain GTK program, on X11 and on Wayland
  start    from exec to the first window and to a desktop's first full picture
  desktop  a screen of 1920x1080 watched by Berth and by other viewers that are installed: CPU of a
           viewer while nothing but a caret blinks and while all of the screen changes, its memory,
           and for Berth the time from the last byte of a frame to the screen
  heads    memory with two screens of 1920x1080

Displays are Xvfb and weston without a screen.  Times need a quiet machine; what has a goal says so.
"""
import argparse
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("e2e", "component", "bench"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import display_run  # noqa: E402
from display_peers import TigerVnc, Xrdp, Xspice  # noqa: E402
from display_run import BUILD, Group, family, quantile, wait_display, wait_until  # noqa: E402
from x_display import GET_IMAGE, POLY_FILL_RECTANGLE, Z_PIXMAP, XDisplay  # noqa: E402

WIDTH, HEIGHT = 1920, 1080
CARET = (16, 20)
CHANGE_GC = 56
BLINK_S = 0.53
BERTH = os.path.join(BUILD, "client", "berth")
SESSION = os.path.join(BUILD, "host-agent", "session", "berth-session")
LIMIT_S = 60
GOALS = []


def goal(text, is_met):
    GOALS.append(is_met)
    print(f"{text}: {'met' if is_met else 'MISSED'}", flush=True)


def table(*cells):
    print("\n| " + " | ".join(cells) + " |\n|" + " --- |" * len(cells), flush=True)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


class Run:
    """A folder, displays and a port; what display_peers.py asks of a run."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="berth-bench-client-")
        self.numbers = display_run.free_display()
        self.server_port = self.relay_port = display_run.free_port()
        self.server_display, self.client_display = next(self.numbers), next(self.numbers)
        for name in ("home", "xdg"):
            os.mkdir(self.path(name), 0o700)
        self.group = Group(self)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def xvfb(self, display, width=WIDTH, height=HEIGHT):
        self.group.start(["Xvfb", display, "-screen", "0", f"{width}x{height}x24", "-nolisten",
                          "tcp", "-noreset"], log="xvfb" + display)
        wait_display(display)

    def weston(self, *options):
        """Returns what a client needs in its environment."""
        config = self.path("weston.ini")
        with open(config, "w", encoding="ascii") as file:
            file.write("[core]\nidle-time=0\n[shell]\npanel-position=none\nlocking=false\n")
        self.group.start(["weston", *(options or ["--backend=headless-backend.so"]),
                          "--use-pixman", f"--width={WIDTH}", f"--height={HEIGHT}",
                          "--socket=bench", f"--config={config}"], display=self.client_display,
                         log="weston")
        wait_until(lambda: os.path.exists(self.path("xdg", "bench")), "the compositor")
        return {"WAYLAND_DISPLAY": "bench", "GDK_BACKEND": "wayland"}

    def close(self):
        self.group.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Painter(XDisplay):
    """Fills rectangles of the root window of a display that is there, and reads its pixels."""

    def __init__(self, display, width=WIDTH, height=HEIGHT):
        self.name, self.width, self.height = display, width, height
        self.process = None
        self.connect()

    def reply(self):
        """The next reply; events of the server are nothing to us."""
        head = self.receive(32)
        while head[0] > 1:
            head = self.receive(32)
        if head[0] == 0:
            raise display_run.RunError(f"the X server answers {head!r}")
        return self.receive(4 * struct.unpack_from("<I", head, 4)[0])

    def fill(self, width, height, rgb, x=0, y=0):
        self.request(CHANGE_GC, 0, struct.pack("<III", self.gc, 4, rgb))
        self.request(POLY_FILL_RECTANGLE, 0, struct.pack("<IIhhHH", self.root, self.gc, x, y,
                                                         width, height))
        self.sync()

    def pixel(self, x, y):
        self.request(GET_IMAGE, Z_PIXMAP, struct.pack("<IhhHHI", self.root, x, y, 1, 1,
                                                      0xffffffff))
        return struct.unpack_from("<I", self.reply())[0] & 0xffffff

    def close(self):
        self.socket.close()


# ---- paint ----

def paint_ms(run, env, way, size, n_frames):
    done = subprocess.run([os.path.join(BUILD, "tests", "bench", "bench-present"), way,
                           str(size[0]), str(size[1]), str(n_frames)],
                          env=dict(os.environ, XDG_RUNTIME_DIR=run.path("xdg"), **env),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
    us, n_drawn = done.stdout.split()
    return float(us) / 1000, int(n_drawn) / n_frames


def measure_paint(quick):
    n_frames = 120 if quick else 600
    run = Run()
    try:
        run.xvfb(run.client_display)
        screens = {"X11": {"DISPLAY": run.client_display, "GDK_BACKEND": "x11"}}
        if shutil.which("weston"):
            screens["Wayland"] = run.weston()
        print(f"load {os.getloadavg()[0]:.1f}")
        table("CPU of one frame, ms", "way", "1920x1080", "16x20", "frames that were drawn, %")
        values = {}
        for screen, env in screens.items():
            ways = ("none", "bare", "put", "berth", "gtk") if screen == "X11" else (
                "none", "berth", "gtk")
            for way in ways:
                both = [paint_ms(run, env, way, size, n_frames)
                        for size in ((WIDTH, HEIGHT), CARET)]
                values[screen, way] = [ms for ms, share in both]
                row(screen, way, *(f"{ms:.3f}" for ms, share in both),
                    ", ".join(f"{100 * share:.0f}" for ms, share in both))
    finally:
        run.close()
    judge_paint(values)


def judge_paint(values):
    """"none" is the painting of the pixels, which is not the viewer's.  CPU is that of a frame that
    was painted: GTK, which folds some, would need more for one that it draws."""
    full = values["X11", "berth"][0] / values["X11", "put"][0]
    caret = values["X11", "berth"][1] - values["X11", "none"][1]
    print()
    goal(f"X11, full frame {full:.2f} x a put, at most 1.2 x", full <= 1.2)
    goal(f"X11, caret {caret:.3f} ms, at most 0.15 ms", caret <= 0.15)
    if ("Wayland", "gtk") in values:
        for index, name in enumerate(("full frame", "caret")):
            none = values["Wayland", "none"][index]
            share = (values["Wayland", "berth"][index] - none) / (
                values["Wayland", "gtk"][index] - none)
            goal(f"Wayland, {name} {share:.3f} x plain GTK, at most 0.1 x", share <= 0.1)


# ---- start ----

def wait_light(display, begin):
    """Seconds until one of some pixels of an empty screen is not black."""
    places = [(x, y) for x in range(40, WIDTH, 160) for y in range(40, HEIGHT, 160)]
    while not any(display.pixel(x, y) for x, y in places):
        if time.monotonic() - begin > LIMIT_S:
            raise display_run.RunError("no window came")
    return time.monotonic() - begin


def start_once(command):
    """Milliseconds from exec to the window: [by the clock, of CPU]."""
    run = Run()
    try:
        run.xvfb(run.client_display)
        display = Painter(run.client_display)
        begin = time.monotonic()
        process = run.group.start(command, display=run.client_display, log="started",
                                  env={"NO_AT_BRIDGE": "1"})
        seconds = wait_light(display, begin)
        cpu = cpu_ns([process.pid])
        display.close()
        return [1000 * seconds, cpu / 1e6]
    finally:
        run.close()


def measure_start(quick):
    print(f"load {os.getloadavg()[0]:.1f}")
    table("exec to the first window with something in it, ms", "median", "min", "max", "CPU, ms")
    medians = {}
    for name, command in (("Berth, login", [BERTH]), ("vncviewer", ["xtigervncviewer"]),
                          ("remote-viewer", ["remote-viewer"])):
        if not shutil.which(command[0]):
            continue
        values, cpu = zip(*(start_once(command) for _ in range(3 if quick else 9)))
        medians[name] = statistics.median(values)
        row(name, *(f"{value:.0f}" for value in (medians[name], min(values), max(values),
                                                 statistics.median(cpu))))
    print()
    goal(f"login window after {medians['Berth, login']:.0f} ms, at most 400 ms",
         medians["Berth, login"] <= 400)


# ---- desktop ----

class Berth:
    """A display shared by berth-session, and the window of the client."""

    viewer_wm = False

    def __init__(self, is_wayland=False):
        self.is_wayland = is_wayland

    def is_installed(self):
        return not self.is_wayland or shutil.which("weston") is not None

    def prepare(self, run):
        self.run = run
        self.file = run.path("share.json")
        self.log = run.path("viewer.log")

    def server(self, group):
        self.run.xvfb(self.run.server_display)
        process = group.start([SESSION, "--share", self.run.server_display, "--connection-file",
                               self.file], log="share")
        wait_until(lambda: os.path.exists(self.file), "the share")
        return [process.pid]

    def client(self, group):
        env = {"BERTH_LOG": "info,paint=debug", "NO_AT_BRIDGE": "1"}
        if self.is_wayland:
            env.update(self.run.weston())
        return [group.start([BERTH, "--direct", self.file, "--fullscreen"],
                            display=self.run.client_display, log="viewer", env=env).pid]

    def times_ms(self, after=0):
        with open(self.log, encoding="utf-8") as file:
            found = re.findall(r"paint: (\d+) us from the last byte", file.read())
        return [int(us) / 1000 for us in found[after:]]


def cpu_ns(pids):
    """Of all threads, as the scheduler counts it: ticks of the clock miss what is short."""
    total = 0
    for pid in family(pids):
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        except OSError:
            continue
    return total


def pss_mib(pids):
    total = 0
    for pid in family(pids):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1))
        except OSError:
            continue
    return total / 1024


def blink(painter, seconds):
    end = time.monotonic() + seconds
    is_on = False
    while time.monotonic() < end:
        is_on = not is_on
        painter.fill(*CARET, 0xffffff if is_on else 0x336699, 400, 300)
        time.sleep(BLINK_S)


def flash(painter, n_frames, fps=60):
    """All of the screen in another colour each time: little to decode, all to show."""
    begin = time.monotonic()
    for i in range(n_frames):
        painter.fill(WIDTH, HEIGHT, 0x100000 + i * 0x010203 % 0xefffff)
        time.sleep(max(0, begin + (i + 1) / fps - time.monotonic()))


class Counter:
    """Counts how often the middle of a screen changes; looks some 300 times a second."""

    def __init__(self, display):
        self.painter, self.n, self.is_over = Painter(display), 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        last = None
        while not self.is_over:
            pixel = self.painter.pixel(WIDTH // 2, HEIGHT // 2 + 100)
            self.n += last is not None and pixel != last
            last = pixel
            time.sleep(0.003)

    def stop(self):
        self.is_over = True
        self.thread.join()
        self.painter.close()
        return self.n


def is_like(pixel, rgb):
    """Some viewers are told less than all bits."""
    return all(abs((pixel >> shift & 255) - (rgb >> shift & 255)) <= 8 for shift in (0, 8, 16))


def watch(peer, quick):
    """One viewer: [first picture s, idle CPU %, CPU ms of a full frame that changed, share of them
    that were shown, memory MiB], times of Berth."""
    run = Run()
    try:
        run.xvfb(run.client_display)
        peer.prepare(run)
        peer.server(run.group)
        painter = Painter(run.server_display)
        painter.fill(WIDTH, HEIGHT, 0x336699)
        screen = Painter(run.client_display)
        if getattr(peer, "viewer_wm", False):
            with open(run.path("openbox.xml"), "w", encoding="ascii") as file:
                file.write(display_run.OPENBOX)
            run.group.start(["openbox", "--config-file", run.path("openbox.xml")],
                            display=run.client_display)
        begin = time.monotonic()
        pids = peer.client(run.group)
        if isinstance(peer, Berth) and peer.is_wayland:
            wait_until(lambda: len(peer.times_ms()) > 0, "a picture", LIMIT_S)
            first_s = None
        else:
            wait_until(lambda: is_like(screen.pixel(WIDTH // 2, HEIGHT // 2 + 100), 0x336699),
                       "the picture", LIMIT_S)
            first_s = time.monotonic() - begin
        blink(painter, 3)
        seconds = 10 if quick else 60
        used = cpu_ns(pids)
        blink(painter, seconds)
        idle = (cpu_ns(pids) - used) / 1e9 / seconds * 100
        n_frames = 180 if quick else 600
        n_before = len(peer.times_ms()) if isinstance(peer, Berth) else 0
        counter = Counter(run.client_display) if first_s is not None else None
        used = cpu_ns(pids)
        flash(painter, n_frames)
        full_ms = (cpu_ns(pids) - used) / 1e6 / n_frames
        times = peer.times_ms(n_before) if isinstance(peer, Berth) else []
        n_shown = counter.stop() if counter else len(times)
        return [first_s, idle, full_ms, n_shown / n_frames, pss_mib(pids)], times
    finally:
        run.close()


def measure_desktop(quick):
    peers = {"Berth, X11": Berth(), "Berth, Wayland": Berth(True), "vncviewer": TigerVnc(),
             "remote-viewer (SPICE)": Xspice(), "xfreerdp": Xrdp()}
    print(f"load {os.getloadavg()[0]:.1f}")
    table("1920x1080", "exec to picture, ms", "idle CPU, %", "CPU ms per change of all",
          "changes shown, %", "memory, MiB")
    results, times = {}, {}
    for name, peer in peers.items():
        if not peer.is_installed():
            row(name, "not installed: " + (", ".join(getattr(peer, "programs", ())) or "weston"),
                "", "", "", "")
            continue
        try:
            results[name], times[name] = watch(peer, quick)
        except (display_run.RunError, subprocess.CalledProcessError) as error:
            row(name, str(error), "", "", "", "")
            continue
        first_s, idle, full_ms, shown, memory = results[name]
        row(name, f"{1000 * first_s:.0f}" if first_s else "-", f"{idle:.3f}", f"{full_ms:.2f}",
            f"{100 * shown:.0f}", f"{memory:.0f}")
    print()
    for name in ("Berth, X11", "Berth, Wayland"):
        if name in results:
            p95 = quantile(times[name], 0.95)
            goal(f"{name}: idle CPU {results[name][1]:.3f} %, at most 0.2 %",
                 results[name][1] <= 0.2)
            goal(f"{name}: last byte to screen, {len(times[name])} frames, median "
                 f"{statistics.median(times[name]):.1f} ms, p95 {p95:.1f} ms, at most 8 ms",
                 p95 <= 8)
    first_s = results["Berth, X11"][0]
    goal(f"start to the first full picture of a ready desktop {1000 * first_s:.0f} ms, at most "
         "1000 ms", first_s <= 1.0)


# ---- heads ----

def measure_heads(quick):
    """On Wayland, where a picture may lie in three memories; weston's outputs are X windows."""
    from test_direct import DISPLAY, HEAD_CONFIG, Script
    from test_view import take_request
    if not shutil.which("weston"):
        print("heads: weston is not installed")
        return
    run = Run()
    try:
        run.xvfb(run.client_display, 2 * WIDTH, HEIGHT)
        env = run.weston("--backend=x11-backend.so", "--output-count=2")
        script = Script(BERTH, os.path.join(BUILD, "tests", "component", "scripted-session"))
        client = run.group.start([BERTH, "--direct", script.file, "--monitors", "all"],
                                 log="viewer", env=dict(env, NO_AT_BRIDGE="1"))
        script("wait open")
        script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 0, WIDTH, HEIGHT))
        script.paint(0, 0x204060, WIDTH, HEIGHT)
        while take_request(script, 1) != (WIDTH, HEIGHT):
            pass
        script.send(DISPLAY, HEAD_CONFIG, struct.pack("<3H", 1, WIDTH, HEIGHT))
        for i in range(20 if quick else 300):
            for head in (0, 1):
                script.paint(head, 0x204060 + i, WIDTH, HEIGHT)
        memory = pss_mib([client.pid])
        print()
        goal(f"memory with two heads of {WIDTH}x{HEIGHT}: {memory:.0f} MiB, at most 150 MiB",
             memory <= 150)
    finally:
        run.close()


PARTS = {"paint": measure_paint, "start": measure_start, "desktop": measure_desktop,
         "heads": measure_heads}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench client")
    parser.add_argument("--quick", action="store_true", help="shorter: for a look, not for a table")
    parser.add_argument("--only", action="append", choices=PARTS, help="not the other parts")
    options = parser.parse_args()
    for part in options.only or PARTS:
        PARTS[part](options.quick)
    print(f"\nclient: {sum(GOALS)} of {len(GOALS)} goals met")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the display benchmark: a scene replayed at a server, a viewer behind a relay.

A run makes its own X displays, ports and folder, and ends all that it started.
"""
import bisect
import os
import random
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BERTH_BUILD") or os.path.join(HERE, "..", "..", "build"))
LINKS = {"lan": [], "wan": ["--kbps", "10000", "--delay-ms", "20"]}
# Seconds after the last frame in which what comes still counts.
TAIL_S = 3.0
N_SAMPLES, FIRST_SAMPLE_S, SAMPLE_EVERY_S = 6, 1.3, 1.7
TICKS = os.sysconf("SC_CLK_TCK")
# A picture that needs no refinement arrives within this time.
FIRST_PICTURE_US = 180_000


class RunError(RuntimeError):
    """A run that cannot be finished; says why."""


def tool(name):
    path = os.path.join(BUILD, "tests", "bench", "bench-" + name)
    if not os.access(path, os.X_OK):
        raise RunError(f"{path} is not built: run ./dev build, or set BERTH_BUILD")
    return path


# ---- displays and ports ----

def free_display():
    """Numbers by chance: another benchmark may look at the same moment."""
    while True:
        number = random.randrange(100, 10000)
        if not (os.path.exists(f"/tmp/.X{number}-lock") or
                os.path.exists(f"/tmp/.X11-unix/X{number}")):
            yield f":{number}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(is_true, what, seconds=20.0):
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise RunError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.02)


def port_listens(port):
    """Looks without connecting: a connection would count as a client."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(path, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[1].endswith(f":{port:04X}") and words[3] == "0A":
                    return True
    return False


def wait_port(port):
    wait_until(lambda: port_listens(port), f"a listener at port {port}")


def wait_display(display):
    wait_until(lambda: subprocess.run(["xdpyinfo", "-display", display], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, check=False).returncode == 0,
               f"the X display {display}", 40)


# ---- processes ----

def process_stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def family(pids):
    """The processes and all that descend from them."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(int(process_stat(name)[1]), []).append(int(name))
            except OSError:
                continue
    found, waiting = [], list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


def cpu_s(pids):
    total = 0
    for pid in family(pids):
        try:
            fields = process_stat(pid)
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(pids):
    """Largest resident size so far, of the whole family."""
    total = 0
    for pid in family(pids):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
                found = re.search(r"VmHWM:\s+(\d+)", file.read())
        except OSError:
            continue
        total += int(found.group(1)) if found else 0
    return total / 1024


class Group:
    """Processes of one run; each has a process group of its own and dies with the run."""

    def __init__(self, run):
        self.run, self.processes = run, []

    def start(self, command, display=None, log=None, env=None, **more):
        environment = dict(os.environ, HOME=self.run.path("home"), LANG="C.UTF-8",
                           GDK_BACKEND="x11", XDG_RUNTIME_DIR=self.run.path("xdg"))
        environment.pop("DISPLAY", None)
        environment.pop("WAYLAND_DISPLAY", None)
        if display:
            environment["DISPLAY"] = display
        environment.update(env or {})
        name = log or os.path.basename(command[0])
        with open(self.run.path(name + ".log"), "wb") as file:
            more.setdefault("stdout", file)
            more.setdefault("stdin", subprocess.DEVNULL)
            process = subprocess.Popen(command, env=environment, stderr=file,
                                       start_new_session=True, **more)
        self.processes.append(process)
        return process

    def stop(self):
        ours = family(process.pid for process in self.processes)
        for process in reversed(self.processes):
            signal_group(process.pid, signal.SIGTERM)
        end = time.monotonic() + 2
        while time.monotonic() < end and any(p.poll() is None for p in self.processes):
            time.sleep(0.02)
        for process in self.processes:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
        for pid in ours:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.processes = []


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


class Tool:
    """One of our programs that is told lines and answers with lines."""

    def __init__(self, group, name, *args):
        self.name = name
        self.process = group.start([tool(name), *args], log="bench-" + name, bufsize=0,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rest = b""

    def say(self, text=""):
        self.process.stdin.write(text.encode() + b"\n")

    def read(self, seconds):
        """The next line's words, or None if none comes in time."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise RunError(f"bench-{self.name} ended")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode().split()

    def expect(self, word, seconds):
        words = self.read(seconds)
        if not words or words[0] != word:
            raise RunError(f"bench-{self.name} said {words}, not {word}")
        return words[1:]


# ---- logs ----

def read_rows(path):
    try:
        with open(path, encoding="ascii") as file:
            return [[int(word) for word in line.split(",")] for line in file
                    if line.endswith("\n")]
    except OSError:
        return []


def bytes_at(rows, time_us):
    """Down and up bytes that had passed by a time."""
    index = bisect.bisect_right([row[0] for row in rows], time_us) - 1
    return rows[index][1:] if index >= 0 else [0, 0]


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


def get_ages_ms(put, seen):
    """For every frame: from being put until it or a later one shows."""
    numbers = sorted(seen)
    # A later frame may have been seen before an earlier one only if the viewer went back.
    first = {}
    earliest = float("inf")
    for number in reversed(numbers):
        earliest = min(earliest, seen[number])
        first[number] = earliest
    ages = []
    for number, put_us in put.items():
        index = bisect.bisect_left(numbers, number)
        if number > 0 and index < len(numbers):
            ages.append((first[numbers[index]] - put_us) / 1000)
    return ages


# ---- one run ----

OPENBOX = """<?xml version="1.0"?><openbox_config xmlns="http://openbox.org/3.4/rc"><applications>
<application class="*"><decor>no</decor><position force="yes"><x>0</x><y>0</y></position>
<focus>yes</focus></application></applications></openbox_config>"""


class Run:
    """Folder, displays and ports of one run."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("home", "xdg"):
            os.makedirs(os.path.join(folder, name), mode=0o700)
        displays = free_display()
        self.server_display, self.client_display = next(displays), next(displays)
        self.server_port, self.relay_port = free_port(), free_port()

    def path(self, name):
        return os.path.join(self.folder, name)


def start_screen(group, run, peer):
    group.start(["Xvfb", run.client_display, "-screen", "0", "1920x1080x24", "-nolisten", "tcp",
                 "-noreset"], log="client-xvfb")
    wait_display(run.client_display)
    if peer.viewer_wm:
        with open(run.path("openbox.xml"), "w", encoding="ascii") as file:
            file.write(OPENBOX)
        group.start(["openbox", "--config-file", run.path("openbox.xml")],
                    display=run.client_display)
        time.sleep(0.3)
    # Where no tool bar and no hover effect reacts.
    subprocess.run(["xdotool", "mousemove", "1800", "900"], check=False,
                   env=dict(os.environ, DISPLAY=run.client_display), stderr=subprocess.DEVNULL)


def wait_quiet(run):
    """Until the viewer shows the first frame and nothing has moved for a second."""
    wait_until(lambda: any(row[0] == 0 for row in read_rows(run.path("watch.csv"))),
               "the first picture in the viewer", 30)
    last, since, end = None, time.monotonic(), time.monotonic() + 20
    while time.monotonic() - since < 1.2 and time.monotonic() < end:
        now = read_rows(run.path("relay.csv"))[-1:]
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)


def play(run, replay, watch, peer):
    """Replays; returns begin and end in us, frames, and samples of the viewer's screen."""
    replay.say()
    begin_us = int(replay.expect("go", 5)[0])
    samples, next_s = [], time.monotonic() + FIRST_SAMPLE_S
    while True:
        words = replay.read(0.05)
        if words:
            break
        if watch and peer.needs_motion:
            subprocess.run(["xdotool", "mousemove_relative", "--", "1", "0"], check=False,
                           env=dict(os.environ, DISPLAY=run.client_display))
        if watch and len(samples) < N_SAMPLES and time.monotonic() >= next_s:
            path = run.path(f"sample{len(samples)}")
            watch.say(f"sample {path}")
            samples.append((path, int(watch.expect("sampled", 10)[0])))
            next_s += SAMPLE_EVERY_S
    if words[0] != "end":
        raise RunError(f"bench-replay said {words}")
    replay.expect("final", 10)
    return begin_us, int(words[1]), int(words[2]) - 1, samples


def converge(run, watch, end_us, result):
    watch.say(f"converge {run.path('final')} {TAIL_S}")
    result["psnr_at_end"] = float(watch.expect("first", 10)[0])
    words = watch.read(TAIL_S + 10)
    if not words:
        raise RunError("bench-watch says nothing")
    is_equal = words[0] == "equal"
    result["exact_s"] = max(0.0, (int(words[1]) - end_us) / 1e6) if is_equal else None
    result["wrong_px"] = 0 if is_equal else int(words[1])


def note_traffic(run, begin_us, end_us, result):
    rows = read_rows(run.path("relay.csv"))
    start = bytes_at(rows, begin_us)
    now = rows[-1][1:] if rows else [0, 0]
    result["down"] = now[0] - start[0]
    result["up"] = now[1] - start[1]
    put = {row[0]: row[1] for row in read_rows(run.path("replay.csv"))}
    result["late_ms"] = max((row[2] for row in read_rows(run.path("replay.csv"))), default=0) / 1e3
    seen = {}
    for number, time_us in read_rows(run.path("watch.csv")):
        if number > 0 and time_us >= put.get(number, float("inf")):
            seen.setdefault(number, time_us)
    ages = get_ages_ms(put, seen)
    result["shown"] = len(seen)
    result["age_ms"] = statistics.mean(ages) if ages else None
    result["age_p95_ms"] = quantile(ages, 0.95)
    times = sorted(put.values())
    result["down_first"] = sum(
        max(0, bytes_at(rows, min(at + FIRST_PICTURE_US, after))[0] - bytes_at(rows, at)[0])
        for at, after in zip(times[1:], times[2:] + [end_us + FIRST_PICTURE_US]))


def note_quality(scene, samples, result):
    args = [word for path, number in samples if number > 0 for word in (path, str(number))]
    if args:
        out = subprocess.run([tool("psnr"), scene, *args], stdout=subprocess.PIPE, text=True,
                             check=False).stdout
        values = [min(60.0, float(line)) for line in out.split()]
        result["psnr_motion"] = statistics.mean(values) if values else None
        result["psnr_worst"] = min(values, default=None)


def run_one(peer, scene, link, folder, with_client=True):
    """One run; a dict of what was measured, with "error" if it failed."""
    run = Run(folder)
    servers, clients = Group(run), Group(run)
    result = {}
    peer.prepare(run)
    try:
        pids = peer.server(servers)
        replay = Tool(servers, "replay", *peer.target(), "--log", run.path("replay.csv"),
                      "--final", run.path("final"), scene)
        replay.expect("ready", 20)
        watch = None
        if with_client:
            start_screen(servers, run, peer)
            Tool(servers, "relay", "--listen", str(run.relay_port), "--connect",
                 str(run.server_port), "--log", run.path("relay.csv"),
                 *LINKS[link]).expect("listening", 5)
            watch = Tool(servers, "watch", "--display", run.client_display, "--log",
                         run.path("watch.csv"))
            watch.expect("watching", 10)
            viewer = peer.client(clients)
            wait_quiet(run)
        else:
            time.sleep(1)
        cpu_before, viewer_before = cpu_s(pids), cpu_s(viewer) if with_client else 0
        begin_us, end_us, result["frames"], samples = play(run, replay, watch, peer)
        if with_client:
            converge(run, watch, end_us, result)
        rest_s = end_us / 1e6 + TAIL_S - time.monotonic()
        time.sleep(max(0.0, rest_s) if with_client else 0.3)
        result["cpu_s"] = cpu_s(pids) - cpu_before
        result["memory_mb"] = memory_mb(peer.session_pids(pids))
        if with_client:
            result["viewer_cpu_s"] = cpu_s(viewer) - viewer_before
            note_traffic(run, begin_us, end_us, result)
            note_quality(scene, samples, result)
    except RunError as error:
        result["error"] = str(error)
    finally:
        clients.stop()
        servers.stop()
        peer.clean_up()
    return result

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""First desktop: exactness, latency and cost of the whole path, beside QEMU's own displays.

usage: first-desktop.py BUILD SOURCE

Every comparison is made within this run, on the same golden image and the same machine.
"""
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time

BUILD, SOURCE = map(os.path.abspath, sys.argv[1:3])
sys.path[:0] = [os.path.join(SOURCE, "tools"), os.path.join(SOURCE, "tests", "e2e")]
import lab  # noqa: E402
import qmp  # noqa: E402
from story import read_png  # noqa: E402

POOL = "bench"
N_LOGINS, N_KEYS = 5, 40
KEY_A_EVDEV = 30
TYPED = "the quick brown fox jumps over the lazy dog "
SCROLL = "seq 1 3000"
GOALS = []


def say(text=""):
    print(text, flush=True)


def row(*cells):
    say("| " + " | ".join(str(cell) for cell in cells) + " |")


def table(*heads):
    say()
    row(*heads)
    row(*("---" for _ in heads))


def goal(text, is_met):
    GOALS.append(is_met)
    return f"{text}: {'met' if is_met else 'MISSED'}"


def cpu_s(pid, is_counted=lambda name: True):
    """User and system seconds of the threads of a process that are counted."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as file:
                head, _, tail = file.read().rpartition(")")
        except OSError:
            continue
        if is_counted(head.partition("(")[2]):
            fields = tail.split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def qemu_display_cpu_s(pid):
    """QEMU's threads without the virtual processors: its display, disk and main loop."""
    return cpu_s(pid, lambda name: not name.startswith("CPU "))


def memory_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        values = dict(line.split(":", 1) for line in file if ":" in line)
    return {key: int(values[key].split()[0]) for key in ("Rss", "Pss")}


def fixture(name, script):
    folder = os.path.join(cache(), "bench", name)
    subprocess.run([os.path.join(SOURCE, script), folder], check=True)
    return folder


def cache():
    return os.environ.get("BERTH_CACHE", os.path.expanduser("~/.cache/berth"))


def ask(probe, text):
    answer = probe.command(text)
    if not answer.get("ok"):
        raise lab.LabError(f"{text}: {answer}")
    return answer


# Login.

def measure_logins(site):
    times = []
    for _ in range(N_LOGINS):
        site.wait_machines(ready=1)
        stats = site.path("login.json")
        done = site.probe("--desktop", POOL, "--wait-stable", "100", "--stats", stats, "--logoff")
        if done.returncode != 0:
            raise lab.LabError(done.stderr.strip())
        with open(stats, encoding="utf-8") as file:
            times.append(json.load(file))
    for item in times:
        item["total_us"] = item["login_us"] + item["list_us"] + item["first_picture_us"]
    table("a hot spare, ms", f"median of {N_LOGINS}", "min", "max")
    for key, name in (("login_us", "log in (TLS, argon2id)"), ("list_us", "list the desktops"),
                      ("connect_us", "of the next: get a desktop and a ticket"),
                      ("first_picture_us", "choice to first full picture"),
                      ("total_us", "login to first full picture")):
        values = [item[key] / 1000 for item in times]
        row(name, *(f"{value:.0f}" for value in (
            statistics.median(values), min(values), max(values))))
    median_s = statistics.median(item["total_us"] for item in times) / 1e6
    say(goal(f"login to first full picture {median_s:.2f} s, at most 1.0 s", median_s <= 1.0))


# Exactness and latency.

class Machine:
    """The virtual machine of a session, reached past the agent, which holds QMP while it runs."""

    def __init__(self, site):
        self.site = site
        name = next(item["machine"] for item in site.rows("sessions")
                    if item["state"] == "active")
        self.machine = next(item["id"] for item in site.rows("machines") if item["name"] == name)
        self.folder = site.path("agent", "vms", self.machine)
        self.pid = next(pid for pid in site.processes("qemu-system-x86_64")
                        if any(self.machine in part for part in lab.command_line(pid)))

    def connect(self):
        """Stops the agent (the desktop goes on) and takes QMP."""
        self.site.agent.stop()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(self.folder, "qmp.sock"))
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.command("qmp_capabilities")

    def command(self, name, fds=(), **arguments):
        text = json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n"
        socket.send_fds(self.socket, [text], list(fds))
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                raise lab.LabError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def display_peer(self):
        """A new peer on QEMU's D-Bus display; the session's own one stops being served."""
        ours, theirs = socket.socketpair()
        self.command("getfd", fds=[theirs.fileno()], fdname="bench")
        self.command("add_client", protocol="@dbus-display", fdname="bench")
        theirs.close()
        return ours

    def close(self):
        self.lines.close()
        self.socket.close()
        self.site.agent.start()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure_path_keys(probe):
    values = []
    for _ in range(N_KEYS):
        ask(probe, "wait-stable 150")
        ask(probe, "key a")
        values.append(ask(probe, "wait-echo 3000")["latency_us"])
    return values


def measure_direct_keys(machine):
    peer = machine.display_peer()
    out = subprocess.run([os.path.join(BUILD, "tests", "bench", "direct-display"),
                          str(peer.fileno()), str(KEY_A_EVDEV), str(N_KEYS)],
                         pass_fds=[peer.fileno()], stdout=subprocess.PIPE, check=True).stdout
    peer.close()
    return [value for value in json.loads(out) if value > 0]


def count_wrong_pixels(machine, probe, site):
    ask(probe, "wait-stable 1500")
    png, ppm = site.path("client.png"), site.path("guest.ppm")
    machine.connect()
    for _ in range(10):
        machine.command("screendump", filename=ppm)
        ask(probe, f"screenshot {png}")
        again = site.path("again.ppm")
        machine.command("screendump", filename=again)
        seen, guest, later = read_png(png), qmp.read_ppm(ppm), qmp.read_ppm(again)
        if guest == later:
            break
    if seen[:2] != guest[:2]:
        return seen[0] * seen[1]
    return sum(seen[2][i:i + 3] != guest[2][i:i + 3] for i in range(0, len(guest[2]), 3))


def log_off_all(site):
    for item in site.rows("sessions"):
        if item["state"] not in ("ending", "ended", "lost"):
            site.berthctl("logoff", item["id"])


def prepare_terminal(run):
    """A terminal with the keyboard, wherever the desktop put it: the demo image's shortcut."""
    run("key ctrl+alt+t")


def measure_latency(site, what, is_goal):
    with site.probe_script("--desktop", POOL) as probe:
        ask(probe, "wait-stable 1000")
        if what == "demo guest":
            prepare_terminal(lambda text: ask(probe, text))
            ask(probe, "wait-stable 1500")
        path = measure_path_keys(probe)
        machine = Machine(site)
        n_wrong = count_wrong_pixels(machine, probe, site)
        # From here on the session has lost its display, and says so to the probe.
        direct = measure_direct_keys(machine)
        machine.close()
    log_off_all(site)
    ratio = statistics.median(path) / statistics.median(direct)
    table(f"key to pixel, {what}, {N_KEYS} keys", "min ms", "median ms", "p90 ms")
    for name, values in (("whole path", path), ("QEMU's D-Bus display directly", direct)):
        row(name, *(f"{value / 1000:.1f}" for value in (
            min(values), statistics.median(values), percentile(values, 0.9))))
    text = f"{what}: whole path {ratio:.2f} x direct, at most 1.3 x"
    say(goal(text, ratio <= 1.3) if is_goal else f"(no goal) {text}")
    text = f"{what}: {n_wrong} pixels differ between client and screendump"
    say(goal(text, n_wrong == 0))


# Cost, beside VNC.

class Relay:
    """Counts what a unix server sends to one client."""

    def __init__(self, folder, server):
        self.path, self.server, self.n_bytes = os.path.join(folder, "relay.sock"), server, 0
        self.pid = None

    def start(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(1)
        self.counter = open(self.path + ".count", "wb+")
        self.pid = os.fork()
        if self.pid == 0:
            lab.die_with_parent()
            self._run(listener)
            os._exit(0)
        listener.close()

    def _run(self, listener):
        client, _ = listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.server)
        pairs = {client: server, server: client}
        while True:
            for source in select.select(list(pairs), [], [])[0]:
                data = source.recv(262144)
                if not data:
                    return
                pairs[source].sendall(data)
                if source is server:
                    self.n_bytes += len(data)
                    os.pwrite(self.counter.fileno(), b"%20d" % self.n_bytes, 0)

    def count(self):
        return int(os.pread(self.counter.fileno(), 20, 0) or b"0")


# Scrolling first: it leaves an empty command line.
ACTIONS = (("scrolling", [f"text {SCROLL}", "key enter"]), ("typing", [f"text {TYPED}"]))


def measure_vnc(folder, site):
    server = site.path("vnc.sock")
    manifest = os.path.join(folder, "demo.json")
    rows = {}
    with qmp.Qemu(manifest, extra=["-vnc", f"unix:{server}"]) as machine:
        machine.wait_for_agent(180)
        settle_s = 8  # the desktop draws for some time after its agent answers
        deadline = time.monotonic() + settle_s
        while time.monotonic() < deadline:
            machine.agent_command("guest-ping")
            time.sleep(0.5)
        relay = Relay(site.folder, server)
        relay.start()
        viewer = subprocess.Popen([os.path.join(BUILD, "tests", "bench", "vnc-viewer"), relay.path],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.DEVNULL)

        def run(text):
            viewer.stdin.write(text + "\n")
            viewer.stdin.flush()
            return json.loads(viewer.stdout.readline())

        machine.press_together("ctrl", "alt", "t")
        run("settle 2500")
        for name, commands in ACTIONS:
            bytes_before, cpu_before = relay.count(), qemu_display_cpu_s(machine.process.pid)
            n_updates = 0
            for text in [*commands, "settle 1000"]:
                n_updates += run("key ff0d" if text == "key enter" else text)["updates"]
            rows[name] = (relay.count() - bytes_before, n_updates,
                          qemu_display_cpu_s(machine.process.pid) - cpu_before)
        viewer.stdin.close()
        viewer.wait()
        os.kill(relay.pid, 9)
        os.waitpid(relay.pid, 0)
    return rows


def type_key_by_key(probe, text):
    for letter in text:
        step = "key space" if letter == " " else f"key {letter}" if letter.isalnum() else f"type {letter}"
        ask(probe, step)
        ask(probe, "wait-change 1500") if letter.strip() else None


def measure_berth(site):
    rows = {}
    with site.probe_script("--desktop", POOL) as probe:
        ask(probe, "wait-stable 1000")
        prepare_terminal(lambda text: ask(probe, text))
        ask(probe, "wait-stable 2500")
        machine = Machine(site)
        (session,) = site.processes("berth-session")
        for name, commands in ACTIONS:
            before = ask(probe, "stats")
            cpu_before = (cpu_s(session), qemu_display_cpu_s(machine.pid))
            for text in commands:
                if text.startswith("text "):
                    type_key_by_key(probe, text[5:])
                else:
                    ask(probe, text)
            ask(probe, "wait-stable 1000")
            after = ask(probe, "stats")
            rows[name] = (after["bytes_in"] - before["bytes_in"],
                          after["changed_frames"] - before["changed_frames"],
                          cpu_s(session) - cpu_before[0] + qemu_display_cpu_s(machine.pid)
                          - cpu_before[1])
        memory = memory_kib(session)
        threads = len(os.listdir(f"/proc/{session}/task"))
        fds = len(os.listdir(f"/proc/{session}/fd"))
        ask(probe, "logoff")
    table("one session process", "value")
    row("memory, resident", f"{memory['Rss'] / 1024:.1f} MiB")
    row("memory, proportional", f"{memory['Pss'] / 1024:.1f} MiB")
    row("threads", threads)
    row("file descriptors", fds)
    return rows


def compare_cost(site, folder):
    ours = measure_berth(site)
    theirs = measure_vnc(folder, site)
    table("the same actions in the demo guest", "changed frames", "KB per frame",
          "server CPU ms per frame", "KB in all", "server CPU ms in all")
    for name, _ in ACTIONS:
        for product, rows in (("Berth", ours), ("QEMU VNC, ZRLE", theirs)):
            n_bytes, n_frames, seconds = rows[name]
            per = max(n_frames, 1)
            row(f"{name}, {product}", n_frames, f"{n_bytes / 1000 / per:.2f}",
                f"{seconds * 1000 / per:.2f}", f"{n_bytes / 1000:.0f}", f"{seconds * 1000:.0f}")
    say("Server CPU: QEMU without its virtual processors, and for Berth the session process.")


def with_site(folder, image, measure):
    site = lab.Lab(BUILD, {image: folder}, template_dir=os.path.join(cache(), "templates"))
    with site:
        site.add_pool(POOL, image, size=2, spares=1)
        site.wait_machines(ready=1, limit_s=300)
        measure(site)


def main():
    demo = fixture("demo", "tools/demo-image/build.sh")
    test_guest = fixture("tg", "tests/guest/build-tg.sh")
    say("first-desktop: two desktops, one hot spare, everything on this machine")

    def on_demo(site):
        measure_logins(site)
        site.wait_machines(ready=1)
        measure_latency(site, "demo guest", is_goal=True)
        site.wait_machines(ready=1)
        compare_cost(site, demo)

    with_site(demo, "demo", on_demo)
    with_site(test_guest, "tg", lambda site: measure_latency(site, "test guest", is_goal=False))
    say()
    say(f"first-desktop: {sum(GOALS)} of {len(GOALS)} goals met")
    sys.exit(0 if all(GOALS) else 1)


if __name__ == "__main__":
    main()

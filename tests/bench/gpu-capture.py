#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a frame costs on its way out of the guest: berth-gpu, D-Bus with shared memory, D-Bus.

usage: ./dev bench gpu-capture [FRAMES]

The same guest scrolls 512x256 pixels of text, 60 times a second; milliseconds of CPU time a frame,
without the guest's own processors.  "copy" runs on the installed QEMU, the others on a newer one.
"""
import os
import statistics
import sys
import tempfile
import time

BUILD, ROOT = sys.argv[1:3]
N_FRAMES = int(sys.argv[3]) if len(sys.argv) > 3 else 600
sys.path.insert(0, os.path.join(ROOT, "tests", "component"))
import display_fixture as fixture  # noqa: E402
import test_capture  # noqa: E402

KEY_A, KEY_F6, STEPS, N_KEYS = 30, 64, 60, 20
NAMES = ["-name", "bench,debug-threads=on"]


def cpu_ms(pid, skip=()):
    """CPU time of a process without threads whose name begins with one of skip."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as comm:
            name = comm.read()
        if not name.startswith(tuple(skip)):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
    return total / 1e6


def open_display(kind, folder):
    """(machine, its display, name of the source)"""
    manifest = fixture.build_guest(os.path.join(ROOT, "tests", "guest", "build-tg.sh"), folder)
    if kind == "berth-gpu":
        program = os.path.join(BUILD, "host-agent", "vhost-gpu", "berth-gpu")
        qemu = fixture.GpuQemu(manifest, program, folder, NAMES)
        return qemu, qemu.add_display(), "vhost-gpu"
    qemu = fixture.DisplayQemu(manifest, NAMES, program=fixture.new_qemu() if kind == "map" else None)
    return qemu, qemu.add_display(), "qemu-dbus"


def settle(driver):
    """Waits until nothing has changed for a while."""
    seen, since = None, 0
    while seen is None or time.monotonic() - since < 0.3:
        takes = driver.state()["takes"]
        if takes != seen:
            seen, since = takes, time.monotonic()
        time.sleep(0.02)


def key_to_picture_ms(driver):
    """Median of the times from a key to the next picture."""
    times = []
    for _ in range(N_KEYS):
        settle(driver)
        takes = driver.state()["takes"]
        start = time.monotonic()
        driver(f"key {KEY_A} 1")
        while driver.state()["takes"] == takes:
            pass
        times.append((time.monotonic() - start) * 1000)
        driver(f"key {KEY_A} 0")
    return statistics.median(times)


def measure(kind):
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder:
        qemu, display, source = open_display(kind, folder)
        qemu.wait_for_agent(60)
        driver = test_capture.Driver(os.path.join(BUILD, "tests", "component", "capture-driver"),
                                     source, display)
        fixture.wait_until("a picture", lambda: driver.state()["mode"] == "1280x800")
        settle(driver)
        processes = [("QEMU", qemu.process.pid, ("CPU ",)),
                     ("session", driver.process.pid, ())]
        if kind == "berth-gpu":
            processes.append(("berth-gpu", qemu.gpu_worker()[0], ()))
        takes = int(driver.state()["takes"])
        before = [cpu_ms(pid, skip) for _, pid, skip in processes]
        for _ in range(N_FRAMES // STEPS):
            driver.tap(KEY_F6)
        settle(driver)
        after = [cpu_ms(pid, skip) for _, pid, skip in processes]
        takes = int(driver.state()["takes"]) - takes
        key_ms = key_to_picture_ms(driver)
        driver.close()
        qemu.close()
    costs = {name: (b - a) / N_FRAMES for (name, _, _), a, b in zip(processes, before, after)}
    print(f"| {kind} | {takes} | " +
          " | ".join(f"{costs.get(name, 0):.3f}" for name in ("QEMU", "berth-gpu", "session")) +
          f" | {sum(costs.values()):.3f} | {key_ms:.1f} |", flush=True)


if __name__ == "__main__":
    print(f"{N_FRAMES} frames of 512x256, ms of CPU time a frame\n")
    print("| path | frames taken | QEMU | berth-gpu | session | all | key to picture, ms |\n"
          "|---|---|---|---|---|---|---|")
    for path in ("berth-gpu", "map", "copy"):
        measure(path)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Key to pixel with a live guest under TCG: the test guest, shared from QEMU, and a probe.

The guest answers a key by painting; the time ends with the first frame that shows the answer.
"""
import os
import statistics
import sys

import display_run
from display_run import Group, HERE, wait_until
from display_sessions import Probe, program

sys.path.insert(0, os.path.join(HERE, "..", "component"))
import display_fixture  # noqa: E402

N_KEYS = 60
GOAL_MS = 20
BOOT_S = 120


def press(probe):
    probe.ask("wait-stable 150")
    probe.ask("key a")
    return probe.ask("wait-echo 3000")["latency_us"] / 1000


def measure_keys(run, group):
    """Boots, shares, presses; milliseconds of each key."""
    manifest = display_fixture.build_guest(os.path.join(HERE, "..", "guest", "build-tg.sh"),
                                           run.path("guest"))
    monitor, file = run.path("qmp.sock"), run.path("guest.json")
    with display_fixture.DisplayQemu(
            manifest, ["-qmp", f"unix:{monitor},server=on,wait=off"],
            card="virtio-vga,id=video0,xres=1920,yres=1080") as qemu:
        qemu.wait_for_agent(BOOT_S)
        group.start([program("host-agent", "session", "berth-session"), "--share",
                     "qemu:" + monitor, "--connection-file", file], log="session")
        wait_until(lambda: os.path.exists(file), "the shared guest")
        probe = Probe(group, file, 0)
        opened = probe.ask("wait-stable 2000")
        times = [press(probe) for _ in range(N_KEYS)]
        group.stop()
    return opened, times


def measure(report, folder):
    """Prints the latency of keys."""
    run = display_run.Run(os.path.join(folder, "run"))
    os.mkdir(run.path("guest"))
    group = Group(run)
    try:
        opened, times = measure_keys(run, group)
    finally:
        group.stop()
    median = statistics.median(times)
    report.say(f"`./dev bench display --keys`: test guest under TCG, shared from QEMU, "
               f"{opened['width']}x{opened['height']}")
    report.table(["key to pixel", "min ms", "median ms", "p90 ms"],
                 [[f"{N_KEYS} keys", f"{min(times):.1f}", f"{median:.1f}",
                   f"{display_run.quantile(times, 0.9):.1f}"]])
    report.say()
    report.say(f"median {median:.1f} ms, at most {GOAL_MS} ms: "
               f"{'met' if median <= GOAL_MS else 'MISSED'}")

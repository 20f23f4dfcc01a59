#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the card of sound that every machine has costs a fork: time and private memory, with and
without, in one run.

usage: sound-card.py BUILD SOURCE [--quick] [--test-guest]

The test guest instead of the demo's desktop boots in seconds on any machine, and knows no sound.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
import clones  # noqa: E402  (takes BUILD and SOURCE from the command line)
import lab  # noqa: E402  (found by it)

N_ALONE, N_TOGETHER, IDLE_S = (3, 3, 5) if clones.IS_QUICK else (9, 8, 60)
GUEST = "tg" if "--test-guest" in sys.argv[3:] else "demo"
# The agent starts this instead of QEMU; as it is, or without the card.
WRAPPER = """#!/bin/bash
words=()
while (( $# )); do
    case "$1 ${2-}" in
        %s) shift 2; continue ;;
    esac
    words+=("%s")
    shift
done
exec /usr/bin/qemu-system-x86_64 "${words[@]}"
"""
WITH = WRAPPER % ("-no-such-option*", "$1")
WITHOUT = WRAPPER % ("-audiodev*|'-device intel-hda'*|'-device hda-duplex'*",
                     "${1/,audiodev=audio0/}")


def forks_of(site):
    return [pid for pid in site.processes("qemu-system-x86_64")
            if any("share=off" in word for word in lab.command_line(pid))]


def is_in_log(site, text):
    with open(site.agent.log_path, encoding="utf-8", errors="replace") as log:
        return text in log.read()


def measure(folder, text):
    """(drawn, ready, private MiB) of forks, a list each."""
    with tempfile.TemporaryDirectory(prefix="berth-card-") as place:
        program = os.path.join(place, "qemu")
        with open(program, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(program, 0o755)
        site = lab.Lab(clones.BUILD, {GUEST: folder}, memory_limit_mib=40000,
                       template_dir=os.path.join(place, "templates"),
                       agent_options=[f"start_slots={N_TOGETHER}"])
        site.qemu_program = program
        with site:
            for host in site.rows("hosts"):
                site.berthctl("set", "host", host["name"], "--vcpu-overcommit", "4000")
            site.add_pool("one", GUEST, size=1, spares=1)
            lab.wait_until("the template", lambda: is_in_log(site, "is ready to be forked"),
                           clones.LIMIT_S)
            for _ in range(N_ALONE):
                site.wait_machines(ready=1, limit_s=clones.LIMIT_S)
                before = len(clones.forks(site))
                done = site.probe("--desktop", "one", "--wait-stable", "100", "--logoff")
                if done.returncode != 0:
                    raise lab.LabError(done.stderr.strip())
                clones.wait_forks(site, before + 1)
            alone = clones.forks(site)[-N_ALONE:]
            before = len(clones.forks(site))
            site.add_pool("many", GUEST, size=N_TOGETHER, spares=N_TOGETHER)
            clones.wait_forks(site, before + N_TOGETHER)
            time.sleep(IDLE_S)
            private = [clones.Private(pid).all for pid in forks_of(site)]
    return [fork.drawn for fork in alone], [fork.ready for fork in alone], private


def fixture(folder):
    if GUEST == "demo":
        return clones.fixture()
    subprocess.run([os.path.join(clones.SOURCE, "tests", "guest", "build-tg.sh"), folder],
                   check=True, stdout=subprocess.DEVNULL)
    return folder


def main():
    with tempfile.TemporaryDirectory(prefix="berth-card-") as place:
        run(fixture(place))


def run(folder):
    clones.table(f"forks of the guest {GUEST}", "drawn ms", "ready ms", f"private MiB after {IDLE_S} s")
    runs = [("with a sound card", WITH), ("without one", WITHOUT), ("with it, again", WITH)]
    for name, text in runs[:2] if clones.IS_QUICK else runs:
        clones.row(name, *(f"{statistics.median(values):.0f} ({min(values):.0f} to "
                           f"{max(values):.0f})" for values in measure(folder, text)))


if __name__ == "__main__":
    main()

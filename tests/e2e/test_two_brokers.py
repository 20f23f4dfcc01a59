#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two brokers on one PostgreSQL, set up by nothing but what docs/ADMIN.md says.

usage: test_two_brokers.py BUILD ROOT
"""
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machines  # noqa: E402

ADDRESSES = {"keys": None, "db": "192.0.2.5", "broker1": "192.0.2.11", "broker2": "192.0.2.12",
             "front": "192.0.2.10"}
LIMIT_S = 60
SKIPPED = 77


def chapter(root):
    with open(os.path.join(root, "docs", "ADMIN.md"), encoding="utf-8") as file:
        return file.read().partition("### Two brokers on one PostgreSQL\n")[2].partition("\n## ")[0]


def run_block(machine, script):
    """The last block on "front" may come before the balancer has noticed who is there."""
    end = time.monotonic() + (LIMIT_S if machine.name == "front" else 0)
    while True:
        result = machine.run(script, capture_output=True)
        if result.returncode == 0:
            return result.stdout
        if time.monotonic() >= end:
            sys.exit(f"on {machine.name}:\n{script}\n{result.stdout}{result.stderr}")
        time.sleep(0.2)


def follow(site, text):
    """Does what the text says; what its commands printed, in order."""
    printed = []
    for language, names, path, content in machines.blocks_of(text):
        for name in names:
            machine = site.machines[name]
            if path:
                machine.write(path, content)
                print(f"ok: {path} on {name}")
            else:
                assert language == "sh", language
                printed.append((name, run_block(machine, content)))
                print(f"ok: {content.strip().splitlines()[0]} ... on {name}")
    return printed


def main():
    build, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    why_not = "it needs root" if os.getuid() else machines.is_possible()
    if why_not:
        print(f"SKIPPED: {why_not}")
        sys.exit(SKIPPED)
    site = machines.Machines(tempfile.mkdtemp(prefix="berth-machines-"), build,
                             os.path.join(root, "packaging", "systemd"), ADDRESSES)
    packaging = os.path.join(root, "packaging")
    installed = (machines.users_of(os.path.join(packaging, "berth.sysusers")) + "\n" +
                 machines.folders_of(os.path.join(packaging, "berth.tmpfiles")))
    try:
        for machine in site.machines.values():
            made = machine.run("set -e\necho 192.0.2.10 desktops.example.org >> /etc/hosts\n" +
                               installed)
            assert made.returncode == 0, machine.name
        printed = follow(site, chapter(root))
        answers = [text for name, text in printed if name == "front" and "n_users" in text]
        assert len(answers) == 2, printed
        assert all("n_users" in answer for answer in answers)
        print("ok: the broker that is left answers")
    finally:
        site.close()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups that an agent leaves when it is killed: tests remove those of their agents."""
import hashlib
import os
import time

ROOT = "/sys/fs/cgroup"
# Of the kernel, to let go of a process that has ended.
LIMIT_S = 10


def parent_name(state_dir):
    """The name of the group above those of an agent's machines: see host-agent/vm/cgroup.c."""
    return "berth-" + hashlib.sha256(os.path.normpath(state_dir).encode()).hexdigest()[:8]


def parents():
    """Folders that may hold such a group: the hierarchies, and the groups above our own."""
    found = {ROOT}
    try:
        found |= {entry.path for entry in os.scandir(ROOT) if entry.is_dir(follow_symlinks=False)}
        with open("/proc/self/cgroup", encoding="ascii") as lines:
            own = [line.strip().split(":", 2)[2] for line in lines if line.startswith("0::")]
    except OSError:
        return found
    for path in own:
        while path not in ("", "/"):
            found.add(ROOT + path)
            path = os.path.dirname(path)
    return found


def remove(state_dir):
    """Removes the groups of the agent with that folder, when all its machines have ended."""
    name = parent_name(state_dir)
    for folder in parents():
        group = os.path.join(folder, name)
        if not os.path.isdir(group):
            continue
        for below, _, _ in os.walk(group, topdown=False):
            remove_one(below)


def remove_one(group):
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            os.rmdir(group)
            return
        except OSError:
            if not os.path.isdir(group) or time.monotonic() > deadline:
                return
            time.sleep(0.02)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forks of a Debian desktop have nothing of who used them before, and nothing in common.

usage: clean_desktops.py BUILD SOURCE [TEST...]

Cleanliness: each user leaves a secret on the screen, on the disk and in the memory of a program, and
logs off; the next one's picture, files and memory are searched for it.  That the search finds it is
proved in the machine of who left it, before he logs off.  All secrets of a run begin with the same
random bytes, so each search is one for the secrets of everybody before.

Identity: what a hundred forks say of themselves is compared.
"""
import array
import os
import re
import secrets
import stat
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = map(os.path.abspath, sys.argv[1:3])
sys.path[:0] = [os.path.join(SOURCE, "tools"), os.path.dirname(os.path.abspath(__file__))]
import lab  # noqa: E402
from guest_agent import GuestAgent  # noqa: E402
from story import read_png  # noqa: E402

N_RECYCLES = int(os.environ.get("BERTH_TEST_RECYCLES", "12"))
N_FORKS, N_TOGETHER = int(os.environ.get("BERTH_TEST_FORKS", "30")), 10
LIMIT_S = 600
POOL, USERS = "office", ("anna", "bert", "carla")
COLOUR_BYTES, N_TAG_CELLS, N_OWN_CELLS = 3, 8, 4
TAG_BYTES = N_TAG_CELLS * COLOUR_BYTES
CHUNK_BYTES = 16 * 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# What a fork has touched by itself, at least.
MIN_TOUCHED_BYTES = 32 * 1024 * 1024
READY_AS_FORK = re.compile(r"machine=(\w+) is ready as a fork ")


class Site:
    """The one site of a run."""
    lab = folder = None

    @classmethod
    def get(cls):
        if cls.lab is None:
            cls.folder = tempfile.TemporaryDirectory(prefix="berth-clean-")
            subprocess.run([os.path.join(SOURCE, "tools/demo-image/build.sh"), cls.folder.name],
                           check=True)
            # A template of its own: who else uses a folder of templates makes them wait.
            cls.lab = lab.Lab(BUILD, {"demo": cls.folder.name}, memory_limit_mib=40000)
            cls.lab.start()
            for user in USERS:
                if user != cls.lab.user:
                    cls.lab.add_user(user, cls.lab.password)
        return cls.lab

    @classmethod
    def stop(cls):
        if cls.lab is not None:
            cls.lab.stop()
            cls.lab = None
            cls.folder.cleanup()


def forks():
    """Ids of the machines that became ready as forks, from the agent's log."""
    with open(Site.lab.agent.log_path, encoding="utf-8", errors="replace") as log:
        return READY_AS_FORK.findall(log.read())


def wait_template():
    """The template is there when a machine was forked from it; until then boots may be cold."""
    def is_there():
        with open(Site.lab.agent.log_path, encoding="utf-8", errors="replace") as log:
            return "is ready to be forked" in log.read() or forks()
    lab.wait_until("the template", is_there, LIMIT_S)


# Searching.

def search(read, start, end, needles, found):
    """Adds to found which needles lie between two offsets of what read(offset, size) gives."""
    overlap = max(map(len, needles)) - 1
    tail = b""
    while start < end and len(found) < len(needles):
        data = read(start, min(CHUNK_BYTES, end - start))
        if not data:
            return
        found.update(needle for needle in needles if needle in tail + data)
        tail = data[-overlap:]
        start += len(data)


def touched_runs(pid, start, end):
    """Runs of pages of a mapping that the process has: what it never touched is zero, or what the
    mapped file holds."""
    with open(f"/proc/{pid}/pagemap", "rb") as file:
        file.seek(start // PAGE_BYTES * 8)
        entries = array.array("Q", file.read((end - start) // PAGE_BYTES * 8))
    first = None
    for i, entry in enumerate(entries):
        is_there = entry >> 62 != 0  # present or swapped out
        if is_there and first is None:
            first = i
        elif not is_there and first is not None:
            yield start + first * PAGE_BYTES, start + i * PAGE_BYTES
            first = None
    if first is not None:
        yield start + first * PAGE_BYTES, start + len(entries) * PAGE_BYTES


def search_memory(pid, needles):
    """Which needles are in the memory of a process: a QEMU's holds all of its guest's."""
    found, n_bytes = set(), 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)

    def read(offset, size):
        nonlocal n_bytes
        try:
            data = os.pread(memory, size, offset)
        except OSError:
            return b""  # a mapping that went in the meantime, or a device's
        n_bytes += len(data)
        return data
    try:
        for addresses, rights, *more in rows:
            if rights.startswith("r") and not more[-1].startswith("[v"):
                start, end = (int(text, 16) for text in addresses.split("-"))
                for first, last in touched_runs(pid, start, end):
                    search(read, first, last, needles, found)
    finally:
        os.close(memory)
    return found, n_bytes


def search_files(folders, needles):
    """Which needles are in the files of some folders, read raw."""
    found, seen = set(), set()
    for path in (os.path.join(folder, name) for folder in folders for name in os.listdir(folder)):
        info = os.lstat(path)
        if stat.S_ISREG(info.st_mode) and (info.st_dev, info.st_ino) not in seen:
            seen.add((info.st_dev, info.st_ino))
            with open(path, "rb") as file:
                search(lambda at, size, fd=file.fileno(): os.pread(fd, size, at), 0, info.st_size,
                       needles, found)
    return found


class Secret:
    """Random bytes; the first of them are the same for all secrets of a run."""
    tag = secrets.token_bytes(TAG_BYTES)

    def __init__(self):
        self.bytes = self.tag + secrets.token_bytes(N_OWN_CELLS * COLOUR_BYTES)

    def leave_script(self):
        """Leaves it in a file, in the memory of a program, and on the screen as exact colours of
        cells of the first terminal."""
        cells = [self.bytes[i:i + COLOUR_BYTES].hex()
                 for i in range(0, len(self.bytes), COLOUR_BYTES)]
        colours = "".join(f"\\033]4;{100 + i};rgb:{c[:2]}/{c[2:4]}/{c[4:]}\\033\\\\"
                          for i, c in enumerate(cells))
        paint = "".join(f"\\033[48;5;{100 + i}m  " for i in range(len(cells)))
        return (f"printf '{colours}\\033[12;4H{paint}\\033[0m\\r\\n' >/dev/pts/0\n"
                f"perl -e 'print pack \"H*\", \"{self.bytes.hex()}\"' >~user/secret\n"
                f"setsid perl -e '$s = pack \"H*\", \"{self.bytes.hex()}\"; sleep 1 while 1'"
                " </dev/null >/dev/null 2>&1 &\nsync\n")

    @classmethod
    def row_of(cls, picture):
        """The bytes of the pixels of the tag's cells in a picture, or None."""
        cells = [re.escape(cls.tag[i:i + COLOUR_BYTES]) for i in range(0, TAG_BYTES, COLOUR_BYTES)]
        match = re.search(b"".join(b"(?:%s)+" % cell for cell in cells), picture, re.DOTALL)
        return match.group() if match else None


def screen_bytes(row):
    """How a row of RGB pixels lies in the memory of a guest: with a fourth byte of any value."""
    return [b"".join(row[i:i + 3][::-1] + fill for i in range(0, len(row), 3))
            for fill in (b"\0", b"\xff")]


class Desk:
    """A user's desktop and what can be read of it on the host."""

    def __init__(self, site, user):
        self.site = site
        self.probe = site.probe_script("--desktop", POOL, user=user)
        self.ask("wait-stable 200")
        self.machine, = [row for row in site.rows("machines") if row["state"] == "assigned"]
        self.folder = site.path("agent", "vms", self.machine["id"])
        self.pid, = [pid for pid in site.processes("qemu-system-x86_64") if any(
            self.machine["id"] in part for part in lab.command_line(pid))]

    def ask(self, text):
        answer = self.probe.command(text)
        if not answer.get("ok"):
            raise lab.LabError(f"{text}: {answer}")

    def picture(self):
        path = self.site.path("seen.png")
        self.ask(f"screenshot {path}")
        self.width, _, pixels = read_png(path)
        return pixels

    def disk_folders(self):
        """Of the overlay with the disk below it, and of the template: all but the golden file."""
        ram = [match.group(1) for match in (re.search(r"mem-path=([^,]*)/ram", part)
                                            for part in lab.command_line(self.pid)) if match]
        return [self.folder, *ram]

    def is_fork(self):
        return len(self.disk_folders()) > 1

    def log_off(self):
        self.ask("logoff")
        self.probe.close()

        def is_clean():
            row, = [row for row in self.site.rows("machines") if row["id"] == self.machine["id"]]
            return row if row["state"] == "ready" and row["epoch"] > self.machine["epoch"] else None
        return lab.wait_until("a clean desktop", is_clean, LIMIT_S)


class Cleanliness(unittest.TestCase):
    def test_no_next_user_finds_what_was_left(self):
        site = Site.get()
        site.add_pool(POOL, "demo", size=1, spares=1, users=USERS)
        self.addCleanup(site.berthctl, "set", "pool", POOL, "--spares", "0", "--size", "0")
        wait_template()
        self.n_bytes, self.pixels, self.place = 0, [], None
        for n in range(N_RECYCLES + 1):
            site.wait_machines(ready=1, limit_s=LIMIT_S)
            desk = Desk(site, USERS[n % len(USERS)])
            if n > 0:
                self.assertTrue(desk.is_fork(), f"recycle {n} is no fork")
                self.assert_clean(desk, n)
            self.leave_secret(desk)
            self.assert_receipt(desk.machine, desk.log_off())
        self.assertTrue(site.berthctl("audit", "verify")["is_whole"])
        print(f"ok: {N_RECYCLES} recycles, {self.n_bytes >> 20} MiB of memory searched",
              file=sys.stderr)

    def leave_secret(self, desk):
        """Leaves one and sees that it can be found."""
        with GuestAgent(desk.folder) as guest:
            guest.run(Secret().leave_script())
        needles = {Secret.tag, Secret.tag.hex().encode()}
        self.assertIn(Secret.tag, search_files([desk.folder], needles))
        if self.pixels:
            desk.ask(f"wait-pixel {self.place[0]},{self.place[1]},{Secret.tag[:3].hex()}")
            return
        row = lab.wait_until("the secret on the screen", lambda: Secret.row_of(desk.picture()))
        self.assertGreaterEqual(len(row), TAG_BYTES)
        at = desk.picture().index(row) // 3
        self.place, self.pixels = (at % desk.width, at // desk.width), screen_bytes(row)
        found, _ = search_memory(desk.pid, {*needles, *self.pixels})
        self.assertIn(Secret.tag, found)
        self.assertIn(Secret.tag.hex().encode(), found)
        self.assertTrue(found & set(self.pixels), "the picture is not in the machine's memory")

    def assert_clean(self, desk, n):
        self.assertIsNone(Secret.row_of(desk.picture()), f"on the screen after recycle {n}")
        needles = {Secret.tag, Secret.tag.hex().encode(), *self.pixels}
        folders = desk.disk_folders()
        if n % 10 != 0 and n != N_RECYCLES:
            del folders[1:]  # the template is big, and no fork may write to it
        self.assertEqual(search_files(folders, needles), set(), f"files, recycle {n}")
        found, n_bytes = search_memory(desk.pid, needles)
        self.assertEqual(found, set(), f"memory, recycle {n}")
        self.assertGreater(n_bytes, MIN_TOUCHED_BYTES)
        self.n_bytes += n_bytes

    def assert_receipt(self, before, after):
        """The recycle has its receipt in the audit log."""
        rows = Site.lab.berthctl("audit", "list", "--limit", "200")["audit"]
        fitting = [row["data"] for row in rows if row["data"].get("new_overlay") == after["overlay"]]
        self.assertEqual(len(fitting), 1, rows)
        self.assertEqual(fitting[0]["old_overlay"], before["overlay"])
        self.assertNotEqual(after["overlay"], before["overlay"])
        self.assertEqual(fitting[0]["epoch"], after["epoch"])
        self.assertGreater(after["epoch"], before["epoch"])


# A name, then what it is: one a line.  The first random numbers are drawn by the first command.
WHO_ARE_YOU = """
echo "random $(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n')"
echo "random-of-perl $(perl -e 'print join "-", map { int rand 2**31 } 1 .. 4')"
echo "machine-id $(cat /etc/machine-id)"
echo "hostname $(cat /proc/sys/kernel/hostname)"
echo "hostname-file $(cat /etc/hostname)"
for kind in ed25519 ecdsa; do
    echo "ssh-$kind $(cut -d ' ' -f 2 /etc/ssh/ssh_host_${kind}_key.pub)"
    echo "ssh-private-$kind $(sha256sum </etc/ssh/ssh_host_${kind}_key)"
done
echo "mac $(cat /sys/class/net/e*/address)"
echo "uuid $(cat /proc/sys/kernel/random/uuid)"
"""


class Identity(unittest.TestCase):
    def test_no_two_forks_have_anything_in_common(self):
        site = Site.get()
        said = {}
        for number in range(N_FORKS // N_TOGETHER):
            pool = f"team-{chr(ord('a') + number)}"
            site.add_pool(pool, "demo", size=N_TOGETHER, spares=N_TOGETHER)
            for machine in self.wait_ready(pool):
                if machine["id"] in forks():
                    said[machine["id"]] = self.ask(machine)
            self.remove_all(pool)
        # The very first may have booted cold, beside the template.
        self.assertGreaterEqual(len(said), N_FORKS - N_TOGETHER)
        for name in next(iter(said.values())):
            values = [answer[name] for answer in said.values()]
            self.assertTrue(all(values), f"{name} is missing")
            self.assertEqual(len(set(values)), len(values), f"{name} is the same in two forks")
        print(f"ok: {len(said)} forks differ in all of {', '.join(next(iter(said.values())))}",
              file=sys.stderr)

    def remove_all(self, pool):
        Site.lab.berthctl("set", "pool", pool, "--spares", "0", "--size", "0")
        lab.wait_until(f"no machines of {pool}", lambda: not any(
            row["pool"] == pool for row in Site.lab.rows("machines")), LIMIT_S)

    def wait_ready(self, pool):
        def ready():
            rows = [row for row in Site.lab.rows("machines")
                    if row["pool"] == pool and row["state"] == "ready"]
            return rows if len(rows) == N_TOGETHER else None
        return lab.wait_until(f"{N_TOGETHER} machines of {pool}", ready, LIMIT_S)

    def ask(self, machine):
        self.assertEqual(machine.get("condition", ""), "")
        with GuestAgent(Site.lab.path("agent", "vms", machine["id"])) as guest:
            lines = guest.run(WHO_ARE_YOU).splitlines()
        answer = dict(line.split(" ", 1) for line in lines)
        self.assertEqual(answer["hostname"], answer["hostname-file"])
        self.assertIn(answer["hostname"], machine["name"])
        return answer


if __name__ == "__main__":
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
    finally:
        Site.stop()

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end stories share: one site, the test guest, pictures and waiting.

The site is started once for all stories of a run (a guest boots once, then forks), with a pool of
two desktops and one hot spare.
"""
import os
import struct
import subprocess
import sys
import time
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
sys.path.append(os.path.join(HERE, "..", "component"))
import lab  # noqa: E402
from broker_site import Site as Authority  # noqa: E402
sys.path.insert(0, HERE)  # before the component tests, some of which have the same names

POOL = "office"
READY_LIMIT_S = 120
HEAD = (1280, 800)
KEY_A = 30

(EXIT_OK, EXIT_USAGE, EXIT_LOGIN, EXIT_NO_DESKTOP, EXIT_LOST, EXIT_TIMEOUT, EXIT_UNTRUSTED,
 EXIT_ENDED) = range(8)


class Site:
    """The one site of a run."""
    lab = None
    build = None
    guest_folder = None
    cache = None
    devices = None  # the authority of kiosks

    @classmethod
    def get(cls):
        if cls.lab is None:
            cls.lab = lab.Lab(cls.build, {"tg": cls.guest_folder},
                              template_dir=os.path.join(cls.cache, "templates"))
            cls.devices = Authority(cls.lab.path("devices"))
            cls.lab.gateway_options = [f"device_ca_file={cls.devices.path('ca.pem')}"]
            cls.lab.start()
            cls.lab.add_user("bert", cls.lab.password)
            cls.lab.add_user("carla", cls.lab.password)
            cls.lab.add_pool(POOL, "tg", size=2, spares=1, users=["anna", "bert", "carla"])
        return cls.lab

    @classmethod
    def stop(cls):
        if cls.lab is not None:
            cls.lab.stop()
            cls.lab = None


class Story(unittest.TestCase):
    """One user story.  Afterwards every session is logged off and a spare is ready again."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Site.get()

    def setUp(self):
        self.wait_spare()

    def tearDown(self):
        for row in self.lab.rows("sessions"):
            if row["state"] not in ("ending", "ended", "lost"):
                self.lab.berthctl("logoff", row["id"])

    def wait_spare(self):
        lab.wait_until("no desktop in use", lambda: not self.in_use(), READY_LIMIT_S)
        self.lab.wait_machines(ready=1, limit_s=READY_LIMIT_S)

    def in_use(self):
        return [row for row in self.lab.rows("machines")
                if row["state"] in ("assigned", "recycling")]

    def session(self, user="anna"):
        """The one open session of a user."""
        rows = [row for row in self.lab.rows("sessions")
                if row["user"] == user and row["state"] not in ("ended", "lost")]
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def open_desktop(self, user="anna", *options):
        """A probe on the user's desktop that has shown its first whole picture."""
        probe = self.lab.probe_script("--desktop", POOL, *options, user=user)
        self.addCleanup(probe.__exit__)
        self.command(probe, "wait-stable 200")
        return probe

    def command(self, probe, text):
        answer = probe.command(text)
        self.assertTrue(answer.get("ok"), f"{text}: {answer}")
        return answer

    def assert_alive(self, probe):
        """A key still changes the picture."""
        self.command(probe, "key a")
        self.command(probe, "wait-echo 60000")

    def wait_end(self, probe):
        """Asks a probe again and again until it has ended; returns why."""
        deadline = time.monotonic() + READY_LIMIT_S
        try:
            while time.monotonic() < deadline:
                probe.command("wait-stable 50")
        except lab.LabError as ended:
            return str(ended)
        self.fail("the probe goes on")

    def assert_refused(self, done, status, *words):
        """The probe ended with the status and one line that holds the words."""
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def machine(self, name):
        """The row of a machine."""
        return next(row for row in self.lab.rows("machines") if row["name"] == name)

    def desktop_pid(self, user="anna"):
        """The QEMU of a user's desktop."""
        machine = self.machine(self.session(user)["machine"])["id"]
        found = [pid for pid in self.lab.processes("qemu-system-x86_64")
                 if any(machine in part for part in lab.command_line(pid))]
        self.assertEqual(len(found), 1, found)
        return found[0]


class PictureStory(Story):
    """A story that looks at pixels."""

    def picture(self, probe, name):
        path = self.lab.path(name)
        self.command(probe, f"screenshot {path}")
        return read_png(path)

    def expect(self, *events, size=HEAD, head=0):
        program = os.path.join(Site.build, "tests", "guest", "tg-expect")
        return expected_picture(program, *events, size=size, head=head)

    def assert_shows(self, probe, name, *events, size=HEAD):
        """The probe's picture becomes the one that must be there, in every pixel.

        A guest that is slow may rest longer than any wait-stable before it paints the last of it.
        """
        wanted = self.expect(*events, size=size)
        deadline = time.monotonic() + READY_LIMIT_S
        seen = self.picture(probe, name)
        while seen != wanted and time.monotonic() < deadline:
            self.command(probe, "wait-stable 200")
            seen = self.picture(probe, name)
        self.assert_same_pixels(seen, wanted)

    def assert_same_pixels(self, seen, wanted):
        self.assertEqual(seen[:2], wanted[:2])
        n_wrong = sum(seen[2][i:i + 3] != wanted[2][i:i + 3] for i in range(0, len(seen[2]), 3))
        self.assertEqual(n_wrong, 0, f"{n_wrong} of {seen[0] * seen[1]} pixels differ")


def read_png(path):
    """(width, height, RGB bytes) of an 8-bit RGB PNG without interlace."""
    with open(path, "rb") as file:
        data = file.read()
    position, packed, size = 8, b"", None
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            assert (depth, colour) == (8, 2), "an 8-bit RGB file is expected"
            size = (width, height)
        elif kind == b"IDAT":
            packed += body
        position += 12 + length
    return (*size, unfilter(zlib.decompress(packed), *size))


def unfilter(rows, width, height):
    """Undoes the row filters of PNG (RFC 2083, section 6)."""
    stride = width * 3
    out, above = bytearray(), bytearray(stride)
    for y in range(height):
        kind = rows[y * (stride + 1)]
        row = bytearray(rows[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride if kind else 0):
            left = row[i - 3] if i >= 3 else 0
            up = above[i]
            corner = above[i - 3] if i >= 3 else 0
            row[i] = (row[i] + predict(kind, left, up, corner)) & 255
        out += row
        above = row
    return bytes(out)


def predict(kind, left, up, corner):
    if kind == 4:
        estimate = left + up - corner
        distances = [(abs(estimate - value), order, value)
                     for order, value in enumerate((left, up, corner))]
        return min(distances)[2]
    return {1: left, 2: up, 3: (left + up) // 2}[kind]


def expected_picture(expect_program, *events, size=HEAD, head=0):
    """What the test guest must show after events, as (width, height, RGB bytes)."""
    out = subprocess.run([expect_program, str(size[0]), str(size[1]), str(head), *events],
                         stdout=subprocess.PIPE, check=True).stdout
    magic, sizes, depth, pixels = out.split(b"\n", 3)
    assert (magic, depth) == (b"P6", b"255")
    return (*map(int, sizes.split()), pixels)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the RFB source asks a server for, and when: a scripted server reads every message.

usage: test_rfb.py CAPTURE_DRIVER

QEMU stops sending pixels for good if it meets two requests and a new picture of the guest at a bad
moment (host-agent/session/capture-rfb.c); so it must never have two.
"""
import os
import socket
import struct
import sys
import tempfile

import display_fixture as fixture
from test_capture import Driver
import qmp

RAW, CURSOR, NEW_SIZE, EXTENDED_KEYS, EXTENDED_SIZE = 0, -239, -223, -258, -308
KEY_A = 30


class Server:
    """A server that answers nothing by itself."""

    def __init__(self, stream, name, width, height):
        self.stream = stream
        stream.settimeout(60)
        self.width, self.height = width, height
        stream.sendall(b"RFB 003.008\n")
        self.read(12)
        stream.sendall(b"\x01\x01")  # no password
        self.read(1)
        stream.sendall(bytes(4))
        self.read(1)
        stream.sendall(struct.pack(">HHBBBBHHHBBBxxxI", width, height, 32, 24, 0, 1, 255, 255, 255,
                                   16, 8, 0, len(name)) + name.encode())
        self.encodings = []

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.stream.recv(size - len(data))
            if not more:
                sys.exit("the source closed its connection")
            data += more
        return data

    def message(self):
        """The next message: (is it a key, a request for pixels or None)."""
        kind = self.read(1)[0]
        if kind == 0:
            self.read(19)
        elif kind == 2:
            count = struct.unpack(">xH", self.read(3))[0]
            self.encodings.append(struct.unpack(f">{count}i", self.read(4 * count)))
        elif kind == 3:
            return False, struct.unpack(">BHHHH", self.read(9))
        elif kind == 4:
            self.read(7)
            return True, None
        elif kind == 255:
            self.read(11)
            return True, None
        else:
            sys.exit(f"message {kind} is not expected")
        return False, None

    def rectangle(self, encoding, x, y, width, height, data=b""):
        """Sends one message with one rectangle."""
        self.stream.sendall(struct.pack(">BxHHHHHi", 0, 1, x, y, width, height, encoding) + data)

    def resize(self, width, height):
        self.width, self.height = width, height
        self.rectangle(NEW_SIZE, 0, 0, width, height)

    def cursor(self):
        self.rectangle(CURSOR, 0, 0, 8, 8, b"\xff" * (8 * 8 * 4 + 8))

    def pixels(self, red, green, blue):
        pixel = bytes([blue, green, red, 0])
        self.rectangle(RAW, 0, 0, self.width, self.height, pixel * (self.width * self.height))


class Test:
    def __init__(self, program, name):
        print(f"a server that calls itself {name}")
        ours, theirs = socket.socketpair()
        self.driver = Driver(program, "rfb", theirs)
        self.server = Server(ours, name, 640, 480)
        self.folder = tempfile.TemporaryDirectory(prefix="berth-rfb-")
        self.asks("the first request is for all", (0, 0, 0, 640, 480))
        first, second = self.server.encodings
        if EXTENDED_SIZE in second or second[:-1] != first or second[-1] != EXTENDED_KEYS:
            sys.exit(f"the source offers the encodings {self.server.encodings}")

    def asks(self, what, *wanted):
        """What was asked for until now: the source reads a message to its end before it sends keys."""
        self.driver.tap(KEY_A)
        seen = []
        keys = 0
        while keys < 2:
            is_key, request = self.server.message()
            keys += is_key
            seen += [request] if request else []
        if seen != list(wanted):
            sys.exit(f"{what}: {seen} instead of {list(wanted)}")
        print(f"ok: {what}")

    def state_is(self, name, value):
        fixture.wait_until(f"{name} {value}", lambda: self.driver.state()[name] == value, 60)

    def shows(self, red, green, blue):
        path = os.path.join(self.folder.name, "seen.ppm")
        wanted = bytes([red, green, blue]) * (self.server.width * self.server.height)
        fixture.wait_until("the picture", lambda: self.driver(f"ppm {path}") == "ok"
                           and qmp.read_ppm(path)[2] == wanted, 60)

    def ends(self):
        self.server.stream.close()
        self.state_is("end", "desktop-gone")
        self.driver.close()
        self.folder.cleanup()


def qemu_has_one_request(program):
    test = Test(program, "QEMU (desktop)")
    test.server.resize(1000, 700)  # the guest changed it while the connection was made
    test.server.rectangle(EXTENDED_KEYS, 0, 0, 1008, 700)
    test.server.cursor()
    test.state_is("mode", "1000x700")
    test.state_is("cursor", "8x8")
    test.asks("keyboard and cursor are no answers")
    test.server.resize(800, 600)
    test.state_is("mode", "800x600")
    test.asks("a new size is no answer")
    test.server.pixels(10, 20, 30)
    test.shows(10, 20, 30)
    test.asks("pixels are an answer", (1, 0, 0, 800, 600))
    test.server.resize(400, 300)
    test.server.cursor()
    test.server.pixels(40, 50, 60)
    test.state_is("mode", "400x300")
    test.shows(40, 50, 60)
    test.asks("all of it is one answer", (1, 0, 0, 400, 300))
    test.server.resize(1000, 700)
    test.server.pixels(70, 80, 90)
    test.shows(70, 80, 90)
    test.asks("the columns beyond an odd width are asked for", (1, 0, 0, 1008, 700))
    test.ends()


def others_are_asked_after_each_message(program):
    test = Test(program, "desktop")
    test.server.cursor()
    test.state_is("cursor", "8x8")
    test.asks("a cursor is an answer", (1, 0, 0, 640, 480))
    test.server.resize(800, 600)
    test.state_is("mode", "800x600")
    test.asks("after a new size all is asked for", (0, 0, 0, 800, 600))
    test.server.pixels(10, 20, 30)
    test.shows(10, 20, 30)
    test.asks("pixels are an answer", (1, 0, 0, 800, 600))
    test.ends()


if __name__ == "__main__":
    qemu_has_one_request(sys.argv[1])
    others_are_asked_after_each_message(sys.argv[1])

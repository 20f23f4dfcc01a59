# SPDX-License-Identifier: GPL-3.0-or-later
"""An X display of our own, and a painter that speaks X11 to it without any library."""
import os
import random
import socket
import struct
import subprocess
import sys

import qmp

# Opcodes of the core protocol.
CREATE_GC, COPY_AREA, POLY_FILL_RECTANGLE, PUT_IMAGE, GET_IMAGE, GET_INPUT_FOCUS = (
    55, 62, 70, 72, 73, 43)
INTERN_ATOM, SEND_EVENT = 16, 25
CLIENT_MESSAGE = 33
Z_PIXMAP = 2
MAX_REQUEST_BYTES = 200 * 1024


class XDisplay:
    """Xvfb with a root window to paint on; 24 bits a pixel in 32."""

    def __init__(self, width=1280, height=800):
        self.width, self.height = width, height
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24",
             "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL,
            preexec_fn=qmp.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            self.name = ":" + file.readline().strip()
        self.connect()

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("/tmp/.X11-unix/X" + self.name[1:])
        self.socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        good, _, _, length = struct.unpack("<BxHHH", self.receive(8))
        data = self.receive(4 * length)
        if good != 1:
            sys.exit("the X server refuses us")
        self.id_base, _, _, vendor_len, _, n_screens, n_formats = struct.unpack_from(
            "<IIIHHBB", data, 4)
        self.root = struct.unpack_from(
            "<I", data, 32 + (vendor_len + 3) // 4 * 4 + 8 * n_formats)[0]
        self.gc = self.id_base
        # Without graphics exposures, so that no event ever comes.
        self.request(CREATE_GC, 0, struct.pack("<IIII", self.gc, self.root, 1 << 16, 0))

    def receive(self, n_bytes):
        data = b""
        while len(data) < n_bytes:
            more = self.socket.recv(n_bytes - len(data))
            if not more:
                sys.exit("the X server is gone")
            data += more
        return data

    def request(self, opcode, detail, body):
        self.socket.sendall(struct.pack("<BBH", opcode, detail, 1 + len(body) // 4) + body)

    def reply(self):
        """The next reply; errors end the test, events cannot come."""
        head = self.receive(32)
        if head[0] != 1:
            sys.exit(f"the X server answers {head!r}")
        return self.receive(4 * struct.unpack_from("<I", head, 4)[0])

    def put(self, x, y, width, height, pixels):
        """pixels: rows of B, G, R, 0."""
        rows = MAX_REQUEST_BYTES // (4 * width)
        for first in range(0, height, rows):
            n_rows = min(rows, height - first)
            self.request(PUT_IMAGE, Z_PIXMAP, struct.pack(
                "<IIHHhhBBxx", self.root, self.gc, width, n_rows, x, y + first, 0, 24) +
                pixels[4 * width * first:4 * width * (first + n_rows)])

    def copy(self, from_x, from_y, to_x, to_y, width, height):
        self.request(COPY_AREA, 0, struct.pack("<IIIhhhhHH", self.root, self.root, self.gc, from_x,
                                               from_y, to_x, to_y, width, height))

    def sync(self):
        """Waits until everything is painted."""
        self.request(GET_INPUT_FOCUS, 0, b"")
        self.reply()

    def atom(self, name):
        """The number of a name, four letters at a time."""
        self.request(INTERN_ATOM, 0, struct.pack("<Hxx", len(name)) +
                     name.encode().ljust((len(name) + 3) // 4 * 4, b"\0"))
        return struct.unpack_from("<I", self.receive(32), 8)[0]

    def ask_to_close(self, window):
        """What a window manager sends when its user presses the cross."""
        event = struct.pack("<BBHII5I", CLIENT_MESSAGE, 32, 0, window, self.atom("WM_PROTOCOLS"),
                            self.atom("WM_DELETE_WINDOW"), 0, 0, 0, 0)
        self.request(SEND_EVENT, 0, struct.pack("<II", window, 0) + event)
        self.sync()

    def picture(self):
        """What is shown, as (width, height, rows of R, G, B)."""
        rows = []
        for first in range(0, self.height, 100):
            n_rows = min(100, self.height - first)
            self.request(GET_IMAGE, Z_PIXMAP, struct.pack(
                "<IhhHHI", self.root, 0, first, self.width, n_rows, 0xffffffff))
            data = self.reply()[:4 * self.width * n_rows]
            rgb = bytearray(3 * self.width * n_rows)
            rgb[0::3], rgb[1::3], rgb[2::3] = data[2::4], data[1::4], data[0::4]
            rows.append(bytes(rgb))
        return self.width, self.height, b"".join(rows)

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


class OtherDisplay(XDisplay):
    """An X server that somebody else started."""

    def __init__(self, name):
        self.name = name
        self.connect()


class Page:
    """Rows of text that never end: letters of a small font that repeat, in a new order."""

    CELL_W, CELL_H = 8, 16

    def __init__(self, display, seed=1):
        self.display = display
        self.random = random.Random(seed)
        self.glyphs = [[self.random.randbytes(1)[0] & self.random.randbytes(1)[0]
                        for _ in range(self.CELL_H)] for _ in range(64)]
        self.columns = display.width // self.CELL_W
        self.bits = [b"".join(b"\0\0\0\0" if byte >> bit & 1 else b"\xff\xff\xff\0"
                              for bit in range(8)) for byte in range(256)]

    def line(self):
        """The pixels of one row of letters."""
        letters = [self.random.choice(self.glyphs) for _ in range(self.columns)]
        return b"".join(self.bits[glyph[row]] for row in range(self.CELL_H) for glyph in letters)

    def fill(self):
        for y in range(0, self.display.height, self.CELL_H):
            self.display.put(0, y, self.display.width, self.CELL_H, self.line())

    def scroll(self, n_lines=1):
        """Moves everything up and writes new lines at the bottom."""
        height = n_lines * self.CELL_H
        self.display.copy(0, height, 0, 0, self.display.width, self.display.height - height)
        for line in range(n_lines):
            self.display.put(0, self.display.height - height + line * self.CELL_H,
                             self.display.width, self.CELL_H, self.line())

    def noise(self):
        """What cannot be made small: a picture of random colours."""
        display = self.display
        for y in range(0, display.height, 50):
            display.put(0, y, display.width, 50, self.random.randbytes(4 * display.width * 50))

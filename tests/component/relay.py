# SPDX-License-Identifier: GPL-3.0-or-later
"""A path between a client and a session: so many bytes a second, a delay, and faults at will."""
import collections
import select
import socket
import threading
import time

# Read at once; on a path with a rate it is what arrives together.
PIECE_BYTES = 4096
FAST_PIECE_BYTES = 65536


class Path:
    """One direction of one connection: what was read waits here until the path has carried it."""

    def __init__(self, source, target, relay, is_down):
        self.source, self.target = source, target
        self.relay, self.is_down = relay, is_down
        self.queue = collections.deque()  # (due time, bytes)
        self.n_queued = 0
        self.free_at = 0.0
        self.is_ended = False

    def read(self, now):
        try:
            data = self.source.recv(PIECE_BYTES if self.relay.bytes_per_s else FAST_PIECE_BYTES)
        except OSError:
            data = b""
        if not data:
            self.is_ended = True
            return
        self.free_at = max(self.free_at, now)
        if self.is_down and self.relay.bytes_per_s:
            self.free_at += len(data) / self.relay.bytes_per_s
        self.queue.append((self.free_at + self.relay.delay_s, data))
        self.n_queued += len(data)

    def write(self, now):
        while self.queue and self.queue[0][0] <= now:
            data = self.queue[0][1]
            try:
                n = self.target.send(data)
            except BlockingIOError:
                return
            except OSError:
                self.is_ended = True
                return
            self.n_queued -= n
            if n < len(data):
                self.queue[0] = (0.0, data[n:])
                return
            self.queue.popleft()


class Relay:
    """Listens on a port of its own and passes each connection on to another."""

    def __init__(self, port, bytes_per_s=0, delay_s=0.0):
        self.bytes_per_s, self.delay_s = bytes_per_s, delay_s
        self.target = port
        self.is_paused = False   # the client's end reads nothing
        self.trickle_s = 0.0     # it reads one byte each so many seconds
        self.most_queued = 0     # bytes on the way down, without what the sockets hold
        self.n_down = 0
        self.paths = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wakeup, self.waker = socket.socketpair()
        threading.Thread(target=self.run, daemon=True).start()

    def wake(self):
        self.waker.send(b"x")

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.socket()
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.connect(("127.0.0.1", self.target))
        for end in (near, far):
            end.setblocking(False)
        self.paths += [Path(far, near, self, True), Path(near, far, self, False)]

    def may_read(self, path):
        """A path without a rate is as fast as the client reads; one with a rate queues."""
        if path.is_ended or (path.is_down and (self.is_paused or self.trickle_s)):
            return False
        return bool(path.is_down and self.bytes_per_s) or path.n_queued < 65536

    def trickle(self, now):
        """Reads one byte of each connection."""
        for path in self.paths:
            if path.is_down and not path.is_ended:
                try:
                    path.queue.append((now, path.source.recv(1)))
                    path.n_queued += 1
                except OSError:
                    pass

    def drop_ended(self):
        for path in [p for p in self.paths if p.is_ended and not p.queue]:
            for end in (path.source, path.target):
                end.close()
            self.paths = [p for p in self.paths if p.source not in (path.source, path.target)]

    def step(self):
        now = time.monotonic()
        if self.trickle_s:
            self.trickle(now)
        for path in self.paths:
            path.write(now)
            if path.is_down:
                self.most_queued = max(self.most_queued, path.n_queued)
        self.drop_ended()
        due = [path.queue[0][0] for path in self.paths if path.queue]
        wait = max(min(due, default=now + 1) - now, 0.0005)
        if self.trickle_s:
            wait = self.trickle_s
        reading = [path.source for path in self.paths if self.may_read(path)]
        ready = select.select([self.listener, self.wakeup, *reading], [], [], wait)[0]
        if self.wakeup in ready:
            self.wakeup.recv(64)
        if self.listener in ready:
            self.accept()
        now = time.monotonic()
        for path in self.paths:
            if path.source in ready:
                path.read(now)

    def run(self):
        while True:
            self.step()

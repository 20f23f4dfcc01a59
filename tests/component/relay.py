# SPDX-License-Identifier: GPL-3.0-or-later
"""A path between a client and a session: so many bytes a second, a delay, and faults at will.

    relay.cut()      connections end, new ones are refused: a server or a router is off
    relay.silence()  nothing passes any more, and nobody is told: a cable is out
    relay.restore()  new connections work again; silenced ones stay as they are, as TCP would
                     leave them for a while
    relay.hold(down=True)  what is sent waits, until relay.hold()
"""
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
            if not self.is_down:
                self.relay.n_up += n
            if n < len(data):
                self.queue[0] = (0.0, data[n:])
                return
            self.queue.popleft()


def own_port():
    """A listener that keeps its port when it does not listen: one that was asked for by number."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = free.getsockname()
        try:
            return socket.create_server(address)
        except OSError:
            pass  # somebody was faster


class Relay:
    """Listens on a port of its own and passes each connection on to another."""

    def __init__(self, port, bytes_per_s=0, delay_s=0.0):
        self.bytes_per_s, self.delay_s = bytes_per_s, delay_s
        self.target = port
        self.is_paused = False   # the client's end reads nothing
        self.is_cut = False
        self.trickle_s = 0.0     # it reads one byte each so many seconds
        self.most_queued = 0     # bytes on the way down, without what the sockets hold
        self.n_up = 0            # bytes of clients that have arrived
        self.held_up = self.held_down = False  # what is sent waits
        self.is_silent = False   # new connections are not served
        self.paths = []
        self.lost = []           # ends that nobody serves any more
        self.orders = collections.deque()  # done by the thread
        self.listener = own_port()
        self.port = self.listener.getsockname()[1]
        self.wakeup, self.waker = socket.socketpair()
        threading.Thread(target=self.run, daemon=True).start()

    def wake(self):
        self.waker.send(b"x")

    def order(self, act):
        """Has the thread do something; returns when it is done."""
        done = threading.Event()
        self.orders.append((act, done))
        self.wake()
        done.wait(60)

    def ends(self):
        return {end for path in self.paths for end in (path.source, path.target)}

    def cut(self):
        def act():
            # A socket that does not listen, but has its port: connections to it are refused.
            self.listener.shutdown(socket.SHUT_RDWR)
            for end in self.ends():
                end.close()
            self.paths = []
            self.is_cut = True
        self.order(act)

    def silence(self):
        def act():
            self.lost += self.ends()
            self.paths = []
            self.is_silent = True
        self.order(act)

    def restore(self):
        def act():
            if self.is_cut:
                self.listener.listen()
            self.is_cut = self.is_silent = False
        self.order(act)

    def hold(self, up=False, down=False):
        def act():
            self.held_up, self.held_down = up, down
        self.order(act)

    def end_connections(self):
        """As cut(), but new connections work at once."""
        self.cut()
        self.restore()

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.socket()
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            far.connect(("127.0.0.1", self.target))
        except OSError:
            near.close()
            far.close()
            return
        for end in (near, far):
            end.setblocking(False)
        self.paths += [Path(far, near, self, True), Path(near, far, self, False)]

    def may_read(self, path):
        """A path without a rate is as fast as the client reads; one with a rate queues."""
        if path.is_ended or (path.is_down and (self.is_paused or self.trickle_s)):
            return False
        if self.held_down if path.is_down else self.held_up:
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
        if not self.is_cut and not self.is_silent:
            reading.append(self.listener)
        ready = select.select([self.wakeup, *reading], [], [], wait)[0]
        if self.wakeup in ready:
            self.wakeup.recv(64)
            while self.orders:
                act, done = self.orders.popleft()
                act()
                done.set()
            return
        if self.listener in ready:
            self.accept()
        now = time.monotonic()
        for path in self.paths:
            if path.source in ready:
                path.read(now)

    def run(self):
        while True:
            self.step()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Berth as a peer of the display benchmark's harness: ./bench.py -p .../peers_berth.py berth-x11

The harness executes this file inside its own names, so that its classes and helpers are here.
BERTH_BUILD names the build folder; without it that is ../../build, seen from this file.
"""
import json as berth_json
import os as berth_os
import socket as berth_socket

_here = berth_os.path.dirname(berth_os.path.abspath(__file__))  # noqa: F821
BERTH_BUILD = berth_os.path.abspath(
    berth_os.environ.get("BERTH_BUILD") or berth_os.path.join(_here, "..", "..", "build"))


def berth_program(*parts):
    path = berth_os.path.join(BERTH_BUILD, *parts)
    if not berth_os.access(path, berth_os.X_OK):
        raise RuntimeError(f"{path} is not built: run ./dev build, or set BERTH_BUILD")
    return path


class BerthPart:
    """What both kinds of server share: the sharing process, and the viewer at the relay."""

    viewer_wm = True

    def share(self, group, target):
        self.file = berth_os.path.join(RUN, "berth.json")  # noqa: F821
        if berth_os.path.exists(self.file):
            berth_os.unlink(self.file)
        args = [berth_program("host-agent", "session", "berth-session"), "--share", target,
                "--listen", f"127.0.0.1:{SPORT}", "--connection-file", self.file]  # noqa: F821
        process = group.start(args + self.o.get("sargs", []), log="berth-session")
        end = time.time() + 20  # noqa: F821
        while not berth_os.path.exists(self.file):
            if process.poll() is not None or time.time() > end:  # noqa: F821
                raise RuntimeError("berth-session --share does not come up: log/berth-session.log")
            time.sleep(0.02)  # noqa: F821
        return process.pid

    def client(self, group):
        with open(self.file, encoding="utf-8") as file:
            connection = berth_json.load(file)
        connection["port"] = PPORT  # noqa: F821
        path = berth_os.path.join(RUN, "berth-viewer.json")  # noqa: F821
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: berth_os.open(
                name, flags, 0o600)) as file:
            berth_json.dump(connection, file)
        return [group.start([berth_program("client", "berth"), "--direct", path, "--fullscreen"] +
                            self.o.get("cargs", []), display=CDPY, log="berth-viewer").pid]  # noqa: F821


class BerthX11(BerthPart, Peer):  # noqa: F821
    """An Xvfb, shared by X11 capture."""

    def server(self, g):
        x = self.xvfb(g)
        return [self.share(g, SDPY), x.pid]  # noqa: F821


class BerthQemu(BerthPart, Qemu):  # noqa: F821
    """The guest of Qemu (ramfb over a file of guest RAM), captured by its D-Bus display."""

    viewer_wm = True

    def server(self, g):
        qmp = berth_os.path.join(RUN, "qemu.qmp")  # noqa: F821
        if berth_os.path.exists(qmp):
            berth_os.unlink(qmp)
        self.o["qargs"] = ["-display", "dbus,p2p=on", "-qmp", f"unix:{qmp},server=on,wait=off"]
        # The harness waits for a port of QEMU's own before it sets the picture up: hold one.
        holder = berth_socket.socket()
        holder.setsockopt(berth_socket.SOL_SOCKET, berth_socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", SPORT))  # noqa: F821
        holder.listen(1)
        try:
            pids = self.machine(g)
        finally:
            holder.close()
        return [self.share(g, "qemu:" + qmp)] + pids

    def machine(self, g):
        """Qemu.server(), which connects to a monitor that is there a moment after its port."""
        monitor = berth_os.path.join(RUN, "qemu.mon")  # noqa: F821
        start = g.start

        def start_and_wait(*args, **kw):
            process = start(*args, **kw)
            end = time.time() + 20  # noqa: F821
            while not berth_os.path.exists(monitor) and time.time() < end:  # noqa: F821
                time.sleep(0.02)  # noqa: F821
            return process

        g.start = start_and_wait
        try:
            return Qemu.server(self, g)  # noqa: F821
        finally:
            g.start = start


PEERS = {  # noqa: F811
    "berth-x11": BerthX11(),
    "berth-qemu": BerthQemu(),
}

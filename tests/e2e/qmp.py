# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU of our own for tests: started with a QMP socket, driven, and never left behind."""
import ctypes
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """For preexec_fn: the child is killed when the test ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class QmpError(Exception):
    """QEMU has refused a command or has gone."""


class Qemu:
    """One virtual machine of an image manifest, with a screen and no window."""

    def __init__(self, manifest_path, extra=(), card=None, pass_fds=(), program=None):
        """card: a -device instead of QEMU's own card; its memory is shared then."""
        folder = os.path.dirname(os.path.abspath(manifest_path))
        with open(manifest_path, encoding="utf-8") as text:
            self.manifest = json.load(text)
        ours, theirs = socket.socketpair()
        agent_ours, agent_theirs = socket.socketpair()
        argv = [
            *(program or ["qemu-system-x86_64"]), "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "pc-q35-7.2" + (",memory-backend=ram" if card else ""),
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(self.manifest["vcpus"]), "-m", str(self.manifest["memory_mib"]),
            "-chardev", f"socket,id=qmp0,fd={theirs.fileno()}", "-mon", "chardev=qmp0,mode=control",
            "-device", card or "virtio-vga,id=video0,max_outputs=2", "-device", "virtio-tablet-pci",
            "-device", "virtio-keyboard-pci", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=ga0,fd={agent_theirs.fileno()}",
            "-device", "virtserialport,chardev=ga0,name=org.qemu.guest_agent.0", "-no-reboot",
        ]
        if card:
            argv += ["-object", f"memory-backend-memfd,id=ram,share=on,"
                     f"size={self.manifest['memory_mib']}M"]
        if self.manifest["kernel"]:
            argv += ["-kernel", os.path.join(folder, self.manifest["kernel"]),
                     "-initrd", os.path.join(folder, self.manifest["initrd"]),
                     "-append", self.manifest["cmdline"]]
        if self.manifest["disk"]:
            disk = os.path.join(folder, self.manifest["disk"])
            argv += ["-drive", f"if=virtio,format=qcow2,cache=unsafe,snapshot=on,file={disk}"]
        argv += list(extra)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            argv, pass_fds=[theirs.fileno(), agent_theirs.fileno(), *pass_fds], stdout=self.log,
            stderr=self.log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        theirs.close()
        agent_theirs.close()
        self.qmp = ours
        self.qmp_lines = ours.makefile("rb")
        self.agent = agent_ours
        self._read()
        self.command("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the machine at once."""
        self.process.kill()
        self.process.wait()
        self.qmp_lines.close()
        self.qmp.close()
        self.agent.close()
        self.log.close()

    def last_words(self):
        """How it ended, for a QEMU that did so by itself, and what it said."""
        try:
            status = self.process.wait(1)
        except subprocess.TimeoutExpired:
            status = None
        self.log.seek(0)
        said = self.log.read().decode(errors="replace").strip()[-1000:]
        return f"status {status}, it said: {said or 'nothing'}"

    def _read(self):
        line = self.qmp_lines.readline()
        if not line:
            raise QmpError(f"QEMU has closed its QMP socket: {self.last_words()}")
        return json.loads(line)

    def command(self, name, **arguments):
        """Runs a QMP command and returns its value; events on the way are dropped."""
        self.qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = self._read()
            if "error" in answer:
                raise QmpError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def agent_command(self, name, timeout_s=1.0, **arguments):
        """Asks the guest agent; None if it does not answer in time."""
        marker = int(time.monotonic_ns() & 0x7fffffff)
        request = b""
        for execute, args in (("guest-sync-delimited", {"id": marker}), (name, arguments)):
            request += json.dumps({"execute": execute, "arguments": args}).encode() + b"\n"
        self.agent.settimeout(timeout_s)
        received = b""
        try:
            self.agent.sendall(b"\xff" + request)
            while True:
                data = self.agent.recv(65536)
                if not data:
                    raise ConnectionResetError
                received += data
                lines = received.rpartition(b"\xff")[2].split(b"\n")
                if len(lines) > 2 and json.loads(lines[0]).get("return") == marker:
                    return json.loads(lines[1])
        except socket.timeout:
            return None
        except ConnectionError as error:
            raise QmpError(f"QEMU has closed its guest agent's socket: {self.last_words()}") from error

    def wait_for_agent(self, timeout_s):
        """Seconds until the guest agent has answered a ping; QmpError if it never does."""
        start = time.monotonic()
        while time.monotonic() - start < timeout_s:
            if self.agent_command("guest-ping") is not None:
                return time.monotonic() - start
            if self.process.poll() is not None:
                raise QmpError(f"QEMU has ended: {self.last_words()}")
        raise QmpError(f"the guest agent has not answered within {timeout_s} s")

    def send_events(self, *events):
        """Input events of one report, each (type, data) as QMP names them."""
        self.command("input-send-event", events=[{"type": t, "data": d} for t, d in events])

    def press(self, *qcodes):
        """Presses and releases keys by their QEMU names, one after the other."""
        for qcode in qcodes:
            for down in (True, False):
                self.send_events(("key", {"down": down,
                                          "key": {"type": "qcode", "data": qcode}}))

    def press_together(self, *qcodes):
        """Presses keys in order and releases them in reverse: a shortcut."""
        for down, codes in ((True, qcodes), (False, reversed(qcodes))):
            for qcode in codes:
                self.send_events(("key", {"down": down,
                                          "key": {"type": "qcode", "data": qcode}}))

    def point(self, x, y, width, height):
        """Moves the absolute pointer to a pixel of a head of this size."""
        self.send_events(("abs", {"axis": "x", "value": x * 32767 // width}),
                         ("abs", {"axis": "y", "value": y * 32767 // height}))

    def click(self, button="left"):
        """Presses and releases a mouse button."""
        for down in (True, False):
            self.send_events(("btn", {"down": down, "button": button}))

    def screen(self, path, head=0):
        """Writes the picture as PPM to path and returns (width, height, bytes of RGB rows)."""
        arguments = {"filename": path}
        if head > 0:
            arguments.update(device="video0", head=head)
        self.command("screendump", **arguments)
        return read_ppm(path)


def read_ppm(path):
    """(width, height, RGB bytes) of a binary PPM file."""
    with open(path, "rb") as file:
        data = file.read()
    magic, width, height, depth = data.split(None, 4)[:4]
    if magic != b"P6" or depth != b"255":
        raise ValueError(f"{path} is no 8-bit PPM")
    size = int(width) * int(height) * 3
    return int(width), int(height), data[len(data) - size:]

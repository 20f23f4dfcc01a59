# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU whose display is a socket of ours: D-Bus peer to peer, or RFB."""
import array
import json
import os
import socket
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import qmp  # noqa: E402


# QEMU 7.2 may stop by itself so while it translates for several processors at once.
EMULATOR_STOP = "iotlb_to_section: Assertion"


def run_or_skip(test):
    """Runs a test that is a program of its own; one that cannot be run here is skipped, aloud.

    Where the emulator, not the test, stops by an assertion of its own, it is run a second time.
    """
    try:
        try:
            test()
        except qmp.QmpError as error:
            if EMULATOR_STOP not in str(error):
                raise
            print(f"again, because the emulator stopped: {error}", file=sys.stderr)
            test()
    except unittest.SkipTest as reason:
        print(f"skipped: {reason}", file=sys.stderr)
        sys.exit(77)


def build_guest(build_tg_sh, folder):
    """Builds (or finds) the test guest and returns the path of its manifest."""
    subprocess.run([build_tg_sh, folder], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "tg.json")


def without_kernel(manifest):
    """The same machine with nothing to boot: its firmware says so, in text."""
    with open(manifest, encoding="utf-8") as file:
        machine = json.load(file)
    machine["kernel"] = None
    path = os.path.join(os.path.dirname(manifest), "no-kernel.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(machine, file)
    return path


def new_qemu():
    """The command of a QEMU newer than Debian's own, which is downloaded once and not installed.

    Where it cannot be had, the test is skipped, and says so.
    """
    script = os.path.join(HERE, "..", "guest", "new-qemu.sh")
    done = subprocess.run([script], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest("there is no newer QEMU to be had")
    usr = os.path.join(done.stdout.strip(), "usr")
    return ["env", f"QEMU_MODULE_DIR={usr}/lib/x86_64-linux-gnu/qemu",
            f"{usr}/bin/qemu-system-x86_64", "-L", f"{usr}/share/qemu", "-L", "/usr/share/seabios"]


class DisplayQemu(qmp.Qemu):
    """The test guest with a D-Bus display (and, if asked for, VNC on a unix socket)."""

    def __init__(self, manifest, extra=(), **arguments):
        super().__init__(manifest, ["-display", "dbus,p2p=yes", *extra], **arguments)

    def add_display(self):
        """Our end of a new D-Bus display connection."""
        ours, theirs = socket.socketpair()
        request = json.dumps({"execute": "getfd", "arguments": {"fdname": "display"}}).encode()
        self.qmp.sendmsg([request + b"\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                             array.array("i", [theirs.fileno()]))])
        theirs.close()
        answer = self._read()
        while "return" not in answer:
            if "error" in answer:
                raise qmp.QmpError(answer["error"]["desc"])
            answer = self._read()
        self.command("add_client", protocol="@dbus-display", fdname="display")
        return ours


class GpuQemu(DisplayQemu):
    """The test guest with a graphics card by berth-gpu."""

    def __init__(self, manifest, gpu_program, folder, extra=()):
        ours, theirs = socket.socketpair()
        self.gpu_path = os.path.join(folder, "gpu.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self.gpu_path)
            listener.listen(4)
            self.gpu = subprocess.Popen(
                [gpu_program, "--vhost-fd", str(ours.fileno()), "--listen-fd",
                 str(listener.fileno())], pass_fds=[ours.fileno(), listener.fileno()],
                preexec_fn=qmp.die_with_parent)
        ours.close()
        super().__init__(
            manifest, ["-chardev", f"socket,id=gpu0,fd={theirs.fileno()}", *extra], program=new_qemu(),
            card="vhost-user-vga,id=video0,chardev=gpu0,edid=off", pass_fds=[theirs.fileno()])
        theirs.close()

    def gpu_worker(self):
        """The process that does the work; it may change."""
        with open(f"/proc/{self.gpu.pid}/task/{self.gpu.pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def add_display(self):
        """One descriptor with two in it: the D-Bus display, and a connection to berth-gpu."""
        display = super().add_display()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gpu:
            gpu.connect(self.gpu_path)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            theirs.sendmsg([b"g"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                     array.array("i", [display.fileno(), gpu.fileno()]))])
        theirs.close()
        display.close()
        return ours


def wait_until(what, check, timeout_s=60.0, explain=None):
    """Polls check until it returns something true, which is returned; fails with what.

    The limit is there to end a test that hangs, not to measure: a machine may be slow.
    explain: called then for more to say
    """
    start = time.monotonic()
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() - start > timeout_s:
            sys.exit(f"{what}: not within {timeout_s} s" + (f"; {explain()}" if explain else ""))
        time.sleep(0.01)

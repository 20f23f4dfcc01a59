# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and viewers of other remote displays from Debian, and Berth's own (peers_berth.py)."""
import mmap
import os
import shutil
import socket
import struct
import subprocess
import time

import display_run
from display_run import HERE, RunError, wait_display, wait_port, wait_until


class Peer:
    """A server on an X display of its own, and its viewer at the relay."""

    viewer_wm = False       # the viewer needs a window manager to fill the screen
    needs_motion = False    # the server looks slowly while nobody moves the pointer
    programs = ()

    def __init__(self, **options):
        self.o = options
        self.run = None
        self.names = None       # global names of the file that the class comes from

    def prepare(self, run):
        self.run = run
        if self.names:
            self.names.update(RUN=run.folder, SPORT=run.server_port, PPORT=run.relay_port,
                              SDPY=run.server_display, CDPY=run.client_display)

    def clean_up(self):
        """After the run: what lies outside of its folder."""

    def is_installed(self):
        return all(shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/lib/xorg")
                   for name in self.programs)

    def target(self):
        return ["--display", self.run.server_display]

    def session_pids(self, pids):
        """Of the server's processes those that are the remote display, not the X server."""
        return pids

    def xvfb(self, group):
        process = group.start(["Xvfb", self.run.server_display, "-screen", "0", "1920x1080x24",
                               "-nolisten", "tcp", "-noreset"], log="server-xvfb")
        wait_display(self.run.server_display)
        return process

    def vnc_viewer(self, group, encoding):
        return [group.start(
            ["xtigervncviewer", "-SecurityTypes", "None", "-Shared", "-RemoteResize=0",
             "-FullScreen", "-AlertOnFatalError=0", "-ReconnectOnError=0", "-DotWhenNoCursor=0",
             "-MenuKey=", "-AutoSelect=0", "-FullColor=1", "-NoJPEG", "-PreferredEncoding",
             encoding, "-CustomCompressLevel=1", "-CompressLevel", "2",
             f"127.0.0.1::{self.run.relay_port}"], display=self.run.client_display).pid]

    def spice_viewer(self, group):
        return [group.start(
            ["dbus-run-session", "remote-viewer", "--kiosk", "--kiosk-quit=on-disconnect",
             "--spice-disable-audio", "--spice-disable-usbredir",
             f"spice://127.0.0.1:{self.run.relay_port}"], display=self.run.client_display,
            log="remote-viewer").pid]


class TigerVnc(Peer):
    programs = ("Xtigervnc", "xtigervncviewer")

    def server(self, group):
        process = group.start(
            ["Xtigervnc", self.run.server_display, "-geometry", "1920x1080", "-depth", "24",
             "-rfbport", str(self.run.server_port), "-localhost", "-SecurityTypes", "None",
             "-AlwaysShared", "-noreset"])
        wait_display(self.run.server_display)
        return [process.pid]

    def client(self, group):
        return self.vnc_viewer(group, "Tight")


XSPICE = """
Section "Device"
  Identifier "D"
  Driver "spiceqxl"
  Option "SpiceAddr" "127.0.0.1"
  Option "CommandBufferSize" "128"
  Option "FrameBufferSize" "64"
  Option "SurfaceBufferSize" "256"
EndSection
Section "Monitor"
  Identifier "M"
  HorizSync 1.0-1000.0
  VertRefresh 1.0-300.0
EndSection
Section "Screen"
  Identifier "S"
  Monitor "M"
  DefaultDepth 24
  Device "D"
  SubSection "Display"
    Depth 24
    Modes "1920x1080"
    Virtual 1920 1080
  EndSubSection
EndSection
Section "InputDevice"
  Identifier "XSPICE POINTER"
  Driver "xspice pointer"
EndSection
Section "InputDevice"
  Identifier "XSPICE KEYBOARD"
  Driver "xspice keyboard"
EndSection
Section "ServerLayout"
  Identifier "L"
  Screen "S"
  InputDevice "XSPICE KEYBOARD"
  InputDevice "XSPICE POINTER"
EndSection
Section "ServerFlags"
  Option "AutoAddDevices" "false"
EndSection
"""


class Xspice(Peer):
    viewer_wm = True
    programs = ("Xspice", "remote-viewer", "openbox")

    def server(self, group):
        config = self.run.path("spice.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(XSPICE)
        process = group.start(
            ["Xspice", "--port", str(self.run.server_port), "--disable-ticketing", "--config",
             config, "--image-compression", "auto_glz", "--streaming-video", "filter",
             "--jpeg-wan-compression", "never", "--zlib-glz-wan-compression",
             self.o.get("zlib_glz", "never"), self.run.server_display, "-noreset", "-nolisten",
             "tcp"], log="xspice",
            env={"QXL_FRAME_BUFFER_SIZE": "16", "QXL_SURFACE_BUFFER_SIZE": "128",
                 "QXL_COMMAND_BUFFER_SIZE": "128", "QXL_NUM_HEADS": "1"})
        wait_display(self.run.server_display)
        subprocess.run(["xrandr", "-d", self.run.server_display, "-s", "1920x1080"], check=False,
                       stderr=subprocess.DEVNULL)
        return [process.pid]

    def client(self, group):
        return self.spice_viewer(group)


class Xrdp(Peer):
    programs = ("xrdp", "xfreerdp", "openssl")

    def is_installed(self):
        return super().is_installed() and os.path.exists("/etc/X11/xrdp/xorg.conf")

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=bench", "-keyout", self.run.path("key.pem"), "-out",
                        self.run.path("cert.pem")], check=True, stderr=subprocess.DEVNULL)

    def server(self, group):
        self.make_certificate()
        os.makedirs("/tmp/.xrdp", exist_ok=True)
        path = f"/tmp/.xrdp/xrdp_display_{self.run.server_display[1:]}"
        if os.path.exists(path):
            os.unlink(path)
        display = group.start(
            ["/usr/lib/xorg/Xorg", self.run.server_display, "-config", "xrdp/xorg.conf",
             "-noreset", "-nolisten", "tcp", "-ac", "-logfile", self.run.path("xorg.txt")],
            log="xorgxrdp", env={"XRDP_START_WIDTH": "1920", "XRDP_START_HEIGHT": "1080"})
        wait_display(self.run.server_display)
        config = self.run.path("xrdp.ini")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"""[Globals]
ini_version=1
fork=false
port=tcp://127.0.0.1:{self.run.server_port}
tcp_nodelay=true
security_layer=tls
crypt_level=none
certificate={self.run.path("cert.pem")}
key_file={self.run.path("key.pem")}
ssl_protocols=TLSv1.2, TLSv1.3
autorun=Direct
allow_channels=true
max_bpp=32
use_fastpath=both
bitmap_cache=true
bitmap_compression=true
bulk_compression=true
[Logging]
LogFile={self.run.path("xrdp.txt")}
LogLevel=INFO
EnableSyslog=false
[Channels]
[Direct]
name=Direct
lib=libxup.so
username=x
password=x
ip=127.0.0.1
port={path}
code=20
""")
        process = group.start(["/usr/sbin/xrdp", "--nodaemon", "--config", config], log="xrdp-out")
        wait_port(self.run.server_port)
        return [process.pid, display.pid]

    def client(self, group):
        return [group.start(
            ["xfreerdp", f"/v:127.0.0.1:{self.run.relay_port}", "/u:x", "/p:x", "/cert:ignore",
             "/size:1920x1080", "/bpp:32", "-decorations", "-grab-keyboard", "/audio-mode:2",
             "-clipboard", "/rfx", "/network:lan"], display=self.run.client_display).pid]


class Monitor:
    """QEMU's human monitor: a line in, text up to the next prompt out."""

    def __init__(self, path):
        wait_until(lambda: os.path.exists(path), "the monitor of QEMU")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.read()

    def read(self):
        text = b""
        while not text.rstrip().endswith(b"(qemu)"):
            got = self.socket.recv(4096)
            if not got:
                raise RunError("QEMU ended")
            text += got

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")
        self.read()


class Qemu(Peer):
    """A QEMU whose display device, ramfb, shows a part of the guest's memory, which is a file.

    No program runs in the guest: the monitor sets ramfb up as firmware would, through the DMA
    interface of fw_cfg, and the replay paints into the file.
    """

    programs = ("qemu-system-x86_64",)
    picture_at, memory_bytes = 64 << 20, 128 << 20
    dma_at, buffer_at = 1 << 20, (1 << 20) + (64 << 10)
    directory_key, n_entry_bytes = 0x19, 64
    width, height, bgrx = 1920, 1080, 0x34325258

    def target(self):
        return ["--file", self.memory_path, "--offset", str(self.picture_at)]

    def prepare(self, run):
        super().prepare(run)
        self.memory_path = os.path.join("/dev/shm", f"berth-bench-{os.getpid()}")

    def server(self, group):
        with open(self.memory_path, "wb") as file:
            file.truncate(self.memory_bytes)
        monitor = self.run.path("qemu.mon")
        process = group.start(
            ["qemu-system-x86_64", "-nodefaults", "-machine", "pc,memory-backend=ram", "-accel",
             "tcg", "-m", "128", "-object",
             f"memory-backend-file,id=ram,mem-path={self.memory_path},share=on,size=128M", "-vga",
             "none", "-device", "ramfb", "-monitor", f"unix:{monitor},server=on,wait=off"] +
            self.arguments(), log="qemu")
        wait_port(self.run.server_port)
        self.set_picture_up(Monitor(monitor))
        return [process.pid]

    def clean_up(self):
        if os.path.exists(self.memory_path):
            os.unlink(self.memory_path)

    def arguments(self):
        port = self.run.server_port
        if self.o.get("kind") == "spice":
            # SPICE draws nothing while the machine is stopped; the firmware ends by itself.
            return ["-spice", f"addr=127.0.0.1,port={port},disable-ticketing=on,"
                    "image-compression=auto_glz,streaming-video=filter"]
        if self.o.get("kind") == "vnc":
            return ["-S", "-vnc", f"127.0.0.1:{port - 5900},share=force-shared"]
        return ["-S", *self.o["qargs"]]

    def set_picture_up(self, monitor):
        if self.o.get("kind") == "spice":
            time.sleep(4)       # until the firmware has found nothing to boot
        with open(self.memory_path, "r+b") as file, \
                mmap.mmap(file.fileno(), self.memory_bytes) as memory:
            self.move(monitor, memory, self.directory_key, 4 + 64 * self.n_entry_bytes, 2)
            key = self.find_key(memory)
            memory[self.buffer_at:self.buffer_at + 28] = struct.pack(
                ">QIIIII", self.picture_at, self.bgrx, 0, self.width, self.height, self.width * 4)
            self.move(monitor, memory, key, 28, 16)
        self.monitor = monitor      # closing it would be seen by nobody, but it stays in use

    def move(self, monitor, memory, key, n_bytes, control):
        """One DMA transfer of fw_cfg: control 2 reads an item, 16 writes it; 8 selects."""
        memory[self.dma_at:self.dma_at + 16] = struct.pack(">IIQ", key << 16 | 8 | control,
                                                           n_bytes, self.buffer_at)
        low = struct.unpack("<I", struct.pack(">I", self.dma_at))[0]
        monitor.say("o /4 0x514 0")
        monitor.say(f"o /4 0x518 0x{low:x}")

    def find_key(self, memory):
        n, = struct.unpack_from(">I", memory, self.buffer_at)
        for i in range(n):
            at = self.buffer_at + 4 + i * self.n_entry_bytes
            if memory[at + 8:at + 64].rstrip(b"\0") == b"etc/ramfb":
                return struct.unpack_from(">H", memory, at + 4)[0]
        raise RunError("this QEMU has no ramfb")

    def client(self, group):
        if self.o.get("kind") == "spice":
            return self.spice_viewer(group)
        return self.vnc_viewer(group, "Tight")


class QemuSpice(Qemu):
    viewer_wm = True
    programs = ("qemu-system-x86_64", "remote-viewer", "openbox")


class QemuVnc(Qemu):
    needs_motion = True
    programs = ("qemu-system-x86_64", "xtigervncviewer")


PEERS = {
    "tigervnc lossless": TigerVnc(),
    "xspice": Xspice(),
    "xspice zlib-glz": Xspice(zlib_glz="always"),
    "qemu-spice": QemuSpice(kind="spice"),
    "qemu-vnc": QemuVnc(kind="vnc"),
    "xrdp": Xrdp(),
}


def load_berth():
    """Berth's own classes: they are written for the harness's global names, which follow a run."""
    path = os.path.join(HERE, "peers_berth.py")
    names = {"Peer": Peer, "Qemu": Qemu, "time": time, "__name__": "peers_berth",
             "__file__": path}
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), names)
    peers = names["PEERS"]
    for peer in peers.values():
        peer.names = names
        # The session process, without the small one that shares it.
        peer.session_pids = lambda pids: display_run.family(pids[:1])[1:]
    return peers

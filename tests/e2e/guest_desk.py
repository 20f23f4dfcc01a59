# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's desktop with the ports of both agents, and a real session before it."""
import base64
import os
import socket
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "component"))
import display_fixture as fixture  # noqa: E402
from session_fixture import Session  # noqa: E402

# For a guest without KVM on a machine that is busy with other things.
LIMIT_S = 300
PORTS = {"spice": "com.redhat.spice.0", "berth": "org.berth.agent.0"}
USER = "export DISPLAY=:0 LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/$(id -u user) " \
       "XAUTHORITY=$(ls -t ~user/.Xauthority /tmp/serverauth.* 2>/dev/null | head -1); " \
       "runuser -u user -- "


def build_image(folder):
    build = os.path.join(HERE, "..", "..", "tools", "demo-image", "build.sh")
    if subprocess.run([build, folder], check=False).returncode != 0:
        raise unittest.SkipTest("the demo's image cannot be built here")
    return os.path.join(folder, "demo.json")


class Desk:
    """One booted desktop.  names: the ports that it has, of PORTS."""

    def __init__(self, build, folder, manifest, names=("spice", "berth")):
        self.folder = folder
        extra, paths = [], {name: os.path.join(folder, f"{name}.sock") for name in names}
        for name, path in paths.items():
            extra += ["-chardev", f"socket,id={name},path={path},server=on,wait=off",
                      "-device", f"virtserialport,chardev={name},name={PORTS[name]}"]
        self.qemu = fixture.DisplayQemu(manifest, extra)
        self.ports = {}
        for name, path in paths.items():
            self.ports[name] = socket.socket(socket.AF_UNIX)
            self.ports[name].connect(path)
        self.session = Session(os.path.join(build, "host-agent", "session", "berth-session"), folder)

    def give_ports(self):
        """Gives the session its ends of the ports; once it has started."""
        for name, port in self.ports.items():
            self.session.send({"op": "guest", "port": name}, port.fileno())
            port.close()
        self.ports = {}

    def run(self, script, wanted=0):
        """What a script in the guest writes, as root.  wanted: its exit status, None: any"""
        answer = self.qemu.agent_command(
            "guest-exec", 60, path="/bin/sh", arg=["-eu"], **{
                "capture-output": True,
                "input-data": base64.b64encode(script.encode()).decode()})
        pid = answer["return"]["pid"]

        def ended():
            status = self.qemu.agent_command("guest-exec-status", 60, pid=pid)
            return status and status["return"]["exited"] and status["return"]
        status = fixture.wait_until("a script in the guest", ended, LIMIT_S)
        errors = base64.b64decode(status.get("err-data", "")).decode(errors="replace")
        if wanted is not None and status["exitcode"] != wanted:
            sys.exit(f"in the guest: {script}\nended with {status['exitcode']}: {errors}")
        return base64.b64decode(status.get("out-data", "")) + errors.encode()

    def copies(self, data, target):
        # A pipe to xclip stays open as long as it owns the selection.
        self.run(f"base64 -d > /tmp/copy <<'END'\n{base64.b64encode(data).decode()}\nEND\n"
                 f"chmod 644 /tmp/copy; {USER} xclip -selection clipboard -t {target} -i /tmp/copy "
                 "> /dev/null 2>&1 < /dev/null")

    def pastes(self, target):
        return self.run(f"{USER} timeout 60 xclip -selection clipboard -t {target} -o", None)

    def targets(self):
        return self.pastes("TARGETS").split()

    def close(self):
        self.session.close()
        self.qemu.close()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The real client's window before a real desktop, with programs beside it that copy and drag."""
import json
import os
import pathlib
import secrets
import select
import socket
import subprocess
import sys
import threading

from guest_desk import LIMIT_S, fixture
import qmp

SIZE = (800, 600)


class Door:
    """Lets clients in that know a token."""

    def __init__(self, session, folder):
        self.session = session
        self.token = secrets.token_hex(32)
        self.file = os.path.join(folder, "desk.json")
        self.listener = socket.create_server(("127.0.0.1", 0))

    def open(self):
        """Once the session has started with the token."""
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "address": "127.0.0.1", "port": self.listener.getsockname()[1],
                       "session": self.session.session, "session_key": self.session.key,
                       "token": self.token, "sni": self.session.name()}, file)
        os.chmod(self.file, 0o600)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            self.session.send({"op": "client"}, connection.fileno())
            connection.close()


class Window:
    """berth on the full screen of an X server of its own, without a window manager."""

    def __init__(self, berth, folder, connection_file):
        self.folder = folder
        reading, writing = os.pipe()
        self.xvfb = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten",
             "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL, preexec_fn=qmp.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            display = ":" + file.readline().strip()
        self.env = {**os.environ, "DISPLAY": display, "HOME": folder, "XDG_CONFIG_HOME": folder,
                    "GTK_THEME": "Adwaita", "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11", "LC_ALL": "C.UTF-8"}
        self.berth = subprocess.Popen([berth, "--direct", connection_file, "--fullscreen"], env=self.env,
                                      preexec_fn=qmp.die_with_parent)

    def xdotool(self, *args, wanted=True):
        return subprocess.run(["xdotool", *args], env=self.env, check=wanted, text=True,
                              capture_output=True, timeout=LIMIT_S).stdout

    def focus(self):
        """Gives the keyboard to the window, which has to be there."""
        self.xdotool("mousemove", "400", "300")
        ids = fixture.wait_until("the window", lambda: self.xdotool(
            "search", "--onlyvisible", "--class", "berth", wanted=False).split(), LIMIT_S)
        for window in ids:
            self.xdotool("windowfocus", window, wanted=False)

    def copy(self, content, target="UTF8_STRING"):
        subprocess.run(["xclip", "-selection", "clipboard", "-t", target, "-i"], input=content, env=self.env,
                       check=True, timeout=LIMIT_S, stdout=subprocess.DEVNULL)

    def paste(self, target="UTF8_STRING"):
        return subprocess.run(["xclip", "-selection", "clipboard", "-t", target, "-o"], env=self.env,
                              check=False, timeout=LIMIT_S, capture_output=True).stdout

    def drop(self, drag_source, *paths):
        """Drags files from another program onto the window."""
        uris = [pathlib.Path(path).as_uri() for path in paths]
        source = subprocess.Popen([drag_source, *uris], env=self.env, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=qmp.die_with_parent)
        if source.stdout.readline() != "ready\n":
            sys.exit("there is nothing to drag")
        self.xdotool("mousemove", "20", "20", "mousedown", "1", "mousemove", "40", "40")

        def accepts():
            accepts.at = 1 - accepts.at
            self.xdotool("mousemove", str(400 + accepts.at), "300")
            return select.select([source.stdout], [], [], 0.1)[0]
        accepts.at = 0
        fixture.wait_until("the window takes what is dragged", accepts, LIMIT_S)
        if source.stdout.readline() != "accepted\n":
            sys.exit("the window does not take what is dragged")
        self.xdotool("mouseup", "1")
        if source.stdout.readline() != "done\n":
            sys.exit("the other program was not told")
        source.kill()
        source.wait()

    def screen(self, path):
        subprocess.run(["import", "-window", "root", path], env=self.env, check=True, timeout=LIMIT_S)

    def close(self):
        self.berth.kill()
        self.berth.wait()
        self.xvfb.kill()
        self.xvfb.wait()

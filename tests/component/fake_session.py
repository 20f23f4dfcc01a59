#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session process that proves what the agent gave it: it greets the display by D-Bus, and sends
back to a client every byte that was still unread."""
import array
import json
import os
import select
import secrets
import socket
import sys

KEY = secrets.token_hex(32)
listener = socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1]))
state = {"session": None, "connected": False, "connection_epoch": 0}


def send(control, **message):
    control.send(json.dumps(message).encode())


def say_listening(control):
    send(control, op="listening", session=state["session"], machine=state["machine"],
         epoch=state["epoch"], session_key=KEY, connected=state["connected"],
         connection_epoch=state["connection_epoch"])


def greet_display(fd):
    """Authenticates as a D-Bus client, which is the first thing that the other end must allow."""
    display = socket.socket(fileno=fd)
    display.settimeout(60)
    display.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
    answer = display.recv(200)
    assert answer.startswith(b"OK "), answer
    display.sendall(b"BEGIN\r\n")
    return display


def take_card(fd):
    """Both descriptors of that source; the card tells its mode at once."""
    with socket.socket(fileno=fd) as both:
        fds = socket.recv_fds(both, 1, 2)[1]
    card = socket.socket(fileno=fds[1])
    card.settimeout(60)
    mode = card.recv(1000)
    assert mode[:4] == b"\1\0\0\0", mode
    state["card"] = card
    return fds[:1]


def handle(control):
    data, fds, _, _ = socket.recv_fds(control, 65536, 4)
    if not data:
        return False
    message = json.loads(data)
    if message["op"] == "start":
        assert len(message["ticket_keys"]) > 0
        if message["capture"] == "vhost-gpu":
            fds = take_card(fds[0])
        else:
            assert message["capture"] == "qemu-dbus"
        state.update(session=message["session"], machine=message["machine"],
                     epoch=message["epoch"], display=greet_display(fds[0]))
        say_listening(control)
    elif message["op"] == "client":
        client = socket.socket(fileno=fds[0])
        client.setblocking(True)
        client.sendall(client.recv(65536))
        state.update(connected=True, connection_epoch=1)
        send(control, op="state", connected=True, connection_epoch=1, frames=0, bytes_out=0,
             width=640, height=480)
        client.shutdown(socket.SHUT_WR)
    elif message["op"] == "guest":
        state["guest " + message["port"]] = socket.socket(fileno=fds[0])
        print("took the guest's port", file=sys.stderr, flush=True)
    elif message["op"] in ("policy", "notice"):
        print("heard", json.dumps(message, sort_keys=True), file=sys.stderr, flush=True)
    elif message["op"] == "end":
        sys.exit(0)
    return True


control = None
while True:
    ready, _, _ = select.select([s for s in (listener, control) if s], [], [])
    if listener in ready:
        control, _ = listener.accept()
        if state["session"]:
            say_listening(control)
    elif control in ready and not handle(control):
        control = None

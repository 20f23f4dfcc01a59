# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated users: they log in, connect, roam, double-click, disconnect, log off and are revoked.

Each writes down what it asked and what it was told; chaos_check.py judges that afterwards.
"""
import base64
import http.client
import json
import secrets
import struct
import threading
import time

from broker_site import UnixConnection
from chaos_check import Op

PASSWORD = "a good password"
REQUEST_S = 10
CONNECT_S = 30
REVOKE_S = 120


class NoAnswer(Exception):
    """The connection broke, or the answer came too late: nobody knows what happened."""


def ask(path, method, url, body=None, token=None, headers=None, limit_s=REQUEST_S):
    """(status, JSON, headers) of one request to one broker."""
    connection = UnixConnection(path, timeout=limit_s)
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + token
    try:
        connection.request(method, url, json.dumps(body).encode() if body is not None else None,
                           headers)
        response = connection.getresponse()
        raw = response.read()
        return response.status, json.loads(raw) if raw else None, response.headers
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(str(error)) from error
    finally:
        connection.close()


def read_ticket(text):
    raw = base64.b64decode(text)
    epoch, connection_epoch = struct.unpack_from("<QQ", raw, 88)
    return raw[40:56].hex(), raw[56:72].hex(), epoch, connection_epoch


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.ops = []

    def begin(self, user, kind, **more):
        op = Op(user, kind, time.monotonic(), **more)
        with self.lock:
            self.ops.append(op)
        return op

    @staticmethod
    def finish(op, result):
        op.result = result
        op.end = time.monotonic()


class Person:
    """One user at any of several brokers; its choices come from its own random numbers."""

    def __init__(self, name, account, pools, sockets, history, random):
        self.name, self.account, self.pools, self.sockets = name, account, pools, sockets
        self.history, self.random = history, random
        self.token = None
        self.held = {}       # pool -> the last granted Op
        self.counts = {}     # result -> how often
        self.first_answer = threading.Event()
        self.is_out = threading.Event()  # revoked: expects to be refused

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def socket(self):
        return self.random.choice(self.sockets)

    def log_in(self):
        status, reply, _ = ask(self.socket(), "POST", "/v1/auth/login",
                               {"user": self.name, "password": PASSWORD})
        self.token = reply["token"] if status == 200 else None
        self.count(f"login {status}")
        return status == 200

    def connect(self, pool, socket=None):
        op = self.history.begin(self.name, "connect", pool=pool)
        body = {"client_key": secrets.token_hex(32), "client": "device"}
        end = op.start + CONNECT_S
        while time.monotonic() < end:
            status, reply, _ = ask(socket or self.socket(), "POST",
                                   f"/v1/me/desktops/{pool}/connect", body, self.token)
            if status == 200:
                op.machine, op.session, op.epoch, op.connection_epoch = \
                    read_ticket(reply["ticket"])
                self.history.finish(op, "granted")
                self.held[pool] = op
                self.count("connect granted")
                return op
            if status != 202:
                break
            threading.Event().wait(reply["retry_ms"] / 1000)
        self.history.finish(op, f"refused {status}")
        self.count(f"connect {status}" if status != 202 else "connect waited in vain")
        if status == 401:
            self.token = None
        return op

    def double_click(self, pool):
        other = threading.Thread(target=self.quietly, args=(self.connect, pool), daemon=True)
        other.start()
        self.quietly(self.connect, pool)
        other.join()

    def end_session(self, pool, kind):
        held = self.held[pool]
        op = self.history.begin(self.name, kind, pool=pool, machine=held.machine, epoch=held.epoch,
                                session=held.session)
        status, _, _ = ask(self.socket(), "POST", f"/v1/me/sessions/{held.session}/{kind}", None,
                           self.token)
        self.history.finish(op, "ok" if status == 204 else f"gone {status}")
        self.count(f"{kind} {status}")
        if status == 401:
            self.token = None

    def quietly(self, act, *args):
        """Does it; returns whether an answer came."""
        try:
            act(*args)
            return True
        except NoAnswer:
            self.count("no answer")
            return False

    def step(self):
        if not self.token:
            if not self.quietly(self.log_in) or not self.token:
                threading.Event().wait(0.2)
            return
        pool = self.random.choice(self.pools)
        choice = self.random.random()
        if pool not in self.held or choice < 0.45:
            self.quietly(self.connect, pool)
        elif choice < 0.55:
            self.double_click(pool)
        elif choice < 0.7:
            self.quietly(self.end_session, pool, "disconnect")
        else:
            self.quietly(self.end_session, pool, "logoff")
            self.held.pop(pool, None)

    def run(self, stop, pause_s):
        while not stop.is_set():
            self.step()
            stop.wait(self.random.uniform(0, pause_s))


class Revoker:
    """An administrator who takes users out and lets them in again, one at a time."""

    def __init__(self, sockets, token, people, history, random):
        self.sockets, self.token, self.people = sockets, token, people
        self.history, self.random = history, random
        self.n_revoked = 0

    def set_enabled(self, person, is_enabled):
        """Until an answer says that it is so."""
        path = f"/v1/users/{person.account}"
        end = time.monotonic() + REVOKE_S
        while time.monotonic() < end:
            try:
                socket = self.random.choice(self.sockets)
                status, _, headers = ask(socket, "GET", path, None, self.token)
                if status != 200:
                    continue
                status, _, _ = ask(socket, "PATCH", path, {"enabled": is_enabled}, self.token,
                                   {"If-Match": headers["ETag"]})
                if status in (200, 204):
                    return
            except NoAnswer:
                pass
            threading.Event().wait(0.05)
        raise RuntimeError(f"{person.name} could not be {'restored' if is_enabled else 'revoked'}")

    def turn(self, stop):
        person = self.random.choice(self.people)
        op = self.history.begin(person.name, "revoke")
        self.set_enabled(person, False)
        self.history.finish(op, "ok")
        self.n_revoked += 1
        stop.wait(self.random.uniform(0.5, 3))
        op = self.history.begin(person.name, "restore")
        self.set_enabled(person, True)
        self.history.finish(op, "ok")

    def run(self, stop):
        while not stop.is_set():
            self.turn(stop)
            stop.wait(self.random.uniform(1, 4))

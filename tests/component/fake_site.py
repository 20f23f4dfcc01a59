# SPDX-License-Identifier: GPL-3.0-or-later
"""A site on one port: a scripted broker over HTTPS, and a way to a real session by server name.

What the broker answers is a function that a test may replace; every request is written down.
"""
import http.server
import json
import os
import secrets
import socket
import ssl
import struct
import subprocess
import threading

POOL = "00112233445566778899aabbccddeeff"
OTHER_POOL = "ffeeddccbbaa99887766554433221100"
USER, PASSWORD = "ann", "correct horse"


def make_keys(folder):
    """A CA and a server certificate for localhost; returns (ca, certificate, key)."""
    ca, ca_key, cert, key, request, ext = (
        os.path.join(folder, name)
        for name in ("ca.pem", "ca.key", "server.pem", "server.key", "server.csr", "server.ext"))
    with open(ext, "w", encoding="ascii") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for argv in (
            ["req", "-x509", *new_key, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj",
             "/CN=test CA"],
            ["req", *new_key, "-keyout", key, "-out", request, "-subj", "/CN=localhost"],
            ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
             "-out", cert, "-days", "2", "-extfile", ext]):
        subprocess.run(["openssl", *argv], check=True, stderr=subprocess.DEVNULL)
    return ca, cert, key


def peeked_hello(connection):
    """The first TLS record, still unread; a hello that never comes whole ends by timeout."""
    connection.settimeout(10)
    while True:
        data = connection.recv(4096, socket.MSG_PEEK)
        if len(data) < 5 or len(data) >= 5 + struct.unpack(">H", data[3:5])[0]:
            return data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        status, reply = self.server.site.handle(self.command, self.path, self.headers, body)
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class FakeSite:
    """Listens on a free port until the test ends."""

    def __init__(self, folder):
        self.ca, cert, key = make_keys(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(cert, key)
        self.requests = []
        self.answers = {}      # "METHOD path" -> function(body) -> (status, reply)
        self.session = None    # a session_fixture.Session
        self.make_ticket = None
        self.is_cut_off = False  # connections to the session are dropped
        self.spliced = []
        self.n_dialled = 0
        self.token = secrets.token_hex(32)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            connection, address = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection, address):
        try:
            if b".session.berth" in peeked_hello(connection):
                self._splice(connection)
                return
            connection.settimeout(30)
            with self.context.wrap_socket(connection, server_side=True) as stream:
                server = type("Server", (), {"site": self})()
                Handler(stream, address, server)
        except OSError:
            pass
        finally:
            connection.close()

    def _splice(self, connection):
        self.n_dialled += 1
        if self.session is not None and not self.is_cut_off:
            connection.setblocking(True)
            self.spliced.append(connection.dup())
            self.session.send({"op": "client"}, connection.fileno())

    def break_connections(self):
        """Ends the connections to the session, as a failing network would."""
        while self.spliced:
            with self.spliced.pop() as connection:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it is gone already

    def count(self, request):
        return self.requests.count(request)

    def handle(self, method, path, headers, body):
        request = f"{method} {path}"
        self.requests.append(request)
        data = json.loads(body) if body else {}
        if request in self.answers:
            return self.answers[request](data)
        if request == "POST /v1/auth/login":
            return self.login(data)
        if headers.get("Authorization") != f"Bearer {self.token}":
            return self.problem(401, "expired", "the login is no longer valid")
        if request == "GET /v1/me/desktops":
            return 200, {"desktops": [self.desktop(POOL, "Office", "available"),
                                      self.desktop(OTHER_POOL, "Laboratory", "busy")]}
        if request == f"POST /v1/me/desktops/{POOL}/connect":
            return self.connect(data)
        if request.endswith(("/disconnect", "/logoff", "/logout", "/report")):
            return 204, b""
        return self.problem(404, "not-found", f"there is no {path}")

    def login(self, data):
        if data == {"user": USER, "password": PASSWORD}:
            return 200, {"token": self.token, "expires_in_s": 3600,
                         "user": {"id": POOL, "name": USER, "admin": False}}
        return self.problem(401, "bad-credentials", "the user name or password is wrong")

    @staticmethod
    def desktop(pool, name, state):
        return {"pool": pool, "name": name, "kind": "floating", "state": state, "session": None,
                "machine": None, "last_used_us": 0}

    def connect(self, data):
        session = self.session
        return 200, {"state": "ready", "session": session.session, "machine": session.machine,
                     "sni": session.name(), "ticket": self.make_ticket(data["client_key"]),
                     "session_key": session.key, "expires_in_s": 60,
                     "policy": {"resume_window_s": 60, "input": True, "resize": True}}

    @staticmethod
    def problem(status, code, title):
        return status, {"status": status, "code": code, "title": title, "detail": ""}

# SPDX-License-Identifier: GPL-3.0-or-later
"""A site on loopback for component tests: certificates, a broker process, an API client."""
import ctypes
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import find_bin  # noqa: E402

ADMIN_PASSWORD = "correct horse battery"
CONFIG = """[broker]
state_dir = {dir}/state
api_socket = {dir}/api.sock
internal_socket = {dir}/internal.sock
agent_listen = 127.0.0.1:0
ca_file = {dir}/ca.pem
cert_file = {dir}/broker.pem
key_file = {dir}/broker.key
ticket_key_file = {dir}/ticket.key

[limits]
hash_memory_kib = 64
"""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def create_admin(program, config, env=None):
    """The first administrator of a site, with ADMIN_PASSWORD."""
    read_fd, write_fd = os.pipe()
    os.write(write_fd, ADMIN_PASSWORD.encode() + b"\n")
    os.close(write_fd)
    try:
        subprocess.run([program, "--config", config, "--create-admin", "admin", "--password-fd",
                        str(read_fd)], pass_fds=[read_fd], check=True,
                       env={**os.environ, **(env or {})})
    finally:
        os.close(read_fd)


class Site:
    """Folder of certificates; new_host() adds one for a host."""

    def __init__(self, folder):
        self.dir = folder
        os.makedirs(os.path.join(folder, "state"), exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"), "-days", "2",
                "-subj", "/CN=test site")
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.path("ticket.key"))
        openssl("pkey", "-in", self.path("ticket.key"), "-pubout", "-out", self.path("ticket.pub"))
        self.issue("broker", "DNS:broker.berth")
        with open(self.path("broker.conf"), "w", encoding="utf-8") as config:
            config.write(CONFIG.format(dir=folder) + self.store_config())

    def add_pepper(self):
        """What brokers that share a site share too."""
        with open(self.path("pepper.key"), "w", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as pepper:
            pepper.write(secrets.token_hex(32) + "\n")

    @staticmethod
    def store_config():
        """A database of its own on the server that postgres.py started, if it did."""
        conninfo = os.environ.get("BERTH_TEST_POSTGRESQL")
        if not conninfo:
            return ""
        name = "site_" + secrets.token_hex(8)
        subprocess.run([os.path.join(find_bin(), "psql"), "-X", "-q", "-d",
                        conninfo + " dbname=postgres", "-c",
                        f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"], check=True)
        return f"\n[store]\nurl = postgresql:{conninfo} dbname={name}\n"

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, name, san):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                "-subj", "/CN=" + name)
        with open(self.path(name + ".ext"), "w", encoding="utf-8") as ext:
            ext.write(f"subjectAltName={san}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.pem"),
                "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
                self.path(name + ".ext"), "-out", self.path(name + ".pem"))

    def new_host(self, name):
        host_id = secrets.token_hex(16)
        self.issue("host-" + name, f"URI:berth:host:{host_id}")
        return host_id


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket, from a name that a gateway would use if source is given."""

    def __init__(self, path, source=None, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.unix_path, self.source = path, source
        self.connect_name = None

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        if self.connect_name:
            self.sock.bind(self.connect_name)
        elif self.source:
            self.sock.bind(f"\0berth-gateway/{secrets.token_hex(8)}/{self.source}".encode())
        self.sock.connect(self.unix_path)


class Broker:
    """A real broker process; restart() kills it with -9 first."""

    def __init__(self, program, site, env=None):
        self.program, self.site = program, site
        self.env = env or {}
        self.process = None
        self.port = 0
        self.create_admin()
        self.start()

    def create_admin(self):
        create_admin(self.program, self.site.path("broker.conf"), self.env)

    def start(self, port=0):
        config = self.site.path("broker.conf")
        if port:
            with open(config, encoding="utf-8") as file:
                text = file.read().replace("127.0.0.1:0", f"127.0.0.1:{port}")
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
        read_fd, write_fd = os.pipe()
        self.process = subprocess.Popen(
            [self.program, "--config", config, "--ready-fd", str(write_fd)],
            pass_fds=[write_fd], preexec_fn=die_with_parent,
            env={**os.environ, **self.env})
        os.close(write_fd)
        with os.fdopen(read_fd) as ready:
            lines = ready.read().split("\n")
        assert "ready" in lines, f"the broker did not get ready: {lines}"
        self.port = int(dict(line.split("=") for line in lines if "=" in line)["agent_port"])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)

    def request(self, method, path, body=None, token=None, source=None, internal=False,
                match=None, headers=None):
        """Returns (status, decoded body or None); match is a version or "*" for If-Match."""
        name = "internal.sock" if internal else "api.sock"
        connection = UnixConnection(self.site.path(name), source)
        headers = {**(headers or {}), **({"Authorization": "Bearer " + token} if token else {})}
        if match is not None or method == "PATCH":
            headers["If-Match"] = f'"{match}"' if isinstance(match, int) else match or "*"
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        raw = response.read()
        connection.close()
        if response.headers.get_content_type() in ("application/json", "application/problem+json"):
            return response.status, json.loads(raw)
        return response.status, raw.decode() if raw else None

    def login(self, user, password, source=None):
        status, reply = self.request("POST", "/v1/auth/login",
                                     {"user": user, "password": password}, source=source)
        assert status == 200, (status, reply)
        return reply["token"]


def new_folder():
    return tempfile.TemporaryDirectory(prefix="berth-")

# SPDX-License-Identifier: GPL-3.0-or-later
"""The real gateway between real TLS clients, a scripted broker and a scripted host.

Usage: test_gateway.py BERTH_GATEWAY BERTH_SETUP [TEST...]
"""
import ctypes
import hashlib
import http.server
import json
import os
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

GATEWAY = SETUP = None
HOST = "00112233445566778899aabbccddeeff"
SESSION = "ffeeddccbbaa99887766554433221100"
LIMIT_S = 60


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


class UnixHttpServer(http.server.ThreadingHTTPServer):
    """HTTP on a UNIX socket; remembers the abstract names of its clients."""
    address_family = socket.AF_UNIX
    daemon_threads = True

    def __init__(self, path, handler):
        self.peers, self.hosts, self.n_host_requests = [], [], 0
        super().__init__(path, handler)

    def server_bind(self):
        self.socket.bind(self.server_address)

    def get_request(self):
        connection, name = self.socket.accept()
        self.peers.append(name)
        return connection, ("unix", 0)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/internal/v1/hosts":
            self.server.n_host_requests += 1
            self.answer(json.dumps({"hosts": self.server.hosts}).encode())
        else:
            self.answer(b'{"path":"%s"}' % self.path.encode())

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))


class FakeHost:
    """Takes one TCP connection after the other and gives them out."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT_S)
        self.open = [self.listener]
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(LIMIT_S)
        self.open.append(connection)
        return connection

    def close(self):
        for connection in self.open:
            connection.close()


def receive_all(connection):
    data = b""
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk


def client_hello(name):
    """The ClientHello that a real TLS client sends for a name."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class GatewayTest(unittest.TestCase):
    options = ""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="berth-gateway-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.keys = self.folder + "/keys"
        subprocess.run([SETUP, self.keys, "--gateway-name", "localhost", "--address", "127.0.0.1"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.host = FakeHost()
        self.addCleanup(self.host.close)
        self.api = self.start_broker("api.sock")
        self.internal = self.start_broker("internal.sock")
        self.internal.hosts = [{"id": HOST, "address": self.host.address}]
        self.start_gateway()

    def start_broker(self, name):
        server = UnixHttpServer(os.path.join(self.folder, name), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(self.stop_broker, server)
        return server

    def stop_broker(self, server):
        server.shutdown()
        server.server_close()

    def start_gateway(self):
        config = self.folder + "/gateway.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write("[gateway]\nlisten=127.0.0.1:0\ncert_file=keys/gateway.pem\n"
                       "key_file=keys/gateway.key\napi_socket=api.sock\n"
                       "internal_socket=internal.sock\n" + self.options)
        reader, writer = os.pipe()
        self.gateway = subprocess.Popen([GATEWAY, "--config", config, "--ready-fd", str(writer)],
                                        pass_fds=[writer], preexec_fn=die_with_parent)
        os.close(writer)
        self.addCleanup(self.stop_gateway)
        text = b""
        while not text.endswith(b"ready\n"):
            self.assertTrue(select.select([reader], [], [], LIMIT_S)[0], "not ready in time")
            chunk = os.read(reader, 4096)
            self.assertTrue(chunk, "the gateway ended")
            text += chunk
        os.close(reader)
        self.port = int(text.split(b"port=")[1].split()[0])

    def stop_gateway(self):
        self.gateway.terminate()
        self.assertEqual(self.gateway.wait(LIMIT_S), 0)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), LIMIT_S)
        self.addCleanup(connection.close)
        return connection

    def connect_tls(self, context=None):
        context = context or ssl.create_default_context(cafile=self.keys + "/ca.pem")
        return context.wrap_socket(self.connect(), server_hostname="localhost")

    def get(self, path="/v1/me"):
        connection = self.connect_tls()
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                           % path.encode())
        return receive_all(connection)

    def connect_session(self, host=HOST):
        connection = self.connect()
        hello = client_hello(f"{SESSION}.{host}.session.berth")
        connection.sendall(hello)
        return connection, hello


class ApiTest(GatewayTest):
    def test_tls_ends_here_and_the_broker_answers(self):
        self.assertTrue(self.get("/v1/me").endswith(b'{"path":"/v1/me"}'))

    def test_only_tls_1_3_with_http_1_1(self):
        context = ssl.create_default_context(cafile=self.keys + "/ca.pem")
        context.set_alpn_protocols(["http/1.1"])
        connection = self.connect_tls(context)
        self.assertEqual(connection.version(), "TLSv1.3")
        self.assertEqual(connection.selected_alpn_protocol(), "http/1.1")

    def test_tls_1_2_is_refused(self):
        context = ssl.create_default_context(cafile=self.keys + "/ca.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.connect_tls(context)

    def test_the_broker_learns_who_the_client_is(self):
        self.get()
        name = self.api.peers[0]
        self.assertRegex(name, rb"^\0berth-gateway/[0-9a-f]{16}/127\.0\.0\.1$")

    def test_one_connection_carries_many_requests(self):
        connection = self.connect_tls()
        for i in range(20):
            body = os.urandom(10000)
            connection.sendall(b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"
                               + body)
            answer = b""
            while len(answer.partition(b"\r\n\r\n")[2]) < len(body):
                answer += connection.recv(65536)
            self.assertTrue(answer.endswith(body), f"request {i}")
        self.assertEqual(len(self.api.peers), 1)

    def test_a_big_body_passes_whole(self):
        body = os.urandom(3 * 1024 * 1024)
        connection = self.connect_tls()
        # The broker answers when it has read all.  (Two threads may not share a TLS object.)
        connection.sendall(
            b"POST /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            % len(body) + body)
        answer = receive_all(connection)
        self.assertEqual(answer.partition(b"\r\n\r\n")[2], body)

    def test_without_a_broker_the_answer_is_503(self):
        self.stop_broker(self.api)
        head, _, body = self.get().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 503 "), head)
        self.assertIn(b"application/problem+json", head)
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head)
        self.assertEqual(json.loads(body)["status"], 503)


class NoiseTest(GatewayTest):
    def test_plain_http_is_told_so(self):
        connection = self.connect()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"x" * 100000)
        answer = receive_all(connection)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))
        self.assertTrue(answer.endswith(b"this port speaks TLS only\n"))

    def test_random_bytes_are_closed_and_nothing_breaks(self):
        for i in range(50):
            connection = self.connect()
            try:
                connection.sendall(bytes([0x80 + i]) + os.urandom(1 + i * 100))
                self.assertEqual(receive_all(connection), b"")
            except ConnectionError:
                pass
        self.assertIn(b"200 OK", self.get())

    def test_a_broken_session_name_is_closed(self):
        connection = self.connect()
        connection.sendall(client_hello("x.session.berth"))
        try:
            self.assertEqual(receive_all(connection), b"")
        except ConnectionError:
            pass

    def test_a_hello_without_an_end_is_closed(self):
        connection = self.connect()
        try:
            connection.sendall(b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03" + bytes(16000))
            self.assertEqual(receive_all(connection), b"")
        except ConnectionError:
            pass

    def test_a_client_that_leaves_in_the_middle_is_forgotten(self):
        for _ in range(20):
            connection = self.connect()
            connection.sendall(client_hello("localhost")[:40])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self.assertIn(b"200 OK", self.get())


class SessionTest(GatewayTest):
    def test_bytes_pass_both_ways_unread(self):
        client, hello = self.connect_session()
        host = self.host.accept()
        self.assertEqual(host.recv(len(hello), socket.MSG_WAITALL), hello)
        host.sendall(b"from the host")
        self.assertEqual(client.recv(13, socket.MSG_WAITALL), b"from the host")
        client.sendall(b"from the client")
        self.assertEqual(host.recv(15, socket.MSG_WAITALL), b"from the client")

    def test_a_hello_in_pieces_finds_its_way(self):
        client = self.connect()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hello = client_hello(f"{SESSION}.{HOST}.session.berth")
        for i in range(0, len(hello), 50):
            client.sendall(hello[i:i + 50])
        host = self.host.accept()
        self.assertEqual(host.recv(len(hello), socket.MSG_WAITALL), hello)

    def test_a_half_close_leaves_the_other_direction_open(self):
        client, hello = self.connect_session()
        host = self.host.accept()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_all(host), hello)
        host.sendall(b"x" * 1000000)
        host.close()
        self.assertEqual(receive_all(client), b"x" * 1000000)

    def test_megabytes_pass_in_both_directions_at_once(self):
        up, down = os.urandom(8 << 20), os.urandom(8 << 20)
        client, hello = self.connect_session()
        host = self.host.accept()

        def send(connection, data):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        threads = [threading.Thread(target=send, args=pair)
                   for pair in ((client, up), (host, down))]
        received = {}
        threads += [threading.Thread(target=lambda: received.update(down=receive_all(client))),
                    threading.Thread(target=lambda: received.update(up=receive_all(host)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        self.assertEqual(received["up"], hello + up)
        self.assertEqual(received["down"], down)

    def test_a_reader_that_stops_stops_the_writer(self):
        client, _ = self.connect_session()
        host = self.host.accept()
        host.setblocking(False)
        sent = 0
        while select.select([], [host], [], 1)[1]:
            try:
                sent += host.send(bytes(1 << 20))
            except BlockingIOError:
                continue
            self.assertLess(sent, 64 << 20, "the gateway takes everything")
        with open(f"/proc/{self.gateway.pid}/status", encoding="utf-8") as file:
            status = file.read()
        self.assertLess(int(status.split("VmRSS:")[1].split()[0]), 100000)
        self.assertEqual(len(client.recv(1000)), 1000)

    def test_an_unknown_host_is_asked_for_and_then_closed(self):
        before = self.internal.n_host_requests
        client, _ = self.connect_session(host="f" * 32)
        try:
            self.assertEqual(receive_all(client), b"")
        except ConnectionError:
            pass
        self.assertGreater(self.internal.n_host_requests, before)

    def test_a_new_host_is_reachable_at_once(self):
        other = FakeHost()
        self.addCleanup(other.close)
        self.internal.hosts = [{"id": "e" * 32, "address": other.address}]
        _, hello = self.connect_session(host="e" * 32)
        self.assertEqual(other.accept().recv(len(hello), socket.MSG_WAITALL), hello)

    def test_known_hosts_stay_reachable_without_the_broker(self):
        self.connect_session()
        self.host.accept()
        self.stop_broker(self.internal)
        self.stop_broker(self.api)
        _, hello = self.connect_session()
        self.assertEqual(self.host.accept().recv(len(hello), socket.MSG_WAITALL), hello)

    def test_a_host_that_is_down_closes_the_client(self):
        self.connect_session()[0].close()
        self.host.accept()
        self.host.listener.close()
        client, _ = self.connect_session()
        try:
            self.assertEqual(receive_all(client), b"")
        except ConnectionError:
            pass


class LimitTest(GatewayTest):
    options = "max_per_source=5\n"

    def test_a_source_over_its_limit_is_closed_and_served_later(self):
        kept = [self.connect_tls() for _ in range(5)]
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            self.connect_tls()
        for connection in kept:
            connection.close()
        for _ in range(100):
            try:
                self.assertIn(b"200 OK", self.get())
                return
            except (ssl.SSLError, ConnectionError):
                continue
        self.fail("the places are not free again")


class DeviceTest(GatewayTest):
    """Client certificates of kiosks, signed by an authority of their own."""
    options = "device_ca_file=devices.pem\n"

    def start_gateway(self):
        for name in ("devices", "strangers"):
            self.openssl("req", "-x509", *self.new_key(name), "-days", "2", "-subj", "/CN=" + name,
                         "-out", f"{self.folder}/{name}.pem")
        self.issue("kiosk", "devices")
        self.issue("thief", "strangers")
        super().start_gateway()

    def openssl(self, *args):
        return subprocess.run(["openssl", *args], check=True, capture_output=True).stdout

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{self.folder}/{name}.key")

    def issue(self, name, authority):
        path, issuer = f"{self.folder}/{name}", f"{self.folder}/{authority}"
        self.openssl("req", *self.new_key(name), "-subj", "/CN=" + name, "-out", path + ".csr")
        self.openssl("x509", "-req", "-in", path + ".csr", "-CA", issuer + ".pem", "-CAkey",
                     issuer + ".key", "-CAcreateserial", "-days", "2", "-out", path + ".pem")

    def get_as(self, name):
        context = ssl.create_default_context(cafile=self.keys + "/ca.pem")
        context.load_cert_chain(f"{self.folder}/{name}.pem", f"{self.folder}/{name}.key")
        connection = self.connect_tls(context)
        connection.sendall(b"GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return receive_all(connection)

    def test_the_broker_learns_the_key_of_a_device(self):
        self.assertIn(b"200 OK", self.get_as("kiosk"))
        public = self.openssl("pkey", "-in", self.folder + "/kiosk.key", "-pubout", "-outform",
                              "DER")
        start, _, rest = self.api.peers[0][1:].partition(b"\0")
        self.assertRegex(start, rb"^berth-gateway/[0-9a-f]{16}/127\.0\.0\.1$")
        self.assertEqual(rest, hashlib.sha256(public).digest())

    def test_without_a_certificate_everything_is_as_ever(self):
        self.assertIn(b"200 OK", self.get())
        self.assertRegex(self.api.peers[0], rb"^\0berth-gateway/[0-9a-f]{16}/127\.0\.0\.1$")

    def test_a_certificate_of_another_authority_is_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.get_as("thief")
        self.assertEqual(self.api.peers, [])


class OptionTest(unittest.TestCase):
    def run_gateway(self, *args):
        return subprocess.run([GATEWAY, *args], capture_output=True, text=True, timeout=LIMIT_S,
                              check=False)

    def test_mistakes_are_named(self):
        for args, message in (([], "--config FILE is needed"),
                              (["--config", "/nowhere.conf"], "/nowhere.conf"),
                              (["extra"], '"extra" is not expected')):
            result = self.run_gateway(*args)
            self.assertEqual(result.returncode, 1)
            self.assertIn(message, result.stderr)

    def test_help_and_version_are_there(self):
        self.assertIn("--ready-fd", self.run_gateway("--help").stdout)
        self.assertIn("berth-gateway", self.run_gateway("--version").stdout)
        self.assertIn("[gateway]", self.run_gateway("--help-config").stdout)


if __name__ == "__main__":
    GATEWAY, SETUP = (os.path.abspath(path) for path in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)

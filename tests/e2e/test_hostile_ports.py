# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain TCP, TLS 1.2 and noise on every port: refused, and the site goes on."""
import os
import random
import socket
import ssl
import unittest

from story import POOL, EXIT_OK, Story

CONNECT_LIMIT_S = 15
N_NOISE = 20


class HostilePorts(Story):
    def ports(self):
        agent = int(self.lab.agent.ready["port"])
        return {"gateway": int(self.lab.gateway.ready["port"]), "display": agent,
                "control": int(self.lab.broker.ready["agent_port"])}

    def exchange(self, port, data):
        """What a port answers to data before it closes; the limit is on its closing."""
        with socket.create_connection(("127.0.0.1", port), CONNECT_LIMIT_S) as peer:
            answer = b""
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                while chunk := peer.recv(4096):
                    answer += chunk
            except OSError:  # closed in the middle of what we say
                pass
            return answer

    def assert_site_works(self):
        done = self.lab.probe("--desktop", POOL, "--wait-stable", "200", "--logoff")
        self.assertEqual(done.returncode, EXIT_OK, done.stderr)

    def test_plain_http_is_told_that_the_port_speaks_tls(self):
        answer = self.exchange(self.ports()["gateway"], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"400", answer)
        self.assertIn(b"TLS", answer)

    def test_plain_bytes_get_nothing_from_any_port(self):
        for name, port in self.ports().items():
            with self.subTest(port=name):
                answer = self.exchange(port, b"hello, is anybody there?\r\n")
                self.assertNotIn(b"berth", answer.lower())
                self.assertLess(len(answer), 512)

    def test_noise_changes_nothing(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        source = random.Random(seed)
        for name, port in self.ports().items():
            with self.subTest(port=name):
                for _ in range(N_NOISE):
                    self.exchange(port, source.randbytes(source.randrange(1, 5000)))
                    # Looks like a TLS record and is none.
                    self.exchange(port, b"\x16\x03\x01" + source.randbytes(2000))
        self.assert_site_works()

    def test_tls_1_2_is_refused_on_every_port(self):
        for name, port in self.ports().items():
            with self.subTest(port=name):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                with socket.create_connection(("127.0.0.1", port), CONNECT_LIMIT_S) as peer:
                    with self.assertRaises((ssl.SSLError, ConnectionError)):
                        context.wrap_socket(peer, server_hostname="localhost")

    def test_a_wrong_server_name_reaches_no_desktop(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for host in (self.lab.host_id, "0" * 32):
            name = f"{os.urandom(16).hex()}.{host}.session.berth"
            with self.subTest(name=name):
                with socket.create_connection(("127.0.0.1", self.ports()["gateway"]),
                                              CONNECT_LIMIT_S) as peer:
                    with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
                        context.wrap_socket(peer, server_hostname=name)


if __name__ == "__main__":
    unittest.main()

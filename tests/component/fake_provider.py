# SPDX-License-Identifier: GPL-3.0-or-later
"""A small OpenID Connect provider over TLS, and how it can lie.  Keys are openssl's."""
import base64
import hashlib
import http.server
import json
import os
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse

from broker_site import openssl


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An RSA or P-256 key of the openssl program."""

    def __init__(self, folder, kind="RS256"):
        self.kind, self.id = kind, secrets.token_hex(4)
        self.path = os.path.join(folder, f"key-{self.id}")
        options = (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "RS256"
                   else ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        openssl("genpkey", *options, "-out", self.path)

    def jwk(self):
        shared = {"kid": self.id, "use": "sig", "alg": self.kind}
        if self.kind == "RS256":
            out = subprocess.run(["openssl", "rsa", "-in", self.path, "-noout", "-modulus"],
                                 check=True, capture_output=True, text=True).stdout
            modulus = bytes.fromhex(out.strip().split("=")[1])
            return {"kty": "RSA", "n": b64(modulus), "e": "AQAB", **shared}
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        return {"kty": "EC", "crv": "P-256", "x": b64(der[-64:-32]), "y": b64(der[-32:]), **shared}

    def sign(self, text):
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path],
                                   input=text.encode(), check=True, capture_output=True).stdout
        if self.kind == "RS256":
            return signature
        numbers, rest = [], signature[2:]
        for _ in range(2):
            numbers.append(rest[2:2 + rest[1]].lstrip(b"\0").rjust(32, b"\0"))
            rest = rest[2 + rest[1]:]
        return b"".join(numbers)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, body, status=200):
        data = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        provider = self.server.provider
        if self.path == "/.well-known/openid-configuration":
            self.answer({"issuer": provider.url, "authorization_endpoint": provider.url + "/auth",
                         "token_endpoint": provider.url + "/token",
                         "jwks_uri": provider.url + "/keys", **provider.discovery})
        elif self.path == "/keys":
            provider.n_key_requests += 1
            self.answer({"keys": [key.jwk() for key in provider.keys]})
        else:
            self.answer({}, 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(*self.server.provider.redeem(dict(urllib.parse.parse_qsl(body)),
                                                 self.headers.get("Authorization")))


class Provider:
    """login() plays the user's browser; claims, header and key change what the next token says."""

    def __init__(self, site, kind="RS256"):
        site.issue("provider", "DNS:localhost")
        self.dir = site.dir
        self.keys = [Key(site.dir, kind)]
        self.codes, self.discovery, self.claims, self.header = {}, {}, {}, {}
        self.signing_key, self.token, self.answer = None, None, None
        self.n_key_requests = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.provider = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(site.path("provider.pem"), site.path("provider.key"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = "https://localhost:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def login(self, url):
        """What the browser brings back from the provider: (state, code)."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256", query
        code = secrets.token_hex(16)
        self.codes[code] = query
        return query["state"], code

    def redeem(self, form, authorization):
        query = self.codes.pop(form.get("code"), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        secret = "Basic " + base64.b64encode(b"berth:the client secret").decode()
        if (query is None or query["code_challenge"] != challenge or authorization != secret
                or query["redirect_uri"] != form.get("redirect_uri")):
            return {"error": "invalid_grant"}, 400
        if self.answer:
            return self.answer
        return {"access_token": "x", "token_type": "Bearer",
                "id_token": self.token or self.make_token(query["nonce"])}, 200

    def make_token(self, nonce):
        key = self.signing_key or self.keys[0]
        now = int(time.time())
        claims = {"iss": self.url, "aud": "berth", "sub": "4711", "nonce": nonce, "iat": now,
                  "exp": now + 300, "preferred_username": "anna", "name": "Anna A.",
                  "groups": ["staff", "developers"], **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": key.kind, "kid": key.id, **self.header}
        text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
        if header["alg"] == "none":
            return text + "."
        return text + "." + b64(key.sign(text))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The depot of a broker: uploads, imports, hostile images, kill -9 at every step, a full disk.

usage: test_depot.py BERTH_IMAGE_SANDBOX BERTHCTL [TEST...]
"""
import hashlib
import http.client
import json
import os
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, UnixConnection, new_folder  # noqa: E402

PROGRAM = os.environ["BERTH_BROKER_PROGRAM"]
SANDBOX = BERTHCTL = None
MIB = 1 << 20
CHUNK = 4 * MIB
DISK = 24 * MIB
LIMIT_S = 60
# In the order in which an import comes to them.
KILL_POINTS = ("upload-made", "upload-written", "import-wanted", "import-looked",
               "import-converted", "import-hashed", "import-stored", "import-signed",
               "import-recorded", "store-synced", "store-listed", "store-renamed")


def root_of(path):
    """The name of a file by its content, made as the document says and by nothing of ours."""
    digests = b""
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digests += hashlib.sha256(chunk).digest()
    return hashlib.sha256(b"berth-chunks-1\0" +
                          struct.pack("<QI", os.path.getsize(path), CHUNK) + digests).hexdigest()


def qemu_img(*args):
    subprocess.run(["qemu-img", *args], check=True, capture_output=True)


def eventually(probe):
    end = time.monotonic() + LIMIT_S
    while not (value := probe()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return value


class DepotCase(unittest.TestCase):
    reserve = "0"

    def setUp(self):
        self.folder = new_folder()
        self.addCleanup(self.folder.cleanup)
        self.site = Site(self.folder.name)
        self.depot = self.site.path("depot")
        with open(self.site.path("broker.conf"), "a", encoding="utf-8") as config:
            config.write(f"\n[depot]\nfolder = {self.depot}\nsandbox_program = {SANDBOX}\n"
                         f"reserve = {self.reserve}\nmax_image = 1G\n")
        self.make_disk()
        self.broker = Broker(PROGRAM, self.site)
        self.addCleanup(self.end)
        self.token = self.broker.login("admin", ADMIN_PASSWORD)
        self.image = self.ask("POST", "/v1/images", {"name": "office", "manifest": {}}, 201)["id"]

    def end(self):
        if self.broker.process.poll() is None:
            self.assertEqual(self.broker.stop(), 0)

    def make_disk(self):
        self.raw = self.site.path("disk.raw")
        with open(self.raw, "wb") as file:
            file.truncate(DISK)
            for at in (1, 7, 20):
                file.seek(at * MIB)
                file.write(os.urandom(MIB))
        self.qcow2 = self.site.path("disk.qcow2")
        qemu_img("convert", "-O", "qcow2", self.raw, self.qcow2)

    def ask(self, method, path, body=None, wanted=200):
        status, reply = self.broker.request(method, path, body, self.token)
        self.assertEqual(status, wanted, reply)
        return reply

    def begin(self, path, wanted=201, **more):
        body = {"size_bytes": os.path.getsize(path), **more}
        return self.ask("POST", f"/v1/images/{self.image}/import", body, wanted)

    def send(self, upload, path, role="disk", piece=5 * MIB, begin=0, end=None):
        size = os.path.getsize(path) if end is None else end
        with open(path, "rb") as file:
            for at in range(begin, size, piece):
                file.seek(at)
                self.ask("PUT", f"/v1/uploads/{upload}?offset={at}&role={role}",
                         file.read(min(piece, size - at)))

    def wait(self, operation):
        path = f"/v1/operations/{operation}"
        return eventually(lambda: (lambda o: o["state"] != "running" and o)(self.ask("GET", path)))

    def bring(self, path, **more):
        upload = self.begin(path, **more)["id"]
        self.send(upload, path)
        return self.wait(self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)["operation"])

    def rows(self, sql):
        store = sqlite3.connect(f"file:{self.site.path('state/broker.sqlite')}?mode=ro", uri=True)
        with store:
            found = store.execute(sql).fetchall()
        store.close()
        return found

    def versions(self):
        return self.rows("SELECT number, state FROM image_version "
                         "WHERE state NOT IN ('deleting', 'deleted') ORDER BY number")

    def files(self):
        """What is in the depot beside its own folders."""
        return sorted(os.path.relpath(os.path.join(folder, name), self.depot)
                      for folder, _, names in os.walk(self.depot) for name in names)

    def stored(self, *roots):
        return sorted(root + suffix for root in roots for suffix in (".img", ".chunks"))


class Import(DepotCase):
    def test_a_qcow2_becomes_a_signed_version(self):
        end = self.bring(self.qcow2, format="qcow2", changelog="first",
                         machine={"memory_mib": 512})
        self.assertEqual(end["state"], "done", end)
        root = root_of(self.raw)
        self.assertEqual(end["result"]["files"][0]["root"], root)
        self.assertEqual(self.files(), self.stored(root))
        self.assertEqual(root_of(os.path.join(self.depot, root + ".img")), root)
        self.assertEqual(os.stat(os.path.join(self.depot, root + ".img")).st_mode & 0o777, 0o444)
        (manifest, signature, sha256, place), = self.rows(
            "SELECT v.manifest, v.signature, v.sha256, r.place FROM image_version v "
            "JOIN image_replica r ON r.version = v.id WHERE r.state = 'present'")
        self.check_signature(manifest, signature)
        self.assertEqual(hashlib.sha256(manifest.encode()).hexdigest(), sha256)
        self.assertTrue(place.startswith("broker:"))
        said = json.loads(manifest)
        self.assertEqual(said["machine"]["memory_mib"], 512)
        self.assertEqual(said["files"], [{"role": "disk", "root": root, "size_bytes": DISK,
                                          "chunk_bytes": CHUNK}])
        self.assertEqual(self.versions(), [(1, "available")])

    def check_signature(self, manifest, signature):
        with open(self.site.path("text"), "wb") as file:
            file.write(b"berth-image-1\n" + manifest.encode())
        with open(self.site.path("signature"), "wb") as file:
            file.write(bytes.fromhex(signature))
        subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey",
                        self.site.path("ticket.pub"), "-rawin", "-in", self.site.path("text"),
                        "-sigfile", self.site.path("signature")], check=True, capture_output=True)

    def test_disk_kernel_and_initrd_are_one_version(self):
        kernel, initrd = self.site.path("kernel"), self.site.path("initrd")
        for path, n in ((kernel, 3 * MIB + 5), (initrd, 100)):
            with open(path, "wb") as file:
                file.write(os.urandom(n))
        upload = self.begin(self.raw, format="raw", kernel_bytes=3 * MIB + 5, initrd_bytes=100,
                            machine={"cmdline": "quiet"})["id"]
        for path, role in ((kernel, "kernel"), (self.raw, "disk"), (initrd, "initrd")):
            self.send(upload, path, role)
        reply = self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)
        end = self.wait(reply["operation"])
        self.assertEqual([(f["role"], f["root"]) for f in end["result"]["files"]],
                         [("disk", root_of(self.raw)), ("kernel", root_of(kernel)),
                          ("initrd", root_of(initrd))])

    def test_a_file_of_the_incoming_folder_needs_no_upload(self):
        os.rename(self.qcow2, os.path.join(self.depot, "incoming", "a.qcow2"))
        reply = self.ask("POST", f"/v1/images/{self.image}/import", {"path": "a.qcow2"}, 201)
        reply = self.ask("POST", f"/v1/uploads/{reply['id']}/finish", wanted=202)
        self.assertEqual(self.wait(reply["operation"])["state"], "done")
        self.assertIn("incoming/a.qcow2", self.files())
        for name in ("../broker.conf", "/etc/passwd", ".hidden", "nothing", ""):
            status, _ = self.broker.request("POST", f"/v1/images/{self.image}/import",
                                            {"path": name}, self.token)
            self.assertIn(status, (400, 404), name)

    def test_two_imports_at_once_are_two_versions(self):
        ends = []
        threads = [threading.Thread(target=lambda path=path: ends.append(self.bring(path)))
                   for path in (self.qcow2, self.qcow2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([end["state"] for end in ends], ["done", "done"])
        self.assertEqual(self.versions(), [(1, "available"), (2, "available")])
        self.assertEqual(self.files(), self.stored(root_of(self.raw)))


class Pieces(DepotCase):
    def test_an_upload_goes_on_where_it_was_cut(self):
        upload = self.begin(self.qcow2)["id"]
        self.send(upload, self.qcow2, piece=100000, end=300000)
        self.broker.kill()
        self.broker.start()
        there = self.ask("GET", f"/v1/uploads/{upload}")["files"][0]["received_bytes"]
        self.assertEqual(there, 300000)
        self.send(upload, self.qcow2, begin=there)
        reply = self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)
        self.assertEqual(self.wait(reply["operation"])["result"]["files"][0]["root"],
                         root_of(self.raw))

    def test_a_connection_that_breaks_leaves_no_half_piece(self):
        upload = self.begin(self.qcow2)["id"]
        connection = UnixConnection(self.site.path("api.sock"))
        connection.putrequest("PUT", f"/v1/uploads/{upload}?offset=0")
        connection.putheader("Authorization", "Bearer " + self.token)
        connection.putheader("Content-Length", str(2 * MIB))
        connection.endheaders()
        connection.send(b"x" * MIB)
        connection.close()
        self.send(upload, self.qcow2)

    def test_what_does_not_fit_is_refused(self):
        size = os.path.getsize(self.qcow2)
        upload = self.begin(self.qcow2)["id"]
        put = f"/v1/uploads/{upload}?offset="
        for path, body, code in ((put + "5", b"x", "state"), (put + "0", b"x" * (size + 1), "too-large"),
                                 (put + str(size), b"x", "too-large"),
                                 (put + str(1 << 40), b"x", "too-large"),
                                 (put + "0&role=kernel", b"x", "not-found"),
                                 (put + "0", b"x" * (8 * MIB + 1), "too-large")):
            _, reply = self.broker.request("PUT", path, body, self.token)
            self.assertEqual(reply["code"], code, reply)
        for path in (put + "-1", put + "x", f"/v1/uploads/{upload}", put + "0&role=floppy"):
            status, _ = self.broker.request("PUT", path, b"x", self.token)
            self.assertEqual(status, 400, path)
        reply = self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=409)
        self.assertIn(f"0 of {size} bytes of the disk are there", reply["detail"])
        self.ask("DELETE", f"/v1/uploads/{upload}", wanted=204)
        self.assertEqual(self.files(), [])

    def test_impossible_wishes_are_refused(self):
        path = f"/v1/images/{self.image}/import"
        for body, status in (({}, 400), ({"size_bytes": 0}, 400), ({"size_bytes": 1 << 40}, 413),
                             ({"size_bytes": 1, "format": "nbd"}, 400),
                             ({"size_bytes": 1, "path": "x"}, 400),
                             ({"size_bytes": 1, "machine": {"cmdline": "x"}}, 400),
                             ({"size_bytes": 1, "machine": {"memory": 1}}, 400),
                             ({"size_bytes": 1, "initrd_bytes": 1}, 400)):
            self.assertEqual(self.broker.request("POST", path, body, self.token)[0], status, body)
        self.assertEqual(self.broker.request("POST", f"/v1/images/{'0' * 32}/import",
                                             {"size_bytes": 1}, self.token)[0], 404)
        self.assertEqual(self.files(), [])

    def test_large_bodies_are_taken_only_from_who_may(self):
        upload = self.begin(self.qcow2)["id"]
        for token in (None, "0" * 64):
            connection = UnixConnection(self.site.path("api.sock"))
            connection.putrequest("PUT", f"/v1/uploads/{upload}?offset=0")
            if token:
                connection.putheader("Authorization", "Bearer " + token)
            connection.putheader("Content-Length", str(8 * MIB))
            connection.endheaders()
            # Not one byte of the body was sent, and the answer is there.
            self.assertEqual(connection.getresponse().status, 401)
            connection.close()

    def test_an_upload_is_its_owners(self):
        self.ask("POST", "/v1/users", {"name": "bob", "password": "a good password"}, 201)
        self.ask("POST", "/v1/role-grants", {"user": "bob", "role": "image-admin", "scope": "/"},
                 201)
        upload = self.begin(self.qcow2)["id"]
        other = self.broker.login("bob", "a good password")
        for method, path in (("GET", ""), ("PUT", "?offset=0"), ("POST", "/finish"),
                             ("DELETE", "")):
            body = b"x" if method == "PUT" else None
            status, _ = self.broker.request(method, f"/v1/uploads/{upload}{path}", body, other)
            self.assertEqual(status, 404, method)
        _, reply = self.broker.request("GET", "/v1/uploads", token=other)
        self.assertEqual(reply["uploads"], [])

    def test_uploads_have_a_number(self):
        for _ in range(16):
            self.begin(self.qcow2)
        self.begin(self.qcow2, wanted=429)


class Hostile(DepotCase):
    def check_refused(self, path, sentence, **more):
        end = self.bring(path, **more)
        self.assertEqual(end["state"], "failed", end)
        self.assertIn(sentence, end["detail"])
        self.assertEqual(self.versions(), [])
        self.assertEqual([name for name in self.files() if "incoming" not in name], [])
        self.assertEqual(self.ask("GET", "/v1/uploads")["uploads"], [])

    def test_images_that_want_more_than_themselves_are_refused(self):
        path = self.site.path("evil")
        qemu_img("create", "-f", "qcow2", "-b", self.site.path("ca.key"), "-F", "raw", path)
        self.check_refused(path, "backing file")
        qemu_img("create", "-f", "qcow2", "-o", f"data_file={self.site.path('data')}", path, "1M")
        self.check_refused(path, "data", format="qcow2")
        qemu_img("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", path, "1M")
        self.check_refused(path, "other files")
        with open(path, "wb") as file:
            file.write(b"no image at all" * 100)
        self.check_refused(path, "say its format")
        qemu_img("create", "-f", "qcow2", path, "2G")
        self.check_refused(path, "at most 1024 MiB are allowed")
        self.check_refused(self.raw, "it is no vdi", format="vdi")


class Killed(DepotCase):
    def kill_at(self, point, path):
        """An import by a broker that dies at a point, then one that does not."""
        self.broker.stop()
        os.environ["BERTH_KILL_AT"] = point
        try:
            self.broker.start()
        finally:
            del os.environ["BERTH_KILL_AT"]
        upload = None
        try:
            upload = self.begin(path)["id"]
            self.send(upload, path)
            self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)
        except (OSError, http.client.HTTPException):
            pass
        self.assertEqual(self.broker.process.wait(LIMIT_S), -9, point)
        self.broker.start()
        left = self.ask("GET", "/v1/uploads")["uploads"]
        if upload is None or (left and left[0]["state"] == "receiving"):
            # It died before the import was asked for: the client goes on.
            self.assertLessEqual(len(left), 1)
            upload = left[0]["id"] if left else self.begin(path)["id"]
            there = left[0]["files"][0]["received_bytes"] if left else 0
            self.send(upload, path, begin=there)
            self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)
        eventually(lambda: not self.ask("GET", "/v1/uploads")["uploads"])

    def test_every_kill_point_ends_in_one_whole_version(self):
        n = 0
        for path in (self.qcow2, self.raw):
            for point in KILL_POINTS:
                with self.subTest(point=point, path=os.path.basename(path)):
                    n += 1
                    if path == self.raw:
                        with open(path, "r+b") as file:  # another disk each time
                            file.seek(510)
                            file.write(b"\x55\xaa" + struct.pack("<I", n))
                    else:
                        with open(self.raw, "r+b") as file:
                            file.seek(2 * MIB)
                            file.write(struct.pack("<I", n))
                        qemu_img("convert", "-O", "qcow2", self.raw, self.qcow2)
                    self.kill_at(point, path)
                    numbers = self.versions()
                    self.assertEqual([state for _, state in numbers], ["available"] * n)
                    root = root_of(self.raw)
                    self.assertIn(root + ".img", self.files())
                    self.assertEqual(len(self.files()), 2 * n, self.files())
                    self.assertEqual(self.rows("SELECT count(*) FROM operation "
                                               "WHERE state <> 'done'"), [(0,)])


class Served(DepotCase):
    def connect(self, name):
        context = ssl.create_default_context(cafile=self.site.path("ca.pem"))
        context.check_hostname = False
        context.set_alpn_protocols(["berth-image/1"])
        if name:
            context.load_cert_chain(self.site.path(name + ".pem"), self.site.path(name + ".key"))
        (address,), = self.rows("SELECT value FROM meta WHERE key LIKE 'depot_address:%'")
        host, port = address.rsplit(":", 1)
        plain = socket.create_connection((host, int(port)), LIMIT_S)
        link = context.wrap_socket(plain)
        self.addCleanup(link.close)
        return link

    def fetch(self, link, op, root, first=0, n=0):
        link.sendall(struct.pack("<4sHH32sQQQ", b"BIMG", 1, op, bytes.fromhex(root), first, n, 0))
        status, _, length = struct.unpack("<iIQ", self.take(link, 16))
        return status, self.take(link, length)

    @staticmethod
    def take(link, n):
        data = b""
        while len(data) < n:
            piece = link.recv(n - len(data))
            assert piece, "the depot hung up"
            data += piece
        return data

    def test_hosts_fetch_what_was_imported(self):
        root = self.bring(self.qcow2)["result"]["files"][0]["root"]
        self.site.new_host("one")
        link = self.connect("host-one")
        status, chunks = self.fetch(link, 1, root)
        self.assertEqual(status, 0)
        with open(os.path.join(self.depot, root + ".chunks"), "rb") as file:
            self.assertEqual(chunks, file.read())
        status, data = self.fetch(link, 2, root, 1, 1)
        with open(self.raw, "rb") as file:
            file.seek(CHUNK)
            self.assertEqual((status, data), (0, file.read(CHUNK)))
        status, _ = self.fetch(self.connect("host-one"), 1, "0" * 64)
        self.assertNotEqual(status, 0)

    def test_strangers_fetch_nothing(self):
        root = self.bring(self.qcow2)["result"]["files"][0]["root"]
        with self.assertRaises((OSError, AssertionError)):
            self.fetch(self.connect(None), 1, root)

    def test_files_of_a_version_that_goes_go(self):
        first = self.bring(self.qcow2)["result"]["files"][0]["root"]
        with open(self.raw, "r+b") as file:
            file.write(b"another")
        qemu_img("convert", "-O", "qcow2", self.raw, self.qcow2)
        second = self.bring(self.qcow2)["result"]
        self.assertEqual(self.files(), self.stored(first, second["files"][0]["root"]))
        self.ask("POST", f"/v1/image-versions/{second['version']}/retire", wanted=204)
        self.ask("DELETE", f"/v1/image-versions/{second['version']}", wanted=204)
        self.broker.stop()
        self.broker.start()
        eventually(lambda: self.files() == self.stored(first))
        eventually(lambda: self.rows("SELECT state FROM image_version WHERE number = 2") ==
                   [("deleted",)])


class ByHand(DepotCase):
    def ctl(self, *words):
        with open(self.site.path("token"), "w", encoding="ascii") as file:
            file.write(self.token)
        return subprocess.run(
            [BERTHCTL, "--socket", self.site.path("api.sock"), "--json", *words],
            env={**os.environ, "BERTH_TOKEN_FILE": self.site.path("token")},
            capture_output=True, text=True, timeout=LIMIT_S, check=False)

    def test_one_command_makes_a_version(self):
        kernel = self.site.path("kernel")
        with open(kernel, "wb") as file:
            file.write(os.urandom(5 * MIB))
        done = self.ctl("image", "import", "office", self.qcow2, "--kernel", kernel,
                        "--changelog", "first")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual([f["root"] for f in result["files"]], [root_of(self.raw), root_of(kernel)])

    def test_an_upload_is_resumed(self):
        upload = self.begin(self.qcow2)["id"]
        self.send(upload, self.qcow2, end=1000000)
        done = self.ctl("image", "import", "office", self.qcow2, "--resume", upload)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.versions(), [(1, "available")])

    def test_a_refusal_is_told(self):
        done = self.ctl("image", "import", "office", self.site.path("nothing"))
        self.assertIn("cannot read", done.stderr)
        done = self.ctl("image", "import", "office", self.qcow2, "--format", "vdi")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("it is no vdi", done.stderr)


class NoRoom(DepotCase):
    reserve = "1000000G"

    def test_no_room_is_told_at_once(self):
        reply = self.begin(self.qcow2, wanted=507)
        self.assertIn("has room for 0 MiB", reply["detail"])
        self.assertEqual(self.files(), [])


class Full(DepotCase):
    """The depot lies on a small tmpfs of a mount namespace of our own."""

    def setUp(self):
        super().setUp()
        self.broker.stop()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12M", "tmpfs", self.depot], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", self.depot], check=True))
        self.broker.start()

    def fill(self):
        with open(os.path.join(self.depot, "ballast"), "ab", buffering=0) as file:
            for size in (MIB, 4096):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    pass

    def empty(self):
        os.unlink(os.path.join(self.depot, "ballast"))

    def test_a_disk_that_fills_up_costs_nothing_that_was_sent(self):
        upload = self.begin(self.qcow2)["id"]
        self.send(upload, self.qcow2, end=2 * MIB)
        self.fill()
        reply = self.ask("PUT", f"/v1/uploads/{upload}?offset={2 * MIB}", os.urandom(MIB), 507)
        self.assertEqual(reply["code"], "disk-full")
        self.empty()
        self.send(upload, self.qcow2, begin=2 * MIB)
        self.fill()
        reply = self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)
        end = self.wait(reply["operation"])
        self.assertEqual(end["state"], "failed")
        self.assertRegex(end["detail"], "full|room")
        self.assertEqual(self.versions(), [])
        self.assertEqual([name for name in self.files() if "raw" in name or ".img" in name], [])
        self.empty()
        eventually(lambda: self.ask("GET", f"/v1/uploads/{upload}")["state"] == "receiving")
        reply = self.ask("POST", f"/v1/uploads/{upload}/finish", wanted=202)
        self.assertEqual(self.wait(reply["operation"])["result"]["files"][0]["root"],
                         root_of(self.raw))


def enter_namespace():
    """Mounts are seen by us and our children only."""
    if "BERTH_TEST_MOUNTS" not in os.environ:
        os.environ["BERTH_TEST_MOUNTS"] = "1"
        options = ["--mount", "--propagation", "private"]
        options += [] if os.getuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])


if __name__ == "__main__":
    enter_namespace()
    SANDBOX, BERTHCTL = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)

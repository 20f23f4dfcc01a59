# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent and versions of images: fetched from another host, killed on the way, refused.

usage: test_agent_images.py AGENT SESSION BUILD_TG [TEST...]
"""
import hashlib
import json
import os
import secrets
import signal
import struct
import subprocess
import sys
import unittest

import test_agent as base
from fake_broker import FakeBroker
from test_agent import Site, state_of

CHUNK = 4 * 1024 * 1024
KILL_POINTS = ["replicate-listed", "replicate-written:2", "replicate-noted:2",
               "replicate-complete", "store-synced", "store-listed", "store-renamed",
               "replicate-settled", "replicate-verified"]


class Files:
    """Files of versions by their roots, and the key that signs manifests."""

    def __init__(self, folder):
        self.key = os.path.join(folder, "signing.key")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"],
                             check=True, stdout=subprocess.PIPE).stdout
        self.public = der[-32:].hex()
        self.image = secrets.token_hex(16)
        self.folder = folder
        self.number = 0

    def add(self, site, data):
        """Puts a file into the store of a host, as a seal does; a row of a manifest."""
        digests = b"".join(hashlib.sha256(data[i:i + CHUNK]).digest()
                           for i in range(0, len(data), CHUNK))
        head = struct.pack("<QI", len(data), CHUNK)
        root = hashlib.sha256(b"berth-chunks-1\0" + head + digests).hexdigest()
        versions = os.path.join(site.images, "versions")
        os.makedirs(versions, exist_ok=True)
        with open(os.path.join(versions, root + ".chunks"), "wb") as out:
            out.write(struct.pack("<IHHQII", 0x4b484342, 1, 0, len(data), CHUNK, 0) + digests)
        with open(os.path.join(versions, root + ".img"), "wb") as out:
            out.write(data)
        return {"chunk_bytes": CHUNK, "root": root, "size_bytes": len(data)}

    def sign(self, text):
        path = os.path.join(self.folder, "to-sign")
        with open(path, "wb") as out:
            out.write(b"berth-image-1\n" + text.encode())
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in",
                               path], check=True, stdout=subprocess.PIPE).stdout.hex()

    def version(self, files, sources, **machine):
        """An entry of the desired images."""
        self.number += 1
        manifest = {
            "format": 1, "image": self.image, "image_name": "office",
            "version": secrets.token_hex(16), "number": self.number, "parent": "",
            "created_us": 1, "files": files,
            "machine": {"memory_mib": 512, "vcpus": 1, "width": 1280, "height": 800,
                        "ready": "guest-agent", "display": "dbus", "cmdline": "", "prepare": "",
                        **machine}}
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
        return {"version": manifest["version"], "manifest": manifest, "signature": self.sign(text),
                "sources": sources, "kbps": 0}


class Neighbour(Site):
    """Another host of the same site, with a broker of its own that says what it should have."""

    def __init__(self, first):
        super().__init__()
        for name in ("ca.pem", "host.pem", "host.key", "broker.pem", "broker.key"):
            with open(os.path.join(first.path, name), "rb") as source:
                with open(os.path.join(self.path, name), "wb") as copy:
                    copy.write(source.read())
        os.chmod(self.path + "/host.key", 0o600)
        self.broker.close()
        self.broker = FakeBroker(self.path)
        self.settings.update(broker=f"127.0.0.1:{self.broker.port}", host_id=first.host_id)


def image_state(entry, state):
    def check(inventory):
        for item in inventory["images"]:
            if item["version"] == entry["version"] and item["state"] == state:
                return item
        return None
    return check


class ImageTests(base.AgentTest):
    def make_far(self):
        """A host that has files and serves them."""
        self.site = far = Site()
        self.files = Files(far.path)
        far.broker.ticket_keys = [self.files.public]
        far.start()
        far.broker.wait("the first inventory", lambda inventory: True)
        return far

    def make_near(self, far):
        near = Neighbour(far)
        near.broker.ticket_keys = [self.files.public]
        self.addCleanup(near.close)
        return near

    def serve(self, far, entry):
        far.broker.want(images=[entry])
        far.broker.wait("present at the source", image_state(entry, "present"))

    def stored(self, site):
        return sorted(name for name in os.listdir(site.images + "/versions")
                      if name not in ("tmp", "lock"))

    def check_file(self, far, near, root):
        names = self.stored(near)
        self.assertEqual(names, [root + suffix for suffix in (".chunks", ".img", ".seen")])
        self.assertEqual(os.listdir(near.images + "/versions/tmp"), [])
        with open(f"{far.images}/versions/{root}.img", "rb") as one:
            with open(f"{near.images}/versions/{root}.img", "rb") as other:
                self.assertEqual(one.read(), other.read())

    def test_a_fetch_survives_a_kill_at_every_point(self):
        far = self.make_far()
        data = os.urandom(CHUNK) + bytes(CHUNK) + os.urandom(2 * CHUNK + 4096)
        row = {"role": "disk", **self.files.add(far, data)}
        entry = self.files.version([row], [far.broker.hello["image_address"]])
        self.serve(far, entry)
        for point in KILL_POINTS:
            with self.subTest(point=point):
                near = self.make_near(far)
                near.environment = {"BERTH_KILL_AT": point}
                near.broker.images = [entry]
                near.broker.generation = 1
                near.start()
                self.assertEqual(near.agent.wait(60), -9)
                near.environment = {}
                near.broker.forget_inventory()
                near.start()
                item = near.broker.wait("present", image_state(entry, "present"))
                self.assertEqual(item["bytes"], item["total_bytes"])
                self.check_file(far, near, row["root"])
                near.kill()

    def make_guest(self, site):
        """(folder, manifest) of the test guest."""
        guest = os.path.join(site.path, "guest")
        subprocess.run([base.BUILD_TG, guest], check=True, stdout=subprocess.DEVNULL)
        with open(guest + "/tg.json", encoding="utf-8") as file:
            return guest, json.load(file)

    def add_kernel(self, site, guest, manifest):
        """The files of a version that boots without a disk."""
        rows = []
        for role in ("kernel", "initrd"):
            with open(os.path.join(guest, manifest[role]), "rb") as file:
                rows.append({"role": role, **self.files.add(site, file.read())})
        return rows

    def test_a_machine_reserves_the_memory_of_its_version(self):
        site = self.make_far()
        guest, manifest = self.make_guest(site)
        entry = self.files.version(self.add_kernel(site, guest, manifest), [], memory_mib=512)
        self.serve(site, entry)
        site.kill()
        site.settings.update(memory_limit_mib="900")
        site.start()
        desks = [{"id": secrets.token_hex(16), "epoch": 1, "name": f"desk-{i}",
                  "version": entry["version"], "template": False, "want": "running"}
                 for i in range(2)]
        site.broker.want(images=[entry], machines=desks)
        refused = site.broker.wait("one of them refused", lambda inventory: next(
            (row for row in inventory["machines"] if row["state"] == "failed"), None))
        self.assertEqual(refused["code"], "no-memory")
        self.assertIn("given away", refused["detail"])
        inventory = site.broker.wait("the other one", lambda inventory: inventory["memory"][
            "committed_mib"] > 0 and inventory)
        self.assertEqual(inventory["memory"]["committed_mib"], 512)

    def test_without_room_a_version_comes_later(self):
        far = self.make_far()
        row = {"role": "disk", **self.files.add(far, os.urandom(3 * CHUNK))}
        entry = self.files.version([row], [far.broker.hello["image_address"]])
        self.serve(far, entry)
        near = self.make_near(far)
        mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", near.images]
        if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            self.skipTest("no file system can be mounted here")
        try:
            near.start()
            near.broker.want(images=[entry])
            item = near.broker.wait("refused", image_state(entry, "failed"))
            self.assertEqual(item["code"], "disk-full", item)
            self.assertNotIn(row["root"] + ".img", self.stored(near))
            subprocess.run(["mount", "-o", "remount,size=8g", near.images], check=True)
            near.kill()
            near.broker.forget_inventory()
            near.start()
            near.broker.wait("present", image_state(entry, "present"))
            self.check_file(far, near, row["root"])
        finally:
            near.kill()
            subprocess.run(["umount", "-l", near.images], check=False)

    def test_a_machine_stands_on_a_version_until_it_is_damaged(self):
        far = self.make_far()
        guest, manifest = self.make_guest(far)
        rows = self.add_kernel(far, guest, manifest)
        entry = self.files.version(rows, [far.broker.hello["image_address"]],
                                   cmdline=manifest.get("cmdline", ""),
                                   memory_mib=manifest["memory_mib"])
        self.serve(far, entry)
        near = self.make_near(far)
        near.start()
        desk = {"id": secrets.token_hex(16), "epoch": 1, "name": "desk-1",
                "version": entry["version"], "template": False, "want": "running"}
        near.broker.want(images=[entry], machines=[desk])
        near.broker.wait("ready", state_of(desk, "ready"), timeout_s=120)
        # Nobody else has the files any more, and one of them is changed behind the agent's back.
        far.kill()
        path = f"{near.images}/versions/{rows[1]['root']}.img"
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.seek(1000)
            file.write(b"not what was sealed")
        desk["epoch"] = 2
        near.broker.want(machines=[desk])
        entry_now = near.broker.wait("refused", image_state(entry, "failed"))
        self.assertIn("cannot be reached", entry_now["detail"])
        failed = near.broker.wait("no machine", state_of(desk, "failed"))
        self.assertIn("cannot be reached", failed["detail"])


if __name__ == "__main__":
    base.AGENT, base.SESSION, base.BUILD_TG = sys.argv[1:4]
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
    finally:
        base.end_descendants()

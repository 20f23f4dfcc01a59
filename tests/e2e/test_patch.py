# SPDX-License-Identifier: GPL-3.0-or-later
"""IT patches an image: import, edit by a script, seal, look what changed, try it, all by berthctl."""
import json
import os
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

import story
from story import lab

PIECE_BYTES = 8 << 20
PATCH = """set -e
echo patched >/etc/patched
printf 'Package: patch\\nStatus: install ok installed\\nVersion: 2.0\\nArchitecture: all\\n' >>/var/lib/dpkg/status
printf 'Maintainer: x <x@example.org>\\nDescription: x\\n\\n' >>/var/lib/dpkg/status
cat /etc/machine-id /etc/ssh/ssh_host_test_key
"""
LOOK = """cat /etc/machine-id; echo; cat /etc/ssh/ssh_host_test_key; wc -l </var/log/boot.log
cat /etc/patched; dpkg-query -W patch
"""


class Patch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guest = os.path.join(story.Site.cache, "e2e", "patch")
        builder = os.path.join(story.HERE, "..", "guest", "build-patch.sh")
        subprocess.run([builder, cls.guest], check=True, stdout=subprocess.DEVNULL)
        sandbox = os.path.join(story.Site.build, "base", "depot", "berth-image-sandbox")
        cls.lab = lab.Lab(story.Site.build, {}, agent_options=["ready_deadline_s=180"],
                          broker_options=["[depot]", f"sandbox_program={sandbox}"])
        cls.addClassCleanup(cls.lab.stop)
        os.makedirs(cls.lab.path("images"), exist_ok=True)
        cls.lab.start()
        cls.token = cls.ask("POST", "/v1/auth/login", {
            "user": cls.lab.admin, "password": cls.lab.admin_password})["token"]

    @classmethod
    def ask(cls, method, path, body=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(cls.lab.url() + path, data, method=method)
        if data is not None:
            request.add_header("Content-Type", kind)
        if hasattr(cls, "token"):
            request.add_header("Authorization", "Bearer " + cls.token)
        trust = ssl.create_default_context(cafile=cls.lab.path("keys", "ca.pem"))
        with urllib.request.urlopen(request, context=trust) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def import_image(self):
        with open(os.path.join(self.guest, "patch.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        files = {role: os.path.join(self.guest, manifest[role])
                 for role in ("disk", "kernel", "initrd")}
        size = {role: os.path.getsize(path) for role, path in files.items()}
        image = self.lab.berthctl("create", "image", "patch")["id"]
        upload = self.ask("POST", f"/v1/images/{image}/import", {
            "format": "qcow2", "size_bytes": size["disk"], "kernel_bytes": size["kernel"],
            "initrd_bytes": size["initrd"], "machine": {
                key: manifest[key] for key in ("memory_mib", "vcpus", "ready", "width", "height",
                                               "cmdline")}})["id"]
        for role, path in files.items():
            with open(path, "rb") as file:
                for offset in range(0, size[role], PIECE_BYTES):
                    self.ask("PUT", f"/v1/uploads/{upload}?offset={offset}&role={role}",
                             file.read(PIECE_BYTES))
        operation = self.ask("POST", f"/v1/uploads/{upload}/finish")["operation"]
        lab.wait_until("imported", lambda: self.ask("GET", f"/v1/operations/{operation}")["state"]
                       != "running", 120)

    def ctl(self, *args):
        """Acts that wait for a guest."""
        return self.lab.berthctl("image", *args, limit_s=600)

    def run_script(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
            file.write(text)
            file.flush()
            return self.ctl("run", "patch", file.name)["output"]

    def versions(self):
        return {row["number"]: row["state"]
                for row in self.lab.berthctl("image", "versions", "patch")["versions"]}

    def test_a_patch_becomes_a_version_that_is_nobodys(self):
        self.import_image()
        self.assertEqual(self.versions(), {1: "available"})
        self.ctl("edit", "patch", "--changelog", "patched")
        with self.assertRaisesRegex(lab.LabError, "is being edited already"):
            self.ctl("edit", "patch")
        old = self.run_script(PATCH)
        diff = self.ctl("seal", "patch")
        self.assertEqual(diff["packages"],
                         {"added": ["patch 2.0"], "changed": [], "removed": []})
        self.assertEqual(diff["files"]["added"], ["/etc/patched"])
        self.assertEqual([check["name"] for check in diff["checks"]][-1], "boots")
        self.assertEqual(self.versions(), {1: "available", 2: "available"})
        self.assertEqual(self.lab.berthctl("image", "diff", "patch", "2")["packages"],
                         diff["packages"])

        # The maintenance desktop is going; a clone of the new version is patched and its own.
        self.ctl("edit", "patch", "--from", "2")
        words = self.run_script(LOOK).split("\n")
        self.assertRegex(words[0], "^[0-9a-f]{32}$")
        self.assertNotIn(words[0], old)
        self.assertNotIn(words[1], old)
        self.assertEqual([words[2].strip(), words[3]], ["1", "patched"])
        self.assertIn("patch\t2.0", words)
        self.lab.berthctl("image", "discard", "patch")
        lab.wait_until("thrown away", lambda: not self.lab.rows("machines") and
                       self.versions() == {1: "available", 2: "available"}, 120)

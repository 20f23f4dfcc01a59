# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the way back takes: desktops that nobody uses, from the command to all of them ready on
the version before."""
import json
import os
import ssl
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e")]
from image_lab import LIMIT_S, ImageLab, lab  # noqa: E402

POOL, IMAGE = "office", "patch"
# How often the broker is asked: often enough for a time of seconds, rarely enough to cost nothing.
LOOK_S = 0.1


class Rollback:
    """A site with a pool of n desktops and two versions of their image."""

    def __init__(self, build, n_desktops):
        self.n_desktops = n_desktops
        self.site = ImageLab(build, IMAGE, memory_limit_mib=40000,
                             agent_options=[f"start_slots={n_desktops}"])
        self.token = self.image = None

    def __enter__(self):
        self.site.__enter__()
        try:
            self.begin()
        except BaseException:
            self.site.stop()
            raise
        return self

    def __exit__(self, *_):
        self.site.stop()

    def begin(self):
        site = self.site
        self.token = self.ask("/v1/auth/login", {"user": site.admin,
                                                 "password": site.admin_password})["token"]
        self.image, = [row["id"] for row in site.rows("images") if row["name"] == IMAGE]
        for host in site.rows("hosts"):
            site.berthctl("set", "host", host["name"], "--vcpu-overcommit", "4000")
        site.import_version()
        site.import_version(site.edited_disk())
        site.add_pool(POOL, IMAGE, size=self.n_desktops, spares=self.n_desktops)
        self.wait_version(1)

    def ask(self, path, body=None):
        """A request with a login that is kept: each berthctl would hash a password."""
        request = urllib.request.Request(
            self.site.url() + path, None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        if self.token is not None:
            request.add_header("Authorization", "Bearer " + self.token)
        trust = ssl.create_default_context(cafile=self.site.path("keys", "ca.pem"))
        with urllib.request.urlopen(request, context=trust, timeout=lab.CALL_LIMIT_S) as reply:
            return json.loads(reply.read())

    def n_ready(self, version):
        """How many desktops are up on a version, given by its number."""
        pool, = self.ask(f"/v1/images/{self.image}/status")["pools"]
        return sum(row["n"] for row in pool["desktops"]
                   if row["number"] == version and row["doing"] == "free")

    def is_settled(self):
        return all(row["state"] in ("done", "rolled-back")
                   for row in self.ask("/v1/rollouts")["rollouts"])

    def wait_version(self, version):
        """Seconds until all desktops are ready on the version."""
        start_s = time.monotonic()
        while self.n_ready(version) < self.n_desktops:
            if time.monotonic() > start_s + LIMIT_S:
                raise lab.LabError(f"{self.n_ready(version)} of {self.n_desktops} desktops are on "
                                   f"version {version} after {LIMIT_S} s")
            time.sleep(LOOK_S)
        return time.monotonic() - start_s

    def measure(self, *options):
        """Seconds of the way there and of the way back; options: of berthctl image publish."""
        site = self.site
        start_s = time.monotonic()
        site.ctl("image", "publish", IMAGE, "2", "--canary", "0", *options)
        self.wait_version(2)
        there_s = time.monotonic() - start_s
        lab.wait_until("the end of the rollout", self.is_settled, LIMIT_S)
        start_s = time.monotonic()
        site.ctl("image", "rollback", IMAGE)
        self.wait_version(1)
        back_s = time.monotonic() - start_s
        lab.wait_until("the end of the way back", self.is_settled, LIMIT_S)
        return there_s, back_s

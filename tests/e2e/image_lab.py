# SPDX-License-Identifier: GPL-3.0-or-later
"""A site whose desktops are made of versions of one image: the patch guest, or the demo's desktop."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import lab  # noqa: E402
from guest_agent import GuestAgent  # noqa: E402

# Whatever waits for a guest: without KVM, on a machine that is busy with other things.
LIMIT_S = 900
BUILDERS = {"patch": os.path.join(HERE, "..", "guest", "build-patch.sh"),
            "demo": os.path.join(HERE, "..", "..", "tools", "demo-image", "build.sh")}
SETTINGS = ("memory_mib", "vcpus", "ready", "width", "height", "cmdline")


class ImageLab(lab.Lab):
    """One host; image: "patch" or "demo", which is built if the cache has none."""

    def __init__(self, build, image, agent_options=(), **kwargs):
        sandbox = os.path.join(os.path.abspath(build), "base", "depot", "berth-image-sandbox")
        super().__init__(build, {}, broker_options=["[depot]", f"sandbox_program={sandbox}"],
                         agent_options=[f"ready_deadline_s={LIMIT_S}", *agent_options], **kwargs)
        self.image = image
        self.guest = self.path("guest")

    def start(self):
        if subprocess.run([BUILDERS[self.image], self.guest], check=False,
                          stdout=subprocess.DEVNULL).returncode != 0:
            self.stop()
            print(f"SKIP: the image \"{self.image}\" cannot be built here")
            sys.exit(77)
        with open(os.path.join(self.guest, f"{self.image}.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)
        super().start()
        self.berthctl("create", "image", self.image)
        return self

    def file(self, role):
        """Path of the image's "disk", "kernel" or "initrd"."""
        return os.path.join(self.guest, self.manifest[role])

    def import_version(self, disk=None, **settings):
        """The next version of the image; disk: a raw file instead of the built one."""
        machine = self.path("machine.json")
        with open(machine, "w", encoding="utf-8") as file:
            json.dump({**{key: self.manifest[key] for key in SETTINGS}, **settings}, file)
        self.berthctl("image", "import", self.image, disk or self.file("disk"), "--kernel",
                      self.file("kernel"), "--initrd", self.file("initrd"), "--machine", machine,
                      *(["--format", "raw"] if disk else []), limit_s=LIMIT_S)

    def edited_disk(self):
        """Path of the image's disk with a file more, /etc/edition, as a raw file."""
        disk, edition = self.path("second.raw"), self.path("edition")
        subprocess.run(["qemu-img", "convert", "-O", "raw", self.file("disk"), disk], check=True)
        with open(edition, "w", encoding="utf-8") as file:
            file.write("2\n")
        subprocess.run(["debugfs", "-w", "-R", f"write {edition} /etc/edition", disk], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        return disk

    def ctl(self, *args, secret=None):
        """An administrator's command that waits for guests."""
        return self.berthctl(*args, secret=secret, limit_s=LIMIT_S)

    def machines(self, pool):
        return [row for row in self.rows("machines") if row["pool"] == pool]

    def wait_ready(self, pool, n, limit_s=LIMIT_S):
        """The rows of n machines of the pool that are up."""
        def up():
            rows = [row for row in self.machines(pool) if row["state"] in ("ready", "assigned")]
            return rows if len(rows) == n else None
        return lab.wait_until(f"{n} machines of {pool}", up, limit_s)

    def folder_of(self, machine):
        return self.path("agent", "vms", machine["id"])

    def run_in(self, machine, script):
        """What a script writes in the guest of a machine."""
        with GuestAgent(self.folder_of(machine)) as guest:
            return guest.run(script)


def keep_logs(site):
    """After a failure: copies the daemons' logs to $BERTH_KEEP_LOGS, or shows their ends."""
    logs = [daemon.log_path for daemon in (*site.agents, site.broker) if daemon is not None]
    if os.environ.get("BERTH_KEEP_LOGS"):
        subprocess.run(["cp", *logs, os.environ["BERTH_KEEP_LOGS"]], check=False)
        return
    for path in logs:
        with open(path, encoding="utf-8", errors="replace") as log:
            print(f"{path}:\n" + "".join(log.readlines()[-25:]))

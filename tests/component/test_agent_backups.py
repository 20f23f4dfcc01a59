# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent and real QEMUs without a guest: restore points, backups, and other disks.

usage: test_agent_backups.py AGENT THAW [TEST...]
"""
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import unittest

import test_agent as base
from test_agent import BARE, machine, session, state_of, wait_until

THAW = None
DISK_MIB = 16
SECRET = 0x5a
LATER = 0xa5

KILL_POINTS = {
    "snapshot": ("snapshot-begun", "snapshot-found", "snapshot-looked", "snapshot-made",
                 "snapshot-copied", "snapshot-stands", "snapshot-hashed", "snapshot-written",
                 "snapshot-renamed"),
    "restore": ("restore-found", "restore-looked", "restore-allowed", "restore-chosen",
                "restore-copied", "restore-stands", "restore-rests", "restore-swapped",
                "disk-renamed", "disk-swapped"),
    "export": ("export-begun", "export-looked", "export-checked", "export-flat", "export-hashed",
               "export-written", "export-renamed"),
    "import-backup": ("import-backup-found", "import-backup-looked", "import-backup-copied",
                      "import-backup-made", "import-backup-rests", "import-backup-swapped"),
    "rebase": ("rebase-found", "rebase-looked", "rebase-made", "rebase-rests", "rebase-swapped"),
    "remove-point": ("point-gone", "point-removed"),
    "disk-export": ("disk-export-begun", "disk-export-looked", "disk-export-flat",
                    "disk-export-hashed", "disk-export-written", "disk-export-renamed"),
    "disk-import": ("disk-import-taken", "disk-import-looked", "disk-import-copied",
                    "disk-import-made", "disk-import-placed"),
}


def qemu_io(path, command, is_overlay=True):
    result = subprocess.run(["qemu-io", "-f", "qcow2" if is_overlay else "raw", "-c", command, path],
                            check=True, capture_output=True, text=True)
    return result.stdout


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def flip(path, offset=None):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(size // 2 if offset is None else offset)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 4]))


class BackupTest(base.AgentTest):
    def make_backup_site(self, **settings):
        site, broker = self.make_site(thaw_program=THAW, power_off_s="1", **settings)
        image = os.path.join(site.images, "office.img")
        with open(image, "wb") as file:
            file.write(b"b" * (DISK_MIB << 20))
        self.manifest = {**BARE, "name": "office", "disk": "office.img", "format": "raw"}
        return site, broker

    # ---- machines ----

    def disk_of(self, desk):
        return f"{self.site.path}/s/vms/{desk['id']}/disk.qcow2"

    def make_machine(self, want="stopped", **more):
        desk = machine(self.manifest, keep=True, want=want, **more)
        self.wanted = getattr(self, "wanted", []) + [desk]
        self.tell()
        self.wait_for(desk, "ready" if want == "running" else "stopped")
        return desk

    def wait_for(self, desk, state):
        return self.site.broker.wait(state, state_of(desk, state))

    def want(self, desk, want):
        self.wanted = [{**other, "want": want} if other["id"] == desk["id"] else other
                       for other in self.wanted]
        self.tell()
        self.wait_for(desk, "ready" if want == "running" else "stopped")

    def tell(self, tasks=()):
        self.site.broker.want(machines=self.wanted, tasks=list(tasks))

    def put(self, desk, pattern, offset="64k"):
        qemu_io(self.disk_of(desk), f"write -P {pattern} {offset} 64k")

    def check(self, desk, pattern, offset="64k"):
        out = qemu_io(self.disk_of(desk), f"read -P {pattern} {offset} 64k")
        self.assertNotIn("failed", out)
        self.assertIn("read 65536/65536", out)

    # ---- tasks ----

    def task(self, kind, desk=None, **args):
        task = {"id": secrets.token_hex(16), "kind": kind, "args": args}
        if desk is not None:
            task["machine"] = desk["id"]
        return task

    def wait_for_end(self, task, timeout_s=60):
        def is_over(inventory):
            for entry in inventory["tasks"]:
                if entry["id"] == task["id"] and entry["state"] != "running":
                    return entry
            return None
        return self.site.broker.wait(f"end of {task['kind']}", is_over, timeout_s)

    def forget(self):
        self.tell()
        self.site.broker.wait("no tasks", lambda inventory: not inventory["tasks"])

    def run_task(self, kind, desk=None, **args):
        task = self.task(kind, desk, **args)
        self.tell([task])
        end = self.wait_for_end(task)
        self.forget()
        return end

    def do(self, kind, desk=None, **args):
        end = self.run_task(kind, desk, **args)
        self.assertEqual((end["state"], end.get("detail", "")), ("done", ""), end)
        return end["result"]

    def refused(self, code, kind, desk=None, **args):
        before = digest_of(self.disk_of(desk)) if desk else None
        end = self.run_task(kind, desk, **args)
        self.assertEqual((end["state"], end["code"]), ("failed", code), end)
        self.assertEqual(digest_of(self.disk_of(desk)) if desk else None, before)
        return end["detail"]

    def snapshot(self, desk, **args):
        point = secrets.token_hex(16)
        return point, self.do("snapshot", desk, point=point, **args)

    def point_folder(self, point):
        return f"{self.site.path}/s/restore-points/{point}"

    def left_overs(self):
        """Names that only unfinished work has."""
        found = []
        for folder, _, files in os.walk(self.site.path + "/s"):
            found += [name for name in [os.path.basename(folder), *files]
                      if re.match(r"(\.?new-|gone-|restore-[0-9a-f]|import-|fresh-)", name)]
        return found


class PointTests(BackupTest):
    def test_what_was_written_later_is_gone_after_a_restore(self):
        self.make_backup_site()
        desk = self.make_machine()
        before = self.site.spec(desk["id"])
        self.put(desk, SECRET)
        point, result = self.snapshot(desk)
        self.assertEqual(result["consistency"], "clean")
        self.assertEqual(result["disk_bytes"], DISK_MIB << 20)
        self.put(desk, LATER)
        self.put(desk, LATER, "1M")
        self.do("restore", desk, point=point)
        self.check(desk, SECRET)
        self.check(desk, ord("b"), "1M")
        after = self.site.spec(desk["id"])
        for key in ("mac", "uuid", "overlay", "name"):
            self.assertEqual(after[key], before[key], key)
        # It is a copy: what the machine writes now does not change the restore point.
        self.put(desk, LATER)
        self.do("restore", desk, point=point)
        self.check(desk, SECRET)
        self.assertEqual(self.left_overs(), [])

    def test_a_running_machine_is_copied_and_restored(self):
        _, broker = self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        self.want(desk, "running")
        point, result = self.snapshot(desk, freeze="auto")
        self.assertIn(result["consistency"], ("crash", "frozen"))
        pid = self.wait_for(desk, "ready")["pid"]
        task = self.task("restore", desk, point=point)
        self.tell([task])
        end = self.wait_for_end(task)
        self.assertEqual(end["state"], "done", end)
        broker.wait("another process", lambda inventory: any(
            entry["id"] == desk["id"] and entry["state"] == "ready" and entry["pid"] != pid
            for entry in inventory["machines"]))
        self.want(desk, "stopped")
        self.check(desk, SECRET)

    def test_a_guest_without_an_agent_cannot_be_frozen(self):
        self.make_backup_site()
        desk = self.make_machine("running")
        end = self.run_task("snapshot", desk, point=secrets.token_hex(16), freeze="required")
        self.assertEqual(end["state"], "failed", end)
        self.assertIn("guest", end["detail"])
        self.assertEqual(os.listdir(self.site.path + "/s/restore-points"), [])

    def test_nobody_is_put_out_of_a_machine_in_use(self):
        site, broker = self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        self.want(desk, "running")
        wanted = session(desk)
        broker.want(sessions=[wanted])
        broker.wait("listening", state_of(wanted, "listening", "sessions"))
        pid = self.wait_for(desk, "ready")["pid"]
        for kind, args in (("restore", {"point": point}), ("rebase", {"version": ""})):
            end = self.run_task(kind, desk, **args)
            self.assertEqual((end["state"], end["code"]), ("failed", "busy"), end)
            self.assertIn("log the session off first", end["detail"])
        self.assertEqual(self.wait_for(desk, "ready")["pid"], pid)
        self.assertEqual(self.left_overs(), [])
        # A snapshot disturbs nobody.
        self.snapshot(desk, freeze="never")
        self.assertEqual(self.wait_for(desk, "ready")["pid"], pid)

    def test_damage_and_strangers_are_refused_before_anything_changes(self):
        self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        folder = self.point_folder(point)
        self.put(desk, LATER)
        other = self.make_machine(name="desk-2")
        self.assertIn("another machine", self.refused("forbidden", "restore", other, point=point))
        self.refused("not-found", "restore", desk, point=secrets.token_hex(16))
        self.refused("invalid", "restore", desk, point="../../etc")
        for name in ("disk.qcow2", "disk.chunks"):
            flip(f"{folder}/{name}")
            self.refused("corrupt", "restore", desk, point=point)
            self.refused("corrupt", "export", desk, point=point, name="damaged")
            flip(f"{folder}/{name}")
        with open(folder + "/manifest.json", encoding="utf-8") as file:
            text = file.read()
        with open(folder + "/manifest.json", "w", encoding="utf-8") as file:
            file.write(text.replace(f'"machine": "{desk["id"]}"', f'"machine": "{other["id"]}"')
                       .replace(f'"machine":"{desk["id"]}"', f'"machine":"{other["id"]}"'))
        self.refused("corrupt", "restore", other, point=point)
        with open(folder + "/manifest.json", "w", encoding="utf-8") as file:
            file.write(text)
        size = os.path.getsize(folder + "/disk.qcow2")
        os.truncate(folder + "/disk.qcow2", size - 65536)
        self.refused("corrupt", "restore", desk, point=point)
        self.assertEqual(self.left_overs(), [])
        self.check(desk, LATER)

    def test_a_point_goes_when_it_is_told_to(self):
        self.make_backup_site()
        desk = self.make_machine()
        point, _ = self.snapshot(desk)
        self.do("remove-point", point=point)
        self.do("remove-point", point=point)
        self.assertEqual(os.listdir(self.site.path + "/s/restore-points"), [])
        self.refused("not-found", "restore", desk, point=point)

    def test_a_task_that_is_taken_back_leaves_nothing(self):
        _, broker = self.make_backup_site()
        desk = self.make_machine("running")
        for _ in range(5):
            self.tell([self.task("snapshot", desk, point=secrets.token_hex(16))])
            self.tell()
            broker.wait("no tasks", lambda inventory: not inventory["tasks"])
        wait_until("nothing is left", lambda: not self.left_overs())
        self.snapshot(desk)


class BackupTests(BackupTest):
    def test_a_backup_makes_a_new_machine(self):
        site, _ = self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        result = self.do("export", point=point, name="friday")
        self.assertEqual(result["content"], "whole")
        folder = site.path + "/s/backups/friday"
        self.assertEqual(sorted(os.listdir(folder)), ["disk.chunks", "disk.img", "manifest.json"])
        listed = self.do("list-backups")["backups"]
        self.assertEqual([entry["name"] for entry in listed], ["friday"])
        self.assertEqual(listed[0]["root"], result["root"])
        # The image and the machine may be gone.
        new = self.make_machine(name="desk-2")
        os.rename(site.images + "/office.img", site.images + "/gone.img")
        self.wanted[0]["want"] = "absent"
        self.tell()
        self.do("import-backup", new, name="friday")
        self.check(new, SECRET)
        self.check(new, ord("b"), "1M")
        # And a restore point of what was imported has its base with it.
        self.put(new, LATER)
        point, _ = self.snapshot(new)
        self.put(new, 0x11)
        self.do("restore", new, point=point)
        self.check(new, LATER)
        self.check(new, ord("b"), "1M")
        self.do("export", point=point, name="saturday")
        self.assertEqual(self.left_overs(), [])
        names = os.listdir(os.path.dirname(self.disk_of(new)))
        self.assertEqual(len([name for name in names if name.startswith("base")]), 1, names)

    def test_a_damaged_backup_is_refused(self):
        site, _ = self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        self.do("export", point=point, name="friday")
        self.assertIn("already", self.run_task("export", point=point, name="friday")["detail"])
        folder = site.path + "/s/backups/friday/"
        for name, offset in (("disk.img", 65536), ("disk.img", None), ("disk.chunks", None)):
            flip(folder + name, offset)
            self.refused("corrupt", "import-backup", desk, name="friday")
            flip(folder + name, offset)
        with open(folder + "manifest.json", encoding="utf-8") as file:
            manifest = json.load(file)
        for key, value in (("root", "0" * 64), ("disk_bytes", 4096), ("consistency", "frozen")):
            with open(folder + "manifest.json", "w", encoding="utf-8") as file:
                json.dump({**manifest, key: value}, file)
            self.refused("corrupt", "import-backup", desk, name="friday")
        with open(folder + "manifest.json", "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        os.truncate(folder + "disk.img", (DISK_MIB << 20) - 1)
        self.refused("corrupt", "import-backup", desk, name="friday")
        os.unlink(folder + "disk.img")
        os.symlink("/dev/zero", folder + "disk.img")
        end = self.run_task("import-backup", desk, name="friday")
        self.assertEqual(end["state"], "failed")
        for name in ("../friday", "", "nothing"):
            end = self.run_task("import-backup", desk, name=name)
            self.assertEqual(end["state"], "failed", end)
        self.check(desk, SECRET)
        self.assertEqual(self.left_overs(), [])

    def test_a_fresh_disk_keeps_who_the_machine_is(self):
        self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        before = self.site.spec(desk["id"])
        self.do("rebase", desk, version="")
        self.check(desk, ord("b"))
        after = self.site.spec(desk["id"])
        # The broker knows the disk by this: another one would be called missing.
        for key in ("mac", "uuid", "name", "epoch", "overlay"):
            self.assertEqual(after[key], before[key], key)


class UserDiskTests(BackupTest):
    """Disks of users whose machines are gone; a guest is not needed."""

    def disk_file(self, disk, suffix=".qcow2"):
        return f"{self.site.path}/s/disks/{disk}{suffix}"

    def journal(self, disk):
        with open(self.disk_file(disk, ".json"), encoding="utf-8") as file:
            return json.load(file)

    def make_disk(self, **journal):
        """What a machine left: a disk with a file system and a secret."""
        disk = secrets.token_hex(16)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.disk_file(disk), "64M"],
                       check=True)
        qemu_io(self.disk_file(disk), f"write -P {SECRET} 64k 64k")
        with open(self.disk_file(disk, ".json"), "w", encoding="utf-8") as file:
            json.dump({"epoch": 3, "formatted": True, "open": False, **journal}, file)
        return disk

    def check_disk(self, disk, pattern=SECRET):
        out = qemu_io(self.disk_file(disk), f"read -P {pattern} 64k 64k")
        self.assertNotIn("failed", out)

    def files_of(self, disk):
        return sorted(name for name in os.listdir(self.site.path + "/s/disks")
                      if name.startswith(disk))

    def test_a_disk_goes_to_a_backup_and_comes_back_as_another(self):
        self.make_backup_site()
        self.wanted = []
        disk, point = self.make_disk(), secrets.token_hex(16)
        self.assertEqual(self.run_task("disk-snapshot", disk=disk, point=point)["state"], "done")
        qemu_io(self.disk_file(disk), f"write -P {LATER} 64k 64k")
        result = self.do("disk-export", disk=disk, name="anna", owner="anna", point="")
        self.assertEqual([result[key] for key in ("content", "disk", "owner", "formatted",
                                                  "consistency", "disk_bytes")],
                         ["user-disk", disk, "anna", True, "clean", 64 << 20])
        self.do("disk-export", disk=disk, name="before", owner="anna", point=point)
        listed = self.do("list-backups")["backups"]
        self.assertEqual({entry["name"]: entry["disk"] for entry in listed},
                         {"anna": disk, "before": disk})
        for name, pattern in (("anna", LATER), ("before", SECRET)):
            new = secrets.token_hex(16)
            self.do("disk-import", disk=new, name=name)
            self.check_disk(new, pattern)
            journal = self.journal(new)
            self.assertEqual([journal[key] for key in ("epoch", "formatted", "open")],
                             [0, True, False])
            self.assertEqual(self.files_of(new), [new + ".json", new + ".qcow2"])
        self.check_disk(disk, LATER)
        self.assertEqual(self.left_overs(), [])

    def refuse(self, code, kind, **args):
        end = self.run_task(kind, **args)
        self.assertEqual((end["state"], end["code"]), ("failed", code), end)
        return end["detail"]

    def test_a_disk_is_never_made_of_something_else(self):
        self.make_backup_site()
        desk = self.make_machine()
        point, _ = self.snapshot(desk)
        self.do("export", point=point, name="desktop")
        disk, new = self.make_disk(open=True), secrets.token_hex(16)
        result = self.do("disk-export", disk=disk, name="anna", owner="anna", point="")
        self.assertEqual(result["consistency"], "crash")
        self.assertIn("already", self.refuse("exists", "disk-import", disk=disk, name="anna"))
        self.assertIn("of a user disk", self.refuse("invalid", "disk-import", disk=new,
                                                    name="desktop"))
        self.assertIn("of a desktop", self.refused("invalid", "import-backup", desk, name="anna"))
        for name in ("disk.img", "disk.chunks"):
            flip(f"{self.site.path}/s/backups/anna/{name}")
            self.refuse("corrupt", "disk-import", disk=new, name="anna")
            flip(f"{self.site.path}/s/backups/anna/{name}")
        self.refuse("not-found", "disk-import", disk=new, name="nothing")
        self.refuse("invalid", "disk-import", disk=new, name="../anna")
        self.refuse("not-found", "disk-export", disk=new, name="new", owner="", point="")
        self.refuse("invalid", "disk-export", disk="../x", name="new", owner="", point="")
        self.assertEqual(self.files_of(new), [])
        subprocess.run(["qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b",
                        "/etc/passwd", self.disk_file(disk)], check=True)
        self.refuse("untrusted", "disk-export", disk=disk, name="new", owner="", point="")
        self.assertEqual(self.left_overs(), [])
        self.assertEqual(sorted(os.listdir(self.site.path + "/s/backups")), ["anna", "desktop"])


class KillTests(BackupTest):
    def run_killed(self, point, task):
        """The agent dies at that point; the next one goes on."""
        site = self.site
        site.kill()
        site.broker.forget_inventory()
        site.environment = {"BERTH_KILL_AT": point}
        site.start()
        self.tell([task])
        wait_until(f"dead at {point}", lambda: site.agent.poll() is not None, 60)
        site.environment = {}
        site.broker.forget_inventory()
        site.start()
        end = self.wait_for_end(task)
        self.assertEqual(end["state"], "done", (point, end))
        self.forget()
        self.assertEqual(self.left_overs(), [], point)
        return end["result"]

    def test_every_step_of_a_snapshot(self):
        self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        self.want(desk, "running")
        for name in KILL_POINTS["snapshot"]:
            point = secrets.token_hex(16)
            task = self.task("snapshot", desk, point=point)
            self.run_killed(name, task)
            self.assertIn("manifest.json", os.listdir(self.point_folder(point)))
        self.want(desk, "stopped")
        self.put(desk, LATER)
        self.do("restore", desk, point=point)
        self.check(desk, SECRET)

    def test_every_step_of_a_restore(self):
        self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        for name in KILL_POINTS["restore"]:
            self.put(desk, LATER)
            self.run_killed(name, self.task("restore", desk, point=point))
            self.check(desk, SECRET)

    def test_every_step_of_an_export_and_an_import(self):
        self.make_backup_site()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        for name in KILL_POINTS["export"]:
            self.run_killed(name, self.task("export", point=point, name=name))
        for name in KILL_POINTS["import-backup"]:
            self.put(desk, LATER)
            self.run_killed(name, self.task("import-backup", desk, name="export-renamed"))
            self.check(desk, SECRET)
        listed = self.run_killed("backups-listed", self.task("list-backups"))
        self.assertEqual({entry["name"] for entry in listed["backups"]}, {*KILL_POINTS["export"]})

    def test_every_step_of_a_disk_that_is_exported_and_imported(self):
        self.make_backup_site()
        self.wanted = []
        disk = UserDiskTests.make_disk(self)
        for name in KILL_POINTS["disk-export"]:
            self.run_killed(name, self.task("disk-export", disk=disk, name=name, owner="anna",
                                            point=""))
        for name in KILL_POINTS["disk-import"]:
            new = secrets.token_hex(16)
            self.run_killed(name, self.task("disk-import", disk=new, name="disk-export-renamed"))
            UserDiskTests.check_disk(self, new)
            self.assertEqual(UserDiskTests.files_of(self, new), [new + ".json", new + ".qcow2"])

    disk_file = UserDiskTests.disk_file

    def test_every_step_of_a_rebase(self):
        self.make_backup_site()
        desk = self.make_machine()
        for name in KILL_POINTS["rebase"]:
            self.put(desk, LATER)
            self.run_killed(name, self.task("rebase", desk, version=""))
            self.check(desk, ord("b"))

    def test_every_step_of_a_removal(self):
        self.make_backup_site()
        desk = self.make_machine()
        for name in KILL_POINTS["remove-point"]:
            point, _ = self.snapshot(desk)
            self.run_killed(name, self.task("remove-point", point=point))
            self.assertEqual(os.listdir(self.site.path + "/s/restore-points"), [])


class RoomTests(BackupTest):
    def test_a_full_disk_is_told_before_anything_changes(self):
        self.make_backup_site()
        small = os.path.join(self.site.path, "small")
        os.mkdir(small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", small],
                                 check=False, capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no file system can be mounted here")
        try:
            self.fill(small)
        finally:
            subprocess.run(["umount", "-l", small], check=False)

    def fill(self, small):
        self.site.kill()
        self.site.settings["backup_dir"] = small
        self.site.broker.forget_inventory()
        self.site.start()
        desk = self.make_machine()
        self.put(desk, SECRET)
        point, _ = self.snapshot(desk)
        self.refused("disk-full", "export", desk, point=point, name="friday")
        self.assertEqual(os.listdir(small), [])


if __name__ == "__main__":
    base.AGENT, THAW = sys.argv[1:3]
    base.LIBC.prctl(base.PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
    finally:
        base.end_descendants()

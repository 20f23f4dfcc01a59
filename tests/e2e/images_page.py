#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patch day by nothing but what docs/IMAGES.md says, with real guests on two hosts.

usage: images_page.py BUILD ROOT BUILD_PATCH_SH [--print]

--print also shows what each command printed, for the page.
"""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import lab  # noqa: E402

LIMIT_S = 600
SHELL = ["bash", "-e", "-o", "pipefail", "-c"]


def blocks(root):
    with open(os.path.join(root, "docs", "IMAGES.md"), encoding="utf-8") as file:
        return re.findall(r"^```sh\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


class Page:
    def __init__(self, site, guest):
        self.site = site
        self.folder = site.path("work")
        os.makedirs(self.folder)
        with open(os.path.join(guest, "patch.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        for role, name in (("disk", "office.qcow2"), ("kernel", "office-vmlinux"),
                           ("initrd", "office-initrd")):
            os.symlink(os.path.join(os.path.abspath(guest), manifest[role]), self.path(name))
        with open(self.path("machine.json"), "w", encoding="utf-8") as file:
            json.dump({key: manifest[key] for key in ("memory_mib", "vcpus", "ready", "width",
                                                      "height", "cmdline")}, file)
        with open(self.path("password"), "w", encoding="utf-8") as file:
            file.write(site.admin_password + "\n")
        programs = os.path.dirname(site.program("berthctl"))
        self.env = {**os.environ, "PATH": programs + ":" + os.environ["PATH"],
                    "BERTH_BROKER": site.url(), "BERTH_CA": site.path("keys", "ca.pem"),
                    "BERTH_TOKEN_FILE": self.path("token"), lab.MARK: site.folder,
                    "BERTH_PROBE": site.program("berth")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, block):
        done = subprocess.run([*SHELL, block], cwd=self.folder, env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=LIMIT_S, preexec_fn=lab.die_with_parent)
        if done.returncode != 0:
            sys.exit(f"this failed:\n{block}\n{done.stdout}\n{self.last_words()}")
        return done.stdout

    def last_words(self):
        texts = []
        for name in ("broker.log", "agent.log", "agent-host-2.log"):
            with open(self.site.path(name), encoding="utf-8", errors="replace") as log:
                texts.append(f"{name}:\n" + "".join(log.readlines()[-15:]))
        return "\n".join(texts)

    def counts(self):
        """How many free desktops of the pool there are, by number of their version."""
        pool, = json.loads(self.run("berthctl --json image status office"))["pools"]
        counts = {}
        for row in pool["desktops"]:
            if row["doing"] == "free":
                counts[row["number"]] = counts.get(row["number"], 0) + row["n"]
        return counts

    def wait_for(self, what, counts, limit_s=300):
        """Waits until so many desktops of the pool are ready, by version."""
        start = time.monotonic()
        try:
            lab.wait_until(what, lambda: self.counts() == counts, limit_s)
        except lab.LabError as error:
            sys.exit(f"{error}: {self.counts()}\n{self.last_words()}")
        print(f"ok: {what} after {time.monotonic() - start:.1f} s", flush=True)


# What must be true after a block that holds these words, before the next one is run.
AFTER = {
    "create pool": ("four spares of version 1 on two hosts", {1: 4}),
    "image publish": ("one canary among the spares", {1: 3, 2: 1}),
    "image promote": ("all spares of version 2", {2: 4}),
    "image rollback": ("all spares of version 1 again", {1: 4}),
}


def follow(page, texts, is_printing):
    for text in texts:
        start = time.monotonic()
        printed = page.run(text)
        print(f"ok: {text.splitlines()[0]} ({time.monotonic() - start:.1f} s)", flush=True)
        if is_printing:
            print(printed, flush=True)
        for words, (what, counts) in AFTER.items():
            if words in text:
                page.wait_for(what, counts)
                if is_printing:
                    print(page.run("berthctl image status office"), flush=True)


def main():
    build, root, builder = (os.path.abspath(path) for path in sys.argv[1:4])
    texts = blocks(root)
    assert len(texts) >= 10, "the page has lost its commands"
    cache = os.environ.get("BERTH_CACHE", os.path.expanduser("~/.cache/berth"))
    guest = os.path.join(cache, "e2e", "patch")
    subprocess.run([builder, guest], check=True, stdout=subprocess.DEVNULL)
    sandbox = os.path.join(build, "base", "depot", "berth-image-sandbox")
    with lab.Lab(build, {}, n_hosts=2, agent_options=["ready_deadline_s=60"],
                 broker_options=["[depot]", f"sandbox_program={sandbox}"]) as site:
        site.add_user("ann", site.password)
        follow(Page(site, guest), texts, "--print" in sys.argv)
        assert not [row for row in site.berthctl("fsck")["fsck"] if row["breaches"]]
    print("ok: the store is whole")


if __name__ == "__main__":
    main()

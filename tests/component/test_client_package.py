#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's Debian package holds what a desktop needs to find and run it, and nothing else.

usage: test_client_package.py MAKE_DEB BUILD
"""
import os
import subprocess
import sys
import tempfile

LIMIT_S = 300
WANTED = [
    "usr/bin/berth",
    "usr/share/applications/org.berth.Berth.desktop",
    "usr/share/icons/hicolor/scalable/apps/org.berth.Berth.svg",
    "usr/share/icons/hicolor/symbolic/apps/org.berth.Berth-symbolic.svg",
    "usr/share/locale/de/LC_MESSAGES/berth.mo",
    "usr/share/locale/fr/LC_MESSAGES/berth.mo",
    "usr/share/man/man1/berth.1.gz",
    "usr/share/man/man1/berth-play.1.gz",
    "usr/share/man/man1/berth-probe.1.gz",
    "usr/share/metainfo/org.berth.Berth.metainfo.xml",
    "usr/share/mime/packages/org.berth.Berth.xml",
    "usr/share/doc/berth-client/copyright",
]


def check(what, is_good, detail=""):
    if not is_good:
        sys.exit(f"not so: {what} {detail}")
    print(f"ok: {what}", flush=True)


def run(*argv, **more):
    return subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE, timeout=LIMIT_S,
                          **more).stdout


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(place, name), folder)
                  for place, _, names in os.walk(folder) for name in names)


def main():
    make_deb, build = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        package = run(sys.executable, make_deb, build, folder).strip()
        contents = os.path.join(folder, "contents")
        run("dpkg-deb", "-x", package, contents)
        found = files_below(contents)
        check("the package holds the client and nothing else", found == sorted(WANTED), found)
        version = run(os.path.join(contents, "usr/bin/berth"), "--version",
                      env={"PATH": os.environ["PATH"], "HOME": folder})
        check("its program runs", version == f"berth {run('dpkg-deb', '-f', package, 'Version')}")
        check("it needs the toolkit", "libgtk-3-0" in run("dpkg-deb", "-f", package, "Depends"))
        mime = os.path.join(contents, "usr/share/mime")
        run("update-mime-database", mime)
        with open(os.path.join(mime, "globs2"), encoding="utf-8") as file:
            check("*.berth is a kind of file", ":application/x-berth:*.berth" in file.read())
        entries = os.path.join(contents, "usr/share/applications")
        run("update-desktop-database", entries)
        with open(os.path.join(entries, "mimeinfo.cache"), encoding="utf-8") as file:
            text = file.read()
        for kind in ("application/x-berth", "x-scheme-handler/berth"):
            check(f"{kind} opens the client", f"{kind}=org.berth.Berth.desktop" in text)


if __name__ == "__main__":
    main()

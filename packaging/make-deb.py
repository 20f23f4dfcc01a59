#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a Debian package of what is built: the client.

BUILD is a build folder with the prefix /usr: see packaging/README.md.  Libraries that the programs
need become dependencies, as dpkg-shlibdeps finds them.

usage: make-deb.py BUILD OUTPUT_FOLDER
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

PACKAGE = "berth-client"
TAGS = "client,i18n"
CONTROL = """\
Package: {package}
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Depends: {depends}, hicolor-icon-theme
Recommends: librsvg2-common, xdg-utils
Section: net
Priority: optional
Installed-Size: {size_kib}
Description: client for Berth, desktops on virtual machines
 Shows desktops that run as virtual machines on the servers of a site: logs in
 at the site's broker, lists the desktops of the user and shows one in a window.
"""
MAINTAINER = "Berth <root@localhost>"


def run(*argv, **more):
    return subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE, timeout=600,
                          **more).stdout


def install(build, stage):
    """Installs the client's parts; whatever the prefix is, they end below /usr."""
    options = json.loads(run("meson", "introspect", "--buildoptions", build))
    prefix = next(option["value"] for option in options if option["name"] == "prefix")
    raw = stage + ".raw"
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--tags", TAGS,
        "--destdir", raw)
    os.makedirs(stage)
    shutil.move(raw + prefix, os.path.join(stage, "usr"))
    if prefix != "/usr":
        print(f"the prefix of {build} is {prefix}: translations are looked for there, not in /usr",
              file=sys.stderr)


def finish_files(stage):
    """What Debian wants of files: compressed pages, no symbols, the licence."""
    programs = [os.path.join(stage, "usr/bin", name)
                for name in os.listdir(os.path.join(stage, "usr/bin"))]
    run("strip", "--strip-unneeded", *programs)
    for folder, _, names in os.walk(os.path.join(stage, "usr/share/man")):
        for name in names:
            run("gzip", "-9n", os.path.join(folder, name))
    doc = os.path.join(stage, "usr/share/doc", PACKAGE)
    os.makedirs(doc)
    with open(os.path.join(doc, "copyright"), "w", encoding="utf-8") as file:
        file.write("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
                   "Upstream-Name: Berth\n\nFiles: *\nCopyright: the authors of Berth\n"
                   "License: GPL-3.0+\n On Debian systems the text of this licence is in\n"
                   " /usr/share/common-licenses/GPL-3.\n")
    run("chmod", "-R", "u+rwX,go+rX,go-w", stage)
    return programs


def dependencies(programs, folder):
    os.makedirs(os.path.join(folder, "debian"))
    with open(os.path.join(folder, "debian/control"), "w", encoding="ascii") as file:
        file.write(f"Source: {PACKAGE}\n\nPackage: {PACKAGE}\nArchitecture: any\n")
    text = run("dpkg-shlibdeps", "-O", *(f"-e{program}" for program in programs), cwd=folder,
               stderr=subprocess.DEVNULL)
    return text.strip().removeprefix("shlibs:Depends=")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.rpartition("\n\n")[2].strip())
    build, output = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        stage = os.path.join(folder, "stage")
        install(build, stage)
        programs = finish_files(stage)
        project = json.loads(run("meson", "introspect", "--projectinfo", build))
        fields = {
            "package": PACKAGE, "maintainer": MAINTAINER,
            "version": project["version"],
            "architecture": run("dpkg", "--print-architecture").strip(),
            "depends": dependencies(programs, folder),
            "size_kib": run("du", "-sk", os.path.join(stage, "usr")).split()[0],
        }
        os.makedirs(os.path.join(stage, "DEBIAN"))
        with open(os.path.join(stage, "DEBIAN/control"), "w", encoding="utf-8") as file:
            file.write(CONTROL.format(**fields))
        os.makedirs(output, exist_ok=True)
        name = f"{PACKAGE}_{fields['version']}_{fields['architecture']}.deb"
        run("dpkg-deb", "--root-owner-group", "--build", stage, os.path.join(output, name))
        print(os.path.join(output, name))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what makes the client known to a desktop: menu entry, description, kind of file, icons.

A validator that is not installed is left out, aloud.

usage: check-desktop.py SOURCE_ROOT DESKTOP_FILE METAINFO
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import sources

MIME_SPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"
SVG = "{http://www.w3.org/2000/svg}svg"


def read_entry(path):
    """Key -> value of a desktop file's only group."""
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file
                    if re.match(r"[\w\[\]-]+=", line))


def validate(*argv):
    if shutil.which(argv[0]) is None:
        print(f"{argv[0]} is not installed, left out")
        return
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, check=False)
    if done.returncode != 0:
        yield f"{argv[0]}: {done.stdout.strip()}"


def check_entry(root, path, languages):
    entry = read_entry(path)
    for key in ("Comment", "GenericName", "Keywords"):
        for language in languages:
            if f"{key}[{language}]" not in entry:
                yield f"{path}: {key} has no translation into {language}"
    kinds = entry["MimeType"].strip(";").split(";")
    tree = ElementTree.parse(os.path.join(root, "packaging/desktop/org.berth.Berth.mime.xml"))
    known = {kind.get("type"): kind for kind in tree.iter(MIME_SPACE + "mime-type")}
    for kind in kinds:
        if kind not in known and not kind.startswith("x-scheme-handler/"):
            yield f"{path}: {kind} is not a kind of file that is installed"
    for name, kind in known.items():
        spoken = {comment.get("{http://www.w3.org/XML/1998/namespace}lang")
                  for comment in kind.iter(MIME_SPACE + "comment")}
        for language in languages:
            if language not in spoken:
                yield f"{name}: no comment in {language}"
    if "x-scheme-handler/berth" not in kinds:
        yield f"{path}: berth:// links open nothing"


def check_icons(root):
    for name in ("org.berth.Berth.svg", "org.berth.Berth-symbolic.svg"):
        picture = ElementTree.parse(os.path.join(root, "packaging/desktop", name)).getroot()
        if picture.tag != SVG or not re.fullmatch(r"0 0 (\d+) \1", picture.get("viewBox", "")):
            yield f"{name}: not a square picture"


def check_pictures(root):
    """With an address the description is good, too, and what it names is there."""
    folder = os.path.join(root, "packaging/desktop")
    with tempfile.TemporaryDirectory(prefix="berth-pictures-") as place:
        path = os.path.join(place, "org.berth.Berth.metainfo.xml")
        subprocess.run([sys.executable, os.path.join(folder, "add-pictures.py"),
                        "https://pictures.example/berth/",
                        os.path.join(folder, "org.berth.Berth.metainfo.xml.in"), path], check=True)
        yield from validate("appstreamcli", "validate", "--no-net", path)
        images = [image.text for image in ElementTree.parse(path).getroot().iter("image")]
    if not images:
        yield f"{folder}: the client has no pictures"
    for image in images:
        base, name = image.rsplit("/", 1)
        if base != "https://pictures.example/berth" or not os.path.isfile(
                os.path.join(root, "docs/images", name)):
            yield f"{image}: no such picture in docs/images"


def main():
    root, entry, metainfo = sys.argv[1:4]
    languages = [line for line in sources.read_text(root, "po/LINGUAS").splitlines()
                 if line and not line.startswith("#")]
    problems = [*validate("desktop-file-validate", entry),
                *validate("appstreamcli", "validate", "--no-net", metainfo),
                *check_entry(root, entry, languages), *check_icons(root), *check_pictures(root)]
    with open(metainfo, encoding="utf-8") as file:
        text = file.read()
    problems += [f"{metainfo}: no text in {language}" for language in languages
                 if f'xml:lang="{language}"' not in text]
    sources.finish(problems, "the client must be found in every desktop")


if __name__ == "__main__":
    main()

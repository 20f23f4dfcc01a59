#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents name only what exists: links to files and folders, and `file names` in the text,
of sources and of built programs.

usage: check-docs.py SOURCE_ROOT BUILD_ROOT
"""
import fnmatch
import os
import re
import sys

import sources

LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SOURCE_NAME = re.compile(r"[\w.*-]+\.(?:c|h|py|sh|scd|sql)")
# Parts of a path that stand for any name: FILE, NAME, LAYER, NNNN.
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")
# Screenshots are made by tools/screenshots.py; without their folder nobody misses them.
IMAGES = "docs/images"


def all_paths(root):
    """Every tracked file and every folder that holds one."""
    paths = set()
    for name in sources.tracked_files(root):
        while name:
            paths.add(name)
            name = os.path.dirname(name)
    return paths


def exists(name, folder, paths, basenames):
    """Whether a name in a text means something: from the root, from the text's folder, or bare."""
    name = os.path.normpath(name)
    if "/" not in name:
        return bool(fnmatch.filter(basenames, name))
    near = os.path.normpath(os.path.join(folder, name))
    # Paths may leave out folders that the text named before: vm/qmp.c.
    return bool(name in paths or near in paths or fnmatch.filter(paths, name) or
                fnmatch.filter(paths, "*/" + name))


def is_path(text, paths):
    """Whether code in a text names a file or folder of this tree."""
    if not re.fullmatch(r"[\w./*-]+", text) or PLACEHOLDER.search(text) or text.startswith("/"):
        return False
    first, _, rest = text.partition("/")
    return bool(SOURCE_NAME.fullmatch(os.path.basename(text)) or (rest and first in paths))


def check(name, text, build, paths, basenames):
    folder = os.path.dirname(name)
    for target in LINK.findall(text):
        path = os.path.normpath(os.path.join(folder, target))
        is_image = path.startswith(IMAGES) and IMAGES not in paths
        if "://" not in target and path not in paths and not is_image:
            yield f"{name}: the link to {target} leads nowhere"
    for code in CODE.findall(BLOCK.sub("", text)):
        is_built = os.path.isfile(os.path.join(build, code))
        if is_path(code, paths) and not is_built and not exists(code, folder, paths, basenames):
            yield f"{name}: there is no {code}"


def main():
    root, build = sys.argv[1:]
    paths = all_paths(root)
    basenames = {os.path.basename(path) for path in paths}
    problems = []
    for name in sorted(paths):
        if name.endswith(".md"):
            problems += check(name, sources.read_text(root, name), build, paths, basenames)
    sources.finish(problems, "name what exists")


if __name__ == "__main__":
    main()

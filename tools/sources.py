# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checkers share: the tracked files, C without comments and strings, the layer table."""
import os
import re
import subprocess
import sys

SKIPPED_TEST = 77


def tracked_files(root):
    """Paths of all tracked files that exist, relative to root."""
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True,
                             check=False)
    if listing.returncode != 0:
        print("this is not a git checkout, nothing to check")
        sys.exit(SKIPPED_TEST)
    names = listing.stdout.decode().split("\0")
    return [name for name in names if name and os.path.isfile(os.path.join(root, name))]


def c_files(root):
    return [name for name in tracked_files(root) if name.endswith((".c", ".h"))]


def read_text(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


C_NOISE = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def strip_c(text):
    """C with comments and literals blanked; every offset stays."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[0]
        return re.sub(r"[^\n]", " ", found)
    return C_NOISE.sub(blank, text)


def read_layers(root):
    """Name -> (folder, set of layers that it may include, itself among them)."""
    layers = {}
    for line in read_text(root, "tools/layers.txt").splitlines():
        line = line.split("#", 1)[0].strip()
        if line:
            name, folder, allowed = (part.strip() for part in line.split("|"))
            layers[name] = (folder, set(allowed.split()) | {name})
    return layers


def finish(problems, advice):
    """Prints the problems, one a line, and ends the program."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} found: {advice}")
    sys.exit(1 if problems else 0)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every #include against tools/layers.txt.

Includes of our own headers are spelled from the root ("base/log.h", "berth/limits.h"), name a file
that exists, and stay in the layers that the including layer may see.
"""
import os
import re
import sys

import sources

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
TEST_HEADERS = ("authority.h", "testing.h", "guarded.h", "pictures.h")


def layer_of(layers, path):
    """The layer whose folder holds path, by the longest folder."""
    best = None
    for name, (folder, _) in layers.items():
        if path.startswith(folder + "/") and (best is None or len(folder) > len(layers[best][0])):
            best = name
    return best


def resolve(root, spelled):
    path = "include/" + spelled if spelled.startswith("berth/") else spelled
    return path if os.path.isfile(os.path.join(root, path)) else None


def check_file(root, layers, name):
    own = layer_of(layers, name)
    for match in INCLUDE.finditer(sources.read_text(root, name)):
        spelled = match.group(1)
        if spelled in TEST_HEADERS or (own is None and os.path.isfile(
                os.path.join(root, os.path.dirname(name), spelled))):
            continue
        target = resolve(root, spelled)
        if target is None:
            yield f'{name}: "{spelled}" is not a header spelled from the root'
        elif own is not None and layer_of(layers, target) not in layers[own][1]:
            yield f'{name}: layer {own} may not include {spelled} (tools/layers.txt)'


def main():
    root = sys.argv[1]
    layers = sources.read_layers(root)
    problems = []
    for name in sources.c_files(root):
        problems += check_file(root, layers, name)
    sources.finish(problems, "see the layer table in tools/layers.txt")


if __name__ == "__main__":
    main()

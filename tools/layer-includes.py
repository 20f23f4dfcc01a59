#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one include folder per layer in the build tree.

Each layer of tools/layers.txt gets BUILD/layers/NAME/<folder> as a link to its sources, so that
`#include "display/wire/frame.h"` resolves only for a target that depends on the wire layer.
"""
import os
import sys


def read_layers(path):
    layers = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#", 1)[0].strip()
            if line:
                name, folder, allowed = (part.strip() for part in line.split("|"))
                layers.append((name, folder, allowed.split()))
    return layers


def main():
    source_root, build_root = sys.argv[1], sys.argv[2]
    for name, folder, _ in read_layers(os.path.join(source_root, "tools", "layers.txt")):
        # include/berth/errors.h is written "berth/errors.h": the folder above is the root.
        spelled = "berth" if name == "include" else folder
        link = os.path.join(build_root, "layers", name, spelled)
        target = os.path.join(source_root, folder)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if os.path.islink(link) and os.readlink(link) == target:
            continue
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(target, link)


if __name__ == "__main__":
    main()

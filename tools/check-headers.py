#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers are contracts: each prototype is documented, and each header compiles alone.

A prototype is documented if a comment ends on the line above it or above the group of lines,
without a blank one between, that it belongs to.  Names that say it all need none: is, has, get
of one object, new of at most one, ref, unref, free, init, clear, lock, unlock, show, hide, equal;
and the encode and decode pairs of display/wire/msg-*.h, whose layouts are in docs/PROTOCOL.md.

The build proves that a header compiles alone if its C file includes it before anything else.  The
others are compiled here, with the include folders of the layers that tools/layers.txt allows.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

import sources

PACKAGES = ["glib-2.0", "gio-unix-2.0", "gtk+-3.0", "openssl", "libzstd", "jansson", "libpng",
            "sqlite3", "libpq", "libmicrohttpd", "libcurl", "libvncclient", "libdrm",
            "libturbojpeg", "vpx"]
PROTOTYPE = re.compile(r"^(?!typedef|struct|enum|union|extern|static|#|G_)[A-Za-z_][^;{}=]*"
                       r"\b\w+\s*\([^;{}]*\)[^;{}]*;", re.MULTILINE)

SELF_EVIDENT = re.compile(r"_(is_\w+|has_\w+|get_\w+)\s*\((const )?\w+ \*\w+(, \w+ \*ret)?\)|"
                          r"_(ref|unref|free|init|clear|lock|unlock|show|hide)\s*\(\w+ \*\w+\)|"
                          r"_new\((void|\w+ \*\w+)\)|_equal\s*\(")
MESSAGE_PAIR = re.compile(r"_(encode|decode)\s*\(")


def is_self_evident(name, prototype):
    if re.match(r"display/wire/msg-[^/]*\.h$", name) and MESSAGE_PAIR.search(prototype):
        return True
    return bool(SELF_EVIDENT.search(prototype))


def check_documented(root, name):
    text = sources.read_text(root, name)
    lines = text.splitlines()
    for match in PROTOTYPE.finditer(sources.strip_c(text)):
        line = text.count("\n", 0, match.start())
        above = line - 1
        while above >= 0 and lines[above].strip() and not lines[above].rstrip().endswith("*/"):
            above -= 1
        if is_self_evident(name, match.group(0)):
            continue
        if above < 0 or not lines[above].rstrip().endswith("*/"):
            first = " ".join(match.group(0).split())[:70]
            yield f"{name}:{line + 1}: no comment says what this promises: {first}"


def include_flags(root, build, name):
    layers = sources.read_layers(root)
    for folder, allowed in sorted(layers.values(), key=lambda layer: -len(layer[0])):
        if name.startswith(folder + "/"):
            return [f"-I{build}/layers/{layer}" for layer in sorted(allowed)]
    return [f"-I{build}/layers/{layer}" for layer in sorted(layers)] + [f"-I{root}/tests/unit"]


FIRST_INCLUDE = re.compile(r"^#include\s+[\"<]([^\">]+)", re.MULTILINE)


def is_first_of_its_c_file(root, name):
    path = name[:-2] + ".c"
    if not os.path.isfile(os.path.join(root, path)):
        return False
    found = FIRST_INCLUDE.search(sources.read_text(root, path))
    return found is not None and os.path.basename(found.group(1)) == os.path.basename(name)


def compile_alone(root, build, flags, name):
    command = ["cc", "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Werror", "-x", "c",
               *flags, *include_flags(root, build, name), "-"]
    source = f'#include "{os.path.join(root, name)}"\n'
    result = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    if result.returncode != 0:
        return [f"{name}: does not compile alone\n{result.stderr}"]
    return []


def main():
    root, build = sys.argv[1], sys.argv[2]
    flags = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True,
                           check=True).stdout.split()
    headers = [name for name in sources.c_files(root) if name.endswith(".h")]
    problems = []
    for name in headers:
        problems += check_documented(root, name)
    unproven = [name for name in headers if not is_first_of_its_c_file(root, name)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for found in pool.map(lambda name: compile_alone(root, build, flags, name), unproven):
            problems += found
    sources.finish(problems, "a header is a contract, see HACKING.md")


if __name__ == "__main__":
    main()

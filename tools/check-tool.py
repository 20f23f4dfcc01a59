#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one of Debian's checkers on the tracked files that it is for: format, spelling or shell.

A program that is not installed skips the test.
"""
import os
import re
import shutil
import subprocess
import sys

import sources

# Name -> (command, files it reads, how to mend it)
TOOLS = {
    "format": (["clang-format", "--dry-run", "-Werror"], r"\.(c|h)$", "run clang-format -i"),
    "spelling": (["codespell", "--ignore-words", "tools/spelling-words.txt"],
                 r"\.(md|scd|c|h|py)$", "mend the word, or add it to tools/spelling-words.txt"),
    "shell": (["shellcheck", "-x", "-P", "SCRIPTDIR"],
              r"\.sh$|^dev$|^\.ci/run$", "follow shellcheck's advice"),
}


def main():
    name, root = sys.argv[1], sys.argv[2]
    command, wanted, advice = TOOLS[name]
    if not shutil.which(command[0]):
        print(f"{command[0]} is not installed")
        sys.exit(sources.SKIPPED_TEST)
    files = [file for file in sources.tracked_files(root) if re.search(wanted, file)]
    if not files:
        sys.exit(0)
    half = (len(files) + 1) // 2
    runs = [subprocess.Popen([*command, *part], cwd=root)
            for part in (files[:half], files[half:]) if part]
    if any([run.wait() != 0 for run in runs]):
        print(f"{name}: {advice}", flush=True)
        os._exit(1)


if __name__ == "__main__":
    main()

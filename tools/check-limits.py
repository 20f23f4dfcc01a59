#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of one thought: at most 60 lines and complexity 12; files of at most 800 lines.

tools/limits-exceptions.txt lists what may be longer, with the reason; an exception that nothing
needs any more is a failure too.
"""
import re
import subprocess
import sys

import sources

MAX_LINES = 60
MAX_COMPLEXITY = 12
MAX_FILE_LINES = 800


def read_exceptions(root):
    """Set of "path function" or "path" from lines `path [function] | reason`."""
    exceptions = set()
    for line in sources.read_text(root, "tools/limits-exceptions.txt").splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            what, bar, reason = line.partition("|")
            if not bar or not reason.strip():
                sys.exit(f"tools/limits-exceptions.txt: no reason in {line!r}")
            exceptions.add(" ".join(what.split()))
    return exceptions


def measure(root, names):
    """Yields (key, sentence) for everything that is over a limit."""
    for name in names:
        n_lines = sources.read_text(root, name).count("\n")
        if n_lines > MAX_FILE_LINES:
            yield name, f"{name}: {n_lines} lines, more than {MAX_FILE_LINES}"
    output = subprocess.run(["pmccabe", *names], cwd=root, capture_output=True, text=True,
                            check=True).stdout
    for line in output.splitlines():
        match = re.match(r"(\d+)\t\d+\t\d+\t\d+\t(\d+)\t(\S+)\((\d+)\): (\w+)", line)
        if not match:
            continue
        complexity, lines, name, at, function = match.groups()
        key = f"{name} {function}"
        if int(lines) > MAX_LINES:
            yield key, f"{name}:{at}: {function} has {lines} lines, more than {MAX_LINES}"
        if int(complexity) > MAX_COMPLEXITY:
            yield key, (f"{name}:{at}: {function} has complexity {complexity}, more than "
                        f"{MAX_COMPLEXITY}")


def main():
    root = sys.argv[1]
    exceptions = read_exceptions(root)
    names = sources.c_files(root)
    found = list(measure(root, names))
    problems = [sentence for key, sentence in found if key not in exceptions]
    unused = exceptions - {key for key, _ in found}
    problems += [f"tools/limits-exceptions.txt: {key} needs no exception" for key in sorted(unused)]
    sources.finish(problems, "cut by thought, or give a reason in tools/limits-exceptions.txt")


if __name__ == "__main__":
    main()

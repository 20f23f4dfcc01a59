#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kill point of base/kill-point.h is on the way of a program, and a test dies there.

tests/kill-points.txt says which: a point, the file of the test, the function in it.  Without a row,
without the function, or without the point's name in that file it is a failure.
"""
import os
import re
import sys

import sources

HEADER = "base/kill-point.h"
LIST = "tests/kill-points.txt"


def read_points(root):
    """{name in BERTH_KILL_AT: name in C}"""
    rows = re.findall(r'^    X\(([A-Z_]+), "([a-z-]+)"\)', sources.read_text(root, HEADER),
                      re.MULTILINE)
    return {text: name for name, text in rows}


def read_rows(root):
    for number, line in enumerate(sources.read_text(root, LIST).splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3:
            sys.exit(f"{LIST}:{number}: a point, a file and a function are wanted")
        yield number, *words


def has_function(path, text, function):
    pattern = rf"^ *def {function}\(" if path.endswith(".py") else rf"^{function}\("
    return re.search(pattern, text, re.MULTILINE) is not None


def names_point(text, point, constant):
    return re.search(rf'"{point}(:\d+)?"', text) or re.search(rf"\bBERTH_KILL_{constant}\b", text)


def check_rows(root, points):
    """Sentences about rows that do not hold, and the points of those that do."""
    problems, visited = [], set()
    for number, point, path, function in read_rows(root):
        where = f"{LIST}:{number}: "
        if point not in points:
            problems.append(f"{where}there is no point \"{point}\" in {HEADER}")
            continue
        if not os.path.isfile(os.path.join(root, path)):
            problems.append(f"{where}there is no file {path}")
            continue
        text = sources.read_text(root, path)
        if not has_function(path, text, function):
            problems.append(f"{where}{path} has no function {function}")
        elif not names_point(text, point, points[point]):
            problems.append(f"{where}{path} does not name \"{point}\"")
        else:
            visited.add(point)
    return problems, visited


def main():
    root = sys.argv[1]
    points = read_points(root)
    problems, visited = check_rows(root, points)
    named = set()
    for name in sources.c_files(root):
        if not name.startswith(("tests/", "base/kill-point")):
            named.update(re.findall(r"\bBERTH_KILL_(\w+)", sources.read_text(root, name)))
    for point, constant in points.items():
        if point not in visited:
            problems.append(f"{HEADER}: no test visits \"{point}\": write one and its "
                            f"row in {LIST}")
        if constant not in named:
            problems.append(f"{HEADER}: no program comes to \"{point}\"")
    for problem in problems:
        print(problem)
    if not points or problems:
        sys.exit(1)
    print(f"{len(points)} kill points, all visited")


if __name__ == "__main__":
    main()

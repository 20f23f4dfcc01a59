#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the numbered migrations as a C table: embed-sql.py OUTPUT 0001-a.sql 0001-a.down.sql ...

The text is SQLite's.  PostgreSQL's is made of it: INTEGER becomes BIGINT, TEXT gets the collation
"C" (both databases then sort alike), STRICT goes, and of a block
    -- sqlite
    ...
    -- postgresql
    ...
    -- end
each takes its part.  A file with a line "-- expand-only" only adds.  The way back of the first step
is made of its CREATE lines.
"""
import os
import re
import sys


def read_parts(path):
    """The lines for SQLite, those for PostgreSQL, and whether the step only adds."""
    sqlite, postgresql, expand_only, part = [], [], False, ""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            mark = line[3:] if line.startswith("-- ") else ""
            if mark in ("sqlite", "postgresql", "end"):
                part = "" if mark == "end" else mark
                continue
            expand_only = expand_only or mark == "expand-only"
            code = line.split("--")[0].rstrip()
            if not code:
                continue
            if part in ("", "sqlite"):
                sqlite.append(code)
            if part in ("", "postgresql"):
                postgresql.append(code if part else to_postgresql(code))
    if part:
        sys.exit(f"{path}: the block of {part} has no end")
    return sqlite, postgresql, expand_only


def to_postgresql(code):
    code = re.sub(r"\bINTEGER\b", "BIGINT", code)
    code = re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', code)
    return re.sub(r"\) STRICT;", ");", code)


def drop_all(lines):
    made = re.findall(r"^CREATE (TABLE|VIEW|FUNCTION) (\w+)", "\n".join(lines), re.MULTILINE)
    return [f"DROP {kind} {name};" for kind, name in
            [item for item in reversed(made) if item[0] != "FUNCTION"] +
            [item for item in made if item[0] == "FUNCTION"]]


def quote(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def write_text(out, lines):
    for line in lines or [""]:
        out.write("        " + quote(line) + "\n")
    out.write("        ,\n")


def main():
    output, files = sys.argv[1], sorted(sys.argv[2:], key=os.path.basename)
    ups = [path for path in files if not path.endswith(".down.sql")]
    tables = []
    with open(output, "w", encoding="utf-8") as out:
        out.write('#include "broker/store/migrate.h"\n\n')
        out.write("const BerthMigration berth_migrations[] = {\n")
        for number, path in enumerate(ups, 1):
            down = path[:-len(".sql")] + ".down.sql"
            if not os.path.basename(path).startswith(f"{number:04d}-") or \
                    (number > 1 and down not in files):
                sys.exit(f"{path}: migration {number:04d} or its way back is missing")
            up_parts = read_parts(path)
            down_parts = read_parts(down) if number > 1 else \
                (drop_all(up_parts[0]), drop_all(up_parts[1]))
            tables += re.findall(r"^CREATE TABLE (\w+)", "\n".join(up_parts[0]), re.MULTILINE)
            out.write("    {\n")
            for lines in (up_parts[0], down_parts[0], up_parts[1], down_parts[1]):
                write_text(out, lines)
            out.write(f"        {'true' if up_parts[2] else 'false'},\n    }},\n")
        out.write("};\n\n")
        out.write(f"const int berth_n_migrations = {len(ups)};\n\n")
        out.write("const char *const berth_store_tables[] = {\n")
        for table in tables:
            out.write(f'    "{table}",\n')
        out.write("};\n\n")
        out.write(f"const int berth_n_store_tables = {len(tables)};\n")


if __name__ == "__main__":
    main()

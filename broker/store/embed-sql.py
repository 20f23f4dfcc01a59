#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the numbered migrations as a C table: embed-sql.py OUTPUT 0001-a.sql 0002-b.sql ..."""
import os
import sys


def quote(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main():
    output, files = sys.argv[1], sorted(sys.argv[2:], key=os.path.basename)
    with open(output, "w", encoding="utf-8") as out:
        out.write('#include "broker/store/migrations.h"\n\n')
        out.write("const char *const berth_migrations[] = {\n")
        for number, path in enumerate(files, 1):
            if not os.path.basename(path).startswith(f"{number:04d}-"):
                sys.exit(f"{path}: migration {number:04d} is missing")
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    out.write("    " + quote(line.rstrip("\n")) + "\n")
            out.write("    ,\n")
        out.write("};\n\n")
        out.write(f"const int berth_n_migrations = {len(files)};\n")


if __name__ == "__main__":
    main()

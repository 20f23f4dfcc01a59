#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes shell scripts as C strings: embed-scripts.py OUTPUT a.sh b.sh ... (comments go)."""
import os
import sys


def main():
    output, files = sys.argv[1], sys.argv[2:]
    with open(output, "w", encoding="utf-8") as out:
        out.write('#include "host-agent/tasks/guest-scripts.h"\n')
        for path in files:
            name = os.path.basename(path)[:-len(".sh")].replace("-", "_")
            out.write(f"\nconst char berth_guest_script_{name}[] =\n")
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    line = line.rstrip("\n")
                    if line.lstrip().startswith("#"):
                        continue
                    text = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
                    out.write(f'    "{text}\\n"\n')
            out.write("    ;\n")


if __name__ == "__main__":
    main()

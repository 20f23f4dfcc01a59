#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says in the client's description for stores where its pictures are; without an address it has none.

usage: add-pictures.py ADDRESS_OF_THEIR_FOLDER IN OUT
"""
import re
import sys

PICTURES = re.compile(r"\n  <screenshots>.*?</screenshots>", re.DOTALL)


def main():
    address, source, target = sys.argv[1:4]
    with open(source, encoding="utf-8") as file:
        text = file.read()
    if address:
        text = text.replace("@PICTURES@", address.rstrip("/"))
    else:
        text = PICTURES.sub("", text)
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()

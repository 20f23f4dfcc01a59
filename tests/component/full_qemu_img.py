#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""qemu-img on a full disk: leaves half a file and says why."""
import sys

with open(sys.argv[-1], "wb") as half:
    half.write(b"QFI")
sys.exit(f"qemu-img: {sys.argv[-1]}: Could not write: No space left on device")

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture source stays connected to a real QEMU whose size changes without a picture.

usage: test_capture_again.py CAPTURE_DRIVER BUILD_TG_SH
"""
import os
import sys
import tempfile

import display_fixture as fixture
from test_capture import Driver

N_CHANGES = 40
# A boot sector that changes between text of 80 and of 40 columns, about five times a second.
BOOT_SECTOR = bytes.fromhex(
    "b80300 cd10 e80a00"  # begin: mode 3, call wait
    "b80100 cd10 e80200"  # mode 1, call wait
    "ebee"                # jump to begin
    "b400 cd1a 89d3"      # wait: the ticks of the clock
    "b400 cd1a 29da 83fa04 72f5 c3")  # until four more have passed
SENTENCE = "did not say so"


def main(program, build_tg_sh):
    with tempfile.TemporaryDirectory(prefix="berth-capture-") as folder:
        disk = os.path.join(folder, "disk")
        with open(disk, "wb") as file:
            file.write(BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
        manifest = fixture.without_kernel(fixture.build_guest(build_tg_sh, folder))
        qemu = fixture.DisplayQemu(manifest, ["-drive", f"file={disk},format=raw,if=ide"])
        with open(os.path.join(folder, "log"), "w+", encoding="utf-8") as log:
            driver = Driver(program, "qemu-dbus", qemu.add_display(), log)

            def n_changes():
                end = driver.state()["end"]
                if end != "ok":
                    log.seek(0)
                    sys.exit(f"the display ended ({end}):\n{log.read()}")
                with open(log.name, encoding="utf-8") as text:
                    return text.read().count(SENTENCE)
            fixture.wait_until("changes of the size", lambda: n_changes() >= N_CHANGES, 120)
            driver.close()
        qemu.close()
    print(f"ok: {N_CHANGES} changes of the size")


if __name__ == "__main__":
    fixture.run_or_skip(lambda: main(*sys.argv[1:]))

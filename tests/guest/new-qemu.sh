#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints the folder of a QEMU that is newer than Debian's own; see fetch_new_qemu.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../tools/fixtures.sh
. "$here/../../tools/fixtures.sh"

fetch_new_qemu

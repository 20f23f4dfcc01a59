#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes an ext4 file system with the content of a tree: make-disk.sh ROOT IMAGE SIZE_MIB.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
# What mmdebstrap leaves behind for its own use is not for the guest.
rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
: >"$1/etc/machine-id"
echo demo >"$1/etc/hostname"
# A plain bind mount shows the tree without the /proc and /sys that are mounted in it.
tree=$(mktemp -d "$2.XXXXXX")
mount --bind "$1" "$tree"
trap 'umount "$tree" && rmdir "$tree"' EXIT
truncate -s "$3M" "$2"
mkfs.ext4 -q -F -d "$tree" -L root -m 0 -E lazy_itable_init=0,lazy_journal_init=0,nodiscard \
    -O ^metadata_csum "$2"

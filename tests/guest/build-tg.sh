#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the test guest "tg" (see tg-picture.h) and puts tg.json and the files it names in OUTDIR.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../tools/fixtures.sh
. "$here/../../tools/fixtures.sh"

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: build-tg.sh OUTDIR
Builds the small test guest; finished builds are kept in \$BERTH_CACHE ($BERTH_CACHE)."
    [ "${1:-}" = --help ]
    exit
fi

modules=(virtio_pci virtio_gpu virtio_blk virtio_input evdev virtio_console button
    xhci_pci usbhid hid_generic psmouse)
package=$(kernel_package)
key=$(printf '%s\n' "$package" | hash_of - "$here"/tg-*.[ch] "$0" "$here/../../tools/fixtures.sh")
done_dir=$BERTH_CACHE/tg/$key
work=

build_initrd() {
    local root=$1/root kernel=$2 file
    mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/lib"
    # shellcheck disable=SC2046
    gcc -static -O2 -Wall -Wextra -D_GNU_SOURCE $(pkg-config --cflags libdrm) \
        -o "$root/init" "$here"/tg-*.c
    strip "$root/init"
    mknod_console "$root"
    module_files "$kernel" "${modules[@]}" >"$1/modules"
    while read -r file; do
        strip --strip-debug -o "$root/lib/${file##*/}" "$file"
        echo "/lib/${file##*/}"
    done <"$1/modules" >"$root/modules.list"
    (cd "$root" && find . | LC_ALL=C sort |
        cpio --quiet --reproducible -R 0:0 -o -H newc) | zstd -q -19 -T0 >"$1/out/tg-initrd"
}

# The kernel opens /dev/console for PID 1; without the right to make it there is only no console.
mknod_console() {
    mknod -m 600 "$1/dev/console" c 5 1 2>/dev/null || true
}

build() {
    local kernel
    need cpio cpio
    need zstd zstd
    need qemu-img qemu-utils
    kernel=$(fetch_kernel)
    mkdir -p "$BERTH_CACHE/tg"
    need_space 200 "$BERTH_CACHE"
    work=$(mktemp -d "$BERTH_CACHE/tg/new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/out"
    say "building the test guest with $package"
    build_initrd "$work" "$kernel"
    cp "$kernel/boot/vmlinux" "$work/out/tg-vmlinux"
    qemu-img create -q -f qcow2 "$work/out/tg.qcow2" 1M
    cat >"$work/out/tg.json" <<JSON
{
  "name": "tg",
  "format": "qcow2",
  "disk": "tg.qcow2",
  "sha256": "$(sha256sum "$work/out/tg.qcow2" | cut -d ' ' -f 1)",
  "kernel": "tg-vmlinux",
  "initrd": "tg-initrd",
  "cmdline": "quiet console=ttyS0 panic=-1 vt.global_cursor_default=0",
  "memory_mib": 256,
  "vcpus": 2,
  "ready": "guest-agent",
  "width": 1280,
  "height": 800
}
JSON
    mv -T "$work/out" "$done_dir" 2>/dev/null || [ -d "$done_dir" ] || die "cannot fill $done_dir"
}

if [ ! -d "$done_dir" ]; then
    build
fi
install_outputs "$done_dir" "$1"

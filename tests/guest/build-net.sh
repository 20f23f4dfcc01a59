#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the network test guest "net": a kernel and busybox that tell a server what they can reach.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../tools/fixtures.sh
. "$here/../../tools/fixtures.sh"

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: build-net.sh OUTDIR
Builds the network test guest; finished builds are kept in \$BERTH_CACHE ($BERTH_CACHE).
Its kernel's command line says what it does: net.ip=A/N net.gw=B net.name=NAME net.report=IP:PORT
net.ask=IP:PORT,...  For each place asked it tells the server \"NAME IP:PORT yes\" or \"no\"."
    [ "${1:-}" = --help ]
    exit
fi

modules=(virtio_pci virtio_net)
package=$(kernel_package)
key=$(printf '%s\n' "$package" | hash_of - "$0" "$here/net-init.sh" "$here/../../tools/fixtures.sh")
done_dir=$BERTH_CACHE/net/$key
work=

build_initrd() {
    local root=$1/root kernel=$2 file
    mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/lib"
    cp "$(command -v busybox)" "$root/bin/busybox"
    install -m 755 "$here/net-init.sh" "$root/init"
    mknod -m 600 "$root/dev/console" c 5 1 2>/dev/null || true
    module_files "$kernel" "${modules[@]}" >"$1/modules"
    while read -r file; do
        strip --strip-debug -o "$root/lib/${file##*/}" "$file"
        echo "/lib/${file##*/}"
    done <"$1/modules" >"$root/modules.list"
    (cd "$root" && find . | LC_ALL=C sort |
        cpio --quiet --reproducible -R 0:0 -o -H newc) | gzip -1 >"$1/out/net-initrd"
}

build() {
    local kernel
    need cpio cpio
    need busybox busybox-static
    kernel=$(fetch_kernel)
    mkdir -p "$BERTH_CACHE/net"
    work=$(mktemp -d "$BERTH_CACHE/net/new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/out"
    say "building the network test guest with $package"
    build_initrd "$work" "$kernel"
    cp "$kernel/boot/vmlinux" "$work/out/net-vmlinux"
    cat >"$work/out/net.json" <<JSON
{"name": "net", "disk": null, "kernel": "net-vmlinux", "initrd": "net-initrd", "cmdline": "quiet",
 "memory_mib": 128, "vcpus": 1, "ready": "display", "width": 320, "height": 200}
JSON
    mv -T "$work/out" "$done_dir" 2>/dev/null || [ -d "$done_dir" ] || die "cannot fill $done_dir"
}

if [ ! -d "$done_dir" ]; then
    build
fi
install_outputs "$done_dir" "$1"

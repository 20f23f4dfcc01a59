#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the guest that tests patch, "patch": a disk with busybox, dpkg's list and the real guest
# agent.  It boots in seconds under emulation.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../tools/fixtures.sh
. "$here/../../tools/fixtures.sh"

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: build-patch.sh OUTDIR
Builds the guest that tests patch; finished builds are kept in \$BERTH_CACHE ($BERTH_CACHE)."
    [ "${1:-}" = --help ]
    exit
fi

modules=(virtio_pci virtio_blk virtio_console ext4 crc32c_generic)
package=$(kernel_package)
key=$(printf '%s\n' "$package" | hash_of - "$0" "$here/patch-init.sh" "$here/../../tools/fixtures.sh")
done_dir=$BERTH_CACHE/patch/$key
work=

# copy_program FILE ROOT: a program and the libraries that it needs.
copy_program() {
    local library
    install -D -m 755 "$1" "$2/usr/bin/${1##*/}"
    ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
        [ -f "$2$library" ] || install -D -m 755 "$(readlink -f "$library")" "$2$library"
    done
}

fetch_agent() {
    (cd "$1" && apt-get -q -o APT::Sandbox::User=root download qemu-guest-agent >apt.log 2>&1) || {
        tail -n 3 "$1/apt.log" >&2
        die "cannot download qemu-guest-agent; is there a network?"
    }
    dpkg-deb -x "$1"/qemu-guest-agent_*.deb "$1/agent"
}

# No entry of /usr/bin that is a link to busybox hides a program that was copied.
add_busybox() {
    local applet
    install -D -m 755 "$(command -v busybox)" "$1/bin/busybox"
    for applet in $(busybox --list); do
        [ -e "$1/usr/bin/$applet" ] || ln -s /bin/busybox "$1/usr/bin/$applet"
    done
    ln -s /usr/bin/dash "$1/bin/sh"
}

build_root() {
    local root=$1 name
    mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,root,home,boot,opt,srv} \
        "$root"/etc/{ssh,berth} "$root"/var/{log,tmp,lib/dpkg/info,lib/dpkg/updates} "$root/usr/sbin"
    copy_program "$work/agent/usr/sbin/qemu-ga" "$root"
    copy_program "$(command -v dpkg-query)" "$root"
    # For disks of users.
    for name in mke2fs e2fsck resize2fs; do
        copy_program "$(PATH=$PATH:/usr/sbin:/sbin command -v "$name")" "$root"
    done
    ln -s mke2fs "$root/usr/bin/mkfs.ext4"
    copy_program "$(command -v dash)" "$root"
    add_busybox "$root"
    install -m 755 "$here/patch-init.sh" "$root/sbin/init"
    printf '#!/bin/sh\nkill -USR1 1\n' >"$root/sbin/shutdown"
    chmod 755 "$root/sbin/shutdown"
    echo 'PRETTY_NAME="Patched Test Linux"' >"$root/etc/os-release"
    : >"$root/etc/machine-id"
    for name in base tool; do
        printf 'Package: %s\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n' "$name"
        printf 'Maintainer: x <x@example.org>\nDescription: x\n\n'
    done >"$root/var/lib/dpkg/status"
}

build_initrd() {
    local root=$1/initrd kernel=$2 file
    mkdir -p "$root/bin" "$root/dev" "$root/root" "$root/lib"
    cp "$(command -v busybox)" "$root/bin/busybox"
    install -m 755 "$here/patch-init.sh" "$root/init"
    module_files "$kernel" "${modules[@]}" >"$1/modules"
    while read -r file; do
        strip --strip-debug -o "$root/lib/${file##*/}" "$file"
        echo "/lib/${file##*/}"
    done < <(awk '!seen[$0]++' "$1/modules") >"$root/modules.list"
    (cd "$root" && find . | LC_ALL=C sort |
        cpio --quiet --reproducible -R 0:0 -o -H newc) | gzip -1 >"$1/out/patch-initrd"
}

build() {
    local kernel
    need cpio cpio
    need busybox busybox-static
    need mke2fs e2fsprogs
    need qemu-img qemu-utils
    kernel=$(fetch_kernel)
    mkdir -p "$BERTH_CACHE/patch"
    work=$(mktemp -d "$BERTH_CACHE/patch/new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/out"
    say "building the guest that is patched with $package"
    fetch_agent "$work"
    build_root "$work/root"
    build_initrd "$work" "$kernel"
    PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -E root_owner=0:0 -d "$work/root" "$work/disk.raw" 192M
    qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$work/out/patch.qcow2"
    cp "$kernel/boot/vmlinux" "$work/out/patch-vmlinux"
    cat >"$work/out/patch.json" <<JSON
{"name": "patch", "disk": "patch.qcow2", "format": "qcow2", "kernel": "patch-vmlinux",
 "initrd": "patch-initrd", "cmdline": "quiet console=ttyS0 mitigations=off panic=10", "memory_mib": 160,
 "vcpus": 1, "ready": "guest-agent", "width": 320, "height": 200}
JSON
    mv -T "$work/out" "$done_dir" 2>/dev/null || [ -d "$done_dir" ] || die "cannot fill $done_dir"
}

if [ ! -d "$done_dir" ]; then
    build
fi
install_outputs "$done_dir" "$1"

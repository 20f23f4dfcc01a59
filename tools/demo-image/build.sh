#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the golden image of the demo, a small Debian desktop, and puts demo.json and the files it
# names in OUTDIR.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../fixtures.sh
. "$here/../fixtures.sh"

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: build.sh OUTDIR
Builds the desktop image of the demo (about two minutes); finished builds are kept in
\$BERTH_CACHE ($BERTH_CACHE).  \$BERTH_MIRROR names another Debian mirror."
    [ "${1:-}" = --help ]
    exit
fi

suite=bookworm
mirror=$(debian_mirror)
disk_mib=1536
package=$(kernel_package)
root=$(cd "$here/../.." && pwd)
key=$(find "$here" "$here/../fixtures.sh" "$root/guest-agent" "$root/packaging/guest" \
    "$root"/display/wire/{guest,vdagent}-* -type f | LC_ALL=C sort | while read -r file; do
    printf '%s\n' "${file#"$root"}" && cat "$file"
done | cat - <(echo "$package $mirror") | hash_of -)
done_dir=$BERTH_CACHE/demo/$key
work=
job=

# as_owner COMMAND...: runs it as the root of namespaces of its own; it ends, with all that it
# started, when this is killed.  An ordinary user gets the ids of /etc/subuid there.
as_owner() {
    local flags=(--mount --pid --fork --kill-child)
    [ "$(id -u)" = 0 ] || flags+=(--user --map-root-user --map-auto)
    exec unshare "${flags[@]}" --mount-proc "$@"
}

# Nothing runs on and nothing half is left, however this ends.
end_build() {
    trap '' INT TERM HUP
    if [ -n "$job" ]; then
        kill -KILL "$job" || true
        wait "$job" || true
    fi
    # The last of them may still be writing.
    for _ in {1..50}; do
        rm -rf "$work" || (as_owner rm -rf "$work") || true
        [ -e "$work" ] || break
        sleep 0.1
    done 2>/dev/null
}

# progress LOG PID: one line every few seconds with what the build is doing.
progress() {
    local start=$SECONDS last='' line
    while kill -0 "$2" 2>/dev/null; do
        sleep 2
        line=$(tail -c 400 "$1" | tr '\r' '\n' | grep -v '^$' | tail -n 1 | cut -c 1-80 || true)
        if [ "$line" != "$last" ]; then
            printf '  %3d s  %s\n' $((SECONDS - start)) "$line" >&2
            last=$line
        fi
    done
}

# run_shown LOG COMMAND...: runs it in the background with progress; the log's end if it fails.
run_shown() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    job=$!
    progress "$log" "$job"
    wait "$job" || {
        job=
        tail -n 15 "$log" >&2
        die "building the image failed; is there a network, and room in $BERTH_CACHE?"
    }
    job=
}

build_root() {
    local kernel=$1 names excluded=() path
    names=$(paste -sd , "$here/packages.txt")
    for path in /usr/share/doc /usr/share/man /usr/share/locale /usr/share/info \
        /usr/lib/x86_64-linux-gnu/dri /usr/lib/x86_64-linux-gnu/libLLVM-; do
        excluded+=(--dpkgopt="path-exclude=$path*")
    done
    # The tree's owner is root only inside mmdebstrap, so the file system is made there too.
    export BERTH_CACHE
    run_shown "$work/log" as_owner env TMPDIR="$work" mmdebstrap --mode=root \
        --variant=minbase --format=null --include="$names" "${excluded[@]}" \
        --dpkgopt=force-unsafe-io --aptopt='APT::Install-Recommends "false"' \
        --customize-hook="'$here/customize.sh' \"\$1\" '$kernel' '$work/agent.deb'" \
        --customize-hook="'$here/make-disk.sh' \"\$1\" '$work/disk.raw' $disk_mib" \
        "$suite" /dev/null "$mirror"
}

build_initrd() {
    local kernel=$1 root=$work/initrd file
    mkdir -p "$root/bin" "$root/dev" "$root/root" "$root/lib"
    cp "$here/init" "$root/init"
    cp "$(command -v busybox)" "$root/bin/busybox"
    module_files "$kernel" virtio_pci virtio_blk ext4 >"$work/modules"
    # ext4 asks for its checksum by alias, which only the kernel's own loader would resolve.
    module_files "$kernel" crc32c_generic >>"$work/modules"
    while read -r file; do
        strip --strip-debug -o "$root/lib/${file##*/}" "$file"
        echo "/lib/${file##*/}"
    done < <(awk '!seen[$0]++' "$work/modules") >"$root/modules.list"
    (cd "$root" && find . | LC_ALL=C sort |
        cpio --quiet --reproducible -R 0:0 -o -H newc) | zstd -q -19 -T0 >"$work/out/demo-initrd"
}

write_manifest() {
    cat >"$work/out/demo.json" <<JSON
{
  "name": "demo",
  "format": "qcow2",
  "disk": "demo.qcow2",
  "sha256": "$(sha256sum "$work/out/demo.qcow2" | cut -d ' ' -f 1)",
  "kernel": "demo-vmlinux",
  "initrd": "demo-initrd",
  "cmdline": "quiet loglevel=3 console=ttyS0 vt.global_cursor_default=0 mitigations=off panic=10",
  "memory_mib": 768,
  "vcpus": 2,
  "ready": "guest-agent",
  "width": 1280,
  "height": 800
}
JSON
}

build() {
    local kernel
    need mmdebstrap mmdebstrap
    [ "$(id -u)" = 0 ] || need newuidmap uidmap
    need busybox busybox-static
    need mkfs.ext4 e2fsprogs
    need qemu-img qemu-utils
    need cpio cpio
    need zstd zstd
    need meson meson
    kernel=$(fetch_kernel)
    mkdir -p "$BERTH_CACHE/demo"
    need_space 4096 "$BERTH_CACHE"
    work=$(mktemp -d "$BERTH_CACHE/demo/new.XXXXXX")
    trap end_build EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    chmod 755 "$work"
    mkdir "$work/out"
    say "building the desktop image from $mirror (about two minutes)"
    run_shown "$work/log" "$root/packaging/guest/build-deb.sh" "$work/agent.deb"
    build_root "$kernel"
    say "packing the disk"
    qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd -W -m 4 \
        "$work/disk.raw" "$work/out/demo.qcow2"
    rm "$work/disk.raw"
    build_initrd "$kernel"
    cp "$kernel/boot/vmlinux" "$work/out/demo-vmlinux"
    write_manifest
    mv -T "$work/out" "$done_dir" 2>/dev/null || [ -d "$done_dir" ] || die "cannot fill $done_dir"
    say "the desktop image is ready ($(du -sh "$done_dir" | cut -f 1))"
}

if [ ! -d "$done_dir" ]; then
    build
fi
install_outputs "$done_dir" "$1"

# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts that build guests: cache folder, messages, the Debian kernel.
# shellcheck shell=bash

BERTH_CACHE=${BERTH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/berth}

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# need COMMAND PACKAGE: ends with a clear sentence if a program is missing.
need() {
    command -v "$1" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ||
        die "the program '$1' is missing; install the package '$2'"
}

# need_space MIB FOLDER: ends if the file system of FOLDER has less room than that.
need_space() {
    local free_mib
    free_mib=$(($(df --output=avail -k "$2" | tail -n 1) / 1024))
    [ "$free_mib" -ge "$1" ] || die "$2 has $free_mib MiB free, $1 MiB are needed"
}

# hash_of FILE...: 16 hex digits that change with the content of any of the files.
hash_of() {
    cat "$@" | sha256sum | cut -c 1-16
}

# install_outputs FROM TO: copies a finished folder of the cache to TO, each file by rename.
install_outputs() (
    mkdir -p "$2"
    # shellcheck disable=SC2064
    trap "rm -f '$2'/.*.new.$$" EXIT
    for file in "$1"/*; do
        cp --reflink=auto "$file" "$2/.${file##*/}.new.$$"
        mv "$2/.${file##*/}.new.$$" "$2/${file##*/}"
    done
)

# kernel_package: the name of the package that linux-image-amd64 stands for today.
kernel_package() {
    local name
    name=$(apt-cache depends --important linux-image-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
    [ -n "$name" ] || die "apt knows no package linux-image-amd64; run 'apt-get update' first"
    printf '%s\n' "$name"
}

# debian_mirror: the address of the Debian mirror that apt uses, or $BERTH_MIRROR.
debian_mirror() {
    local mirror=${BERTH_MIRROR:-} suite
    if [ -z "$mirror" ]; then
        # shellcheck source=/dev/null
        suite=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
        # shellcheck disable=SC2016
        mirror=$(apt-get indextargets --format '$(CODENAME)/$(COMPONENT) $(REPO_URI)' \
            'Created-By: Packages' | sed -n "s|^$suite/main ||p" | head -n 1)
    fi
    [ -n "$mirror" ] || die "apt knows no Debian mirror; name one in BERTH_MIRROR"
    printf '%s\n' "${mirror%/}"
}

# unpack_kernel VMLINUZ VMLINUX: the ELF kernel inside.  QEMU starts it directly (PVH), which saves
# the firmware and, under emulation, more than two seconds of decompression.
unpack_kernel() {
    need python3 python3
    need strip binutils
    python3 - "$1" "$2" <<'PYTHON'
import lzma
import struct
import sys

with open(sys.argv[1], "rb") as file:
    image = file.read()
# Offsets of the x86 boot protocol: setup_sects, payload_offset, payload_length.
setup_bytes = ((image[0x1F1] or 4) + 1) * 512
offset, length = struct.unpack_from("<II", image, 0x248)
start = setup_bytes + offset
with open(sys.argv[2], "wb") as file:
    file.write(lzma.LZMADecompressor().decompress(image[start:start + length]))
PYTHON
    strip "$2"
}

# fetch_kernel: prints the folder with boot/ and lib/modules/ of Debian's kernel, which is
# downloaded and unpacked below the cache but never installed.  Call it in a subshell, $(...): what
# it leaves there is removed at the subshell's end.
fetch_kernel() {
    local package folder work
    package=$(kernel_package) || exit 1
    folder=$BERTH_CACHE/kernel/$package
    if [ ! -d "$folder" ]; then
        need dpkg-deb dpkg
        need depmod kmod
        mkdir -p "$BERTH_CACHE/kernel"
        need_space 1024 "$BERTH_CACHE"
        say "downloading $package"
        work=$(mktemp -d "$BERTH_CACHE/kernel/new.XXXXXX")
        # shellcheck disable=SC2064
        trap "rm -rf '$work'" EXIT
        (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package" >apt.log 2>&1) || {
            tail -n 3 "$work/apt.log" >&2
            die "cannot download $package; is there a network?"
        }
        dpkg-deb -x "$work/$package"_*.deb "$work/root" && rm "$work/$package"_*.deb
        chmod -R a+rX "$work/root"
        PATH=$PATH:/usr/sbin:/sbin depmod -b "$work/root" "${package#linux-image-}"
        unpack_kernel "$work"/root/boot/vmlinuz-* "$work/root/boot/vmlinux"
        mv -T "$work/root" "$folder" 2>/dev/null || [ -d "$folder" ] || die "cannot fill $folder"
    fi
    printf '%s\n' "$folder"
}

# module_files KERNEL_FOLDER MODULE...: the files to load, in order, without what is built in.
module_files() {
    local folder=$1 module
    shift
    for module in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin modprobe -d "$folder" \
            -S "$(ls "$folder/lib/modules")" --show-depends "$module" || exit 1
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# fetch_new_qemu: prints the folder with usr/ of the QEMU in Debian's backports, which is downloaded
# and unpacked below the cache but never installed: it runs vhost-user devices without KVM, and
# shares the memory of its pictures.  Call it in a subshell, as fetch_kernel.
fetch_new_qemu() {
    local folder=$BERTH_CACHE/qemu-new work suite mirror options
    if [ ! -d "$folder" ]; then
        need dpkg-deb dpkg
        mkdir -p "$BERTH_CACHE"
        need_space 300 "$BERTH_CACHE"
        # shellcheck source=/dev/null
        suite=$(. /etc/os-release && printf '%s-backports' "$VERSION_CODENAME")
        mirror=$(debian_mirror) || exit 1
        say "downloading QEMU of $suite"
        work=$(mktemp -d "$BERTH_CACHE/qemu-new.XXXXXX")
        # shellcheck disable=SC2064
        trap "rm -rf '$work'" EXIT
        mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
        printf 'deb [signed-by=%s] %s %s main\n' \
            /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" "$suite" >"$work/sources.list"
        options=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
            -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
            -o APT::Sandbox::User=root)
        (cd "$work" && apt-get "${options[@]}" update &&
            apt-get "${options[@]}" download {qemu-system-x86,qemu-system-common}"/$suite" \
                {qemu-system-data,qemu-system-gui,qemu-system-modules-opengl}"/$suite") \
            >"$work/apt.log" 2>&1 || {
            tail -n 3 "$work/apt.log" >&2
            die "cannot download QEMU of $suite; is there a network?"
        }
        for package in "$work"/*.deb; do
            dpkg-deb -x "$package" "$work/root"
        done
        chmod -R a+rX "$work/root"
        mv -T "$work/root" "$folder" 2>/dev/null || [ -d "$folder" ] || die "cannot fill $folder"
    fi
    printf '%s\n' "$folder"
}

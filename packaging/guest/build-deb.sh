#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the Debian package of the agent for guests.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: build-deb.sh FILE.deb
Builds berth-guest and berth-send for guests of this machine's Debian release, and the package
berth-guest-agent of them."
    [ "${1:-}" = --help ]
    exit
fi

out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" "$root/meson.build")

build_programs() {
    meson setup --buildtype=release -Dtests=false -Dkill_points=false "$work/build" "$root"
    ninja -C "$work/build" guest-agent/berth-guest guest-agent/berth-send
}

fill_tree() {
    local page
    install -D -s -t "$tree/usr/bin" "$work/build/guest-agent/"berth-{guest,send}
    install -D -m 644 -t "$tree/usr/lib/udev/rules.d" "$here/70-berth-guest.rules"
    install -D -m 644 -t "$tree/etc/xdg/autostart" "$here/berth-guest.desktop"
    install -D -m 644 -t "$tree/usr/share/applications" "$here/berth-send.desktop"
    install -D -m 644 "$here/berth-send-action.desktop" \
        "$tree/usr/share/file-manager/actions/berth-send.desktop"
    install -D -m 644 -t "$tree/usr/share/doc/berth-guest-agent" "$here/copyright"
    for page in berth-guest berth-send; do
        mkdir -p "$tree/usr/share/man/man1"
        if command -v scdoc >/dev/null; then
            scdoc <"$root/docs/man/$page.1.scd" | gzip -9n >"$tree/usr/share/man/man1/$page.1.gz"
        fi
    done
    install -D -m 755 -t "$tree/DEBIAN" "$here/postinst"
    echo /etc/xdg/autostart/berth-guest.desktop >"$tree/DEBIAN/conffiles"
    cat >"$tree/DEBIAN/control" <<CONTROL
Package: berth-guest-agent
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: Berth <berth@localhost>
Depends: libc6, libglib2.0-0, libgtk-3-0, libx11-6, libxtst6, x11-xkb-utils
Recommends: spice-vdagent, libpam-systemd
Section: x11
Priority: optional
Description: agent for desktops of Berth
 Runs in the X session of a virtual desktop: the clipboard with formatted text,
 files to the computer of who uses the desktop, the layout of that computer's
 keyboard, and texts that no key types.
CONTROL
}

build_programs >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
}
fill_tree
SOURCE_DATE_EPOCH=1577836800 dpkg-deb --build --root-owner-group "$tree" "$out" >/dev/null

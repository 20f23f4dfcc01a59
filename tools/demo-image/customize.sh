#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a desktop of a fresh Debian tree: customize.sh ROOT KERNEL_FOLDER AGENT_DEB.  Run as root of
# the tree.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../fixtures.sh
. "$here/../fixtures.sh"
root=$1
kernel=$2
agent=$3

add_files() {
    cp -r --no-preserve=ownership "$here/overlay/." "$root/"
    echo "/dev/vda / ext4 rw,noatime 0 0" >"$root/etc/fstab"
    echo "demo" >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
    echo "nameserver 10.0.2.3" >"$root/etc/resolv.conf"
    echo "uinput" >"$root/etc/modules-load.d/vdagent.conf"
    : >"$root/etc/machine-id"
}

add_agent() {
    cp "$agent" "$root/agent.deb"
    chroot "$root" dpkg --install /agent.deb
    rm "$root/agent.deb"
}

# Borders in our colours, one desktop, and a place for the two windows that are open at first.
set_openbox() {
    sed -i -e 's|<name>Clearlooks</name>|<name>Berth</name>|' \
        -e 's|<number>4</number>|<number>1</number>|' \
        -e 's|<name>sans</name>|<name>DejaVu Sans</name>|' \
        -e 's|<size>8</size>|<size>9</size>|' \
        -e 's|<file>/var/lib/openbox/debian-menu.xml</file>||' \
        -e 's|</keyboard>|<keybind key="C-A-t"><action name="Execute"><command>xterm</command>\
</action></keybind></keyboard>|' \
        -e 's|</applications>|<application class="Mousepad"><focus>no</focus>\
<size><width>560</width><height>470</height></size>\
<position force="yes"><x>696</x><y>230</y></position></application>\
</applications>|' "$root/etc/xdg/openbox/rc.xml"
}

add_modules() {
    local version file
    version=$(ls "$kernel/lib/modules")
    mapfile -t wanted <"$here/modules.txt"
    mkdir -p "$root/lib/modules/$version"
    cp "$kernel/lib/modules/$version"/modules.{builtin,order}* "$root/lib/modules/$version/"
    module_files "$kernel" "${wanted[@]}" | while read -r file; do
        install -D -m 644 "$file" "$root/${file#"$kernel"/}"
    done
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$root" "$version"
}

add_user() {
    chroot "$root" useradd --create-home --shell /bin/bash --groups audio,video,input user
    chroot "$root" passwd --quiet --lock root
    # gsettings of the editor: no dialogs, line numbers, a readable font.
    mkdir -p "$root/usr/share/glib-2.0/schemas"
    cat >"$root/usr/share/glib-2.0/schemas/90_desktop.gschema.override" <<OVERRIDE
[org.xfce.mousepad.preferences.view]
show-line-numbers=true
use-default-monospace-font=false
font-name='DejaVu Sans Mono 10'
word-wrap=true
OVERRIDE
    chroot "$root" glib-compile-schemas /usr/share/glib-2.0/schemas 2>/dev/null || true
}

set_services() {
    local unit
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
        e2scrub_reap.service fstrim.timer getty@tty1.service systemd-pstore.service \
        systemd-timesyncd.service systemd-networkd-wait-online.service \
        systemd-update-utmp.service systemd-update-utmp-runlevel.service \
        dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
        sys-fs-fuse-connections.mount systemd-firstboot.service alsa-restore.service \
        systemd-journal-flush.service serial-getty@ttyS0.service systemd-random-seed.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    chroot "$root" systemctl --quiet enable desktop.service desktop-drawn.path \
        systemd-networkd.service
    chroot "$root" systemctl --quiet set-default multi-user.target
}

# The disk keeps whole seconds only: with them the font cache counts as fresh at the first start.
cache_fonts() {
    find "$root/usr/share/fonts" -exec touch -d '2020-01-01 00:00:00' {} +
    chroot "$root" fc-cache -f >/dev/null
}

prune() {
    rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bug}/* "$root"/var/cache/apt/* \
        "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "${root:?}"/boot/*
}

add_files
add_agent
set_openbox
add_modules
add_user
set_services
cache_fonts
prune

#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Takes out of a guest what belongs to one machine only.  Safe to be done twice.  The programs in
# /etc/berth/seal.d run first; one that fails stops the seal.  KEEP_APT_LISTS=yes leaves these.
export LC_ALL=C
set -u

run_hooks() {
    for hook in /etc/berth/seal.d/*; do
        if [ ! -f "$hook" ] || [ ! -x "$hook" ]; then
            continue
        fi
        "$hook" >/dev/null 2>/tmp/berth-seal-hook || {
            echo "the hook $hook failed ($?): $(tail -n 1 /tmp/berth-seal-hook)" >&2
            exit 3
        }
    done
}

forget_identity() {
    : >/etc/machine-id
    if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then
        rm -f /var/lib/dbus/machine-id
    fi
    rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
    rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/urandom/random-seed
}

forget_network() {
    rm -rf /var/lib/dhcp/*.lease* /var/lib/dhcp/*.leases /var/lib/dhclient/* /var/lib/dhcpcd/*
    rm -rf /var/lib/NetworkManager/*.lease /var/lib/NetworkManager/*.state \
        /var/lib/NetworkManager/secret_key /var/lib/NetworkManager/seen-bssids \
        /var/lib/NetworkManager/timestamps
    rm -f /etc/udev/rules.d/70-persistent-net.rules /etc/udev/rules.d/70-persistent-cd.rules
    rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
}

forget_logs() {
    if command -v journalctl >/dev/null 2>&1; then
        journalctl -q --rotate 2>/dev/null
        journalctl -q --vacuum-time=1s >/dev/null 2>&1
    fi
    rm -rf /var/log/journal/*
    find /var/log -xdev -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.[0-9]' -o -name '*.old' \) \
        -exec rm -f {} + 2>/dev/null
    find /var/log -xdev -type f -exec sh -c 'for f; do : >"$f"; done' sh {} + 2>/dev/null
    rm -rf /var/crash/* /var/lib/systemd/coredump/*
}

forget_people() {
    for home in /root /home/*; do
        [ -d "$home" ] || continue
        rm -f "$home"/.bash_history "$home"/.zsh_history "$home"/.sh_history "$home"/.lesshst \
            "$home"/.python_history "$home"/.viminfo "$home"/.wget-hsts "$home"/.Xauthority
    done
}

forget_caches() {
    if command -v apt-get >/dev/null 2>&1; then
        apt-get -qq clean 2>/dev/null
        [ "${KEEP_APT_LISTS:-no}" = yes ] || rm -rf /var/lib/apt/lists/*
    fi
    for folder in /tmp /var/tmp; do
        find "$folder" -xdev ! -type s ! -type d -exec rm -f {} + 2>/dev/null
        find "$folder" -xdev -depth -type d ! -path "$folder" -exec rmdir {} + 2>/dev/null
    done
}

run_hooks
forget_identity
forget_network
forget_logs
forget_people
forget_caches
sync
[ ! -s /etc/machine-id ] || { echo "/etc/machine-id cannot be emptied" >&2; exit 4; }
exit 0

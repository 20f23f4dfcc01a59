#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash
# The only process of the network test guest; see build-net.sh.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "$module"; done </modules.list

value() {
    tr ' ' '\n' </proc/cmdline | sed -n "s|^net.$1=||p"
}

# reaches IP:PORT: whether a TCP connection can be opened.
reaches() {
    nc -w 3 "${1%:*}" "${1#*:}" </dev/null >/dev/null 2>&1
}

tell() {
    echo "$*" | nc -w 3 "${report%:*}" "${report#*:}" >/dev/null 2>&1
}

report=$(value report)
name=$(value name)
ip link set lo up
until ip link set eth0 up 2>/dev/null; do sleep 1; done
mac=$(value mac)
ip addr add "$(value ip)" dev eth0
gateway=$(value gw)
onlink=$(value onlink)
[ -n "$onlink" ] && ip route add "$onlink" dev eth0 && gateway=$onlink
[ -n "$gateway" ] && ip route add default via "$gateway"
# Others may ask it, too.
(while :; do nc -l -p 7 </dev/null >/dev/null; done) &
while :; do
    for place in $(value ask | tr ',' ' '); do
        if reaches "$place"; then
            tell "$name $place yes"
        else
            tell "$name $place no"
        fi
    done
    # With another address than its own nothing may come through.
    if [ -n "$mac" ]; then
        old=$(cat /sys/class/net/eth0/address)
        ip link set eth0 down && ip link set eth0 address "$mac" && ip link set eth0 up
        [ -n "$gateway" ] && ip route add default via "$gateway"
        tell "$name lie"
        ip link set eth0 down && ip link set eth0 address "$old" && ip link set eth0 up
        [ -n "$gateway" ] && ip route add default via "$gateway"
        tell "$name truth"
    fi
    sleep 1
done

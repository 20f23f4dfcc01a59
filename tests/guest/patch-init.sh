#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=dash
# Process 1 of the guest that is patched; see build-patch.sh.  In its initrd it mounts the disk and
# begins once more from there.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ -f /modules.list ]; then
    /bin/busybox mkdir -p /proc /sys /dev /root
    /bin/busybox mount -t devtmpfs devtmpfs /dev
    while read -r module; do /bin/busybox insmod "$module"; done </modules.list
    until /bin/busybox mount -t ext4 /dev/vda /root; do /bin/busybox usleep 50000; done
    exec /bin/busybox switch_root /root /sbin/init
fi

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
[ -s /etc/machine-id ] || head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >/etc/machine-id
[ -s /etc/ssh/ssh_host_test_key ] || head -c 24 /dev/urandom | base64 >/etc/ssh/ssh_host_test_key
echo "booted $(cat /etc/machine-id)" >>/var/log/boot.log

agent=
shut_down() {
    kill -9 "$agent"
    sync
    mount -o remount,ro /
    poweroff -f
}
trap shut_down USR1
# The port has no name without udev.
until port=$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name); do usleep 50000; done
port=/dev/$(basename "$(dirname "$port")")
while :; do
    qemu-ga -m virtio-serial -p "$port" -t /run -l /run/qemu-ga.log &
    agent=$!
    wait "$agent"
done

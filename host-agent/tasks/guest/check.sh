#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a guest is and what room it has, as lines "key value".  Read by guest-facts.c.
export LC_ALL=C
if [ -r /etc/os-release ]; then
    # shellcheck source=/dev/null
    name=$(. /etc/os-release && echo "$PRETTY_NAME")
    echo "os $name"
fi
echo "agent $(qemu-ga --version 2>/dev/null | sed 's/.* //')"
df -kP / | tail -n 1 | {
    # shellcheck disable=SC2034
    read -r device total used free rest
    echo "used_kib $used"
    echo "free_kib $free"
}
# Lines of the kernel about a file system that had to be put right when it was mounted.
{ dmesg 2>/dev/null || journalctl -kq --no-pager 2>/dev/null; } |
    grep -E '(EXT[234]-fs|XFS|BTRFS|F2FS).*(recover|orphan|unclean|dirty|error)' |
    sed 's/^/unclean /' | tail -n 4
exit 0

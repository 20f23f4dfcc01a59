#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is installed in a guest and what was changed since the baseline, as lines; read by
# guest-facts.c.  MODE=baseline keeps what is now as the baseline, unless there is one; MODE=seal
# compares with it and makes what is now the baseline of the versions to come.
export LC_ALL=C
set -u
state=/var/lib/berth
mkdir -p "$state" || exit 1

list_packages() {
    if command -v dpkg-query >/dev/null 2>&1; then
        # shellcheck disable=SC2016
        dpkg-query -W -f '${db:Status-Abbrev}\t${binary:Package}\t${Version}\n' 2>/dev/null |
            sed -n 's/^ii *\t//p' | tr '\t' ' '
    elif command -v rpm >/dev/null 2>&1; then
        rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n' 2>/dev/null
    fi | sort
}

# Path, and size with time and mode: what belongs to one machine is left out.
list_files() {
    find /boot /etc /opt /srv /usr -xdev \( -type f -o -type l \) \
        -exec stat -c '%n	%s %Y %a' {} + 2>/dev/null |
        grep -vE '^/etc/(machine-id|hostname|hosts|resolv\.conf|adjtime|ld\.so\.cache|\.pwd\.lock|ssh/ssh_host_[a-z0-9_.]*|[^	]*-)	' |
        sort
}

# compare OLD NEW SEPARATOR LETTERS: lines "A path", "M path", "D path".
compare() {
    awk -F "$3" -v kind="$4" 'function more(text) { return kind == "p" ? " " text : "" }
        FILENAME == ARGV[1] { old[$1] = $2; next }
        !($1 in old) { print kind " A " $1 more($2); next }
        { if (old[$1] != $2) print kind " M " $1 more(old[$1] " " $2)
          delete old[$1] }
        END { for (name in old) print kind " D " name more(old[name]) }' "$1" "$2" | sort
}

list_packages >"$state/packages.new"
list_files >"$state/files.new"
sed 's/^/package /' "$state/packages.new" | head -n 8000
if [ -f "$state/files" ] && [ -f "$state/packages" ]; then
    echo "baseline yes"
    if [ "${MODE:-seal}" = seal ]; then
        compare "$state/packages" "$state/packages.new" ' ' p | head -n 4000
        compare "$state/files" "$state/files.new" '	' f >"$state/changes"
        for letter in A M D; do
            echo "n_files $letter $(grep -c "^f $letter " "$state/changes")"
        done
        head -n 1500 "$state/changes"
        rm -f "$state/changes"
    fi
else
    echo "baseline no"
fi
if [ "${MODE:-seal}" = seal ] || [ ! -f "$state/files" ] || [ ! -f "$state/packages" ]; then
    mv "$state/packages.new" "$state/packages.next"
    mv "$state/files.new" "$state/files.next"
else
    rm -f "$state/packages.new" "$state/files.new"
fi
# The baseline itself changes only when all that is done, so that a second run finds the same one.
if [ "${MODE:-seal}" = baseline ] && [ -f "$state/files.next" ]; then
    mv "$state/packages.next" "$state/packages"
    mv "$state/files.next" "$state/files"
fi
echo "end"

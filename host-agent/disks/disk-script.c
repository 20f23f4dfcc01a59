/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serial and mount point are of characters that mean nothing to a shell (disk-wish.h), and still
 * they are quoted.
 */
#include "host-agent/disks/disk-script.h"

#include "base/id.h"
#include "berth/errors.h"

#include <string.h>

#define SAID_CHARS 200

/* Waits up to 20 s: a guest that is busy notices a new disk late. */
static const char head[] =
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
    "export PATH\n"
    "serial='%s'\n"
    "folder='%s'\n"
    "say() { echo \"$2\" >&2; exit \"$1\"; }\n"
    "look() {\n"
    "    for d in /sys/block/*; do\n"
    "        if [ \"$(cat \"$d/serial\" 2>/dev/null)\" = \"$serial\" ]; then\n"
    "            dev=/dev/${d##*/}\n"
    "        fi\n"
    "    done\n"
    "    [ -b \"$dev\" ]\n"
    "}\n"
    "dev=\n"
    "n=0\n"
    "until look; do\n"
    "    n=$((n + 1))\n"
    "    [ $n -lt 200 ] || say 20 'the disk is not in /sys/block'\n"
    "    sleep 0.1 2>/dev/null || sleep 1\n"
    "done\n"
    "is_mounted() { grep -q \"^$dev $folder \" /proc/mounts; }\n";

static const char format_body[] =
    "grep -q \"^$dev \" /proc/mounts && exit 0\n"
    "command -v mkfs.ext4 >/dev/null || say 24 'mkfs.ext4 is missing'\n"
    "out=$(mkfs.ext4 -q -F -m 0 -L data \"$dev\" 2>&1) || say 21 \"$out\"\n"
    "sync\n";

/* The first account that a person would have owns the folder. */
static const char mount_body[] =
    "if ! is_mounted; then\n"
    "    command -v e2fsck >/dev/null || say 24 'e2fsck is missing'\n"
    "    out=$(e2fsck -p \"$dev\" 2>&1)\n"
    "    [ $? -lt 4 ] || say 22 \"$out\"\n"
    "    mkdir -p \"$folder\" || say 23 \"$folder cannot be made\"\n"
    "    out=$(mount -t ext4 -o nosuid,nodev \"$dev\" \"$folder\" 2>&1) || say 23 \"$out\"\n"
    "fi\n"
    "resize2fs \"$dev\" >/dev/null 2>&1\n"
    "owner=\n"
    "while IFS=: read -r name x uid gid rest; do\n"
    "    if [ \"$uid\" -ge 1000 ] && [ \"$uid\" -lt 60000 ] && [ -z \"$owner\" ]; then\n"
    "        owner=$uid:$gid\n"
    "    fi\n"
    "done </etc/passwd\n"
    "if [ -n \"$owner\" ]; then\n"
    "    chown \"$owner\" \"$folder\" && chmod 700 \"$folder\"\n"
    "fi\n"
    "exit 0\n";

static const char grow_body[] = "is_mounted || exit 0\n"
                                "out=$(resize2fs \"$dev\" 2>&1) || say 21 \"$out\"\n";

static const char leave_body[] =
    "is_mounted || exit 0\n"
    "cd /\n"
    "umount \"$folder\" 2>/dev/null && exit 0\n"
    "sync\n"
    "sync -f \"$folder\" 2>/dev/null\n"
    "mount -o remount,ro \"$folder\" 2>/dev/null && umount -l \"$folder\" && exit 0\n";

/* Open files of a user whose machine ends anyway: everything becomes read-only, cleanly. */
static const char end_body[] = "echo u >/proc/sysrq-trigger\n"
                               "n=0\n"
                               "while grep -q \"^$dev $folder ext4 rw\" /proc/mounts; do\n"
                               "    n=$((n + 1))\n"
                               "    [ $n -lt 20 ] || exit 25\n"
                               "    sleep 0.1 2>/dev/null || sleep 1\n"
                               "done\n"
                               "exit 0\n";

static const char stay_body[] = "umount -l \"$folder\" && sync\n"
                                "exit 25\n";

void
berth_disk_serial(const BerthId *disk, char ret[BERTH_DISK_SERIAL_CHARS + 1])
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(disk, hex);
    g_strlcpy(ret, hex, BERTH_DISK_SERIAL_CHARS + 1);
}

static char *
make_script(const BerthMachineDisk *disk, const char *body, const char *more)
{
    char serial[BERTH_DISK_SERIAL_CHARS + 1];
    berth_disk_serial(&disk->id, serial);
    g_autofree char *start = g_strdup_printf(head, serial, disk->mount);
    return g_strconcat(start, body, more, NULL);
}

char *
berth_disk_script_format(const BerthMachineDisk *disk)
{
    return make_script(disk, format_body, NULL);
}

char *
berth_disk_script_mount(const BerthMachineDisk *disk)
{
    return make_script(disk, mount_body, NULL);
}

char *
berth_disk_script_grow(const BerthMachineDisk *disk)
{
    return make_script(disk, grow_body, NULL);
}

char *
berth_disk_script_leave(const BerthMachineDisk *disk, bool is_end)
{
    return make_script(disk, leave_body, is_end ? end_body : stay_body);
}

/* One printable line of what a guest wrote. */
static char *
dup_said(const char *said)
{
    char *line = g_strndup(said, MIN(strcspn(said, "\r\n"), SAID_CHARS));
    for (char *p = line; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }
    return line;
}

int
berth_disk_script_read(int status, const char *said, char **ret_text)
{
    static const struct {
        int status;
        int code;
        const char *sentence;
    } rows[] = {
        { BERTH_DISK_SCRIPT_NOT_SEEN, BERTH_ERR_TIMEOUT, "the guest does not see the disk" },
        { BERTH_DISK_SCRIPT_NOT_MADE, BERTH_ERR_IO,
          "the guest cannot make or grow the file system" },
        { BERTH_DISK_SCRIPT_DAMAGED, BERTH_ERR_CORRUPT,
          "the file system is damaged: restore a snapshot, or have it repaired" },
        { BERTH_DISK_SCRIPT_NO_MOUNT, BERTH_ERR_IO, "the guest cannot mount the disk" },
        { BERTH_DISK_SCRIPT_NO_TOOLS, BERTH_ERR_UNSUPPORTED, "the image needs e2fsprogs" },
        { BERTH_DISK_SCRIPT_STILL_USED, BERTH_ERR_BUSY, "programs in the guest still use it" },
    };

    *ret_text = NULL;
    if (status == 0) {
        return BERTH_OK;
    }
    g_autofree char *line = dup_said(said);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].status == status) {
            *ret_text = line[0] != '\0' ? g_strdup_printf("%s (%s)", rows[i].sentence, line)
                                        : g_strdup(rows[i].sentence);
            return rows[i].code;
        }
    }
    *ret_text = g_strdup_printf("the script in the guest ended with %d (%s)", status, line);
    return BERTH_ERR_IO;
}

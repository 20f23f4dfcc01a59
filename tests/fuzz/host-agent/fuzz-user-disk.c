/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A user disk: its entry in the desired state and the header of its file.  What is accepted is
 * within its limits, names no other file, and makes scripts without surprises.
 */
#include "berth/limits.h"
#include "host-agent/disks/disk-header.h"
#include "host-agent/disks/disk-script.h"
#include "host-agent/disks/disk-wish.h"
#include "host-agent/json-fields.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_mount(const json_t *object)
{
    BerthMachineDisk disk;
    if (!berth_machine_disk_parse(object, &disk, NULL)) {
        return;
    }
    g_assert(strpbrk(disk.mount, "'\"$`\\;|&<>\n ") == NULL);
    g_assert(strlen(disk.mount) <= BERTH_DISK_MOUNT_BYTES);
    char *script = berth_disk_script_mount(&disk);
    g_assert(strlen(script) < 8192);
    g_free(script);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthDiskHeader header;
    BerthDiskWish wish;
    if (berth_disk_header_read(data, size, &header, NULL)) {
        g_assert(memcmp(data + 8, "\0\0\0\0\0\0\0\0", 8) == 0);
        g_assert(header.size_bytes <= (uint64_t)BERTH_LIMIT_USER_DISK_MIB << 20);
    }
    json_t *object = berth_json_parse_object((const char *)data, size, "disk", NULL);
    if (object == NULL) {
        return 0;
    }
    if (berth_disk_wish_parse(object, &wish, NULL)) {
        g_assert(wish.size_mib >= BERTH_LIMIT_USER_DISK_MIN_MIB);
        g_assert(wish.size_mib <= BERTH_LIMIT_USER_DISK_MIB);
    }
    check_mount(object);
    json_decref(object);
    return 0;
}

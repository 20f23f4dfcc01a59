/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-store-private.h"

#include "base/error.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"

#include <sys/stat.h>

#define MIB (1024LL * 1024)

/* One that a machine is given, or that is checked after it, is "present" with that machine. */
static const char *
state_name(const BerthStoredDisk *disk)
{
    bool is_attached = disk->state == BERTH_DISK_OPEN && disk->is_mounted;
    return is_attached ? "attached" : disk->failure != BERTH_OK ? "failed" : "present";
}

static json_t *
report(const BerthStoredDisk *disk)
{
    struct stat info;
    int64_t used_bytes = stat(disk->path, &info) == 0 ? (int64_t)info.st_blocks * 512 : 0;
    json_t *object = json_object();
    bool is_held = disk->state != BERTH_DISK_AT_REST && disk->state != BERTH_DISK_TAKEN;
    uint64_t epoch = is_held || disk->failure != BERTH_OK ? disk->epoch : disk->journal.epoch;
    berth_json_set_id(object, "id", &disk->wish.id);
    json_object_set_new(object, "epoch", json_integer((json_int_t)epoch));
    json_object_set_new(object, "state", json_string(state_name(disk)));
    json_object_set_new(object, "used_mib", json_integer((used_bytes + MIB - 1) / MIB));
    json_object_set_new(object, "size_mib", json_integer(disk->size_mib));
    if (is_held) {
        berth_json_set_id(object, "machine", &disk->machine);
    }
    if (disk->failure != BERTH_OK) {
        json_object_set_new(object, "code", json_string(berth_error_name(disk->failure)));
        json_object_set_new(object, "detail", json_string(disk->failure_text));
    }
    return object;
}

json_t *
berth_disk_store_report(BerthDiskStore *self)
{
    GHashTableIter iter;
    gpointer value;
    json_t *array = json_array();
    g_hash_table_iter_init(&iter, self->disks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthStoredDisk *disk = value;
        if (disk->is_listed || disk->state != BERTH_DISK_AT_REST) {
            json_array_append_new(array, report(disk));
        }
    }
    return array;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-wish.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"

#include <string.h>

#define PATH_CHARS                                                   \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
    "/._-"

static BerthDiskFs
read_fs(BerthJsonFields *fields)
{
    const char *fs = berth_json_fields_string(fields, "fs", BERTH_LIMIT_NAME_BYTES);
    if (strcmp(fs, "none") == 0) {
        return BERTH_DISK_FS_NONE;
    }
    if (strcmp(fs, "ext4") != 0) {
        berth_json_fields_fail(fields, "fs", "is neither ext4 nor none");
    }
    return BERTH_DISK_FS_EXT4;
}

static bool
read_absent(BerthJsonFields *fields)
{
    const char *want = berth_json_fields_string(fields, "want", BERTH_LIMIT_NAME_BYTES);
    bool is_absent = strcmp(want, "absent") == 0;
    if (!is_absent && strcmp(want, "present") != 0) {
        berth_json_fields_fail(fields, "want", "is neither present nor absent");
    }
    return is_absent;
}

bool
berth_disk_wish_parse(const json_t *object, BerthDiskWish *ret, GError **error)
{
    BerthJsonFields fields;
    BerthDiskWish wish = { 0 };
    berth_json_fields_init(&fields, object, "desired disk");
    berth_json_fields_id(&fields, "id", &wish.id);
    wish.epoch = (uint64_t)berth_json_fields_int(&fields, "epoch", 0, INT64_MAX);
    wish.size_mib = berth_json_fields_int(&fields, "size_mib", BERTH_LIMIT_USER_DISK_MIN_MIB,
                                          BERTH_LIMIT_USER_DISK_MIB);
    wish.fs = read_fs(&fields);
    wish.is_new = berth_json_fields_optional_bool(&fields, "new", false);
    wish.is_absent = read_absent(&fields);
    if (!berth_json_fields_finish(&fields, error)) {
        return false;
    }
    *ret = wish;
    return true;
}

bool
berth_disk_mount_is_good(const char *path)
{
    size_t len = strlen(path);
    return len >= 2 && len <= BERTH_DISK_MOUNT_BYTES && path[0] == '/' && path[len - 1] != '/' &&
           strspn(path, PATH_CHARS) == len && strstr(path, "//") == NULL &&
           strstr(path, "/.") == NULL && strstr(path, "/-") == NULL;
}

bool
berth_machine_disk_parse(const json_t *object, BerthMachineDisk *ret, GError **error)
{
    BerthJsonFields fields;
    BerthMachineDisk disk = { 0 };
    if (object == NULL || json_is_null(object)) {
        *ret = disk;
        return true;
    }
    berth_json_fields_init(&fields, object, "user disk of a machine");
    berth_json_fields_id(&fields, "id", &disk.id);
    disk.epoch = (uint64_t)berth_json_fields_int(&fields, "epoch", 1, INT64_MAX);
    const char *mount = berth_json_fields_string(&fields, "mount", BERTH_DISK_MOUNT_BYTES);
    if (!berth_disk_mount_is_good(mount)) {
        berth_json_fields_fail(&fields, "mount", "is no folder that a disk may be mounted at");
    }
    if (!berth_json_fields_finish(&fields, error)) {
        return false;
    }
    g_strlcpy(disk.mount, mount, sizeof disk.mount);
    *ret = disk;
    return true;
}

json_t *
berth_machine_disk_to_json(const BerthMachineDisk *self)
{
    if (berth_id_is_zero(&self->id)) {
        return json_null();
    }
    json_t *object = json_object();
    berth_json_set_id(object, "id", &self->id);
    json_object_set_new(object, "epoch", json_integer((json_int_t)self->epoch));
    json_object_set_new(object, "mount", json_string(self->mount));
    return object;
}

bool
berth_machine_disk_equal(const BerthMachineDisk *a, const BerthMachineDisk *b)
{
    return berth_id_equal(&a->id, &b->id) && a->epoch == b->epoch;
}

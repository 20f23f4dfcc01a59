/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/backup-manifest.h"

#include "base/error.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"
#include "host-agent/vm/manifest.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 1
#define SEAL_KEY "sha256"
#define NAME_BYTES 64

static const char *const consistencies[] = {
    [BERTH_CONSISTENCY_CRASH] = "crash",
    [BERTH_CONSISTENCY_FROZEN] = "frozen",
    [BERTH_CONSISTENCY_CLEAN] = "clean",
};

static const char *const contents[] = {
    [BERTH_BACKUP_DELTA] = "delta",
    [BERTH_BACKUP_WHOLE] = "whole",
    [BERTH_BACKUP_USER_DISK] = "user-disk",
};

const char *
berth_consistency_name(BerthConsistency consistency)
{
    return consistencies[consistency];
}

/* ---- the hash of its own text ---- */

static bool
make_seal(const json_t *object, char out[BERTH_DIGEST_HEX_CHARS + 1])
{
    BerthDigest digest;
    json_auto_t *bare = json_copy((json_t *)object);
    json_object_del(bare, SEAL_KEY);
    char *text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL) {
        return false;
    }
    berth_digest_make(text, strlen(text), &digest);
    berth_digest_format(&digest, out);
    free(text);
    return true;
}

static bool
check_seal(const json_t *object, GError **error)
{
    char seal[BERTH_DIGEST_HEX_CHARS + 1];
    const char *given = json_string_value(json_object_get(object, SEAL_KEY));
    if (given == NULL || !make_seal(object, seal) || strcmp(given, seal) != 0) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "the manifest is damaged: its own SHA-256 is another one");
    }
    return true;
}

/* ---- reading ---- */

static int
read_word(BerthJsonFields *fields, const char *key, const char *const *words, int n_words)
{
    const char *text = berth_json_fields_string(fields, key, NAME_BYTES);
    for (int i = 0; i < n_words; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    berth_json_fields_fail(fields, key, "is not a word that is known here");
    return 0;
}

static void
read_base(BerthJsonFields *fields, BerthBackupManifest *ret)
{
    const char *name = berth_json_fields_optional_string(fields, "base", NAME_BYTES);
    if (name == NULL) {
        return;
    }
    if (!berth_name_is_plain(name) || ret->content != BERTH_BACKUP_DELTA) {
        berth_json_fields_fail(fields, "base", "is not the name of a file beside a delta");
        return;
    }
    ret->base = g_strdup(name);
}

static void
read_root(BerthJsonFields *fields, BerthBackupManifest *ret)
{
    const char *hex = berth_json_fields_string(fields, "root", BERTH_DIGEST_HEX_CHARS);
    if (berth_digest_parse(hex, &ret->root) != BERTH_OK) {
        berth_json_fields_fail(fields, "root", "is not 64 hexadecimal digits");
    }
}

static void
read_disk(BerthJsonFields *fields, BerthBackupManifest *ret)
{
    berth_json_fields_string(fields, SEAL_KEY, BERTH_DIGEST_HEX_CHARS);
    ret->content =
        (BerthBackupContent)read_word(fields, "content", contents, (int)G_N_ELEMENTS(contents));
    ret->consistency = (BerthConsistency)read_word(fields, "consistency", consistencies,
                                                   (int)G_N_ELEMENTS(consistencies));
    berth_json_fields_id(fields, "task", &ret->task);
    read_root(fields, ret);
    ret->created_us = berth_json_fields_int(fields, "created_us", 0, INT64_MAX);
    ret->disk_bytes =
        (uint64_t)berth_json_fields_int(fields, "disk_bytes", 1, (int64_t)BERTH_LIMIT_IMAGE_BYTES);
    ret->file_bytes =
        (uint64_t)berth_json_fields_int(fields, "file_bytes", 1, (int64_t)BERTH_LIMIT_IMAGE_BYTES);
    if (ret->content != BERTH_BACKUP_DELTA && ret->disk_bytes != ret->file_bytes) {
        berth_json_fields_fail(fields, "file_bytes", "is not the size of the disk");
    }
}

static void
read_machine(BerthJsonFields *fields, BerthBackupManifest *ret)
{
    berth_json_fields_id(fields, "point", &ret->point);
    berth_json_fields_id(fields, "machine", &ret->machine);
    berth_json_fields_optional_id(fields, "version", &ret->version);
    ret->cluster = g_strdup(berth_json_fields_string(fields, "cluster", NAME_BYTES));
    ret->machine_name =
        g_strdup(berth_json_fields_string(fields, "machine_name", BERTH_LIMIT_NAME_BYTES));
    ret->image_name =
        g_strdup(berth_json_fields_string(fields, "image_name", BERTH_LIMIT_NAME_BYTES));
    read_base(fields, ret);
    ret->memory_mib = (int)berth_json_fields_int(
        fields, "memory_mib", BERTH_LIMIT_GUEST_MEMORY_MIN_MIB, BERTH_LIMIT_GUEST_MEMORY_MAX_MIB);
    ret->vcpus = (int)berth_json_fields_int(fields, "vcpus", 1, BERTH_LIMIT_GUEST_VCPUS);
}

static void
read_user_disk(BerthJsonFields *fields, BerthBackupManifest *ret)
{
    berth_json_fields_id(fields, "disk", &ret->disk);
    ret->owner = g_strdup(berth_json_fields_string(fields, "owner", BERTH_LIMIT_NAME_BYTES));
    /* Without a word about it, a disk may hold anything: nobody formats it. */
    ret->is_formatted = berth_json_fields_optional_bool(fields, "formatted", true);
    if (ret->disk_bytes > (uint64_t)BERTH_LIMIT_USER_DISK_MIB << 20) {
        berth_json_fields_fail(fields, "disk_bytes", "is more than a user disk may have");
    }
}

bool
berth_backup_manifest_parse(const json_t *object, BerthBackupManifest *ret, GError **error)
{
    BerthJsonFields fields;
    g_auto(BerthBackupManifest) manifest = { 0 };
    if (json_integer_value(json_object_get(object, "format")) != FORMAT) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the manifest is of a format that this agent does not know");
    }
    if (!check_seal(object, error)) {
        return false;
    }
    berth_json_fields_init(&fields, object, "manifest of a backup");
    berth_json_fields_int(&fields, "format", FORMAT, FORMAT);
    read_disk(&fields, &manifest);
    if (manifest.content == BERTH_BACKUP_USER_DISK) {
        read_user_disk(&fields, &manifest);
    } else {
        read_machine(&fields, &manifest);
    }
    if (!berth_json_fields_finish(&fields, error)) {
        return false;
    }
    *ret = manifest;
    memset(&manifest, 0, sizeof manifest);
    return true;
}

/* ---- writing ---- */

static void
set_machine(const BerthBackupManifest *self, json_t *object)
{
    berth_json_set_id(object, "point", &self->point);
    berth_json_set_id(object, "machine", &self->machine);
    berth_json_set_id(object, "version", &self->version);
    json_object_set_new(object, "cluster", json_string(self->cluster));
    json_object_set_new(object, "machine_name", json_string(self->machine_name));
    json_object_set_new(object, "image_name", json_string(self->image_name));
    json_object_set_new(object, "memory_mib", json_integer(self->memory_mib));
    json_object_set_new(object, "vcpus", json_integer(self->vcpus));
    if (self->base != NULL) {
        json_object_set_new(object, "base", json_string(self->base));
    }
}

static void
set_user_disk(const BerthBackupManifest *self, json_t *object)
{
    berth_json_set_id(object, "disk", &self->disk);
    json_object_set_new(object, "owner", json_string(self->owner));
    json_object_set_new(object, "formatted", json_boolean(self->is_formatted));
}

json_t *
berth_backup_manifest_to_json(const BerthBackupManifest *self)
{
    char root[BERTH_DIGEST_HEX_CHARS + 1];
    char seal[BERTH_DIGEST_HEX_CHARS + 1];
    berth_digest_format(&self->root, root);
    json_t *object =
        json_pack("{s:i, s:I, s:I, s:I, s:s, s:s, s:s}", "format", FORMAT, "created_us",
                  (json_int_t)self->created_us, "disk_bytes", (json_int_t)self->disk_bytes,
                  "file_bytes", (json_int_t)self->file_bytes, "root", root, "content",
                  contents[self->content], "consistency", consistencies[self->consistency]);
    berth_json_set_id(object, "task", &self->task);
    if (self->content == BERTH_BACKUP_USER_DISK) {
        set_user_disk(self, object);
    } else {
        set_machine(self, object);
    }
    if (make_seal(object, seal)) {
        json_object_set_new(object, SEAL_KEY, json_string(seal));
    }
    return object;
}

json_t *
berth_backup_manifest_report(const BerthBackupManifest *self)
{
    json_t *report = berth_backup_manifest_to_json(self);
    json_object_del(report, SEAL_KEY);
    json_object_del(report, "format");
    json_object_del(report, "task");
    return report;
}

/* ---- files ---- */

bool
berth_backup_manifest_load(const char *folder, BerthBackupManifest *ret, GError **error)
{
    json_auto_t *object = berth_state_file_load(folder, BERTH_BACKUP_MANIFEST_FILE,
                                                BERTH_LIMIT_BACKUP_MANIFEST_BYTES, error);
    return object != NULL && berth_backup_manifest_parse(object, ret, error);
}

bool
berth_backup_manifest_save(const BerthBackupManifest *self, const char *folder, GError **error)
{
    json_auto_t *object = berth_backup_manifest_to_json(self);
    return berth_state_file_save(folder, BERTH_BACKUP_MANIFEST_FILE, object, error);
}

void
berth_backup_manifest_clear(BerthBackupManifest *self)
{
    g_free(self->cluster);
    g_free(self->machine_name);
    g_free(self->image_name);
    g_free(self->base);
    g_free(self->owner);
    memset(self, 0, sizeof *self);
}

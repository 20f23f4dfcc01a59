/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A manifest of a backup, as anybody may leave it in the folder: what is accepted is written again
 * and read again, and names no file outside its folder.  The hash of its own text is set right
 * first, or no input would ever come to the fields.
 */
#include "host-agent/tasks/backup-manifest.h"

#include "host-agent/json-fields.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
set_seal(json_t *object)
{
    BerthDigest digest;
    char seal[BERTH_DIGEST_HEX_CHARS + 1];
    json_object_del(object, "sha256");
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    if (text != NULL) {
        berth_digest_make(text, strlen(text), &digest);
        berth_digest_format(&digest, seal);
        json_object_set_new(object, "sha256", json_string(seal));
        free(text);
    }
}

static void
check(const json_t *object)
{
    BerthBackupManifest manifest, again;
    if (!berth_backup_manifest_parse(object, &manifest, NULL)) {
        return;
    }
    g_assert(manifest.base == NULL || berth_name_is_plain(manifest.base));
    json_t *copy = berth_backup_manifest_to_json(&manifest);
    g_assert(berth_backup_manifest_parse(copy, &again, NULL));
    g_assert(again.file_bytes == manifest.file_bytes);
    json_decref(copy);
    json_decref(berth_backup_manifest_report(&manifest));
    berth_backup_manifest_clear(&manifest);
    berth_backup_manifest_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *object = berth_json_parse_object((const char *)data, size, "manifest", NULL);
    if (object != NULL) {
        check(object);
        set_seal(object);
        check(object);
    }
    json_decref(object);
    return 0;
}

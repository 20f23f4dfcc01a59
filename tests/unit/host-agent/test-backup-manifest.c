/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Manifests of restore points and backups: written, read, damaged. */
#include "host-agent/tasks/backup-manifest.h"

#include "base/id.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static BerthBackupManifest
make(BerthBackupContent content)
{
    BerthBackupManifest manifest = {
        .content = content,
        .cluster = g_strdup(""),
        .machine_name = g_strdup("office-1"),
        .image_name = g_strdup("office"),
        .created_us = 5,
        .consistency = BERTH_CONSISTENCY_FROZEN,
        .disk_bytes = 1 << 20,
        .file_bytes = 1 << 20,
        .memory_mib = 512,
        .vcpus = 2,
    };
    berth_id_random(&manifest.point);
    berth_id_random(&manifest.machine);
    berth_id_random(&manifest.task);
    memset(&manifest.root, 7, sizeof manifest.root);
    return manifest;
}

static int
parse_code(const json_t *object)
{
    GError *error = NULL;
    g_auto(BerthBackupManifest) ret = { 0 };
    int code = berth_backup_manifest_parse(object, &ret, &error) ? BERTH_OK : error->code;
    g_clear_error(&error);
    return code;
}

static void
a_manifest_comes_back_as_it_was(void **state)
{
    g_auto(BerthBackupManifest) before = make(BERTH_BACKUP_DELTA);
    g_auto(BerthBackupManifest) after = { 0 };
    before.base = g_strdup("base.qcow2");
    json_auto_t *object = berth_backup_manifest_to_json(&before);
    assert_true(berth_backup_manifest_parse(object, &after, NULL));
    assert_true(berth_id_equal(&before.point, &after.point));
    assert_true(berth_id_equal(&before.machine, &after.machine));
    assert_true(berth_digest_equal(&before.root, &after.root));
    assert_string_equal(after.base, "base.qcow2");
    assert_string_equal(after.machine_name, "office-1");
    assert_int_equal(after.consistency, BERTH_CONSISTENCY_FROZEN);
    assert_true(berth_id_is_zero(&after.version));
}

static void
every_changed_byte_is_noticed(void **state)
{
    g_auto(BerthBackupManifest) manifest = make(BERTH_BACKUP_WHOLE);
    json_auto_t *object = berth_backup_manifest_to_json(&manifest);
    char *text = json_dumps(object, JSON_COMPACT);
    int n_read = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        text[i] ^= 1;
        json_auto_t *damaged = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (damaged != NULL) {
            n_read++;
            assert_int_not_equal(parse_code(damaged), BERTH_OK);
        }
        text[i] ^= 1;
    }
    assert_true(n_read > 100);
    free(text);
}

/* With the hash of the text set right, so that only the value is wrong. */
static int
parse_with(BerthBackupContent content, const char *key, json_t *value)
{
    BerthDigest digest;
    char seal[BERTH_DIGEST_HEX_CHARS + 1];
    g_auto(BerthBackupManifest) manifest = make(content);
    json_auto_t *object = berth_backup_manifest_to_json(&manifest);
    json_object_del(object, "sha256");
    json_object_set_new(object, key, value);
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    berth_digest_make(text, strlen(text), &digest);
    berth_digest_format(&digest, seal);
    free(text);
    json_object_set_new(object, "sha256", json_string(seal));
    return parse_code(object);
}

static void
what_is_not_allowed_is_refused(void **state)
{
    assert_berth_ok(parse_with(BERTH_BACKUP_WHOLE, "vcpus", json_integer(1)));
    assert_berth_error(parse_with(BERTH_BACKUP_WHOLE, "format", json_integer(2)),
                       BERTH_ERR_VERSION);
    assert_berth_error(parse_with(BERTH_BACKUP_WHOLE, "vcpus", json_integer(0)), BERTH_ERR_INVALID);
    assert_berth_error(parse_with(BERTH_BACKUP_WHOLE, "file_bytes", json_integer(7)),
                       BERTH_ERR_INVALID);
    assert_berth_error(parse_with(BERTH_BACKUP_WHOLE, "base", json_string("a.img")),
                       BERTH_ERR_INVALID);
    assert_berth_error(parse_with(BERTH_BACKUP_DELTA, "base", json_string("../a.img")),
                       BERTH_ERR_INVALID);
    assert_berth_error(parse_with(BERTH_BACKUP_DELTA, "disk_bytes", json_integer(INT64_MAX)),
                       BERTH_ERR_INVALID);
    assert_berth_error(parse_with(BERTH_BACKUP_DELTA, "root", json_string("00")),
                       BERTH_ERR_INVALID);
    assert_berth_error(parse_with(BERTH_BACKUP_DELTA, "more", json_true()), BERTH_ERR_INVALID);
}

static void
the_broker_is_not_told_of_the_seal(void **state)
{
    g_auto(BerthBackupManifest) manifest = make(BERTH_BACKUP_WHOLE);
    json_auto_t *report = berth_backup_manifest_report(&manifest);
    assert_null(json_object_get(report, "sha256"));
    assert_string_equal(json_string_value(json_object_get(report, "consistency")), "frozen");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_comes_back_as_it_was),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(what_is_not_allowed_is_refused),
        cmocka_unit_test(the_broker_is_not_told_of_the_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

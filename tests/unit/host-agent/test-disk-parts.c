/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of user disks: plan, wish, header, scripts. */
#include "base/depot/qcow2-header.h"
#include "base/id.h"
#include "berth/limits.h"
#include "host-agent/disks/disk-header.h"
#include "host-agent/disks/disk-plan.h"
#include "host-agent/disks/disk-script.h"
#include "host-agent/disks/disk-wish.h"
#include "host-agent/json-fields.h"
#include "testing.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

/* A disk that a machine had by lease 3 and that was closed well. */
static const BerthDiskFacts good = {
    .wish_epoch = 4,
    .wish_size_mib = 100,
    .has_journal = true,
    .journal_epoch = 3,
    .is_formatted = true,
    .has_file = true,
    .is_header_good = true,
    .size_mib = 100,
};

static void
each_fact_leads_to_its_step(void **state)
{
    BerthDiskFacts facts = good;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_OPEN);
    facts.journal_epoch = 4;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_OPEN);
    facts.journal_epoch = 5;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_STALE);
    facts = good;
    facts.was_open = true;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_CHECK);
    facts.size_mib = 50;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_CHECK);
    facts.was_open = false;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_GROW);
    facts.size_mib = 200;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_OPEN);
    facts.is_header_good = false;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_DAMAGED);
}

static bool
may_be_made(const BerthDiskFacts *facts)
{
    bool had_data = facts->has_file || (facts->has_journal && facts->is_formatted);
    bool was_never_made = facts->has_journal && facts->journal_epoch == 0;
    return !had_data && (facts->is_new || was_never_made);
}

/* In every combination of facts, what had data is never made anew, and an old lease gets nothing.
 */
static void
nothing_is_made_where_something_was(void **state)
{
    for (unsigned bits = 0; bits < 256; bits++) {
        BerthDiskFacts facts = {
            .wish_epoch = 4,
            .wish_size_mib = 100,
            .is_new = (bits & 1) != 0,
            .has_journal = (bits & 2) != 0,
            .journal_epoch = (bits & 4) != 0 ? 5 : 3,
            .is_formatted = (bits & 8) != 0,
            .was_open = (bits & 16) != 0,
            .has_file = (bits & 32) != 0,
            .is_header_good = (bits & 64) != 0,
            .size_mib = (bits & 128) != 0 ? 100 : 50,
        };
        BerthDiskStep step = berth_disk_plan(&facts);
        if (!may_be_made(&facts)) {
            assert_int_not_equal(step, BERTH_DISK_STEP_MAKE);
        }
        if (facts.has_journal && facts.journal_epoch > facts.wish_epoch) {
            assert_int_equal(step, BERTH_DISK_STEP_STALE);
        }
        if (facts.was_open) {
            assert_int_not_equal(step, BERTH_DISK_STEP_OPEN);
        }
    }
}

/* The agent was killed between its note and the file; the broker takes the disk for an old one. */
static void
a_disk_that_was_only_noted_is_made(void **state)
{
    BerthDiskFacts facts = good;
    facts.is_new = false;
    facts.has_file = false;
    facts.has_journal = true;
    facts.is_formatted = false;
    facts.journal_epoch = 0;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_MAKE);
    facts.journal_epoch = 1;
    assert_int_equal(berth_disk_plan(&facts), BERTH_DISK_STEP_MISSING);
}

static bool
parse(const char *text, BerthDiskWish *ret)
{
    json_t *object = berth_json_parse_object(text, strlen(text), "test", NULL);
    assert_non_null(object);
    bool is_good = berth_disk_wish_parse(object, ret, NULL);
    json_decref(object);
    return is_good;
}

static void
a_wish_is_read_strictly(void **state)
{
    static const char *const bad[] = {
        "{\"id\":\"x\",\"epoch\":1,\"size_mib\":64,\"fs\":\"ext4\",\"want\":\"present\"}",
        "{\"id\":\"" ID "\",\"epoch\":-1,\"size_mib\":64,\"fs\":\"ext4\",\"want\":\"present\"}",
        "{\"id\":\"" ID "\",\"epoch\":1,\"size_mib\":1,\"fs\":\"ext4\",\"want\":\"present\"}",
        "{\"id\":\"" ID "\",\"epoch\":1,\"size_mib\":16777217,\"fs\":\"ext4\","
        "\"want\":\"present\"}",
        "{\"id\":\"" ID "\",\"epoch\":1,\"size_mib\":64,\"fs\":\"fat\",\"want\":\"present\"}",
        "{\"id\":\"" ID "\",\"epoch\":1,\"size_mib\":64,\"fs\":\"ext4\",\"want\":\"gone\"}",
        "{\"id\":\"" ID "\",\"epoch\":1,\"size_mib\":64,\"fs\":\"ext4\",\"want\":\"present\","
        "\"path\":\"/etc/passwd\"}",
    };
    BerthDiskWish wish;
    assert_true(parse("{\"id\":\"" ID "\",\"epoch\":7,\"size_mib\":64,\"fs\":\"none\","
                      "\"want\":\"absent\",\"new\":true}",
                      &wish));
    assert_int_equal(wish.epoch, 7);
    assert_int_equal(wish.fs, BERTH_DISK_FS_NONE);
    assert_true(wish.is_new && wish.is_absent);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(parse(bad[i], &wish));
    }
}

static void
a_mount_point_has_no_tricks(void **state)
{
    static const char *const good_paths[] = { "/data", "/srv/people/ann", "/srv/a.b_c-d" };
    static const char *const bad_paths[] = { "",        "/",        "data", "/a/",  "/a//b",
                                             "/a/../b", "/.a",      "/a b", "/a'b", "/a$(id)",
                                             "/a\nb",   "/a;b",     "/-a",  "/a`b", "/a\"b",
                                             "/a\\b",   "/\303\244" };
    for (size_t i = 0; i < G_N_ELEMENTS(good_paths); i++) {
        assert_true(berth_disk_mount_is_good(good_paths[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad_paths); i++) {
        assert_false(berth_disk_mount_is_good(bad_paths[i]));
    }
    g_autofree char *long_path = g_strnfill(BERTH_DISK_MOUNT_BYTES + 1, 'a');
    long_path[0] = '/';
    assert_false(berth_disk_mount_is_good(long_path));
}

static void
a_machines_disk_survives_its_file(void **state)
{
    BerthMachineDisk disk = { .epoch = 3, .mount = "/data" };
    BerthMachineDisk again;
    assert_berth_ok(berth_id_parse(ID, &disk.id));
    json_t *object = berth_machine_disk_to_json(&disk);
    assert_true(berth_machine_disk_parse(object, &again, NULL));
    assert_true(berth_machine_disk_equal(&disk, &again));
    assert_string_equal(again.mount, "/data");
    json_object_set_new(object, "mount", json_string("/a b"));
    assert_false(berth_machine_disk_parse(object, &again, NULL));
    json_decref(object);
    memset(&disk, 0, sizeof disk);
    object = berth_machine_disk_to_json(&disk);
    assert_true(json_is_null(object));
    assert_true(berth_machine_disk_parse(object, &again, NULL));
    assert_true(berth_id_is_zero(&again.id));
    json_decref(object);
}

static void
make_header(uint8_t header[BERTH_QCOW2_HEADER_3_BYTES])
{
    memset(header, 0, BERTH_QCOW2_HEADER_3_BYTES);
    memcpy(header, "QFI\xfb\0\0\0\3", 8);
    header[23] = 16; /* clusters of 64 KiB */
    header[28] = 4;  /* 64 MiB */
}

static int
read_header(const uint8_t *header, size_t len, BerthDiskHeader *ret)
{
    GError *error = NULL;
    int code = BERTH_OK;
    if (!berth_disk_header_read(header, len, ret, &error)) {
        code = error->code;
        g_error_free(error);
    }
    return code;
}

static void
a_header_that_names_another_file_is_refused(void **state)
{
    uint8_t header[BERTH_QCOW2_HEADER_3_BYTES];
    BerthDiskHeader read;
    make_header(header);
    assert_berth_ok(read_header(header, sizeof header, &read));
    assert_int_equal(read.size_bytes, 64 << 20);
    assert_false(read.is_dirty);
    header[79] = 1;
    assert_berth_ok(read_header(header, sizeof header, &read));
    assert_true(read.is_dirty);
    header[79] = 2;
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_CORRUPT);
    header[79] = 4; /* an external data file */
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_UNTRUSTED);
    make_header(header);
    header[15] = 112; /* the name of a backing file */
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_UNTRUSTED);
    make_header(header);
    header[35] = 1; /* encrypted */
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_UNTRUSTED);
}

static void
what_is_no_disk_of_ours_is_damaged(void **state)
{
    uint8_t header[BERTH_QCOW2_HEADER_3_BYTES];
    BerthDiskHeader read;
    make_header(header);
    assert_berth_error(read_header(header, sizeof header - 1, &read), BERTH_ERR_CORRUPT);
    header[7] = 2;
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_CORRUPT);
    make_header(header);
    header[23] = 40;
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_CORRUPT);
    make_header(header);
    header[24] = 0x7f;
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_CORRUPT);
    memset(header, 'x', sizeof header);
    assert_berth_error(read_header(header, sizeof header, &read), BERTH_ERR_CORRUPT);
}

static void
a_script_finds_its_disk_by_serial(void **state)
{
    BerthMachineDisk disk = { .epoch = 1, .mount = "/data" };
    assert_berth_ok(berth_id_parse(ID, &disk.id));
    char *scripts[] = { berth_disk_script_format(&disk), berth_disk_script_mount(&disk),
                        berth_disk_script_grow(&disk), berth_disk_script_leave(&disk, true),
                        berth_disk_script_leave(&disk, false) };
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        assert_non_null(strstr(scripts[i], "serial='0123456789abcdef0123'\n"));
        assert_non_null(strstr(scripts[i], "folder='/data'\n"));
        assert_true(strlen(scripts[i]) < 4096);
        /* Only one of them ever makes a file system. */
        assert_int_equal(strstr(scripts[i], "mkfs.ext4 -q") != NULL, i == 0);
        g_free(scripts[i]);
    }
}

static void
what_a_guest_says_is_cut_to_a_line(void **state)
{
    g_autofree char *text = NULL;
    assert_berth_ok(berth_disk_script_read(0, "anything", &text));
    assert_null(text);
    assert_berth_error(berth_disk_script_read(BERTH_DISK_SCRIPT_DAMAGED, "a\033[2Jb\nc", &text),
                       BERTH_ERR_CORRUPT);
    assert_non_null(strstr(text, "(a?[2Jb)"));
    g_clear_pointer(&text, g_free);
    assert_berth_error(berth_disk_script_read(127, "", &text), BERTH_ERR_IO);
    assert_non_null(strstr(text, "127"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fact_leads_to_its_step),
        cmocka_unit_test(nothing_is_made_where_something_was),
        cmocka_unit_test(a_disk_that_was_only_noted_is_made),
        cmocka_unit_test(a_wish_is_read_strictly),
        cmocka_unit_test(a_mount_point_has_no_tricks),
        cmocka_unit_test(a_machines_disk_survives_its_file),
        cmocka_unit_test(a_header_that_names_another_file_is_refused),
        cmocka_unit_test(what_is_no_disk_of_ours_is_damaged),
        cmocka_unit_test(a_script_finds_its_disk_by_serial),
        cmocka_unit_test(what_a_guest_says_is_cut_to_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

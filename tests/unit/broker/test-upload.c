/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/depot/upload.h"

#include "base/id.h"
#include "testing.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "00000000000000000000000000000001"
#define ROOT "1111111111111111111111111111111111111111111111111111111111111111"

static int
setup(void **state)
{
    *state = g_dir_make_tmp("berth-upload-XXXXXX", NULL);
    assert_non_null(*state);
    return 0;
}

static int
teardown(void **state)
{
    g_rmdir(*state);
    g_free(*state);
    return 0;
}

static BerthUpload *
make(const char *uploads, uint64_t disk_bytes)
{
    BerthUpload *upload = g_new0(BerthUpload, 1);
    g_strlcpy(upload->id, ID, sizeof(upload->id));
    g_strlcpy(upload->image, ID, sizeof(upload->image));
    g_strlcpy(upload->account, ID, sizeof(upload->account));
    upload->actor = g_strdup("user:ann");
    upload->format = g_strdup("qcow2");
    upload->changelog = g_strdup("first");
    upload->machine = json_object();
    upload->files[BERTH_VERSION_DISK].size_bytes = disk_bytes;
    assert_true(berth_upload_create(upload, uploads, NULL));
    return upload;
}

static void
a_journal_is_read_as_it_was_written(void **state)
{
    g_autoptr(BerthUpload) upload = make(*state, 10);
    BerthVersionFile *made = &upload->files[BERTH_VERSION_DISK].made;
    made->is_present = true;
    made->size_bytes = 512;
    assert_berth_ok(berth_digest_parse(ROOT, &made->root));
    g_strlcpy(upload->operation, ID, sizeof(upload->operation));
    assert_true(berth_upload_save(upload, NULL));
    g_autoptr(BerthUpload) read = berth_upload_load(upload->folder, NULL);
    assert_non_null(read);
    assert_string_equal(read->operation, ID);
    assert_string_equal(read->version, "");
    assert_string_equal(read->changelog, "first");
    assert_null(read->path);
    assert_int_equal(read->files[BERTH_VERSION_DISK].made.size_bytes, 512);
    assert_false(read->files[BERTH_VERSION_KERNEL].made.is_present);
    berth_upload_remove(upload);
    assert_false(g_file_test(upload->folder, G_FILE_TEST_EXISTS));
}

static void
pieces_come_in_order_and_fit(void **state)
{
    static const uint8_t bytes[8] = "12345678";

    static const struct {
        uint64_t offset;
        size_t n;
        int code;
    } cases[] = {
        { 1, 1, BERTH_ERR_STATE },
        { 0, 5, BERTH_OK },
        { 0, 5, BERTH_ERR_STATE },
        { 5, 6, BERTH_ERR_TOO_LARGE },
        { 11, 1, BERTH_ERR_TOO_LARGE },
        { UINT64_MAX, 2, BERTH_ERR_TOO_LARGE },
        { 5, 0, BERTH_OK },
        { 5, 5, BERTH_OK },
        { 10, 0, BERTH_OK },
    };

    g_autoptr(BerthUpload) upload = make(*state, 10);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        bool is_good = berth_upload_write(upload, BERTH_VERSION_DISK, cases[i].offset, bytes,
                                          cases[i].n, &error);
        assert_berth_error(is_good ? BERTH_OK : error->code, cases[i].code);
        assert_int_equal(berth_upload_is_complete(upload, NULL), i >= 7);
    }
    assert_false(berth_upload_write(upload, BERTH_VERSION_KERNEL, 0, bytes, 1, NULL));
    berth_upload_remove(upload);
}

static void
zeros_take_no_room(void **state)
{
    struct stat status;
    size_t n = 4 << 20;
    g_autofree uint8_t *zeros = g_malloc0(n);
    g_autoptr(BerthUpload) upload = make(*state, n);
    g_autofree char *path = berth_upload_file(upload, BERTH_VERSION_DISK, "");
    assert_true(berth_upload_write(upload, BERTH_VERSION_DISK, 0, zeros, n, NULL));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, n);
    assert_int_equal(status.st_blocks, 0);
    berth_upload_remove(upload);
}

static void
damaged_journals_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"id\":\"../../x\"}",
        "{\"id\":\"" ID "\",\"image\":\"" ID "\",\"account\":\"\",\"operation\":\"\","
        "\"version\":\"x\",\"actor\":\"a\",\"format\":\"\",\"changelog\":\"\",\"machine\":{}}",
        "{\"id\":\"" ID "\",\"image\":\"" ID "\",\"account\":\"\",\"operation\":\"\","
        "\"version\":\"\",\"actor\":\"a\",\"format\":\"\",\"changelog\":\"\",\"machine\":{},"
        "\"files\":[{\"role\":\"floppy\",\"size_bytes\":1}]}",
        "{\"id\":\"" ID "\",\"image\":\"" ID "\",\"account\":\"\",\"operation\":\"\","
        "\"version\":\"\",\"actor\":\"a\",\"format\":\"\",\"changelog\":\"\",\"machine\":{},"
        "\"files\":[{\"role\":\"disk\",\"size_bytes\":1,\"root\":\"../x\"}]}",
    };
    g_autofree char *path = g_build_filename(*state, "upload.json", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        assert_null(berth_upload_load(*state, &error));
        assert_berth_error(error->code, BERTH_ERR_CORRUPT);
    }
    g_remove(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_journal_is_read_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_come_in_order_and_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(zeros_take_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_journals_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

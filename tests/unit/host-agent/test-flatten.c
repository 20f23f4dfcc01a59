/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which files a disk stands on, as their headers say, and which disks are refused. */
#include "host-agent/tasks/flatten.h"

#include "testing.h"

#include <glib/gstdio.h>
#include <string.h>

#define HEADER_BYTES 112
#define NAME_AT 200
#define DISK_BYTES (1u << 30)

typedef struct {
    char *folder;
    GPtrArray *made; /* of paths */
} Disks;

static int
set_up(void **state)
{
    Disks *disks = g_new0(Disks, 1);
    disks->folder = g_dir_make_tmp("berth-flatten-XXXXXX", NULL);
    disks->made = g_ptr_array_new_with_free_func(g_free);
    *state = disks;
    return disks->folder != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    Disks *disks = *state;
    for (guint i = 0; i < disks->made->len; i++) {
        g_unlink(disks->made->pdata[i]);
    }
    g_rmdir(disks->folder);
    g_ptr_array_unref(disks->made);
    g_free(disks->folder);
    g_free(disks);
    return 0;
}

static void
put_u32(uint8_t *bytes, size_t at, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(bytes + at, &value, sizeof value);
}

static const char *
write_file(Disks *disks, const char *name, const uint8_t *bytes, size_t len)
{
    char *path = g_build_filename(disks->folder, name, NULL);
    assert_true(g_file_set_contents(path, (const char *)bytes, (gssize)len, NULL));
    g_ptr_array_add(disks->made, path);
    return path;
}

/* A qcow2 file of 1 GiB that stands on another one; below NULL: on none. */
static const char *
make(Disks *disks, const char *name, const char *below, const char *format)
{
    uint8_t bytes[512] = { 0 };
    put_u32(bytes, 0, 0x514649fb);
    put_u32(bytes, 4, 3);
    put_u32(bytes, 20, 16);
    put_u32(bytes, 28, DISK_BYTES);
    put_u32(bytes, 100, HEADER_BYTES);
    if (format != NULL) {
        put_u32(bytes, HEADER_BYTES, 0xe2792aca);
        put_u32(bytes, HEADER_BYTES + 4, (uint32_t)strlen(format));
        memcpy(bytes + HEADER_BYTES + 8, format, strlen(format));
    }
    if (below != NULL) {
        put_u32(bytes, 12, NAME_AT);
        put_u32(bytes, 16, (uint32_t)strlen(below));
        memcpy(bytes + NAME_AT, below, strlen(below));
    }
    return write_file(disks, name, bytes, sizeof bytes);
}

static void
assert_refused(const char *path, int code)
{
    g_autoptr(GError) error = NULL;
    uint64_t size_bytes = 77;
    assert_null(berth_flatten_list_files(path, &size_bytes, &error));
    assert_int_equal(error->code, code);
    assert_non_null(strstr(error->message, path));
    assert_int_equal(size_bytes, 77);
}

static void
a_disk_and_what_it_stands_on_are_listed_from_the_top(void **state)
{
    Disks *disks = *state;
    const char *base = write_file(disks, "base", (const uint8_t *)"boot", 4);
    const char *middle = make(disks, "middle", "base", "raw"); /* beside the file */
    const char *top = make(disks, "top", middle, "qcow2");
    uint64_t size_bytes = 0;
    g_autoptr(GPtrArray) files = berth_flatten_list_files(top, &size_bytes, NULL);
    assert_non_null(files);
    assert_int_equal(files->len, 4);
    assert_string_equal(files->pdata[0], top);
    assert_string_equal(files->pdata[1], middle);
    assert_string_equal(files->pdata[2], base);
    assert_null(files->pdata[3]);
    assert_int_equal(size_bytes, DISK_BYTES);
}

static void
what_a_guest_wrote_into_a_raw_file_is_no_header(void **state)
{
    Disks *disks = *state;
    const char *lure = make(disks, "lure", "/etc/shadow", "raw");
    const char *top = make(disks, "top", lure, "raw");
    uint64_t size_bytes = 0;
    g_autoptr(GPtrArray) files = berth_flatten_list_files(top, &size_bytes, NULL);
    assert_non_null(files);
    assert_int_equal(files->len, 3);
    assert_string_equal(files->pdata[1], lure);
}

static void
a_disk_that_is_no_qcow2_file_is_refused(void **state)
{
    Disks *disks = *state;
    uint8_t bytes[512] = { 0 };
    assert_refused(write_file(disks, "raw", bytes, sizeof bytes), BERTH_ERR_CORRUPT);
    assert_refused(write_file(disks, "empty", bytes, 0), BERTH_ERR_CORRUPT);
}

static void
a_missing_file_is_told_by_its_name(void **state)
{
    Disks *disks = *state;
    g_autofree char *missing = g_build_filename(disks->folder, "missing", NULL);
    const char *top = make(disks, "top", missing, "qcow2");
    g_autoptr(GError) error = NULL;
    uint64_t size_bytes;
    assert_refused(missing, BERTH_ERR_NOT_FOUND);
    assert_null(berth_flatten_list_files(top, &size_bytes, &error));
    assert_non_null(strstr(error->message, missing));
}

static void
a_header_without_the_name_that_it_promises_is_refused(void **state)
{
    Disks *disks = *state;
    uint8_t bytes[512] = { 0 };
    gsize len = 0;
    g_autofree char *good = NULL;
    const char *top = make(disks, "top", "/images/a.img", "raw");
    assert_true(g_file_get_contents(top, &good, &len, NULL));
    memcpy(bytes, good, len);
    put_u32(bytes, 12, 500); /* the name goes over the end of the file */
    assert_refused(write_file(disks, "cut", bytes, sizeof bytes), BERTH_ERR_CORRUPT);
}

static void
a_disk_that_stands_on_itself_has_an_end(void **state)
{
    Disks *disks = *state;
    assert_refused(make(disks, "circle", "circle", "qcow2"), BERTH_ERR_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_disk_and_what_it_stands_on_are_listed_from_the_top,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_guest_wrote_into_a_raw_file_is_no_header, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_is_no_qcow2_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_told_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_header_without_the_name_that_it_promises_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_stands_on_itself_has_an_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

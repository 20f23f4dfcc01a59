/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/chunk-list.h"

#include "base/cleanup.h"
#include "base/depot/chunk-maker.h"
#include "berth/limits.h"
#include "testing.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024u * 1024)
#define ROOT_OF_ABC "2aa36f975b9fa64303e98cedc66cc97274cb16ce6a2eb0de1677630fa57c9dac"

/* A sparse file without a name: memfd has holes as disks have. */
static int
make_file(uint64_t size_bytes)
{
    int fd = memfd_create("chunks", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size_bytes), 0);
    return fd;
}

static void
put(int fd, uint64_t offset, const char *text)
{
    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)offset), strlen(text));
}

static void
root_hex(const BerthChunkList *list, char out[BERTH_DIGEST_HEX_CHARS + 1])
{
    BerthDigest root;
    berth_chunk_list_root(list, &root);
    berth_digest_format(&root, out);
}

/* Numbers made by another program: Python's hashlib. */
static void
the_root_is_what_the_document_says(void **state)
{
    char root[BERTH_DIGEST_HEX_CHARS + 1];
    berth_autofd int fd = make_file(3);
    put(fd, 0, "abc");
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, NULL, NULL);
    root_hex(list, root);
    assert_string_equal(root, ROOT_OF_ABC);
}

static void
threads_and_holes_change_nothing(void **state)
{
    uint64_t size = 37ull * MIB + 1234;
    char one[BERTH_DIGEST_HEX_CHARS + 1];
    char many[BERTH_DIGEST_HEX_CHARS + 1];
    char full[BERTH_DIGEST_HEX_CHARS + 1];
    berth_autofd int fd = make_file(size);
    put(fd, 5 * MIB, "in the second chunk");
    put(fd, 12 * MIB - 3, "over an edge");
    put(fd, size - 4, "last");
    BerthChunkMakerOptions options = { .n_threads = 1 };
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, &options, NULL);
    root_hex(list, one);
    assert_int_equal(berth_chunk_list_n_chunks(list), 10);
    assert_true(berth_chunk_list_is_zero(list, 0));
    assert_false(berth_chunk_list_is_zero(list, 1));
    assert_false(berth_chunk_list_is_zero(list, 2));
    assert_false(berth_chunk_list_is_zero(list, 3));
    assert_true(berth_chunk_list_is_zero(list, 4));
    assert_false(berth_chunk_list_is_zero(list, 9));
    assert_int_equal(berth_chunk_list_data_bytes(list), 12 * MIB + MIB + 1234);

    gint64 n_done = 0;
    BerthChunkMakerOptions four = { .n_threads = 4, .n_done_bytes = &n_done };
    g_autoptr(BerthChunkList) again = berth_chunk_list_make(fd, &four, NULL);
    root_hex(again, many);
    assert_string_equal(one, many);
    assert_int_equal(berth_chunk_progress(&n_done), size);

    /* The same bytes without a hole. */
    g_autofree char *zeros = g_malloc0(MIB);
    for (uint64_t at = 0; at < 4 * MIB; at += MIB) {
        assert_int_equal(pwrite(fd, zeros, MIB, (off_t)at), MIB);
    }
    g_autoptr(BerthChunkList) filled = berth_chunk_list_make(fd, &four, NULL);
    root_hex(filled, full);
    assert_string_equal(one, full);
}

static void
stored_zeros_become_holes(void **state)
{
    berth_autofd int fd = make_file(8 * MIB);
    g_autofree char *zeros = g_malloc0(8 * MIB);
    struct stat before, after;
    assert_int_equal(pwrite(fd, zeros, 8 * MIB, 0), 8 * MIB);
    put(fd, 1 * MIB, "data");
    assert_int_equal(fstat(fd, &before), 0);
    BerthChunkMakerOptions options = { .punches_zeros = true };
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, &options, NULL);
    assert_non_null(list);
    assert_int_equal(fstat(fd, &after), 0);
    assert_int_equal(before.st_blocks * 512, 8 * MIB);
    assert_true(after.st_blocks * 512 <= 128 * 1024);
    assert_int_equal(after.st_size, 8 * MIB);
    char text[5] = { 0 };
    assert_int_equal(pread(fd, text, 4, MIB), 4);
    assert_string_equal(text, "data");
}

static void
every_flipped_bit_is_found(void **state)
{
    berth_autofd int fd = make_file(5 * MIB);
    put(fd, 4 * MIB + 100, "x");
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, NULL, NULL);
    g_autofree uint8_t *bytes = g_malloc0(MIB);
    bytes[100] = 'x';
    assert_true(berth_chunk_list_check(list, 1, bytes, MIB));
    assert_false(berth_chunk_list_check(list, 0, bytes, MIB));
    assert_false(berth_chunk_list_check(list, 1, bytes, MIB - 1));
    assert_false(berth_chunk_list_check(list, 2, bytes, MIB));
    bytes[MIB - 1] ^= 0x80;
    assert_false(berth_chunk_list_check(list, 1, bytes, MIB));
}

static void
a_list_is_read_as_it_was_written(void **state)
{
    BerthDigest digest;
    char first[BERTH_DIGEST_HEX_CHARS + 1];
    char second[BERTH_DIGEST_HEX_CHARS + 1];
    g_autoptr(BerthChunkList) list = berth_chunk_list_new(9 * MIB);
    berth_digest_make("y", 1, &digest);
    berth_chunk_list_set(list, 2, &digest);
    g_autoptr(GBytes) bytes = berth_chunk_list_format(list);
    g_autoptr(BerthChunkList) read = NULL;
    gsize n;
    const uint8_t *data = g_bytes_get_data(bytes, &n);
    assert_berth_ok(berth_chunk_list_parse(data, n, &read));
    root_hex(list, first);
    root_hex(read, second);
    assert_string_equal(first, second);
}

static void
damaged_lists_are_refused(void **state)
{
    static const struct {
        size_t offset;
        uint8_t value;
        int error;
    } cases[] = {
        { 0, 'x', BERTH_ERR_CORRUPT },  { 4, 2, BERTH_ERR_VERSION },
        { 6, 1, BERTH_ERR_CORRUPT },    { 15, 0xff, BERTH_ERR_TOO_LARGE },
        { 11, 1, BERTH_ERR_TRUNCATED }, { 18, 0x41, BERTH_ERR_CORRUPT },
        { 20, 1, BERTH_ERR_CORRUPT },
    };

    g_autoptr(BerthChunkList) list = berth_chunk_list_new(9 * MIB);
    g_autoptr(GBytes) bytes = berth_chunk_list_format(list);
    gsize n;
    const uint8_t *data = g_bytes_get_data(bytes, &n);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        BerthChunkList *ret = NULL;
        g_autofree uint8_t *copy = g_memdup2(data, n);
        copy[cases[i].offset] = cases[i].value;
        assert_berth_error(berth_chunk_list_parse(copy, n, &ret), cases[i].error);
        assert_null(ret);
    }
    BerthChunkList *ret = NULL;
    g_autofree uint8_t *longer = g_malloc0(n + 1);
    memcpy(longer, data, n);
    assert_berth_error(berth_chunk_list_parse(longer, n + 1, &ret), BERTH_ERR_TRAILING);
    for (size_t i = 0; i < n; i++) {
        assert_berth_error(berth_chunk_list_parse(data, i, &ret), BERTH_ERR_TRUNCATED);
    }
    /* A small file that says it is huge costs no memory. */
    memset(longer + 8, 0, 8);
    assert_berth_error(berth_chunk_list_parse(longer, n, &ret), BERTH_ERR_CORRUPT);
}

static void
impossible_sizes_have_no_list(void **state)
{
    assert_null(berth_chunk_list_new(0));
    assert_null(berth_chunk_list_new(BERTH_LIMIT_IMAGE_BYTES + 1));
    assert_null(berth_chunk_list_new(UINT64_MAX));
    g_autoptr(GError) error = NULL;
    berth_autofd int empty = make_file(0);
    assert_null(berth_chunk_list_make(empty, NULL, &error));
    assert_berth_error(error->code, BERTH_ERR_INVALID);
    g_clear_error(&error);
    berth_autofd int folder = open("/", O_RDONLY | O_DIRECTORY);
    assert_null(berth_chunk_list_make(folder, NULL, &error));
    assert_berth_error(error->code, BERTH_ERR_INVALID);
}

static void
a_cancelled_maker_says_so(void **state)
{
    g_autoptr(GError) error = NULL;
    gint cancel = 1;
    berth_autofd int fd = make_file(40 * MIB);
    BerthChunkMakerOptions options = { .cancel = &cancel };
    assert_null(berth_chunk_list_make(fd, &options, &error));
    assert_berth_error(error->code, BERTH_ERR_CLOSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_what_the_document_says),
        cmocka_unit_test(threads_and_holes_change_nothing),
        cmocka_unit_test(stored_zeros_become_holes),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(a_list_is_read_as_it_was_written),
        cmocka_unit_test(damaged_lists_are_refused),
        cmocka_unit_test(impossible_sizes_have_no_list),
        cmocka_unit_test(a_cancelled_maker_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

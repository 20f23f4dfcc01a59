/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes-writer.h"

#include "base/bytes-reader.h"
#include "testing.h"

#include <glib.h>
#include <string.h>

/* The invariants that the header states. */
static void
check(const BerthWriter *writer)
{
    assert_true(writer->len <= writer->cap);
    assert_true(writer->len <= writer->max);
    assert_true(writer->cap <= MAX(writer->max, 1));
}

static void
what_is_written_reads_back(void **state)
{
    BerthWriter writer;
    berth_writer_init(&writer, 1000);
    berth_writer_put_u8(&writer, 0xfe);
    berth_writer_put_u16(&writer, 0xfedc);
    berth_writer_put_u32(&writer, 0xfedcba98u);
    berth_writer_put_u64(&writer, 0xfedcba9876543210ULL);
    berth_writer_put_i16(&writer, INT16_MIN);
    berth_writer_put_i32(&writer, INT32_MIN);
    berth_writer_put_i64(&writer, INT64_MIN);
    berth_writer_put_bytes(&writer, "abc", 3);
    assert_berth_ok(writer.error);
    check(&writer);

    BerthReader reader;
    berth_reader_init(&reader, writer.data, writer.len);
    assert_int_equal(berth_reader_get_u8(&reader), 0xfe);
    assert_int_equal(berth_reader_get_u16(&reader), 0xfedc);
    assert_true(berth_reader_get_u32(&reader) == 0xfedcba98u);
    assert_true(berth_reader_get_u64(&reader) == 0xfedcba9876543210ULL);
    assert_int_equal(berth_reader_get_i16(&reader), INT16_MIN);
    assert_int_equal(berth_reader_get_i32(&reader), INT32_MIN);
    assert_true(berth_reader_get_i64(&reader) == INT64_MIN);
    assert_memory_equal(berth_reader_get_bytes_direct(&reader, 3), "abc", 3);
    assert_berth_ok(berth_reader_finish(&reader));
    berth_writer_clear(&writer);
}

static void
it_grows_to_its_ceiling_and_no_further(void **state)
{
    for (size_t max = 0; max < 300; max += 7) {
        BerthWriter writer;
        berth_writer_init(&writer, max);
        for (size_t i = 0; i < max; i++) {
            berth_writer_put_u8(&writer, (uint8_t)i);
            check(&writer);
        }
        assert_berth_ok(writer.error);
        assert_int_equal(writer.len, max);
        berth_writer_put_u8(&writer, 1);
        assert_int_equal(writer.error, BERTH_ERR_TOO_LARGE);
        assert_int_equal(writer.len, max);
        berth_writer_clear(&writer);
    }
}

static void
after_an_error_nothing_is_written(void **state)
{
    BerthWriter writer;
    berth_writer_init(&writer, 4);
    berth_writer_put_u16(&writer, 1);
    berth_writer_put_u32(&writer, 2);
    berth_writer_put_u8(&writer, 3); /* would fit */
    assert_int_equal(writer.len, 2);
    assert_null(berth_writer_reserve(&writer, 1));
    size_t len = 77;
    assert_null(berth_writer_steal(&writer, &len));
    assert_int_equal(len, 0);
}

static void
a_huge_reserve_does_not_wrap_around(void **state)
{
    BerthWriter writer;
    berth_writer_init(&writer, 100);
    berth_writer_put_u32(&writer, 1);
    assert_null(berth_writer_reserve(&writer, SIZE_MAX));
    assert_int_equal(writer.error, BERTH_ERR_TOO_LARGE);
    berth_writer_clear(&writer);
}

static void
reset_forgets_the_error_and_keeps_the_memory(void **state)
{
    BerthWriter writer;
    berth_writer_init(&writer, 8);
    berth_writer_put_u64(&writer, 1);
    berth_writer_put_u8(&writer, 1);
    const uint8_t *data = writer.data;
    berth_writer_reset(&writer);
    berth_writer_put_u8(&writer, 5);
    assert_berth_ok(writer.error);
    assert_ptr_equal(writer.data, data);
    assert_int_equal(writer.len, 1);
    berth_writer_clear(&writer);
}

static void
patches_stay_inside_what_was_written(void **state)
{
    BerthWriter writer;
    berth_writer_init(&writer, 100);
    berth_writer_put_u32(&writer, 0);
    berth_writer_put_u16(&writer, 0);
    berth_writer_patch_u32(&writer, 1, 0x04030201);
    berth_writer_patch_u16(&writer, 4, 0xaabb);
    assert_memory_equal(writer.data, "\0\1\2\3\xbb\xaa", 6);
    assert_berth_ok(writer.error);
    berth_writer_patch_u32(&writer, 3, 1);
    assert_int_equal(writer.error, BERTH_ERR_INVALID);
    berth_writer_reset(&writer);
    berth_writer_patch_u16(&writer, SIZE_MAX, 1);
    assert_int_equal(writer.error, BERTH_ERR_INVALID);
    berth_writer_clear(&writer);
}

static void
steal_hands_the_bytes_over(void **state)
{
    BerthWriter writer;
    size_t len;
    berth_writer_init(&writer, 100);
    berth_writer_put_bytes(&writer, "hello", 5);
    g_autofree uint8_t *bytes = berth_writer_steal(&writer, &len);
    assert_int_equal(len, 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_null(writer.data);
    assert_int_equal(writer.len, 0);
    assert_null(berth_writer_steal(&writer, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(it_grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(after_an_error_nothing_is_written),
        cmocka_unit_test(a_huge_reserve_does_not_wrap_around),
        cmocka_unit_test(reset_forgets_the_error_and_keeps_the_memory),
        cmocka_unit_test(patches_stay_inside_what_was_written),
        cmocka_unit_test(steal_hands_the_bytes_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes-reader.h"

#include "testing.h"

#include <string.h>

static const uint8_t sample[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
                                  0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0xfe, 0xff, 0xaa };

static void
numbers_are_little_endian(void **state)
{
    BerthReader reader;
    berth_reader_init(&reader, sample, sizeof(sample));
    assert_int_equal(berth_reader_get_u8(&reader), 0x01);
    assert_int_equal(berth_reader_get_u16(&reader), 0x0203);
    assert_int_equal(berth_reader_get_u32(&reader), 0x04050607);
    assert_true(berth_reader_get_u64(&reader) == 0x08090a0b0c0d0e0fULL);
    assert_int_equal(berth_reader_get_i16(&reader), -2);
    assert_int_equal(berth_reader_remaining(&reader), 1);
    assert_int_equal(berth_reader_get_u8(&reader), 0xaa);
    assert_berth_ok(berth_reader_finish(&reader));
}

static void
signed_numbers_keep_their_sign(void **state)
{
    uint8_t ones[12];
    memset(ones, 0xff, sizeof(ones));
    BerthReader reader;
    berth_reader_init(&reader, ones, sizeof(ones));
    assert_int_equal(berth_reader_get_i32(&reader), -1);
    assert_true(berth_reader_get_i64(&reader) == -1);
    assert_berth_ok(berth_reader_finish(&reader));
}

static void
reading_past_the_end_fails_for_good(void **state)
{
    for (size_t size = 0; size < 8; size++) {
        BerthReader reader;
        berth_reader_init(&reader, sample, size);
        assert_true(berth_reader_get_u64(&reader) == 0);
        assert_int_equal(reader.error, BERTH_ERR_TRUNCATED);
        /* The bytes that are there are not given out any more either. */
        assert_int_equal(berth_reader_get_u8(&reader), 0);
        assert_int_equal(berth_reader_remaining(&reader), 0);
        assert_null(berth_reader_get_bytes_direct(&reader, 0));
        assert_berth_error(berth_reader_finish(&reader), BERTH_ERR_TRUNCATED);
    }
}

static void
a_huge_length_does_not_wrap_around(void **state)
{
    BerthReader reader;
    berth_reader_init(&reader, sample, sizeof(sample));
    berth_reader_get_u32(&reader);
    assert_null(berth_reader_get_bytes_direct(&reader, SIZE_MAX));
    assert_berth_error(berth_reader_finish(&reader), BERTH_ERR_TRUNCATED);
}

static void
bytes_that_are_missing_read_as_zeros(void **state)
{
    uint8_t out[4] = { 9, 9, 9, 9 };
    BerthReader reader;
    berth_reader_init(&reader, sample, 3);
    berth_reader_get_bytes(&reader, out, sizeof(out));
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_berth_error(berth_reader_finish(&reader), BERTH_ERR_TRUNCATED);
}

static void
bytes_left_over_are_an_error(void **state)
{
    BerthReader reader;
    berth_reader_init(&reader, sample, 3);
    berth_reader_get_u16(&reader);
    assert_berth_error(berth_reader_finish(&reader), BERTH_ERR_TRAILING);
}

static void
the_first_error_stays(void **state)
{
    BerthReader reader;
    berth_reader_init(&reader, sample, 3);
    berth_reader_fail(&reader, BERTH_ERR_TOO_LARGE);
    berth_reader_get_u64(&reader);
    berth_reader_fail(&reader, BERTH_ERR_PROTOCOL);
    assert_berth_error(berth_reader_finish(&reader), BERTH_ERR_TOO_LARGE);
}

static void
no_data_at_all_is_a_good_empty_message(void **state)
{
    BerthReader reader;
    berth_reader_init(&reader, NULL, 0);
    assert_non_null(berth_reader_get_bytes_direct(&reader, 0));
    assert_berth_ok(berth_reader_finish(&reader));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(signed_numbers_keep_their_sign),
        cmocka_unit_test(reading_past_the_end_fails_for_good),
        cmocka_unit_test(a_huge_length_does_not_wrap_around),
        cmocka_unit_test(bytes_that_are_missing_read_as_zeros),
        cmocka_unit_test(bytes_left_over_are_an_error),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(no_data_at_all_is_a_good_empty_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

#include "testing.h"

#include <errno.h>

static const int all_codes[] = {
#define CODE(symbol, number, id, text) (number),
    BERTH_ERROR_TABLE(CODE)
#undef CODE
};

static void
every_code_comes_back_from_its_name(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(all_codes); i++) {
        assert_int_equal(berth_error_from_name(berth_error_name(all_codes[i])), all_codes[i]);
    }
    assert_int_equal(berth_error_from_name("ok"), BERTH_OK);
}

static void
numbers_are_negative_and_never_reused(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(all_codes); i++) {
        assert_int_equal(all_codes[i], -(int)i - 1);
    }
}

static void
foreign_numbers_and_names_are_not_trusted(void **state)
{
    assert_string_equal(berth_error_name(17), "unknown");
    assert_string_equal(berth_error_name(-9999), "unknown");
    assert_non_null(berth_error_sentence(-9999));
    assert_int_equal(berth_error_from_name("no such name"), BERTH_ERR_INTERNAL);
    assert_int_equal(berth_error_from_name(NULL), BERTH_ERR_INTERNAL);
}

static void
set_error_formats_and_returns_false(void **state)
{
    g_autoptr(GError) error = NULL;
    assert_false(berth_set_error(&error, BERTH_ERR_BUSY, "port %d is taken", 443));
    assert_true(g_error_matches(error, BERTH_ERROR, BERTH_ERR_BUSY));
    assert_string_equal(error->message, "port 443 is taken");
    assert_false(berth_set_error(NULL, BERTH_ERR_BUSY, "nobody asked"));
}

static void
errno_values_get_their_code(void **state)
{
    assert_int_equal(berth_error_from_errno(ENOSPC), BERTH_ERR_DISK_FULL);
    assert_int_equal(berth_error_from_errno(EAGAIN), BERTH_ERR_AGAIN);
    assert_int_equal(berth_error_from_errno(EPIPE), BERTH_ERR_CLOSED);
    assert_int_equal(berth_error_from_errno(ENOTTY), BERTH_ERR_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_comes_back_from_its_name),
        cmocka_unit_test(numbers_are_negative_and_never_reused),
        cmocka_unit_test(foreign_numbers_and_names_are_not_trusted),
        cmocka_unit_test(set_error_formats_and_returns_false),
        cmocka_unit_test(errno_values_get_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

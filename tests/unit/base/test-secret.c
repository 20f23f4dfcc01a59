/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/secret.h"

#include "base/cleanup.h"
#include "testing.h"

#include <string.h>
#include <unistd.h>

static int
pipe_with(const void *bytes, size_t n)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, n), (int)n);
    close(ends[1]);
    return ends[0];
}

static void
a_secret_holds_a_copy_and_ends_with_a_zero(void **state)
{
    char text[] = "hunter2";
    g_autoptr(BerthSecret) secret = berth_secret_new_copy(text, 7);
    berth_wipe(text, sizeof(text));
    assert_int_equal(text[0], 0);
    assert_int_equal(berth_secret_size(secret), 7);
    assert_string_equal((char *)berth_secret_bytes(secret), "hunter2");
}

static void
a_secret_of_whole_pages_still_ends_with_a_zero(void **state)
{
    g_autoptr(BerthSecret) secret = berth_secret_new(8192);
    memset(berth_secret_bytes(secret), 'x', 8192);
    assert_int_equal(strlen((char *)berth_secret_bytes(secret)), 8192);
}

static void
a_line_is_read_without_its_newline(void **state)
{
    static const struct {
        const char *input;
        const char *secret;
    } cases[] = {
        { "hunter2\n", "hunter2" },
        { "hunter2", "hunter2" },
        { "hunter2\nnext\n", "hunter2" },
        { " two words \n", " two words " },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        berth_autofd int fd = pipe_with(cases[i].input, strlen(cases[i].input));
        g_autoptr(BerthSecret) secret = berth_secret_read_fd(fd, 64, &error);
        assert_non_null(secret);
        assert_string_equal((char *)berth_secret_bytes(secret), cases[i].secret);
        assert_int_equal(berth_secret_size(secret), strlen(cases[i].secret));
    }
}

static void
what_follows_the_newline_stays_in_the_pipe(void **state)
{
    berth_autofd int fd = pipe_with("one\ntwo\n", 8);
    g_autoptr(BerthSecret) one = berth_secret_read_fd(fd, 64, NULL);
    g_autoptr(BerthSecret) two = berth_secret_read_fd(fd, 64, NULL);
    assert_string_equal((char *)berth_secret_bytes(one), "one");
    assert_string_equal((char *)berth_secret_bytes(two), "two");
}

static void
bad_secrets_are_refused(void **state)
{
    static const struct {
        const char *input;
        size_t n;
        int code;
    } cases[] = {
        { "", 0, BERTH_ERR_INVALID },
        { "\n", 1, BERTH_ERR_INVALID },
        { "a\0b\n", 4, BERTH_ERR_INVALID },
        { "12345", 5, BERTH_ERR_TOO_LARGE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        berth_autofd int fd = pipe_with(cases[i].input, cases[i].n);
        assert_null(berth_secret_read_fd(fd, 4, &error));
        assert_int_equal(error->code, cases[i].code);
    }
    g_autoptr(GError) error = NULL;
    assert_null(berth_secret_read_fd(1 << 20, 4, &error));
    assert_int_equal(error->code, BERTH_ERR_IO);
}

static void
comparison_sees_every_byte(void **state)
{
    uint8_t a[32] = { 0 };
    uint8_t b[32] = { 0 };
    assert_true(berth_equal_secret(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] = 0x80;
        assert_false(berth_equal_secret(a, b, sizeof(a)));
        b[i] = 0;
    }
    assert_true(berth_equal_secret(a, b, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_holds_a_copy_and_ends_with_a_zero),
        cmocka_unit_test(a_secret_of_whole_pages_still_ends_with_a_zero),
        cmocka_unit_test(a_line_is_read_without_its_newline),
        cmocka_unit_test(what_follows_the_newline_stays_in_the_pipe),
        cmocka_unit_test(bad_secrets_are_refused),
        cmocka_unit_test(comparison_sees_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

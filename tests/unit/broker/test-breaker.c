/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/breaker.h"

#include <glib.h>
#include <string.h>

#define SECOND_US (1000LL * 1000)
#define START_US (1000LL * SECOND_US)

/* Fails at each of the seconds; how often it opened. */
static int
fail_at(BerthBreaker *breaker, const int *seconds, size_t n)
{
    int n_opened = 0;
    for (size_t i = 0; i < n; i++) {
        n_opened += berth_breaker_fail(breaker, START_US + seconds[i] * SECOND_US) ? 1 : 0;
    }
    return n_opened;
}

static void
three_failures_in_ten_minutes_open_it(void **state)
{
    static const struct {
        int seconds[5];
        size_t n;
        BerthBreakerState expected;
    } rows[] = {
        { { 0 }, 0, BERTH_BREAKER_CLOSED },
        { { 0, 1 }, 2, BERTH_BREAKER_CLOSED },
        { { 0, 1, 2 }, 3, BERTH_BREAKER_OPEN },
        { { 0, 300, 600 }, 3, BERTH_BREAKER_OPEN },
        { { 0, 300, 601 }, 3, BERTH_BREAKER_CLOSED },
        { { 0, 601, 1202, 1803 }, 4, BERTH_BREAKER_CLOSED },
        { { 0, 601, 700, 800 }, 4, BERTH_BREAKER_OPEN },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthBreaker breaker = { 0 };
        int n_opened = fail_at(&breaker, rows[i].seconds, rows[i].n);
        int64_t last_s = rows[i].n > 0 ? rows[i].seconds[rows[i].n - 1] : 0;
        BerthBreakerState got = berth_breaker_state(&breaker, START_US + last_s * SECOND_US);
        if (got != rows[i].expected || n_opened != (got == BERTH_BREAKER_OPEN ? 1 : 0)) {
            fail_msg("row %zu: %s, opened %d times", i, berth_breaker_state_name(got), n_opened);
        }
    }
}

static void
the_back_off_doubles_up_to_half_an_hour(void **state)
{
    static const int64_t waits_s[] = { 60, 120, 240, 480, 960, 1800, 1800 };
    static const int seconds[] = { 0, 0, 0 };
    BerthBreaker breaker = { 0 };
    int64_t now_us = START_US;
    fail_at(&breaker, seconds, 3);
    for (size_t i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        assert_int_equal(breaker.open_until_us, now_us + waits_s[i] * SECOND_US);
        now_us = breaker.open_until_us;
        assert_int_equal(berth_breaker_state(&breaker, now_us - 1), BERTH_BREAKER_OPEN);
        assert_int_equal(berth_breaker_state(&breaker, now_us), BERTH_BREAKER_HALF_OPEN);
        assert_true(berth_breaker_fail(&breaker, now_us));
    }
}

static void
failures_that_were_under_way_do_not_prolong_it(void **state)
{
    static const int seconds[] = { 0, 1, 2, 3, 4, 5 };
    BerthBreaker breaker = { 0 };
    assert_int_equal(fail_at(&breaker, seconds, 6), 1);
    assert_int_equal(breaker.open_until_us, START_US + 62 * SECOND_US);
}

static void
one_try_closes_it_and_an_older_success_does_not(void **state)
{
    static const int seconds[] = { 0, 0, 0 };
    BerthBreaker breaker = { 0 };
    fail_at(&breaker, seconds, 3);
    assert_false(berth_breaker_lets(&breaker, 0, START_US));
    assert_false(berth_breaker_succeed(&breaker, START_US + 59 * SECOND_US));
    assert_int_equal(breaker.n_failures, 3);
    assert_true(berth_breaker_lets(&breaker, 0, START_US + 60 * SECOND_US));
    assert_false(berth_breaker_lets(&breaker, 1, START_US + 60 * SECOND_US));
    assert_true(berth_breaker_succeed(&breaker, START_US + 70 * SECOND_US));
    assert_int_equal(berth_breaker_state(&breaker, START_US), BERTH_BREAKER_CLOSED);
    assert_true(berth_breaker_lets(&breaker, 9, START_US));
}

static void
a_success_does_not_hide_failures_while_it_is_closed(void **state)
{
    static const int seconds[] = { 0, 1 };
    BerthBreaker breaker = { 0 };
    fail_at(&breaker, seconds, 2);
    assert_false(berth_breaker_succeed(&breaker, START_US + 2 * SECOND_US));
    assert_true(berth_breaker_fail(&breaker, START_US + 3 * SECOND_US));
}

static void
it_says_what_happened_and_when_it_tries_again(void **state)
{
    static const int seconds[] = { 0, 1, 2 };
    BerthBreaker breaker = { .reason = "boot-timeout" };
    g_autofree char *closed = berth_breaker_explain(&breaker, "kvm1", START_US);
    fail_at(&breaker, seconds, 3);
    g_autofree char *open = berth_breaker_explain(&breaker, "kvm1", START_US + 12 * SECOND_US);
    g_autofree char *half = berth_breaker_explain(&breaker, "kvm1", START_US + 99 * SECOND_US);
    assert_string_equal(closed, "nothing failed on host \"kvm1\" of late");
    assert_string_equal(open, "3 machines failed on host \"kvm1\", the last: boot-timeout; one "
                              "more is tried in 50 s");
    assert_non_null(strstr(half, "one at a time may try now"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_failures_in_ten_minutes_open_it),
        cmocka_unit_test(the_back_off_doubles_up_to_half_an_hour),
        cmocka_unit_test(failures_that_were_under_way_do_not_prolong_it),
        cmocka_unit_test(one_try_closes_it_and_an_older_success_does_not),
        cmocka_unit_test(a_success_does_not_hide_failures_while_it_is_closed),
        cmocka_unit_test(it_says_what_happened_and_when_it_tries_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

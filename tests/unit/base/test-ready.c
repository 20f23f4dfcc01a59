/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/ready.h"

#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static void
lines_are_followed_by_ready_and_the_end(void **state)
{
    int ends[2];
    char text[64] = { 0 };
    assert_int_equal(pipe(ends), 0);
    assert_berth_ok(berth_ready_notify(ends[1], "port=%d\n", 4711));
    assert_int_equal(fcntl(ends[1], F_GETFD), -1);
    assert_int_equal(read(ends[0], text, sizeof(text)), 16);
    assert_string_equal(text, "port=4711\nready\n");
    assert_int_equal(read(ends[0], text, sizeof(text)), 0);
    close(ends[0]);
}

static void
nobody_asked_is_fine(void **state)
{
    assert_berth_ok(berth_ready_notify(-1, "port=%d\n", 1));
}

static void
a_starter_that_went_away_is_told_apart(void **state)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_berth_error(berth_ready_notify(ends[1], "%s", ""), BERTH_ERR_CLOSED);
    assert_int_equal(fcntl(ends[1], F_GETFD), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_followed_by_ready_and_the_end),
        cmocka_unit_test(nobody_asked_is_fine),
        cmocka_unit_test(a_starter_that_went_away_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

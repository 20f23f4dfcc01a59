/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/cleanup.h"

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

static bool
is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int
open_null(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void
a_descriptor_closes_at_the_end_of_its_scope(void **state)
{
    int number;
    {
        berth_autofd int fd = open_null();
        number = fd;
        assert_true(is_open(number));
    }
    assert_false(is_open(number));
}

static void
a_stolen_descriptor_stays_open(void **state)
{
    int number;
    {
        berth_autofd int fd = open_null();
        number = berth_steal_fd(&fd);
        assert_int_equal(fd, -1);
    }
    assert_true(is_open(number));
    berth_clear_fd(&number);
    assert_int_equal(number, -1);
}

static void
clearing_nothing_leaves_errno_alone(void **state)
{
    int none = -1;
    int broken = 1 << 20; /* close() of it fails */
    errno = EXDEV;
    berth_clear_fd(&none);
    berth_clear_fd(&broken);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(broken, -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_closes_at_the_end_of_its_scope),
        cmocka_unit_test(a_stolen_descriptor_stays_open),
        cmocka_unit_test(clearing_nothing_leaves_errno_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "host-agent/session/x11-target.h"

#include "base/fdpass.h"
#include "berth/errors.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static void
only_local_displays_are_read(void **state)
{
    static const char *const bad[] = { "",       ":",      "1",      ":x",
                                       ":1.",    ":1.x",   ":-1",    ":1 ",
                                       ":59536", ":0.256", "host:1", ":99999999999999999999" };
    int number = -1, screen = -1;

    assert_true(berth_x11_display_parse(":0", &number, &screen));
    assert_int_equal(number, 0);
    assert_int_equal(screen, 0);
    assert_true(berth_x11_display_parse(":59535.3", &number, &screen));
    assert_int_equal(number, 59535);
    assert_int_equal(screen, 3);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (berth_x11_display_parse(bad[i], &number, &screen)) {
            fail_msg("\"%s\" is a display", bad[i]);
        }
    }
}

/* Gives the packet to the receiver with n descriptors. */
static int
receive(const void *packet, size_t len, int n_fds, BerthX11Target *ret)
{
    int pair[2];
    int fd = eventfd(0, EFD_CLOEXEC);

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_berth_ok(berth_fds_send(pair[0], packet, len, &fd, n_fds));
    close(fd);
    close(pair[0]);
    return berth_x11_target_receive(pair[1], ret);
}

static void
packets_are_checked(void **state)
{
    BerthX11Target target = { .screen = 2, .name_len = 3, .data_len = 1, .name = "abc" };
    BerthX11Target seen;

    assert_berth_ok(receive(&target, sizeof(target), 1, &seen));
    assert_int_equal(seen.screen, 2);
    assert_int_equal(seen.name_len, 3);
    assert_memory_equal(seen.name, "abc", 3);
    assert_int_equal(close(seen.fd), 0);
    assert_int_equal(receive(&target, sizeof(target), 0, &seen), BERTH_ERR_PROTOCOL);
    assert_int_equal(receive(&target, sizeof(target) - 1, 1, &seen), BERTH_ERR_PROTOCOL);
    target.data_len = BERTH_X11_COOKIE_BYTES + 1;
    assert_int_equal(receive(&target, sizeof(target), 1, &seen), BERTH_ERR_PROTOCOL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_local_displays_are_read),
        cmocka_unit_test(packets_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

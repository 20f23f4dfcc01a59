/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/process-identity.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "testing.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define WORD_CHARS 64

/* A shell that waits for its input and has the word on its command line; returns its pidfd. */
static int
start_waiting(const char *word, int *ret_input)
{
    int ends[2];
    int pidfd = -1;
    const char *const argv[] = { "/bin/sh", "-c", "read line", word, NULL };
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    BerthSpawnFd map = { .source = ends[0], .target = 0 };
    BerthSpawnOptions options = {
        .fds = &map, .n_fds = 1, .new_session = true, .death_signal = SIGKILL
    };
    assert_true(berth_spawn(argv, &options, &pidfd, NULL, NULL));
    close(ends[0]);
    *ret_input = ends[1];
    return pidfd;
}

static void
only_the_process_with_that_very_word_is_ended(void **state)
{
    char word[WORD_CHARS];
    char longer[WORD_CHARS];
    int inputs[2];
    int status = 0;
    g_snprintf(word, sizeof word, "guest=berth-test-%d", (int)getpid());
    g_snprintf(longer, sizeof longer, "%s0", word);
    berth_autofd int other = start_waiting(longer, &inputs[0]);
    berth_autofd int stray = start_waiting(word, &inputs[1]);
    assert_true(berth_process_end_stray(word));
    struct pollfd ended = { .fd = stray, .events = POLLIN };
    assert_int_equal(poll(&ended, 1, 10000), 1);
    assert_berth_ok(berth_pidfd_reap(stray, &status));
    assert_int_equal(status, -SIGKILL);
    assert_false(berth_process_end_stray(word));
    assert_berth_error(berth_pidfd_reap(other, &status), BERTH_ERR_AGAIN);
    berth_pidfd_signal(other, SIGKILL);
    close(inputs[0]);
    close(inputs[1]);
}

static void
a_process_is_told_from_another_with_its_number(void **state)
{
    uint64_t ticks = berth_process_get_start_ticks(getpid());
    assert_true(ticks > 0);
    berth_autofd int right = berth_process_open(getpid(), ticks);
    assert_true(right >= 0);
    assert_int_equal(berth_process_open(getpid(), ticks + 1), -1);
    assert_int_equal(berth_process_open(0, 0), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_process_with_that_very_word_is_ended),
        cmocka_unit_test(a_process_is_told_from_another_with_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

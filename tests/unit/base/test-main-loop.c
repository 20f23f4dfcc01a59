/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/main-loop.h"

#include "testing.h"

#include <signal.h>
#include <unistd.h>

static gboolean
send_signal(gpointer signal_number)
{
    kill(getpid(), GPOINTER_TO_INT(signal_number));
    return G_SOURCE_REMOVE;
}

static void
stop_signals_end_the_loop(void **state)
{
    static const int signals[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_idle_add(send_signal, GINT_TO_POINTER(signals[i]));
        berth_main_loop_run(loop);
        assert_false(g_main_loop_is_running(loop));
    }
}

static void
a_signal_before_the_loop_ends_it_too(void **state)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    berth_main_loop_hold_signals();
    kill(getpid(), SIGTERM);
    berth_main_loop_run(loop);
    assert_false(g_main_loop_is_running(loop));
}

static gboolean
write_and_quit(gpointer loop)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void
a_broken_pipe_does_not_end_the_program(void **state)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_idle_add(write_and_quit, loop);
    berth_main_loop_run(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_signals_end_the_loop),
        cmocka_unit_test(a_signal_before_the_loop_ends_it_too),
        cmocka_unit_test(a_broken_pipe_does_not_end_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/poller.h"

#include "testing.h"

#include <sys/epoll.h>
#include <unistd.h>

#define N_PIPES 4

typedef struct {
    GMainContext *context;
    BerthPoller *poller;
    int in[N_PIPES];
    int out[N_PIPES];
    int n_calls[N_PIPES];
    uint32_t last_events;
    int victim; /* pipe that the callback removes; -1 none */
    gboolean frees_poller;
} Fixture;

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->context = g_main_context_new();
    fixture->poller = berth_poller_new(fixture->context);
    fixture->victim = -1;
    for (int i = 0; i < N_PIPES; i++) {
        int ends[2];
        if (pipe(ends) < 0) {
            return -1;
        }
        fixture->in[i] = ends[0];
        fixture->out[i] = ends[1];
    }
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;
    berth_poller_free(fixture->poller);
    g_main_context_unref(fixture->context);
    for (int i = 0; i < N_PIPES; i++) {
        close(fixture->in[i]);
        close(fixture->out[i]);
    }
    g_free(fixture);
    return 0;
}

static void
on_event(int fd, uint32_t events, void *user_data)
{
    Fixture *fixture = user_data;
    fixture->last_events = events;
    for (int i = 0; i < N_PIPES; i++) {
        fixture->n_calls[i] += fixture->in[i] == fd;
    }
    if (fixture->victim >= 0) {
        berth_poller_remove(fixture->poller, fixture->in[fixture->victim]);
    }
    if (fixture->frees_poller) {
        berth_poller_free(fixture->poller);
        fixture->poller = NULL;
    }
}

static void
turn(Fixture *fixture)
{
    g_main_context_iteration(fixture->context, FALSE);
}

static void
watch(Fixture *fixture, int i)
{
    assert_berth_ok(berth_poller_add(fixture->poller, fixture->in[i], EPOLLIN, on_event, fixture));
    assert_int_equal(write(fixture->out[i], "x", 1), 1);
}

static void
only_ready_descriptors_are_told(void **state)
{
    Fixture *fixture = *state;
    assert_berth_ok(berth_poller_add(fixture->poller, fixture->in[0], EPOLLIN, on_event, fixture));
    watch(fixture, 1);
    turn(fixture);
    assert_int_equal(fixture->n_calls[0], 0);
    assert_int_equal(fixture->n_calls[1], 1);
    assert_true(fixture->last_events & EPOLLIN);
    turn(fixture); /* level-triggered: the byte is still there */
    assert_int_equal(fixture->n_calls[1], 2);
}

static void
a_hang_up_is_told_without_asking(void **state)
{
    Fixture *fixture = *state;
    assert_berth_ok(berth_poller_add(fixture->poller, fixture->in[0], 0, on_event, fixture));
    close(fixture->out[0]);
    fixture->out[0] = -1;
    turn(fixture);
    assert_int_equal(fixture->n_calls[0], 1);
    assert_true(fixture->last_events & EPOLLHUP);
}

static void
modify_silences_and_wakes_again(void **state)
{
    Fixture *fixture = *state;
    watch(fixture, 0);
    assert_berth_ok(berth_poller_modify(fixture->poller, fixture->in[0], 0));
    turn(fixture);
    assert_int_equal(fixture->n_calls[0], 0);
    assert_berth_ok(berth_poller_modify(fixture->poller, fixture->in[0], EPOLLIN));
    turn(fixture);
    assert_int_equal(fixture->n_calls[0], 1);
}

static void
a_descriptor_removed_in_a_callback_gets_no_event(void **state)
{
    Fixture *fixture = *state;
    for (int i = 0; i < N_PIPES; i++) {
        watch(fixture, i);
    }
    fixture->victim = 2;
    turn(fixture);
    int first = fixture->n_calls[2];
    assert_true(first <= 1); /* at most its own event, when it came first */
    turn(fixture);
    assert_int_equal(fixture->n_calls[2], first);
    assert_int_equal(fixture->n_calls[3], 2);
}

static void
a_callback_may_remove_itself(void **state)
{
    Fixture *fixture = *state;
    watch(fixture, 0);
    fixture->victim = 0;
    turn(fixture);
    turn(fixture);
    assert_int_equal(fixture->n_calls[0], 1);
}

static void
a_callback_may_free_the_poller(void **state)
{
    Fixture *fixture = *state;
    for (int i = 0; i < N_PIPES; i++) {
        watch(fixture, i);
    }
    fixture->frees_poller = TRUE;
    turn(fixture);
    turn(fixture);
    int sum = 0;
    for (int i = 0; i < N_PIPES; i++) {
        sum += fixture->n_calls[i];
    }
    assert_int_equal(sum, 1);
}

static void
misuse_is_refused(void **state)
{
    Fixture *fixture = *state;
    watch(fixture, 0);
    assert_berth_error(
        berth_poller_add(fixture->poller, fixture->in[0], EPOLLIN, on_event, fixture),
        BERTH_ERR_EXISTS);
    assert_berth_error(berth_poller_add(fixture->poller, -1, EPOLLIN, on_event, fixture),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_poller_add(fixture->poller, 1 << 20, EPOLLIN, on_event, fixture),
                       BERTH_ERR_INVALID);
    assert_berth_error(berth_poller_modify(fixture->poller, fixture->in[1], EPOLLIN),
                       BERTH_ERR_NOT_FOUND);
    assert_berth_error(berth_poller_remove(fixture->poller, fixture->in[1]), BERTH_ERR_NOT_FOUND);
}

int
main(void)
{
#define POLLER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        POLLER_TEST(only_ready_descriptors_are_told),
        POLLER_TEST(a_hang_up_is_told_without_asking),
        POLLER_TEST(modify_silences_and_wakes_again),
        POLLER_TEST(a_descriptor_removed_in_a_callback_gets_no_event),
        POLLER_TEST(a_callback_may_remove_itself),
        POLLER_TEST(a_callback_may_free_the_poller),
        POLLER_TEST(misuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The watch over a scripted monitor on a socket pair. */
#include "host-agent/vm/disk-watch.h"

#include "testing.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

typedef struct {
    BerthPoller *poller;
    BerthQmp *qmp;
    BerthDiskWatch *watch;
    int peer;
    bool is_ready;
    int n_changes;
} Fixture;

static void
on_ready(void *user_data)
{
    ((Fixture *)user_data)->is_ready = true;
}

static const BerthQmpCallbacks callbacks = { .on_ready = on_ready };

static void
on_changed(void *user_data)
{
    ((Fixture *)user_data)->n_changes++;
}

static void
say(const Fixture *f, const char *text)
{
    assert_int_equal(write(f->peer, text, strlen(text)), (ssize_t)strlen(text));
}

/* Waits until the watch asks for something; true if it is the command with that name. */
static bool
is_asked(const Fixture *f, const char *name)
{
    char text[512];
    ssize_t n;
    while ((n = recv(f->peer, text, sizeof text - 1, MSG_DONTWAIT)) < 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    text[n] = '\0';
    return strstr(text, name) != NULL;
}

static void
tell_no_space(const Fixture *f)
{
    json_t *data = json_pack("{s:b}", "nospace", 1);
    berth_disk_watch_event(f->watch, "BLOCK_IO_ERROR", data);
    json_decref(data);
}

static void
wait_for_changes(const Fixture *f, int n)
{
    while (f->n_changes < n) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
a_pause_is_seen_and_ends_when_a_try_stays_calm(void **state)
{
    Fixture *f = *state;
    assert_true(is_asked(f, "query-status"));
    say(f, "{\"return\": {\"status\": \"running\"}, \"id\": 1}\r\n");
    tell_no_space(f);
    assert_true(berth_disk_watch_is_full(f->watch));
    assert_int_equal(f->n_changes, 1);
    assert_true(is_asked(f, "cont"));
    tell_no_space(f);
    assert_true(is_asked(f, "cont"));
    assert_true(berth_disk_watch_is_full(f->watch));
    wait_for_changes(f, 2);
    assert_false(berth_disk_watch_is_full(f->watch));
}

static void
a_guest_that_was_paused_before_is_found(void **state)
{
    Fixture *f = *state;
    assert_true(is_asked(f, "query-status"));
    say(f, "{\"return\": {\"status\": \"io-error\"}, \"id\": 1}\r\n");
    wait_for_changes(f, 1);
    assert_true(berth_disk_watch_is_full(f->watch));
    assert_true(is_asked(f, "cont"));
}

static void
other_errors_and_events_are_nothing(void **state)
{
    Fixture *f = *state;
    json_t *data = json_pack("{s:b}", "nospace", 0);
    berth_disk_watch_event(f->watch, "BLOCK_IO_ERROR", data);
    berth_disk_watch_event(f->watch, "BLOCK_IO_ERROR", NULL);
    berth_disk_watch_event(f->watch, "STOP", data);
    json_decref(data);
    assert_false(berth_disk_watch_is_full(f->watch));
    assert_int_equal(f->n_changes, 0);
}

static int
set_up(void **state)
{
    static const BerthDiskWatchTimes times = { .retry_ms = 1, .calm_ms = 20 };
    Fixture *f = g_new0(Fixture, 1);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        return -1;
    }
    f->poller = berth_poller_new(NULL);
    f->peer = ends[1];
    f->qmp = berth_qmp_new(f->poller, ends[0], &callbacks, f);
    f->watch = berth_disk_watch_new(&times, on_changed, f);
    say(f, GREETING);
    if (!is_asked(f, "qmp_capabilities")) {
        return -1;
    }
    say(f, "{\"return\": {}, \"id\": 0}\r\n");
    while (!f->is_ready) {
        g_main_context_iteration(NULL, TRUE);
    }
    berth_disk_watch_attach(f->watch, f->qmp);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *f = *state;
    berth_disk_watch_free(f->watch);
    berth_qmp_free(f->qmp);
    berth_poller_free(f->poller);
    close(f->peer);
    g_free(f);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        WATCH_TEST(a_pause_is_seen_and_ends_when_a_try_stays_calm),
        WATCH_TEST(a_guest_that_was_paused_before_is_found),
        WATCH_TEST(other_errors_and_events_are_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

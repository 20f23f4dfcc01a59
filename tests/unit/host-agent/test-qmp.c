/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monitor client against a scripted QEMU on a socket pair. */
#include "host-agent/vm/qmp.h"

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "berth/limits.h"
#include "testing.h"

#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

typedef struct {
    BerthPoller *poller;
    BerthQmp *qmp;
    int peer;
    bool is_ready;
    GString *events;
    GString *replies;
    int closed_code;
    bool free_on_reply;
} Fixture;

static void
on_ready(void *user_data)
{
    ((Fixture *)user_data)->is_ready = true;
}

static void
on_event(const char *name, const json_t *data, void *user_data)
{
    Fixture *fixture = user_data;
    g_string_append_printf(fixture->events, "%s;", name);
}

static void
on_closed(int code, const char *text, void *user_data)
{
    Fixture *fixture = user_data;
    assert_int_equal(fixture->closed_code, 0);
    assert_non_null(text);
    fixture->closed_code = code;
}

static const BerthQmpCallbacks callbacks = { on_ready, on_event, on_closed };

static void
on_reply(int code, const json_t *result, const char *text, void *user_data)
{
    Fixture *fixture = user_data;
    g_string_append_printf(fixture->replies, "%s %s;", berth_error_name(code),
                           text != NULL ? text : "-");
    if (fixture->free_on_reply) {
        g_clear_pointer(&fixture->qmp, berth_qmp_free);
    }
}

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        return -1;
    }
    fixture->poller = berth_poller_new(NULL);
    fixture->peer = ends[1];
    fixture->events = g_string_new(NULL);
    fixture->replies = g_string_new(NULL);
    fixture->qmp = berth_qmp_new(fixture->poller, ends[0], &callbacks, fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;
    berth_qmp_free(fixture->qmp);
    berth_poller_free(fixture->poller);
    berth_clear_fd(&fixture->peer);
    g_string_free(fixture->events, TRUE);
    g_string_free(fixture->replies, TRUE);
    g_free(fixture);
    return 0;
}

static void
say(Fixture *fixture, const char *text)
{
    assert_int_equal(send(fixture->peer, text, strlen(text), 0), strlen(text));
}

/* Runs the loop until it has nothing to do. */
static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static char *
hear(Fixture *fixture)
{
    char text[4096];
    settle();
    ssize_t n = recv(fixture->peer, text, sizeof text - 1, MSG_DONTWAIT);
    text[MAX(n, 0)] = '\0';
    return g_strdup(text);
}

static void
assert_heard(Fixture *fixture, const char *expected)
{
    g_autofree char *heard = hear(fixture);
    assert_string_equal(heard, expected);
}

static void
greet(Fixture *fixture)
{
    say(fixture, GREETING);
    assert_heard(fixture, "{\"execute\": \"qmp_capabilities\", \"id\": 0}\n");
    say(fixture, "{\"return\": {}, \"id\": 0}\r\n");
    settle();
    assert_true(fixture->is_ready);
}

static void
commands_wait_for_the_greeting_and_are_answered_in_order(void **state)
{
    Fixture *fixture = *state;
    berth_qmp_command(fixture->qmp, "stop", NULL, on_reply, fixture);
    assert_heard(fixture, "");
    say(fixture, GREETING);
    assert_heard(fixture, "{\"execute\": \"qmp_capabilities\", \"id\": 0}\n"
                          "{\"execute\":\"stop\",\"id\":1}\n");
    berth_qmp_command(fixture->qmp, "cont", json_pack("{s:i}", "x", 1), on_reply, fixture);
    assert_heard(fixture, "{\"execute\":\"cont\",\"id\":2,\"arguments\":{\"x\":1}}\n");
    say(fixture, "{\"return\": {}, \"id\": 0}\n{\"return\": {}, \"id\": 1}\n{\"ret");
    settle();
    assert_string_equal(fixture->replies->str, "ok -;");
    say(fixture, "urn\": {}, \"id\": 2}\n");
    settle();
    assert_string_equal(fixture->replies->str, "ok -;ok -;");
}

static void
an_error_of_qemu_is_handed_on(void **state)
{
    Fixture *fixture = *state;
    greet(fixture);
    berth_qmp_command(fixture->qmp, "nonsense", NULL, on_reply, fixture);
    say(fixture, "{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\n");
    settle();
    assert_string_equal(fixture->replies->str, "invalid no;");
    assert_int_equal(fixture->closed_code, 0);
}

static void
events_come_between_answers(void **state)
{
    Fixture *fixture = *state;
    greet(fixture);
    say(fixture, "{\"event\": \"STOP\", \"timestamp\": {}}\n"
                 "{\"event\": \"RESET\", \"data\": {\"guest\": true}}\n");
    settle();
    assert_string_equal(fixture->events->str, "STOP;RESET;");
}

static void
a_descriptor_goes_with_its_command(void **state)
{
    Fixture *fixture = *state;
    int pipe_ends[2];
    char text[200];
    int fd = -1;
    size_t len;
    int n_fds;
    struct stat sent, got;
    greet(fixture);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    assert_int_equal(fstat(pipe_ends[0], &sent), 0);
    berth_qmp_pass_fd(fixture->qmp, "disk", pipe_ends[0], NULL, NULL);
    settle();
    assert_int_equal(fcntl(pipe_ends[0], F_GETFD), -1);
    assert_berth_ok(berth_fds_recv(fixture->peer, text, sizeof text - 1, &len, &fd, 1, &n_fds));
    text[len] = '\0';
    assert_string_equal(text,
                        "{\"execute\":\"getfd\",\"id\":1,\"arguments\":{\"fdname\":\"disk\"}}\n");
    assert_int_equal(n_fds, 1);
    assert_int_equal(fstat(fd, &got), 0);
    assert_int_equal(got.st_ino, sent.st_ino);
    close(fd);
    close(pipe_ends[1]);
}

static void
assert_protocol_error(Fixture *fixture, const char *line)
{
    berth_qmp_command(fixture->qmp, "stop", NULL, on_reply, fixture);
    settle();
    say(fixture, line);
    settle();
    assert_berth_error(fixture->closed_code, BERTH_ERR_PROTOCOL);
    assert_true(g_str_has_prefix(fixture->replies->str, "closed "));
}

static void
an_answer_to_nothing_ends_the_connection(void **state)
{
    greet(*state);
    assert_protocol_error(*state, "{\"return\": {}, \"id\": 7}\n");
}

static void
a_second_greeting_ends_the_connection(void **state)
{
    greet(*state);
    assert_protocol_error(*state, GREETING);
}

static void
an_answer_before_the_greeting_ends_the_connection(void **state)
{
    assert_protocol_error(*state, "{\"return\": {}}\n");
}

static void
a_line_that_is_no_json_ends_the_connection(void **state)
{
    greet(*state);
    assert_protocol_error(*state, "{\"return\": \n");
}

static void
a_line_over_the_limit_ends_the_connection(void **state)
{
    Fixture *fixture = *state;
    static char block[65536];
    size_t n_sent = 0;
    greet(fixture);
    memset(block, ' ', sizeof block);
    while (fixture->closed_code == 0 && n_sent < 2u * BERTH_LIMIT_QMP_LINE_BYTES) {
        ssize_t n = send(fixture->peer, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        n_sent += n > 0 ? (size_t)n : 0;
        settle();
    }
    assert_berth_error(fixture->closed_code, BERTH_ERR_PROTOCOL);
    assert_true(n_sent <= BERTH_LIMIT_QMP_LINE_BYTES + 2 * sizeof block + 1024 * 1024);
}

static void
a_hang_up_answers_all_open_commands(void **state)
{
    Fixture *fixture = *state;
    greet(fixture);
    berth_qmp_command(fixture->qmp, "a", NULL, on_reply, fixture);
    berth_qmp_command(fixture->qmp, "b", NULL, on_reply, fixture);
    settle();
    berth_clear_fd(&fixture->peer);
    settle();
    assert_berth_error(fixture->closed_code, BERTH_ERR_CLOSED);
    assert_string_equal(fixture->replies->str,
                        "closed QEMU closed its monitor;closed QEMU closed its monitor;");
}

static void
a_reply_may_free_the_client(void **state)
{
    Fixture *fixture = *state;
    greet(fixture);
    fixture->free_on_reply = true;
    berth_qmp_command(fixture->qmp, "a", NULL, on_reply, fixture);
    berth_qmp_command(fixture->qmp, "b", NULL, on_reply, fixture);
    settle();
    say(fixture, "{\"return\": {}, \"id\": 1}\n{\"return\": {}, \"id\": 2}\n");
    settle();
    assert_null(fixture->qmp);
    assert_string_equal(fixture->replies->str, "ok -;");
}

static void
a_reply_of_a_hang_up_may_free_the_client(void **state)
{
    Fixture *fixture = *state;
    greet(fixture);
    fixture->free_on_reply = true;
    berth_qmp_command(fixture->qmp, "a", NULL, on_reply, fixture);
    berth_qmp_command(fixture->qmp, "b", NULL, on_reply, fixture);
    settle();
    berth_clear_fd(&fixture->peer);
    settle();
    assert_null(fixture->qmp);
    assert_int_equal(fixture->closed_code, 0);
}

int
main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(commands_wait_for_the_greeting_and_are_answered_in_order),
        ROW(an_error_of_qemu_is_handed_on),
        ROW(events_come_between_answers),
        ROW(a_descriptor_goes_with_its_command),
        ROW(an_answer_to_nothing_ends_the_connection),
        ROW(a_second_greeting_ends_the_connection),
        ROW(an_answer_before_the_greeting_ends_the_connection),
        ROW(a_line_that_is_no_json_ends_the_connection),
        ROW(a_line_over_the_limit_ends_the_connection),
        ROW(a_hang_up_answers_all_open_commands),
        ROW(a_reply_may_free_the_client),
        ROW(a_reply_of_a_hang_up_may_free_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

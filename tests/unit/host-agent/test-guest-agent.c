/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client of the guest agent against a scripted guest, a hostile one included. */
#include "host-agent/vm/guest-agent.h"
#include "host-agent/vm/guest-exec.h"

#include "base/cleanup.h"
#include "berth/limits.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_MS 60000

typedef struct {
    BerthPoller *poller;
    BerthGuestAgent *agent;
    char *folder, *path;
    int listener, guest; /* the guest's end */
    bool is_in_sync;     /* it answers every synchronisation */
    GString *replies;
    GString *heard;
} Fixture;

static int
set_up(void **state)
{
    Fixture *self = g_new0(Fixture, 1);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    self->folder = g_dir_make_tmp("guest-XXXXXX", NULL);
    self->path = g_build_filename(self->folder, "port", NULL);
    g_strlcpy(address.sun_path, self->path, sizeof address.sun_path);
    self->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    self->guest = -1;
    if (bind(self->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(self->listener, 4) != 0) {
        return -1;
    }
    self->poller = berth_poller_new(NULL);
    self->agent = berth_guest_agent_new(self->poller, self->path);
    self->replies = g_string_new(NULL);
    self->heard = g_string_new(NULL);
    *state = self;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *self = *state;
    berth_guest_agent_unref(self->agent);
    berth_poller_free(self->poller);
    berth_clear_fd(&self->guest);
    berth_clear_fd(&self->listener);
    unlink(self->path);
    rmdir(self->folder);
    g_string_free(self->replies, TRUE);
    g_string_free(self->heard, TRUE);
    g_free(self->folder);
    g_free(self->path);
    g_free(self);
    return 0;
}

static void
on_reply(int code, const json_t *result, const char *text, void *user_data)
{
    Fixture *self = user_data;
    char *dumped = result != NULL ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    g_string_append_printf(self->replies, "[%d %s]", code,
                           dumped != NULL ? dumped
                           : text != NULL ? text
                                          : "-");
    free(dumped);
}

static void
say(Fixture *self, const char *text)
{
    assert_int_equal(send(self->guest, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
answer_sync(Fixture *self, const char *line)
{
    g_autofree char *answer =
        g_strdup_printf("\xff{\"return\": %lld}\n",
                        (long long)g_ascii_strtoll(strstr(line, "\"id\": ") + 6, NULL, 10));
    say(self, answer);
}

static char *
take_line(Fixture *self)
{
    char *newline = strchr(self->heard->str, '\n');
    if (newline == NULL) {
        return NULL;
    }
    char *line = g_strndup(self->heard->str, (gsize)(newline - self->heard->str));
    g_string_erase(self->heard, 0, newline + 1 - self->heard->str);
    return line;
}

/* Runs the loop until the guest has heard a line with this word in it, which is returned. */
static char *
hear(Fixture *self, const char *word)
{
    while (true) {
        char *line;
        while ((line = take_line(self)) != NULL) {
            if (strstr(line, word) != NULL) {
                return line;
            }
            if (self->is_in_sync && strstr(line, "guest-sync-delimited") != NULL) {
                answer_sync(self, line);
            }
            g_free(line);
        }
        char buffer[4096];
        g_main_context_iteration(NULL, FALSE);
        if (self->guest < 0) {
            self->guest = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK);
        }
        ssize_t n = self->guest >= 0 ? recv(self->guest, buffer, sizeof buffer, MSG_DONTWAIT) : -1;
        g_string_append_len(self->heard, buffer, MAX(n, 0));
    }
}

/* From now on it answers synchronisations, so that calls go out. */
static void
synchronise(Fixture *self)
{
    self->is_in_sync = true;
}

static void
wait_replies(Fixture *self, const char *expected)
{
    while (self->replies->len < strlen(expected)) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_string_equal(self->replies->str, expected);
    g_string_truncate(self->replies, 0);
}

static void
ping(Fixture *self)
{
    berth_guest_agent_call(self->agent, "guest-ping", NULL, TIMEOUT_MS, on_reply, self);
}

static void
answers_come_to_the_calls_in_order(void **state)
{
    Fixture *self = *state;
    ping(self);
    berth_guest_agent_call(self->agent, "guest-get-time", NULL, TIMEOUT_MS, on_reply, self);
    synchronise(self);
    g_free(hear(self, "guest-ping"));
    say(self, "{\"return\": {}}\n");
    g_free(hear(self, "guest-get-time"));
    say(self, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no \\u0007 time\"}}\n");
    wait_replies(self, "[0 {}][-1 no ? time]");
}

static void
what_came_before_the_synchronisation_answers_nothing(void **state)
{
    Fixture *self = *state;
    ping(self);
    g_autofree char *line = hear(self, "guest-sync-delimited");
    say(self, "{\"return\": {\"old\": 1}}\n{\"return\": 1}\n{\"ret");
    answer_sync(self, line);
    synchronise(self);
    g_free(hear(self, "guest-ping"));
    say(self, "{\"return\": 2}\n");
    wait_replies(self, "[0 2]");
}

static void
a_late_answer_is_nobodys(void **state)
{
    Fixture *self = *state;
    berth_guest_agent_call(self->agent, "guest-late", NULL, 1, on_reply, self);
    wait_replies(self, "[-14 the guest agent did not answer in time]");
    berth_guest_agent_call(self->agent, "guest-slow", NULL, 2000, on_reply, self);
    synchronise(self);
    g_free(hear(self, "guest-slow"));
    wait_replies(self, "[-14 the guest agent did not answer in time]");
    ping(self);
    say(self, "{\"return\": \"slow\"}\n");
    g_free(hear(self, "guest-ping"));
    say(self, "{\"return\": \"ping\"}\n");
    wait_replies(self, "[0 \"ping\"]");
}

static void
rubbish_ends_a_call_and_the_next_one_gets_a_new_connection(void **state)
{
    static const char *const rubbish[] = { "hello\n", "{}\n", "[]\n", "{\"error\": 7}\n",
                                           "{\"return\": 1, \"return\": 2}\n" };
    Fixture *self = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(rubbish); i++) {
        ping(self);
        synchronise(self);
        g_free(hear(self, "guest-ping"));
        say(self, rubbish[i]);
        wait_replies(self, "[-5 the guest agent sent a line that is no answer]");
        berth_clear_fd(&self->guest);
    }
}

static void
a_flood_ends_a_call(void **state)
{
    Fixture *self = *state;
    char flood[4096];
    memset(flood, 'x', sizeof flood);
    ping(self);
    synchronise(self);
    g_free(hear(self, "guest-ping"));
    size_t n_sent = 0;
    while (self->replies->len == 0) {
        ssize_t n = send(self->guest, flood, sizeof flood, MSG_NOSIGNAL | MSG_DONTWAIT);
        n_sent += (size_t)MAX(n, 0);
        assert_true(n_sent < 4 * BERTH_LIMIT_GUEST_AGENT_LINE_BYTES);
        g_main_context_iteration(NULL, FALSE);
    }
    wait_replies(self, "[-4 the guest agent says more than is allowed]");
}

static void
no_more_calls_wait_than_are_allowed(void **state)
{
    Fixture *self = *state;
    for (unsigned i = 0; i < BERTH_LIMIT_GUEST_CALLS; i++) {
        berth_guest_agent_call(self->agent, "guest-ping", NULL, TIMEOUT_MS, NULL, NULL);
    }
    ping(self);
    wait_replies(self, "[-29 too many commands wait for the guest agent]");
}

static void
closing_ends_every_call(void **state)
{
    Fixture *self = *state;
    ping(self);
    synchronise(self);
    g_free(hear(self, "guest-ping"));
    ping(self);
    berth_guest_agent_close(self->agent);
    ping(self);
    assert_int_equal(self->replies->len, 0);
    wait_replies(self, "[-12 the machine ended before its guest agent answered]"
                       "[-12 the machine ended before its guest agent answered]"
                       "[-12 the machine ended before its guest agent answered]");
}

static void
a_forgotten_call_still_takes_its_answer(void **state)
{
    Fixture *self = *state;
    int other;
    berth_guest_agent_call(self->agent, "guest-other", NULL, TIMEOUT_MS, on_reply, &other);
    synchronise(self);
    g_free(hear(self, "guest-other"));
    berth_guest_agent_forget(self->agent, &other);
    ping(self);
    say(self, "{\"return\": \"other\"}\n");
    g_free(hear(self, "guest-ping"));
    say(self, "{\"return\": \"ping\"}\n");
    wait_replies(self, "[0 \"ping\"]");
}

/* ---- scripts ---- */

static void
on_done(const BerthGuestExecResult *result, void *user_data)
{
    Fixture *self = user_data;
    g_string_append_printf(self->replies, "[%d %d %s|%s%s]", result->code, result->status,
                           result->text != NULL ? result->text : result->out, result->err,
                           result->is_cut ? " cut" : "");
}

static void
a_script_goes_in_and_its_output_comes_out(void **state)
{
    Fixture *self = *state;
    berth_guest_exec(self->agent, "echo hello; exit 3\n", TIMEOUT_MS, on_done, self);
    synchronise(self);
    g_autofree char *line = hear(self, "guest-exec");
    assert_non_null(strstr(line, "\"input-data\":\"ZWNobyBoZWxsbzsgZXhpdCAzCg==\""));
    say(self, "{\"return\": {\"pid\": 77}}\n");
    g_free(hear(self, "\"pid\":77"));
    say(self, "{\"return\": {\"exited\": false}}\n");
    g_free(hear(self, "\"pid\":77"));
    say(self, "{\"return\": {\"exited\": true, \"exitcode\": 3, \"out-data\": \"aGVsbG8K\", "
              "\"err-data\": \"b2g=\", \"out-truncated\": true}}\n");
    wait_replies(self, "[0 3 hello\n|oh cut]");
}

static void
a_script_that_hangs_is_killed(void **state)
{
    Fixture *self = *state;
    berth_guest_exec(self->agent, "sleep 1000\n", 2000, on_done, self);
    synchronise(self);
    g_free(hear(self, "guest-exec"));
    say(self, "{\"return\": {\"pid\": 77}}\n");
    while (self->replies->len == 0) {
        g_free(hear(self, "guest-"));
        say(self, "{\"return\": {\"exited\": false}}\n");
        g_main_context_iteration(NULL, FALSE);
    }
    wait_replies(self, "[-14 0 the script did not end in time|]");
    g_autofree char *line = hear(self, "input-data");
    assert_non_null(strstr(line, "a2lsbCAtS0lMTCA3Nwo=")); /* kill -KILL 77 */
}

static void
a_script_that_is_too_long_is_not_sent(void **state)
{
    Fixture *self = *state;
    g_autofree char *script = g_strnfill(BERTH_LIMIT_GUEST_SCRIPT_BYTES + 1, ' ');
    berth_guest_exec(self->agent, script, TIMEOUT_MS, on_done, self);
    wait_replies(self, "[-4 0 the script is too long to be given to a guest|]");
}

static int
read_status(const char *text)
{
    BerthGuestExecResult result;
    char *out = NULL, *err = NULL;
    json_t *status = json_loads(text, JSON_DECODE_ANY, NULL);
    int code = berth_guest_exec_read_status(status, &result, &out, &err);
    json_decref(status);
    g_free(out);
    g_free(err);
    return code == BERTH_OK ? result.status : code;
}

static void
a_status_is_read_strictly(void **state)
{
    assert_int_equal(read_status("{\"exited\": true, \"exitcode\": 9}"), 9);
    assert_int_equal(read_status("{\"exited\": true, \"signal\": 9}"), 137);
    assert_int_equal(read_status("{\"exited\": true, \"exitcode\": 99999}"), 255);
    assert_int_equal(read_status("{\"exited\": false}"), BERTH_ERR_AGAIN);
    assert_int_equal(read_status("{\"exited\": 1}"), BERTH_ERR_PROTOCOL);
    assert_int_equal(read_status("[]"), BERTH_ERR_PROTOCOL);
    assert_int_equal(read_status("{\"exited\": true, \"out-data\": 7}"), BERTH_ERR_PROTOCOL);
    assert_int_equal(read_status("{\"exited\": true, \"err-data\": \"a b\"}"), BERTH_ERR_PROTOCOL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_come_to_the_calls_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_came_before_the_synchronisation_answers_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_answer_is_nobodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rubbish_ends_a_call_and_the_next_one_gets_a_new_connection,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_ends_a_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_calls_wait_than_are_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_ends_every_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_call_still_takes_its_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_goes_in_and_its_output_comes_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_script_that_hangs_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_that_is_too_long_is_not_sent, set_up, tear_down),
        cmocka_unit_test(a_status_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

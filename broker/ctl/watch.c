/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that look more than once: the site at a glance, and a connect that is only a test.
 */
#include "broker/ctl/ctl.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "broker/ctl/table.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP_EVERY_MS 2000
#define TEST_LIMIT_US (300LL * G_USEC_PER_SEC)
#define CLIENT_KEY_CHARS 64
/* How long a session is looked for that an interrupted request may still get. */
#define MAX_LOOKS 6
#define LOOK_EVERY_MS 250

static volatile sig_atomic_t is_interrupted;

static void
on_interrupt(int number)
{
    is_interrupted = 1;
}

static bool
print_list(BerthCtl *ctl, const char *name, GError **error)
{
    const BerthCtlKind *kind = berth_ctl_find_kind(name);
    json_auto_t *rows = berth_ctl_list(ctl, kind->path, kind->member, error);
    if (rows == NULL) {
        return false;
    }
    g_autofree char *text = berth_ctl_format_table(rows, kind->columns);
    printf("\n%s", text);
    return true;
}

static bool
print_top(BerthCtl *ctl, bool is_screen, GError **error)
{
    json_auto_t *status = NULL;
    if (!berth_ctl_client_call(ctl->client, "GET", "/v1/status", NULL, NULL, &status, error)) {
        return false;
    }
    if (ctl->is_json) {
        berth_ctl_print(ctl, status, "status", NULL);
        return true;
    }
    if (is_screen) {
        fputs("\033[H\033[2J", stdout);
    }
    g_autofree char *text = berth_ctl_format_object(json_object_get(status, "status"));
    fputs(text, stdout);
    bool is_good = print_list(ctl, "hosts", error) && print_list(ctl, "pools", error) &&
                   print_list(ctl, "sessions", error);
    fflush(stdout);
    return is_good;
}

void
berth_ctl_catch_interrupts(BerthCtl *ctl)
{
    struct sigaction action = { .sa_handler = on_interrupt };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    berth_ctl_client_set_interrupt(ctl->client, &is_interrupted);
}

bool
berth_ctl_is_interrupted(void)
{
    return is_interrupted != 0;
}

bool
berth_ctl_run_top(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    bool is_screen = ctl->is_terminal && !ctl->is_json && !berth_ctl_call_has(call, "once");
    if (!is_screen) {
        return print_top(ctl, false, error);
    }
    berth_ctl_catch_interrupts(ctl);
    bool is_good = true;
    while (is_good && !is_interrupted) {
        is_good = print_top(ctl, true, error);
        if (is_good && !is_interrupted) {
            poll(NULL, 0, TOP_EVERY_MS);
        }
    }
    berth_ctl_client_set_interrupt(ctl->client, NULL);
    if (is_interrupted) {
        g_clear_error(error);
    }
    return is_good || is_interrupted;
}

static void
note_step(json_t *steps, const char *what, int64_t since_us)
{
    json_array_append_new(steps, json_pack("{s:s, s:I}", "step", what, "ms",
                                           (json_int_t)((berth_monotonic_us() - since_us) / 1000)));
}

/* Asks until the desktop is granted; the reply is the last answer. */
static bool
connect_until_granted(BerthCtl *ctl, const char *path, json_t *steps, json_t **ret_reply,
                      GError **error)
{
    char key[CLIENT_KEY_CHARS + 1];
    int64_t since_us = berth_monotonic_us();
    g_autofree char *last = g_strdup("");
    berth_id_random_hex(key);
    berth_id_random_hex(key + BERTH_ID_HEX_CHARS);
    json_auto_t *body = json_pack("{s:s, s:s}", "client_key", key, "client", "berthctl test");
    while (berth_monotonic_us() - since_us < TEST_LIMIT_US && !is_interrupted) {
        json_auto_t *reply = NULL;
        if (!berth_ctl_client_call(ctl->client, "POST", path, body, NULL, &reply, error)) {
            return false;
        }
        if (json_object_get(reply, "ticket") != NULL) {
            note_step(steps, "granted", since_us);
            *ret_reply = json_incref(reply);
            return true;
        }
        const char *state = json_string_value(json_object_get(reply, "state"));
        if (state != NULL && strcmp(state, last) != 0) {
            note_step(steps, state, since_us);
            g_free(last);
            last = g_strdup(state);
        }
        json_int_t retry_ms = json_integer_value(json_object_get(reply, "retry_ms"));
        poll(NULL, 0, (int)CLAMP(retry_ms, 50, 5000));
    }
    if (is_interrupted) {
        return berth_set_error(error, BERTH_ERR_CLOSED, "interrupted");
    }
    return berth_set_error(error, BERTH_ERR_TIMEOUT, "no desktop was granted in %d s",
                           (int)(TEST_LIMIT_US / G_USEC_PER_SEC));
}

/* The pool of a desktop that one may have, by its name or id; needs no role. */
static char *
find_desktop(BerthCtl *ctl, const char *name, GError **error)
{
    size_t i = 0;
    json_t *row = NULL;
    json_auto_t *rows = berth_ctl_list(ctl, "/v1/me/desktops", "desktops", error);
    if (rows == NULL) {
        return NULL;
    }
    json_array_foreach (rows, i, row) {
        const char *pool = json_string_value(json_object_get(row, "pool"));
        if (g_strcmp0(json_string_value(json_object_get(row, "name")), name) == 0 ||
            g_strcmp0(pool, name) == 0) {
            return g_strdup(pool);
        }
    }
    berth_set_error(error, BERTH_ERR_NOT_FOUND,
                    "this user may not have a desktop of \"%s\"; see berthctl entitle", name);
    return NULL;
}

/* The session that one has in a pool; NULL without one, or on error. */
static char *
find_session(BerthCtl *ctl, const char *pool, GError **error)
{
    size_t i = 0;
    json_t *row = NULL;
    json_auto_t *rows = berth_ctl_list(ctl, "/v1/me/sessions", "sessions", error);
    json_array_foreach (rows, i, row) {
        if (g_strcmp0(json_string_value(json_object_get(row, "pool")), pool) == 0) {
            return g_strdup(json_string_value(json_object_get(row, "id")));
        }
    }
    return NULL;
}

/* Logs the test off; a request that was interrupted may be granted a moment later. */
static bool
end_test(BerthCtl *ctl, const char *pool, GError **error)
{
    g_autofree char *session = NULL;
    json_auto_t *nothing = NULL;
    berth_ctl_client_set_interrupt(ctl->client, NULL);
    for (int i = 0; session == NULL && i < MAX_LOOKS; i++) {
        poll(NULL, 0, i > 0 ? LOOK_EVERY_MS : 0);
        session = find_session(ctl, pool, NULL);
    }
    if (session == NULL) {
        return true;
    }
    g_autofree char *path = g_strconcat("/v1/me/sessions/", session, "/logoff", NULL);
    return berth_ctl_client_call(ctl->client, "POST", path, NULL, NULL, &nothing, error);
}

static bool
check_free(BerthCtl *ctl, const char *pool, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *session = find_session(ctl, pool, &why);
    if (why != NULL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    return session == NULL ||
           berth_set_error(error, BERTH_ERR_BUSY,
                           "this user has session \"%s\" there already: the test would end it",
                           session);
}

bool
berth_ctl_run_connect_as_test(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    json_auto_t *steps = json_array();
    json_auto_t *reply = NULL;
    g_autofree char *pool = find_desktop(ctl, call->args[0], error);
    if (pool == NULL || !check_free(ctl, pool, error)) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/me/desktops/", pool, "/connect", NULL);
    berth_ctl_catch_interrupts(ctl);
    if (!connect_until_granted(ctl, path, steps, &reply, error)) {
        (void)end_test(ctl, pool, NULL);
        return false;
    }
    json_auto_t *result =
        json_pack("{s:O, s:O?, s:O?}", "steps", steps, "session", json_object_get(reply, "session"),
                  "policy", json_object_get(reply, "policy"));
    berth_ctl_print(ctl, result, "steps", "step ms");
    return berth_ctl_call_has(call, "keep") || end_test(ctl, pool, error);
}

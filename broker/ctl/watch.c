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

static volatile sig_atomic_t is_interrupted;

static void
on_interrupt(int number)
{
    is_interrupted = 1;
}

static bool
print_list(BerthCtl *ctl, const char *name, const char *query, GError **error)
{
    const BerthCtlKind *kind = berth_ctl_find_kind(name);
    g_autofree char *path = g_strconcat("/v1/", name, query, NULL);
    json_auto_t *rows = berth_ctl_client_list(ctl->client, path, name, error);
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
    bool is_good = print_list(ctl, "hosts", "", error) && print_list(ctl, "pools", "", error) &&
                   print_list(ctl, "sessions", "", error);
    fflush(stdout);
    return is_good;
}

bool
berth_ctl_run_top(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    struct sigaction action = { .sa_handler = on_interrupt };
    bool is_screen = ctl->is_terminal && !ctl->is_json && !berth_ctl_call_has(call, "once");
    if (!is_screen) {
        return print_top(ctl, false, error);
    }
    sigaction(SIGINT, &action, NULL);
    while (!is_interrupted) {
        if (!print_top(ctl, true, error)) {
            return false;
        }
        poll(NULL, 0, TOP_EVERY_MS);
    }
    return true;
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
    return berth_set_error(error, BERTH_ERR_TIMEOUT, "no desktop was granted in %d s",
                           (int)(TEST_LIMIT_US / G_USEC_PER_SEC));
}

bool
berth_ctl_run_connect_as_test(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    g_autofree char *pool =
        berth_ctl_lookup(ctl, berth_ctl_find_kind("pool"), call->args[0], error);
    json_auto_t *steps = json_array();
    json_auto_t *reply = NULL;
    json_auto_t *nothing = NULL;
    if (pool == NULL) {
        return false;
    }
    g_autofree char *path = g_strconcat("/v1/me/desktops/", pool, "/connect", NULL);
    if (!connect_until_granted(ctl, path, steps, &reply, error)) {
        return false;
    }
    const char *session = json_string_value(json_object_get(reply, "session"));
    json_auto_t *result =
        json_pack("{s:O, s:O?, s:O?}", "steps", steps, "session", json_object_get(reply, "session"),
                  "policy", json_object_get(reply, "policy"));
    berth_ctl_print(ctl, result, "steps", "step ms");
    if (session == NULL || berth_ctl_call_has(call, "keep")) {
        return true;
    }
    g_autofree char *logoff = g_strconcat("/v1/me/sessions/", session, "/logoff", NULL);
    return berth_ctl_client_call(ctl->client, "POST", logoff, NULL, NULL, &nothing, error);
}

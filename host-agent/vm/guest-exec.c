/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/guest-exec.h"

#include "base/clock.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>

/* Asking costs the guest a millisecond or more, so long scripts are asked after less and less. */
#define FIRST_POLL_MS 8
#define LAST_POLL_MS 500
#define KILL_TIMEOUT_MS 10000

struct BerthGuestExec {
    BerthGuestAgent *agent;
    int64_t deadline_us;
    int64_t pid; /* in the guest; 0: not started */
    guint poll_ms;
    guint poll_source;
    BerthGuestExecDone done;
    void *user_data;
};

/* ---- pure ---- */

/* Standard base64 and nothing else, or NULL.  An absent member is empty output. */
static char *
decode(const json_t *status, const char *key, size_t *ret_bytes)
{
    const json_t *member = json_object_get(status, key);
    const char *text = member != NULL ? json_string_value(member) : "";
    *ret_bytes = 0;
    if (text == NULL || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789+/=") != strlen(text)) {
        return NULL;
    }
    gsize n = 0;
    guchar *bytes = g_base64_decode(text, &n);
    char *out = g_malloc(n + 1);
    if (n > 0) {
        memcpy(out, bytes, n);
    }
    out[n] = '\0';
    g_free(bytes);
    *ret_bytes = n;
    return out;
}

static int
read_exit(const json_t *status)
{
    json_int_t signal = json_integer_value(json_object_get(status, "signal"));
    json_int_t code = json_integer_value(json_object_get(status, "exitcode"));
    return signal > 0 && signal < 128 ? 128 + (int)signal : (int)CLAMP(code, 0, 255);
}

int
berth_guest_exec_read_status(const json_t *status, BerthGuestExecResult *ret, char **ret_out,
                             char **ret_err)
{
    const json_t *exited = json_object_get(status, "exited");
    BerthGuestExecResult result = { .code = BERTH_OK };
    if (!json_is_boolean(exited)) {
        return BERTH_ERR_PROTOCOL;
    }
    if (!json_is_true(exited)) {
        return BERTH_ERR_AGAIN;
    }
    char *out = decode(status, "out-data", &result.out_bytes);
    char *err = decode(status, "err-data", &result.err_bytes);
    bool is_large = result.out_bytes + result.err_bytes > BERTH_LIMIT_GUEST_OUTPUT_BYTES;
    if (out == NULL || err == NULL || is_large) {
        g_free(out);
        g_free(err);
        return is_large ? BERTH_ERR_TOO_LARGE : BERTH_ERR_PROTOCOL;
    }
    result.status = read_exit(status);
    result.is_cut = json_is_true(json_object_get(status, "out-truncated")) ||
                    json_is_true(json_object_get(status, "err-truncated"));
    result.out = out;
    result.err = err;
    *ret_out = out;
    *ret_err = err;
    *ret = result;
    return BERTH_OK;
}

/* ---- job ---- */

static json_t *
shell_arguments(const char *script, bool captures)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)script, strlen(script));
    return json_pack("{s:s,s:[],s:s,s:b}", "path", "/bin/sh", "arg", "input-data", encoded,
                     "capture-output", captures);
}

static int
left_ms(const BerthGuestExec *self)
{
    return (int)MAX((self->deadline_us - berth_monotonic_us()) / 1000, 1);
}

/* Best effort: the guest's agent has no way to end what it started. */
static void
kill_script(BerthGuestExec *self)
{
    if (self->pid != 0) {
        g_autofree char *script = g_strdup_printf("kill -KILL %" G_GINT64_FORMAT "\n", self->pid);
        berth_guest_agent_call(self->agent, "guest-exec", shell_arguments(script, false),
                               KILL_TIMEOUT_MS, NULL, NULL);
    }
}

static void
finish(BerthGuestExec *self, const BerthGuestExecResult *result)
{
    BerthGuestExecDone done = self->done;
    void *user_data = self->user_data;
    g_clear_handle_id(&self->poll_source, g_source_remove);
    berth_guest_agent_unref(self->agent);
    g_free(self);
    done(result, user_data);
}

static void
finish_with(BerthGuestExec *self, int code, const char *text)
{
    const BerthGuestExecResult result = { .code = code, .text = text, .out = "", .err = "" };
    finish(self, &result);
}

static gboolean on_poll(gpointer user_data);

static void
poll_later(BerthGuestExec *self)
{
    self->poll_source = g_timeout_add(self->poll_ms, on_poll, self);
    self->poll_ms = MIN(self->poll_ms + self->poll_ms / 2, LAST_POLL_MS);
}

static void
on_status(int code, const json_t *status, const char *text, void *user_data)
{
    BerthGuestExec *self = user_data;
    BerthGuestExecResult result;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    if (code == BERTH_OK) {
        code = berth_guest_exec_read_status(status, &result, &out, &err);
        text = code == BERTH_ERR_TOO_LARGE ? "the script wrote more than is allowed"
                                           : "the guest agent sent no status of a script";
    }
    if (code == BERTH_OK) {
        finish(self, &result);
    } else if (code == BERTH_ERR_AGAIN && berth_monotonic_us() < self->deadline_us) {
        poll_later(self);
    } else if (code == BERTH_ERR_AGAIN || code == BERTH_ERR_TIMEOUT) {
        kill_script(self);
        finish_with(self, BERTH_ERR_TIMEOUT, "the script did not end in time");
    } else {
        finish_with(self, code, text);
    }
}

static gboolean
on_poll(gpointer user_data)
{
    BerthGuestExec *self = user_data;
    self->poll_source = 0;
    berth_guest_agent_call(self->agent, "guest-exec-status",
                           json_pack("{s:I}", "pid", (json_int_t)self->pid), left_ms(self),
                           on_status, self);
    return G_SOURCE_REMOVE;
}

static void
on_started(int code, const json_t *result, const char *text, void *user_data)
{
    BerthGuestExec *self = user_data;
    const json_t *pid = json_object_get(result, "pid");
    if (code == BERTH_OK && (!json_is_integer(pid) || json_integer_value(pid) <= 0)) {
        code = BERTH_ERR_PROTOCOL;
        text = "the guest agent did not say which process it started";
    }
    if (code != BERTH_OK) {
        finish_with(self, code, text);
        return;
    }
    self->pid = json_integer_value(pid);
    poll_later(self);
}

static gboolean
on_too_large(gpointer user_data)
{
    BerthGuestExec *self = user_data;
    self->poll_source = 0;
    finish_with(self, BERTH_ERR_TOO_LARGE, "the script is too long to be given to a guest");
    return G_SOURCE_REMOVE;
}

BerthGuestExec *
berth_guest_exec(BerthGuestAgent *agent, const char *script, int timeout_ms,
                 BerthGuestExecDone done, void *user_data)
{
    BerthGuestExec *self = g_new0(BerthGuestExec, 1);
    self->agent = berth_guest_agent_ref(agent);
    self->deadline_us = berth_monotonic_us() + (int64_t)timeout_ms * 1000;
    self->poll_ms = FIRST_POLL_MS;
    self->done = done;
    self->user_data = user_data;
    if (strlen(script) > BERTH_LIMIT_GUEST_SCRIPT_BYTES) {
        self->poll_source = g_idle_add(on_too_large, self);
        return self;
    }
    berth_guest_agent_call(agent, "guest-exec", shell_arguments(script, true), timeout_ms,
                           on_started, self);
    return self;
}

void
berth_guest_exec_cancel(BerthGuestExec *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->poll_source, g_source_remove);
    berth_guest_agent_forget(self->agent, self);
    kill_script(self);
    berth_guest_agent_unref(self->agent);
    g_free(self);
}

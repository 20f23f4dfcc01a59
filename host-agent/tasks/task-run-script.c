/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kind "run-script": an administrator's script in a guest, with the last line of its output as
 * progress.  It runs on while this agent is away, and is begun once.
 *
 * args: {"script": "...", "timeout_s": 3600}
 */
#include "host-agent/tasks/task-kind.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"
#include "host-agent/tasks/script-log.h"
#include "host-agent/tasks/task-guest.h"
#include "host-agent/tasks/task-kinds.h"

#include <string.h>

#define WAIT_MS (15 * 60 * 1000)
#define LOOK_EVERY_MS 1000
#define LOOK_MS (60 * 1000)
#define TIMEOUT_DEFAULT_S 3600
#define TIMEOUT_MAX_S (24 * 3600)

typedef struct {
    BerthTaskContext *context;
    BerthTaskGuest *guest;
    guint look_source;
    int64_t due_us;
} RunScript;

static BerthVm *
find_vm(void *user_data)
{
    RunScript *self = user_data;
    return berth_machine_park_get_vm(berth_task_get_host(self->context)->machines,
                                     berth_task_get_machine(self->context));
}

static void
run(RunScript *self, char *script, BerthTaskGuestDone done)
{
    self->guest = berth_task_guest_run(find_vm, script, WAIT_MS, LOOK_MS, done, self);
    g_free(script);
}

static void
on_forgotten(const BerthGuestExecResult *result, void *user_data)
{
}

/* Best effort: a guest that restarts has forgotten it anyway. */
static void
forget_script(RunScript *self)
{
    BerthVm *vm = find_vm(self);
    BerthGuestAgent *agent = vm != NULL ? berth_vm_get_guest_agent(vm) : NULL;
    if (agent != NULL) {
        g_autofree char *script = berth_script_log_dup_forget(berth_task_get_id(self->context));
        berth_guest_exec(agent, script, LOOK_MS, on_forgotten, NULL);
    }
}

static void
finish(RunScript *self, int code, const char *detail, json_t *result)
{
    BerthTaskContext *context = self->context;
    forget_script(self);
    g_free(self);
    berth_task_finish(context, code, detail, result);
}

/* What it wrote last, as valid text; for json_decref(). */
static json_t *
make_result(const BerthScriptLook *look)
{
    size_t skip = look->n_output_bytes > BERTH_SCRIPT_OUTPUT_BYTES
                      ? look->n_output_bytes - BERTH_SCRIPT_OUTPUT_BYTES
                      : 0;
    g_autofree char *text =
        g_utf8_make_valid(look->output + skip, (gssize)(look->n_output_bytes - skip));
    return json_pack("{s:i, s:s}", "status", look->status, "output", text);
}

static void
finish_ended(RunScript *self, const BerthScriptLook *look)
{
    g_autofree char *last = berth_script_log_dup_last_line(look->output, look->n_output_bytes);
    g_autofree char *detail =
        look->status == 0
            ? g_strdup("the script ended well")
            : g_strdup_printf("the script ended with status %d: %s", look->status, last);
    finish(self, look->status == 0 ? BERTH_OK : BERTH_ERR_STATE, detail, make_result(look));
}

static gboolean on_look_due(gpointer user_data);

static void
handle_look(RunScript *self, const BerthScriptLook *look)
{
    g_autofree char *last = berth_script_log_dup_last_line(look->output, look->n_output_bytes);
    switch (look->state) {
    case BERTH_SCRIPT_ENDED:
        finish_ended(self, look);
        return;
    case BERTH_SCRIPT_UNKNOWN:
        finish(self, BERTH_ERR_DESKTOP_GONE, "the desktop was restarted while the script ran",
               NULL);
        return;
    case BERTH_SCRIPT_RUNS:
    default:
        break;
    }
    if (berth_monotonic_us() > self->due_us) {
        finish(self, BERTH_ERR_TIMEOUT, "the script did not end in time and was killed",
               make_result(look));
        return;
    }
    berth_task_set_progress(self->context, 50, last);
    self->look_source = g_timeout_add(LOOK_EVERY_MS, on_look_due, self);
}

static void
on_looked(const BerthGuestExecResult *result, void *user_data)
{
    RunScript *self = user_data;
    BerthScriptLook look;
    self->guest = NULL;
    if (result->code != BERTH_OK) {
        finish(self, result->code, result->text, NULL);
    } else if (!berth_script_log_read(result->out, result->out_bytes, &look)) {
        finish(self, BERTH_ERR_PROTOCOL, "the guest does not say how its script is doing", NULL);
    } else {
        handle_look(self, &look);
    }
}

static gboolean
on_look_due(gpointer user_data)
{
    RunScript *self = user_data;
    self->look_source = 0;
    run(self, berth_script_log_dup_look(berth_task_get_id(self->context)), on_looked);
    return G_SOURCE_REMOVE;
}

static void
on_begun(const BerthGuestExecResult *result, void *user_data)
{
    RunScript *self = user_data;
    g_autoptr(GError) error = NULL;
    self->guest = NULL;
    if (result->code != BERTH_OK || result->status != 0) {
        finish(self, result->code != BERTH_OK ? result->code : BERTH_ERR_STATE,
               result->code != BERTH_OK ? result->text : "the guest cannot keep the script in /run",
               NULL);
        return;
    }
    berth_kill_point(BERTH_KILL_SCRIPT_BEGUN);
    /* From here on it is only looked at: a guest that restarted must not run it again. */
    if (!berth_task_set_checkpoint(self->context, json_pack("{s:b}", "has_begun", 1), &error)) {
        finish(self, error->code, error->message, NULL);
        return;
    }
    berth_task_set_progress(self->context, 20, "the script runs");
    self->look_source = g_timeout_add(LOOK_EVERY_MS, on_look_due, self);
}

static const char *
read_args(BerthTaskContext *context, int *ret_timeout_s, GError **error)
{
    BerthJsonFields fields;
    const json_t *args = berth_task_get_args(context);
    const json_t *text = json_object_get(args, "script");
    berth_json_fields_init(&fields, args, "arguments of run-script");
    berth_json_fields_any(&fields, "script");
    berth_json_fields_any(&fields, "machine");
    *ret_timeout_s = (int)berth_json_fields_optional_int(&fields, "timeout_s", 1, TIMEOUT_MAX_S,
                                                         TIMEOUT_DEFAULT_S);
    if (berth_id_is_zero(berth_task_get_machine(context))) {
        berth_json_fields_fail(&fields, "machine", "is missing");
    }
    if (!json_is_string(text) || json_string_length(text) > BERTH_LIMIT_RUN_SCRIPT_BYTES) {
        berth_json_fields_fail(&fields, "script", "is no text, or too long");
    }
    return berth_json_fields_finish(&fields, error) ? json_string_value(text) : NULL;
}

static void *
start_script(BerthTaskContext *context, GError **error)
{
    int timeout_s = 0;
    const char *script = read_args(context, &timeout_s, error);
    if (script == NULL) {
        return NULL;
    }
    RunScript *self = g_new0(RunScript, 1);
    self->context = context;
    self->due_us = berth_monotonic_us() + timeout_s * 1000000LL;
    if (berth_task_get_checkpoint(context) != NULL) {
        self->look_source = g_timeout_add(LOOK_EVERY_MS, on_look_due, self);
        return self;
    }
    berth_task_set_progress(context, 5, "waiting for the desktop");
    run(self, berth_script_log_dup_begin(berth_task_get_id(context), script), on_begun);
    return self;
}

static void
free_script(void *work, bool is_undone)
{
    RunScript *self = work;
    g_clear_handle_id(&self->look_source, g_source_remove);
    berth_task_guest_cancel(self->guest);
    if (is_undone) {
        forget_script(self);
    }
    g_free(self);
}

const BerthTaskKind berth_task_run_script = {
    .name = "run-script",
    .start = start_script,
    .free = free_script,
};

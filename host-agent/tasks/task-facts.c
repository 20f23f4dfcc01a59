/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kind "facts": what a guest is and has, and keeps that as the baseline of what is changed
 * from now on.
 */
#include "host-agent/tasks/task-kind.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/tasks/guest-facts.h"
#include "host-agent/tasks/guest-scripts.h"
#include "host-agent/tasks/task-guest.h"
#include "host-agent/tasks/task-kinds.h"

#define WAIT_MS (15 * 60 * 1000)
#define SCRIPT_MS (10 * 60 * 1000)

typedef struct {
    BerthTaskContext *context;
    BerthTaskGuest *guest;
} Facts;

static BerthVm *
find_vm(void *user_data)
{
    Facts *self = user_data;
    return berth_machine_park_get_vm(berth_task_get_host(self->context)->machines,
                                     berth_task_get_machine(self->context));
}

static void
finish(Facts *self, int code, const char *detail, json_t *result)
{
    BerthTaskContext *context = self->context;
    g_free(self);
    berth_task_finish(context, code, detail, result);
}

static void
on_listed(const BerthGuestExecResult *result, void *user_data)
{
    Facts *self = user_data;
    g_autoptr(GError) error = NULL;
    if (result->code != BERTH_OK) {
        finish(self, result->code, result->text, NULL);
        return;
    }
    json_t *report = berth_guest_facts_read(result->out, result->out_bytes, &error);
    finish(self, report != NULL ? BERTH_OK : error->code,
           report != NULL ? "the guest's packages and files are known" : error->message, report);
}

static void *
start_facts(BerthTaskContext *context, GError **error)
{
    if (berth_id_is_zero(berth_task_get_machine(context))) {
        berth_set_error(error, BERTH_ERR_INVALID, "the facts of which \"machine\"?");
        return NULL;
    }
    Facts *self = g_new0(Facts, 1);
    self->context = context;
    g_autofree char *script = g_strconcat("MODE=baseline\n", berth_guest_script_facts, NULL);
    berth_task_set_progress(context, 10, "listing packages and files of the guest");
    self->guest = berth_task_guest_run(find_vm, script, WAIT_MS, SCRIPT_MS, on_listed, self);
    return self;
}

static void
free_facts(void *work, bool is_undone)
{
    Facts *self = work;
    berth_task_guest_cancel(self->guest);
    g_free(self);
}

const BerthTaskKind berth_task_facts = {
    .name = "facts",
    .start = start_facts,
    .free = free_facts,
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-guest.h"

#include "base/clock.h"
#include "base/log.h"
#include "berth/errors.h"

#define LOOK_MS 250
/* A connection that breaks so often is not broken by chance. */
#define TRIES_MAX 3

struct BerthTaskGuest {
    BerthTaskGuestFind find;
    char *script;
    int64_t wait_until_us;
    int timeout_ms;
    int n_tries;
    BerthTaskGuestDone done;
    void *user_data;
    BerthGuestExec *exec;
    guint look_source;
};

static void
task_guest_free(BerthTaskGuest *self)
{
    g_clear_handle_id(&self->look_source, g_source_remove);
    g_free(self->script);
    g_free(self);
}

static void
end(BerthTaskGuest *self, const BerthGuestExecResult *result)
{
    BerthTaskGuestDone done = self->done;
    void *user_data = self->user_data;
    done(result, user_data);
    task_guest_free(self);
}

static gboolean on_look(gpointer user_data);

static bool
is_worth_again(const BerthTaskGuest *self, int code)
{
    bool is_connection = code == BERTH_ERR_CLOSED || code == BERTH_ERR_TIMEOUT;
    return is_connection && self->n_tries < TRIES_MAX && berth_monotonic_us() < self->wait_until_us;
}

static void
on_script_done(const BerthGuestExecResult *result, void *user_data)
{
    BerthTaskGuest *self = user_data;
    self->exec = NULL;
    if (is_worth_again(self, result->code)) {
        berth_log_info("tasks", "the connection to the guest broke, trying again: %s",
                       result->text != NULL ? result->text : "");
        self->look_source = g_timeout_add(LOOK_MS, on_look, self);
        return;
    }
    end(self, result);
}

static gboolean
on_look(gpointer user_data)
{
    BerthTaskGuest *self = user_data;
    BerthVm *vm = self->find(self->user_data);
    bool is_up = vm != NULL && berth_vm_get_state(vm) == BERTH_VM_READY;
    BerthGuestAgent *agent = is_up ? berth_vm_get_guest_agent(vm) : NULL;
    if (agent != NULL) {
        self->look_source = 0;
        self->n_tries++;
        self->exec = berth_guest_exec(agent, self->script, self->timeout_ms, on_script_done, self);
        return G_SOURCE_REMOVE;
    }
    bool is_failed = vm != NULL && berth_vm_get_state(vm) == BERTH_VM_FAILED;
    if (!is_failed && berth_monotonic_us() < self->wait_until_us) {
        return G_SOURCE_CONTINUE;
    }
    self->look_source = 0;
    const BerthGuestExecResult result = {
        .code = is_failed ? BERTH_ERR_DESKTOP_GONE : BERTH_ERR_TIMEOUT,
        .text = is_failed ? "the desktop does not start; see its failure"
                          : "the desktop did not come up in time",
        .out = "",
        .err = "",
    };
    end(self, &result);
    return G_SOURCE_REMOVE;
}

BerthTaskGuest *
berth_task_guest_run(BerthTaskGuestFind find, const char *script, int wait_ms, int timeout_ms,
                     BerthTaskGuestDone done, void *user_data)
{
    BerthTaskGuest *self = g_new0(BerthTaskGuest, 1);
    self->find = find;
    self->script = g_strdup(script);
    self->wait_until_us = berth_monotonic_us() + (int64_t)wait_ms * 1000;
    self->timeout_ms = timeout_ms;
    self->done = done;
    self->user_data = user_data;
    self->look_source = g_timeout_add(LOOK_MS, on_look, self);
    return self;
}

void
berth_task_guest_cancel(BerthTaskGuest *self)
{
    if (self != NULL) {
        berth_guest_exec_cancel(self->exec);
        task_guest_free(self);
    }
}

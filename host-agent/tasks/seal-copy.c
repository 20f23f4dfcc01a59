/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/seal-copy.h"

#include "base/clock.h"
#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/state-file.h"
#include "host-agent/tasks/guest-scripts.h"
#include "host-agent/vm/guest-exec.h"

#include <string.h>

#define CHECK_MS (60 * 1000)

struct BerthSealCopy {
    BerthVmHost host;
    char *folder;
    BerthVm *vm;
    BerthGuestExec *exec;
    int64_t started_us;
    bool is_checked; /* the guest was asked, or cannot be */
    int code;
    char *text;
    BerthSealCopyDone done; /* NULL: nobody waits any more */
    void *user_data;
    guint free_source;
};

static void
seal_copy_free(BerthSealCopy *self)
{
    g_clear_handle_id(&self->free_source, g_source_remove);
    berth_guest_exec_cancel(self->exec);
    berth_vm_free(self->vm);
    g_free(self->folder);
    g_free(self->text);
    g_free(self);
}

static gboolean
on_gone(gpointer user_data)
{
    BerthSealCopy *self = user_data;
    self->free_source = 0;
    berth_state_folder_remove(self->folder);
    if (self->done != NULL) {
        self->done(self->code, self->text, self->user_data);
    }
    seal_copy_free(self);
    return G_SOURCE_REMOVE;
}

/* Keeps the verdict and takes the machine down; the first verdict counts. */
static void
conclude(BerthSealCopy *self, int code, char *text)
{
    if (self->text == NULL) {
        self->code = code;
        self->text = text;
    } else {
        g_free(text);
    }
    self->is_checked = true;
    berth_vm_stop(self->vm);
}

static void
judge(BerthSealCopy *self, const BerthGuestCheck *check)
{
    int64_t took_ms = (berth_monotonic_us() - self->started_us) / 1000;
    if (check->unclean != NULL) {
        conclude(self, BERTH_ERR_CORRUPT,
                 g_strdup_printf("the new version boots, but its file system was not clean: %s",
                                 check->unclean));
        return;
    }
    conclude(self, BERTH_OK,
             g_strdup_printf("ready after %.1f s, file system clean", (double)took_ms / 1000));
}

static void
on_checked(const BerthGuestExecResult *result, void *user_data)
{
    BerthSealCopy *self = user_data;
    BerthGuestCheck check;
    g_autoptr(GError) error = NULL;
    self->exec = NULL;
    if (result->code != BERTH_OK) {
        conclude(self, result->code,
                 g_strdup_printf("the new version boots, but its agent runs no script: %s",
                                 result->text));
    } else if (!berth_guest_check_read(result->out, result->out_bytes, &check, &error)) {
        conclude(self, error->code, g_strdup(error->message));
    } else {
        judge(self, &check);
        berth_guest_check_clear(&check);
    }
}

static void
handle_ready(BerthSealCopy *self)
{
    if (self->is_checked || self->exec != NULL) {
        return;
    }
    if (berth_vm_get_spec(self->vm)->condition[0] != '\0') {
        conclude(self, BERTH_ERR_TIMEOUT,
                 g_strdup_printf("the new version does not come up: its agent did not answer in "
                                 "%d s",
                                 self->host.ready_deadline_ms / 1000));
        return;
    }
    self->exec = berth_guest_exec(berth_vm_get_guest_agent(self->vm), berth_guest_script_check,
                                  CHECK_MS, on_checked, self);
}

static void
on_vm_changed(BerthVm *vm, void *user_data)
{
    BerthSealCopy *self = user_data;
    switch (berth_vm_get_state(vm)) {
    case BERTH_VM_READY:
        handle_ready(self);
        break;
    case BERTH_VM_FAILED:
        conclude(self, berth_vm_get_spec(vm)->failure,
                 g_strdup_printf("the new version does not start: %s",
                                 berth_vm_get_spec(vm)->failure_text));
        break;
    case BERTH_VM_GONE:
        if (self->free_source == 0) {
            self->free_source = g_idle_add(on_gone, self);
        }
        break;
    default:
        break;
    }
}

static const BerthVmCallbacks vm_callbacks = { .on_changed = on_vm_changed };

/* A machine like that one, but its own, and of the new file. */
static void
make_spec(const BerthVmSpec *like, const char *disk, BerthVmSpec *ret)
{
    berth_vm_spec_copy(like, ret);
    berth_id_random(&ret->id);
    ret->epoch = 1;
    ret->keep = false;
    ret->use_template = false;
    ret->network = (BerthVmNetwork){ .mode = BERTH_NETWORK_NONE };
    ret->manifest.ready = BERTH_READY_GUEST_AGENT;
    g_free(ret->manifest.disk);
    g_free(ret->manifest.format);
    g_clear_pointer(&ret->manifest.sha256, g_free);
    ret->manifest.disk = g_strdup(disk);
    ret->manifest.format = g_strdup("raw");
    g_clear_pointer(&ret->template_key, g_free);
    g_clear_pointer(&ret->failure_text, g_free);
    g_free(ret->condition);
    ret->condition = g_strdup("");
    ret->failure = BERTH_OK;
    ret->pid = 0;
    ret->was_ready = ret->has_run = ret->is_off = false;
    berth_vm_spec_choose_identity(ret);
}

BerthSealCopy *
berth_seal_copy_new(const BerthVmHost *host, const char *disk, const BerthVmSpec *like,
                    const char *folder, BerthSealCopyDone done, void *user_data)
{
    BerthVmSpec spec;
    BerthVmBoot boot = { .dies_with_agent = true };
    BerthSealCopy *self = g_new0(BerthSealCopy, 1);
    self->host = *host;
    self->host.networks = NULL;
    self->folder = g_strdup(folder);
    self->done = done;
    self->user_data = user_data;
    self->started_us = berth_monotonic_us();
    berth_state_folder_remove(folder);
    make_spec(like, disk, &spec);
    self->vm = berth_vm_new(&self->host, folder, &spec, &boot, &vm_callbacks, self);
    berth_vm_spec_clear(&spec);
    berth_vm_create(self->vm, true);
    return self;
}

void
berth_seal_copy_cancel(BerthSealCopy *self, bool is_undone)
{
    if (self == NULL) {
        return;
    }
    self->done = NULL;
    if (!is_undone) {
        seal_copy_free(self);
        return;
    }
    g_clear_pointer(&self->exec, berth_guest_exec_cancel);
    conclude(self, BERTH_ERR_CLOSED, g_strdup("not wanted any more"));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/template-build.h"

#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/state-file.h"
#include "host-agent/vm/guest-exec.h"
#include "host-agent/vm/guest-identity.h"
#include "host-agent/vm/overlay.h"
#include "host-agent/vm/qemu-migration.h"
#include "host-agent/vm/template-folder.h"
#include "host-agent/vm/vm-card.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* What the guest still does after it says that it is ready would be done again in every fork. */
#define SETTLE_MS 1500
#define PREPARE_MS (300 * 1000)
#define FREEZE_MS (120 * 1000)
#define TEXT_CHARS 200

struct BerthTemplateBuild {
    const BerthVmHost *host;
    const char *qemu_version;
    char *folder;
    BerthTemplateBuildDone done;
    void *user_data;

    BerthVm *vm;
    BerthGuestExec *exec;
    BerthQemuMigration *migration;
    BerthOverlayJob *overlay;
    guint settle_source;
    guint finish_source;
    bool is_freezing;
    bool has_shell;
    bool is_saved;
    int code; /* why it failed; BERTH_OK: not yet */
    char *text;
};

/* The first reason counts; the machine's end follows, and with it ours. */
static void
fail(BerthTemplateBuild *self, int code, const char *text)
{
    if (self->code == BERTH_OK) {
        self->code = code;
        self->text = g_strdup(text);
    }
    self->is_saved = false;
    berth_vm_stop(self->vm);
}

static gboolean
on_finish(gpointer user_data)
{
    BerthTemplateBuild *self = user_data;
    self->finish_source = 0;
    self->done(self->code, self->text, self->user_data);
    return G_SOURCE_REMOVE;
}

static void
finish_soon(BerthTemplateBuild *self)
{
    if (self->finish_source == 0) {
        self->finish_source = g_idle_add(on_finish, self);
    }
}

/* ---- the files, once the machine is gone ---- */

static void
mark(BerthTemplateBuild *self)
{
    GError *error = NULL;
    const BerthTemplateMarker marker = {
        .qemu_version = (char *)self->qemu_version,
        .has_disk = berth_vm_get_spec(self->vm)->manifest.disk != NULL,
        .has_shell = self->has_shell,
    };
    berth_kill_point(BERTH_KILL_TEMPLATE_SAVED);
    if (!berth_template_folder_mark(self->folder, &marker, &error)) {
        self->code = error->code;
        self->text = g_strdup(error->message);
        g_error_free(error);
    }
    finish_soon(self);
}

static void
on_overlay_made(int code, const char *text, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    self->overlay = NULL;
    if (code != BERTH_OK) {
        self->code = code;
        self->text = g_strdup(text);
        finish_soon(self);
        return;
    }
    mark(self);
}

/* Forks copy this overlay: its backing file is "base.qcow2" wherever it lies. */
static void
make_overlay(BerthTemplateBuild *self)
{
    GError *error = NULL;
    g_autofree char *path = g_build_filename(self->folder, BERTH_TEMPLATE_OVERLAY, NULL);
    self->overlay =
        berth_overlay_create(self->host->poller, self->host->qemu_img_program, BERTH_TEMPLATE_BASE,
                             "qcow2", path, on_overlay_made, self, &error);
    if (self->overlay == NULL) {
        self->code = error->code;
        self->text = g_strdup(error->message);
        g_error_free(error);
        finish_soon(self);
    }
}

static void
handle_gone(BerthTemplateBuild *self)
{
    if (!self->is_saved || self->code != BERTH_OK) {
        if (self->code == BERTH_OK) {
            self->code = BERTH_ERR_DESKTOP_GONE;
            self->text = g_strdup("its machine ended before it was frozen");
        }
        finish_soon(self);
    } else if (berth_vm_get_spec(self->vm)->manifest.disk != NULL) {
        make_overlay(self);
    } else {
        mark(self);
    }
}

/* ---- freeze ---- */

static void
on_saved(int code, const char *text, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    g_autofree char *disk = berth_vm_dup_disk_path(self->vm);
    g_autofree char *kept = g_build_filename(self->folder, BERTH_TEMPLATE_BASE, NULL);
    if (code != BERTH_OK) {
        fail(self, code, text);
    } else if (disk != NULL && rename(disk, kept) != 0) {
        fail(self, berth_error_from_errno(errno), "its disk could not be kept");
    } else {
        self->is_saved = true;
        berth_vm_stop(self->vm);
    }
}

/* A guest that still runs would write into what is being saved. */
static void
on_status(int code, const json_t *result, const char *text, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    const char *status = json_string_value(json_object_get(result, "status"));
    g_autofree char *path = g_build_filename(self->folder, BERTH_TEMPLATE_STATE, NULL);
    if (code != BERTH_OK || g_strcmp0(status, "paused") != 0) {
        fail(self, BERTH_ERR_STATE, text != NULL ? text : "its machine could not be stopped");
        return;
    }
    berth_kill_point(BERTH_KILL_TEMPLATE_STOPPED);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail(self, berth_error_from_errno(errno), "its device state cannot be written");
        return;
    }
    self->migration = berth_qemu_migration_new(berth_vm_get_qmp(self->vm), BERTH_MIGRATION_SAVE, fd,
                                               on_saved, self);
}

static gboolean
on_settled(gpointer user_data)
{
    BerthTemplateBuild *self = user_data;
    BerthQmp *qmp = berth_vm_get_qmp(self->vm);
    self->settle_source = 0;
    if (qmp == NULL) {
        fail(self, BERTH_ERR_CLOSED, "its monitor is gone");
        return G_SOURCE_REMOVE;
    }
    berth_kill_point(BERTH_KILL_TEMPLATE_PREPARED);
    berth_qmp_command(qmp, "stop", NULL, NULL, NULL);
    berth_qmp_command(qmp, "query-status", NULL, on_status, self);
    return G_SOURCE_REMOVE;
}

static void
settle(BerthTemplateBuild *self)
{
    self->settle_source = g_timeout_add(SETTLE_MS, on_settled, self);
}

/* ---- the guest prepares itself ---- */

static void
on_card_found(const BerthGuestExecResult *result, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    self->exec = NULL;
    if (result->code != BERTH_OK || result->status != 0) {
        fail(self, result->code != BERTH_OK ? result->code : BERTH_ERR_STATE,
             result->text != NULL ? result->text : "the guest could not look for its network card");
    } else {
        settle(self);
    }
}

/* Forks find a card that they need not look for; it has no cable, and reaches nothing. */
static void
plug_card(BerthTemplateBuild *self)
{
    BerthQmp *qmp = berth_vm_get_qmp(self->vm);
    BerthNetworkPlug plug = { .tap_fd = -1, .is_restricted = true };
    if (qmp == NULL) {
        fail(self, BERTH_ERR_CLOSED, "its monitor is gone");
        return;
    }
    berth_vm_card_plug(qmp, berth_vm_get_spec(self->vm)->mac, &plug);
    berth_vm_card_set_link(qmp, false);
    self->exec = berth_guest_exec(berth_vm_get_guest_agent(self->vm), berth_guest_card_script(),
                                  FREEZE_MS, on_card_found, self);
}

static void
on_guest_frozen(const BerthGuestExecResult *result, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    self->exec = NULL;
    if (result->code == BERTH_ERR_INVALID) {
        berth_log_warning("template",
                          "the guest agent of image %s runs no scripts (%s): forks "
                          "keep the identity of their template",
                          berth_vm_get_spec(self->vm)->manifest.name, result->text);
        settle(self);
    } else if (result->code != BERTH_OK || result->status != 0) {
        fail(self, result->code != BERTH_OK ? result->code : BERTH_ERR_STATE,
             result->text != NULL ? result->text
                                  : "the guest could not be made ready to be frozen");
    } else {
        self->has_shell = true;
        plug_card(self);
    }
}

static void
freeze_guest(BerthTemplateBuild *self)
{
    self->exec = berth_guest_exec(berth_vm_get_guest_agent(self->vm), berth_guest_freeze_script(),
                                  FREEZE_MS, on_guest_frozen, self);
}

static void
on_prepared(const BerthGuestExecResult *result, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    self->exec = NULL;
    if (result->code == BERTH_OK && result->status == 0) {
        freeze_guest(self);
        return;
    }
    g_autofree char *said = g_strndup(result->err, TEXT_CHARS);
    g_autofree char *text = g_strdup_printf("the image's \"prepare\" script failed (%s%d): %s",
                                            result->text != NULL ? result->text : "status ",
                                            result->status, g_strstrip(said));
    fail(self, result->code != BERTH_OK ? result->code : BERTH_ERR_STATE, text);
}

static void
handle_ready(BerthTemplateBuild *self)
{
    const BerthVmSpec *spec = berth_vm_get_spec(self->vm);
    if (self->is_freezing) {
        return;
    }
    self->is_freezing = true;
    berth_kill_point(BERTH_KILL_TEMPLATE_BOOTED);
    if (spec->condition[0] != '\0') {
        fail(self, BERTH_ERR_TIMEOUT, "its guest never said that it is ready");
    } else if (spec->manifest.ready != BERTH_READY_GUEST_AGENT) {
        settle(self);
    } else {
        berth_guest_agent_hold(berth_vm_get_guest_agent(self->vm), true);
        if (spec->manifest.prepare != NULL) {
            self->exec = berth_guest_exec(berth_vm_get_guest_agent(self->vm),
                                          spec->manifest.prepare, PREPARE_MS, on_prepared, self);
        } else {
            freeze_guest(self);
        }
    }
}

/* ---- life ---- */

static void
drop_jobs(BerthTemplateBuild *self)
{
    g_clear_handle_id(&self->settle_source, g_source_remove);
    g_clear_pointer(&self->exec, berth_guest_exec_cancel);
    g_clear_pointer(&self->migration, berth_qemu_migration_free);
}

static void
on_vm_changed(BerthVm *vm, void *user_data)
{
    BerthTemplateBuild *self = user_data;
    switch (berth_vm_get_state(vm)) {
    case BERTH_VM_READY:
        handle_ready(self);
        break;
    case BERTH_VM_FAILED: {
        const BerthVmSpec *spec = berth_vm_get_spec(vm);
        drop_jobs(self);
        fail(self, spec->failure, spec->failure_text);
        break;
    }
    case BERTH_VM_GONE:
        drop_jobs(self);
        handle_gone(self);
        break;
    default:
        break;
    }
}

static const BerthVmCallbacks vm_callbacks = { .on_changed = on_vm_changed };

BerthTemplateBuild *
berth_template_build_new(const BerthVmHost *host, const char *qemu_version, const BerthVmSpec *spec,
                         const char *folder, const char *machine_folder,
                         BerthTemplateBuildDone done, void *user_data)
{
    BerthTemplateBuild *self = g_new0(BerthTemplateBuild, 1);
    BerthVmSpec own;
    g_autofree char *ram = g_build_filename(folder, BERTH_TEMPLATE_RAM, NULL);
    BerthVmBoot boot = {
        .memory = BERTH_MEMORY_TEMPLATE,
        .ram_path = ram,
        .dies_with_agent = true,
    };
    self->host = host;
    self->qemu_version = qemu_version;
    self->folder = g_strdup(folder);
    self->done = done;
    self->user_data = user_data;
    berth_vm_spec_copy(spec, &own);
    berth_id_random(&own.id);
    berth_vm_spec_choose_identity(&own);
    berth_state_folder_make(folder, NULL);
    self->vm = berth_vm_new(host, machine_folder, &own, &boot, &vm_callbacks, self);
    berth_vm_spec_clear(&own);
    berth_kill_point(BERTH_KILL_TEMPLATE_BEGUN);
    berth_vm_create(self->vm, true);
    return self;
}

void
berth_template_build_free(BerthTemplateBuild *self)
{
    if (self == NULL) {
        return;
    }
    drop_jobs(self);
    g_clear_handle_id(&self->finish_source, g_source_remove);
    g_clear_pointer(&self->overlay, berth_overlay_cancel);
    BerthQmp *qmp = berth_vm_get_qmp(self->vm);
    if (qmp != NULL) {
        berth_qmp_command(qmp, "quit", NULL, NULL, NULL);
    }
    berth_vm_free(self->vm);
    g_free(self->folder);
    g_free(self->text);
    g_free(self);
}

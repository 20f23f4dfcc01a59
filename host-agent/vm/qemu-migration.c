/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/qemu-migration.h"

#include "base/clock.h"
#include "berth/errors.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Its events are faster; only who saves does not get them. */
#define POLL_LOAD_MS 100
#define POLL_SAVE_MS 5
#define TIMEOUT_US (30LL * 1000 * 1000)
#define FD_NAME "state"

struct BerthQemuMigration {
    BerthQmp *qmp;
    BerthMigrationKind kind;
    int64_t started_us;
    guint poll_source;
    bool is_over;
    BerthMigrationDone done;
    void *user_data;
};

static void
finish(BerthQemuMigration *self, int code, const char *text)
{
    if (!self->is_over) {
        self->is_over = true;
        g_clear_handle_id(&self->poll_source, g_source_remove);
        self->done(code, text, self->user_data);
    }
}

static void
on_step(int code, const json_t *result, const char *text, void *user_data)
{
    if (code != BERTH_OK) {
        finish(user_data, code, text);
    }
}

static gboolean on_poll(gpointer user_data);

static void
poll_later(BerthQemuMigration *self)
{
    if (self->poll_source == 0) {
        self->poll_source = g_timeout_add(
            self->kind == BERTH_MIGRATION_LOAD ? POLL_LOAD_MS : POLL_SAVE_MS, on_poll, self);
    }
}

/* What QEMU says of it; NULL: nothing yet. */
static void
handle_status(BerthQemuMigration *self, const char *status)
{
    if (status != NULL && strcmp(status, "completed") == 0) {
        finish(self, BERTH_OK, NULL);
    } else if (status != NULL &&
               (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0)) {
        finish(self, BERTH_ERR_IO, "QEMU could not move the device state");
    } else if (berth_monotonic_us() - self->started_us > TIMEOUT_US) {
        finish(self, BERTH_ERR_TIMEOUT, "QEMU did not move the device state in time");
    } else {
        poll_later(self);
    }
}

static void
on_status(int code, const json_t *result, const char *text, void *user_data)
{
    BerthQemuMigration *self = user_data;
    if (self->is_over) {
        return;
    }
    if (code != BERTH_OK) {
        finish(self, code, text);
        return;
    }
    handle_status(self, json_string_value(json_object_get(result, "status")));
}

void
berth_qemu_migration_event(BerthQemuMigration *self, const json_t *data)
{
    if (!self->is_over) {
        handle_status(self, json_string_value(json_object_get(data, "status")));
    }
}

static gboolean
on_poll(gpointer user_data)
{
    BerthQemuMigration *self = user_data;
    self->poll_source = 0;
    berth_qmp_command(self->qmp, "query-migrate", NULL, on_status, self);
    return G_SOURCE_REMOVE;
}

static void
on_begun(int code, const json_t *result, const char *text, void *user_data)
{
    BerthQemuMigration *self = user_data;
    if (code != BERTH_OK) {
        finish(self, code, text);
    } else if (!self->is_over) {
        poll_later(self);
    }
}

BerthQemuMigration *
berth_qemu_migration_new(BerthQmp *qmp, BerthMigrationKind kind, int fd, BerthMigrationDone done,
                         void *user_data)
{
    BerthQemuMigration *self = g_new0(BerthQemuMigration, 1);
    self->qmp = qmp;
    self->kind = kind;
    self->started_us = berth_monotonic_us();
    self->done = done;
    self->user_data = user_data;
    berth_qmp_command(qmp, "migrate-set-capabilities",
                      json_pack("{s:[{s:s,s:b},{s:s,s:b}]}", "capabilities", "capability",
                                "x-ignore-shared", "state", 1, "capability", "events", "state", 1),
                      on_step, self);
    berth_qmp_pass_fd(qmp, FD_NAME, fd, on_step, self);
    berth_qmp_command(qmp, kind == BERTH_MIGRATION_SAVE ? "migrate" : "migrate-incoming",
                      json_pack("{s:s}", "uri", "fd:" FD_NAME), on_begun, self);
    return self;
}

void
berth_qemu_migration_free(BerthQemuMigration *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->poll_source, g_source_remove);
    g_free(self);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/disk-watch.h"

#include "berth/errors.h"

#include <glib.h>
#include <string.h>

struct BerthDiskWatch {
    BerthDiskWatchTimes times;
    void (*on_changed)(void *user_data);
    void *user_data;
    BerthQmp *qmp; /* NULL: none now */
    bool is_full;
    guint retry_source;
    guint calm_source;
};

static const BerthDiskWatchTimes usual_times = { .retry_ms = 10000, .calm_ms = 2000 };

static void
set_full(BerthDiskWatch *self, bool is_full)
{
    if (self->is_full != is_full) {
        self->is_full = is_full;
        self->on_changed(self->user_data);
    }
}

static gboolean
on_calm(gpointer user_data)
{
    BerthDiskWatch *self = user_data;
    self->calm_source = 0;
    set_full(self, false);
    return G_SOURCE_REMOVE;
}

static gboolean
on_retry(gpointer user_data)
{
    BerthDiskWatch *self = user_data;
    self->retry_source = 0;
    if (self->qmp != NULL) {
        berth_qmp_command(self->qmp, "cont", NULL, NULL, NULL);
        self->calm_source = g_timeout_add((guint)self->times.calm_ms, on_calm, self);
    }
    return G_SOURCE_REMOVE;
}

static void
note_full(BerthDiskWatch *self)
{
    g_clear_handle_id(&self->calm_source, g_source_remove);
    if (self->retry_source == 0) {
        self->retry_source = g_timeout_add((guint)self->times.retry_ms, on_retry, self);
    }
    set_full(self, true);
}

static void
on_status(int code, const json_t *result, const char *text, void *user_data)
{
    BerthDiskWatch *self = user_data;
    const char *status = json_string_value(json_object_get(result, "status"));
    if (code == BERTH_OK && g_strcmp0(status, "io-error") == 0) {
        note_full(self);
    } else if (code == BERTH_OK && self->retry_source == 0 && self->calm_source == 0) {
        set_full(self, false);
    }
}

BerthDiskWatch *
berth_disk_watch_new(const BerthDiskWatchTimes *times, void (*on_changed)(void *user_data),
                     void *user_data)
{
    BerthDiskWatch *self = g_new0(BerthDiskWatch, 1);
    self->times = times != NULL ? *times : usual_times;
    self->on_changed = on_changed;
    self->user_data = user_data;
    return self;
}

void
berth_disk_watch_free(BerthDiskWatch *self)
{
    if (self != NULL) {
        berth_disk_watch_detach(self);
        g_free(self);
    }
}

void
berth_disk_watch_attach(BerthDiskWatch *self, BerthQmp *qmp)
{
    self->qmp = qmp;
    berth_qmp_command(qmp, "query-status", NULL, on_status, self);
}

void
berth_disk_watch_detach(BerthDiskWatch *self)
{
    self->qmp = NULL;
    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_clear_handle_id(&self->calm_source, g_source_remove);
}

void
berth_disk_watch_event(BerthDiskWatch *self, const char *name, const json_t *data)
{
    if (strcmp(name, "BLOCK_IO_ERROR") == 0 && json_is_true(json_object_get(data, "nospace"))) {
        note_full(self);
    }
}

bool
berth_disk_watch_is_full(const BerthDiskWatch *self)
{
    return self->is_full;
}

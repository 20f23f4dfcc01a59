/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/layout.h"

#include "base/log.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define SCOPE "layout"

struct BerthLayout {
    void (*done)(void *user_data);
    void *user_data;
    BerthKeyLayout wanted, set;
    guint child_watch; /* 0: no child runs */
};

static void begin(BerthLayout *self);

static void
on_child_ended(GPid pid, gint status, gpointer user_data)
{
    BerthLayout *self = user_data;
    g_autoptr(GError) error = NULL;

    self->child_watch = 0;
    g_spawn_close_pid(pid);
    if (!g_spawn_check_wait_status(status, &error)) {
        berth_log_warning(SCOPE, "the layout '%s' '%s' cannot be set: %s", self->set.layout,
                          self->set.variant, error->message);
    } else {
        berth_log_info(SCOPE, "the layout is '%s' '%s'", self->set.layout, self->set.variant);
    }
    begin(self);
    if (self->child_watch == 0) {
        self->done(self->user_data);
    }
}

/* Sets what is wanted, if it is not set already. */
static void
begin(BerthLayout *self)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) error = NULL;
    GPid pid = 0;

    if (self->child_watch != 0 || memcmp(&self->wanted, &self->set, sizeof(self->set)) == 0) {
        return;
    }
    self->set = self->wanted;
    words = berth_layout_command(&self->set);
    if (!g_spawn_async(NULL, words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                       NULL, &pid, &error)) {
        berth_log_warning(SCOPE, "setxkbmap cannot be started: %s", error->message);
        return;
    }
    self->child_watch = g_child_watch_add(pid, on_child_ended, self);
}

BerthLayout *
berth_layout_new(void (*done)(void *user_data), void *user_data)
{
    BerthLayout *self = g_new0(BerthLayout, 1);

    self->done = done;
    self->user_data = user_data;
    return self;
}

void
berth_layout_free(BerthLayout *self)
{
    if (self) {
        g_clear_handle_id(&self->child_watch, g_source_remove);
        g_free(self);
    }
}

void
berth_layout_set(BerthLayout *self, const BerthKeyLayout *layout)
{
    /* Field by field: bytes behind the ends of names are to be equal, too. */
    memset(&self->wanted, 0, sizeof(self->wanted));
    g_strlcpy(self->wanted.model, layout->model, sizeof(self->wanted.model));
    g_strlcpy(self->wanted.layout, layout->layout, sizeof(self->wanted.layout));
    g_strlcpy(self->wanted.variant, layout->variant, sizeof(self->wanted.variant));
    g_strlcpy(self->wanted.options, layout->options, sizeof(self->wanted.options));
    begin(self);
}

bool
berth_layout_is_busy(const BerthLayout *self)
{
    return self->child_watch != 0;
}

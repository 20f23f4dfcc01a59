/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/fork-gate.h"

#include <glib.h>

/* Loading is never waited for longer: one that hangs must not keep the others from their users. */
#define PATIENCE_MS 3000

typedef struct {
    void (*func)(void *user_data);
    void *user_data;
} Waiter;

struct BerthForkGate {
    int n_at_once;
    int n_loading;
    GPtrArray *inside; /* user_data of those */
    GQueue waiting;    /* of Waiter * */
    guint run_source;
    guint patience_source;
    bool is_impatient;
};

static gboolean on_run(gpointer user_data);
static gboolean on_patience_over(gpointer user_data);

static bool
may_enter(const BerthForkGate *self)
{
    return !g_queue_is_empty((GQueue *)&self->waiting) &&
           (int)self->inside->len < self->n_at_once && (self->n_loading == 0 || self->is_impatient);
}

static void
run_soon(BerthForkGate *self)
{
    if (may_enter(self) && self->run_source == 0) {
        self->run_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_run, self, NULL);
    }
    if (g_queue_is_empty(&self->waiting)) {
        g_clear_handle_id(&self->patience_source, g_source_remove);
        self->is_impatient = false;
    } else if (self->patience_source == 0 && !self->is_impatient) {
        self->patience_source = g_timeout_add(PATIENCE_MS, on_patience_over, self);
    }
}

static gboolean
on_patience_over(gpointer user_data)
{
    BerthForkGate *self = user_data;
    self->patience_source = 0;
    self->is_impatient = true;
    run_soon(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_run(gpointer user_data)
{
    BerthForkGate *self = user_data;
    self->run_source = 0;
    while (may_enter(self)) {
        Waiter *waiter = g_queue_pop_head(&self->waiting);
        g_ptr_array_add(self->inside, waiter->user_data);
        waiter->func(waiter->user_data);
        g_free(waiter);
    }
    run_soon(self);
    return G_SOURCE_REMOVE;
}

BerthForkGate *
berth_fork_gate_new(int n_at_once)
{
    BerthForkGate *self = g_new0(BerthForkGate, 1);
    self->n_at_once = MAX(n_at_once, 1);
    self->inside = g_ptr_array_new();
    g_queue_init(&self->waiting);
    return self;
}

void
berth_fork_gate_free(BerthForkGate *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->run_source, g_source_remove);
    g_clear_handle_id(&self->patience_source, g_source_remove);
    g_queue_clear_full(&self->waiting, g_free);
    g_ptr_array_unref(self->inside);
    g_free(self);
}

void
berth_fork_gate_begin_load(BerthForkGate *self)
{
    self->n_loading++;
}

void
berth_fork_gate_end_load(BerthForkGate *self)
{
    self->n_loading--;
    run_soon(self);
}

void
berth_fork_gate_enter(BerthForkGate *self, void (*func)(void *user_data), void *user_data)
{
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->func = func;
    waiter->user_data = user_data;
    g_queue_push_tail(&self->waiting, waiter);
    run_soon(self);
}

void
berth_fork_gate_leave(BerthForkGate *self, const void *user_data)
{
    for (GList *item = self->waiting.head; item != NULL; item = item->next) {
        Waiter *waiter = item->data;
        if (waiter->user_data == user_data) {
            g_queue_delete_link(&self->waiting, item);
            g_free(waiter);
            break;
        }
    }
    g_ptr_array_remove(self->inside, (gpointer)user_data);
    run_soon(self);
}

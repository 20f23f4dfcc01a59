/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fork-join.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_HELPERS 15
/* Steps of niceness of a helper below the rest: about 1.5 times less of a contended processor. */
#define HELPER_NICE 2

struct BerthForkJoin {
    unsigned n_helpers;
    GPtrArray *threads; /* those started */
    GMutex mutex;       /* guards what follows */
    GCond has_parts;
    GCond is_done;
    bool is_closing;
    BerthForkJoinFunc func; /* of the present job */
    void *user_data;
    size_t n_parts, next_part;
    size_t n_running; /* parts taken and not finished */
};

/* Under the mutex: takes parts of the present job until none is left. */
static void
work_parts(BerthForkJoin *self)
{
    while (self->next_part < self->n_parts) {
        size_t part = self->next_part++;

        self->n_running++;
        g_mutex_unlock(&self->mutex);
        self->func(part, self->user_data);
        g_mutex_lock(&self->mutex);
        self->n_running--;
    }
}

static gpointer
run_helper(gpointer user_data)
{
    BerthForkJoin *self = user_data;

    /* Without the right to it the helper runs like all others. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + HELPER_NICE);
    g_mutex_lock(&self->mutex);
    while (!self->is_closing) {
        work_parts(self);
        if (self->n_running == 0) {
            g_cond_signal(&self->is_done);
        }
        if (!self->is_closing && self->next_part >= self->n_parts) {
            g_cond_wait(&self->has_parts, &self->mutex);
        }
    }
    g_mutex_unlock(&self->mutex);
    return NULL;
}

BerthForkJoin *
berth_fork_join_new(unsigned n_helpers)
{
    BerthForkJoin *self = g_new0(BerthForkJoin, 1);

    self->n_helpers = n_helpers;
    self->threads = g_ptr_array_new();
    g_mutex_init(&self->mutex);
    g_cond_init(&self->has_parts);
    g_cond_init(&self->is_done);
    return self;
}

void
berth_fork_join_free(BerthForkJoin *self)
{
    if (!self) {
        return;
    }
    g_mutex_lock(&self->mutex);
    self->is_closing = true;
    g_cond_broadcast(&self->has_parts);
    g_mutex_unlock(&self->mutex);
    for (guint i = 0; i < self->threads->len; i++) {
        g_thread_join(g_ptr_array_index(self->threads, i));
    }
    g_ptr_array_unref(self->threads);
    g_mutex_clear(&self->mutex);
    g_cond_clear(&self->has_parts);
    g_cond_clear(&self->is_done);
    g_free(self);
}

unsigned
berth_fork_join_count_helpers(void)
{
    return MIN(g_get_num_processors() - 1, MAX_HELPERS);
}

/* A host that has no thread left for us gets its work done slower. */
static void
ensure_helpers(BerthForkJoin *self, size_t n)
{
    while (self->threads->len < MIN(n, self->n_helpers)) {
        GThread *thread = g_thread_try_new("encode", run_helper, self, NULL);

        if (!thread) {
            self->n_helpers = self->threads->len;
            return;
        }
        g_ptr_array_add(self->threads, thread);
    }
}

void
berth_fork_join_run(BerthForkJoin *self, size_t n_parts, BerthForkJoinFunc func, void *user_data)
{
    if (n_parts == 0) {
        return;
    }
    ensure_helpers(self, n_parts - 1);
    g_mutex_lock(&self->mutex);
    self->func = func;
    self->user_data = user_data;
    self->n_parts = n_parts;
    self->next_part = 0;
    for (size_t i = 1; i < MIN(n_parts, self->threads->len + 1); i++) {
        g_cond_signal(&self->has_parts);
    }
    work_parts(self);
    while (self->n_running > 0) {
        g_cond_wait(&self->is_done, &self->mutex);
    }
    g_mutex_unlock(&self->mutex);
}

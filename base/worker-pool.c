/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/worker-pool.h"

#include "base/mpsc-queue.h"
#include "berth/errors.h"

#include <stdbool.h>

typedef struct {
    BerthWorkerFunc run;
    BerthWorkerFunc done;
    void *job;
} Task;

struct BerthWorkerPool {
    BerthQueue *results;
    GPtrArray *threads;
    int max_queued;
    int n_pending; /* main thread only */
    GMutex mutex;  /* guards what follows */
    GCond changed;
    GQueue tasks;
    bool is_closing;
};

static Task *
wait_for_task(BerthWorkerPool *pool)
{
    g_mutex_lock(&pool->mutex);
    while (g_queue_is_empty(&pool->tasks) && !pool->is_closing) {
        g_cond_wait(&pool->changed, &pool->mutex);
    }
    Task *task = g_queue_pop_head(&pool->tasks);
    g_mutex_unlock(&pool->mutex);
    return task;
}

static gpointer
work(gpointer user_data)
{
    BerthWorkerPool *pool = user_data;
    Task *task;
    while ((task = wait_for_task(pool))) {
        task->run(task->job);
        berth_queue_push(pool->results, task);
    }
    return NULL;
}

static void
on_result(void *item, void *user_data)
{
    BerthWorkerPool *pool = user_data;
    Task *task = item;
    pool->n_pending--;
    task->done(task->job);
    g_free(task);
}

BerthWorkerPool *
berth_worker_pool_new(GMainContext *context, int n_threads, int max_queued)
{
    BerthWorkerPool *pool = g_new0(BerthWorkerPool, 1);
    pool->max_queued = max_queued;
    pool->results = berth_queue_new(context, on_result, pool, NULL);
    g_mutex_init(&pool->mutex);
    g_cond_init(&pool->changed);
    g_queue_init(&pool->tasks);
    pool->threads = g_ptr_array_new();
    for (int i = 0; i < MAX(n_threads, 1); i++) {
        g_ptr_array_add(pool->threads, g_thread_new("berth-worker", work, pool));
    }
    return pool;
}

int
berth_worker_pool_submit(BerthWorkerPool *pool, BerthWorkerFunc run, BerthWorkerFunc done,
                         void *job)
{
    int result = BERTH_ERR_BUSY;
    g_mutex_lock(&pool->mutex);
    if ((int)g_queue_get_length(&pool->tasks) < pool->max_queued) {
        Task *task = g_new(Task, 1);
        *task = (Task){ run, done, job };
        g_queue_push_tail(&pool->tasks, task);
        g_cond_signal(&pool->changed);
        result = BERTH_OK;
    }
    g_mutex_unlock(&pool->mutex);
    if (result == BERTH_OK) {
        pool->n_pending++;
    }
    return result;
}

int
berth_worker_pool_n_pending(const BerthWorkerPool *pool)
{
    return pool->n_pending;
}

void
berth_worker_pool_free(BerthWorkerPool *pool)
{
    if (!pool) {
        return;
    }
    g_mutex_lock(&pool->mutex);
    pool->is_closing = true;
    g_cond_broadcast(&pool->changed);
    g_mutex_unlock(&pool->mutex);
    for (guint i = 0; i < pool->threads->len; i++) {
        g_thread_join(pool->threads->pdata[i]);
    }
    berth_queue_drain(pool->results);
    /* A done above may have submitted again; no thread is left, so its job runs here. */
    Task *task;
    while ((task = g_queue_pop_head(&pool->tasks))) {
        task->run(task->job);
        on_result(task, pool);
    }
    berth_queue_free(pool->results);
    g_ptr_array_unref(pool->threads);
    g_mutex_clear(&pool->mutex);
    g_cond_clear(&pool->changed);
    g_free(pool);
}

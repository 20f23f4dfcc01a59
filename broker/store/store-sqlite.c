/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQLite behind store.h.
 *
 * One writer thread takes everything that is queued (up to MAX_GROUP jobs), runs each job in a
 * savepoint of one transaction and commits once: one fsync a group instead of one a job.  With a
 * single writer nobody ever waits for SQLite's lock, which is what makes its tail latency bad.
 */
#include "broker/store/store.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mpsc-queue.h"
#include "broker/store/connection.h"

#define MAX_GROUP 64
#define N_READERS 2

typedef struct {
    BerthTxFunc run;
    BerthStoreDone done;
    void *data;
    int error;
    bool is_waited_for; /* a thread sleeps in berth_store_write() */
    bool is_finished;
} Job;

struct BerthStore {
    BerthTx *writer; /* writer thread */
    GAsyncQueue *readers;
    GThread *thread;
    BerthQueue *results;
    GMutex mutex;
    GCond wake;     /* jobs came, or is_closing */
    GCond finished; /* a job that is waited for is finished */
    GQueue jobs;    /* Job *, under mutex */
    bool is_closing;
};

static void
deliver(void *item, void *user_data)
{
    Job *job = item;
    job->done(job->error, job->data);
    g_free(job);
}

/* A result that the context never came to: its owner still has to hear of it. */
static void
deliver_late(gpointer item)
{
    deliver(item, NULL);
}

static void
run_in_savepoint(BerthTx *tx, Job *job)
{
    job->error = berth_connection_exec(tx, "SAVEPOINT job");
    if (job->error != BERTH_OK) {
        return;
    }
    job->error = job->run(tx, job->data);
    if (!berth_connection_is_in_transaction(tx)) {
        job->error = job->error != BERTH_OK ? job->error : BERTH_ERR_IO;
        return;
    }
    if (job->error != BERTH_OK) {
        (void)berth_connection_exec(tx, "ROLLBACK TO job");
    }
    int released = berth_connection_exec(tx, "RELEASE job");
    if (job->error == BERTH_OK) {
        job->error = released;
    }
}

/*
 * Runs the jobs one after the other.  A job that loses the whole transaction takes the group with
 * it: what came before is rolled back, and what comes after would be committed job by job.
 */
static int
run_jobs(BerthTx *tx, GQueue *group)
{
    for (GList *link = group->head; link != NULL; link = link->next) {
        Job *job = link->data;
        run_in_savepoint(tx, job);
        if (!berth_connection_is_in_transaction(tx)) {
            return job->error;
        }
    }
    return BERTH_OK;
}

static void
run_group(BerthTx *tx, GQueue *group)
{
    int error = berth_connection_exec(tx, "BEGIN IMMEDIATE");
    if (error == BERTH_OK) {
        error = run_jobs(tx, group);
        if (error == BERTH_OK) {
            error = berth_connection_exec(tx, "COMMIT");
        }
        if (error != BERTH_OK && berth_connection_is_in_transaction(tx)) {
            (void)berth_connection_exec(tx, "ROLLBACK");
        }
    }
    if (error != BERTH_OK) {
        berth_log_error("store", "a group of %u writes is lost: %s", group->length,
                        berth_error_sentence(error));
        for (GList *link = group->head; link != NULL; link = link->next) {
            ((Job *)link->data)->error = error;
        }
    }
}

static void
finish_group(BerthStore *store, GQueue *group)
{
    Job *job = NULL;
    g_mutex_lock(&store->mutex);
    while ((job = g_queue_pop_head(group)) != NULL) {
        if (job->is_waited_for) {
            job->is_finished = true;
            g_cond_broadcast(&store->finished);
        } else if (job->done != NULL) {
            berth_queue_push(store->results, job);
        } else {
            g_free(job);
        }
    }
    g_mutex_unlock(&store->mutex);
}

/* Moves up to MAX_GROUP jobs over; false when the store closes and nothing is left. */
static bool
take_group(BerthStore *store, GQueue *group)
{
    g_mutex_lock(&store->mutex);
    while (store->jobs.length == 0 && !store->is_closing) {
        g_cond_wait(&store->wake, &store->mutex);
    }
    while (store->jobs.length > 0 && group->length < MAX_GROUP) {
        g_queue_push_tail(group, g_queue_pop_head(&store->jobs));
    }
    g_mutex_unlock(&store->mutex);
    return group->length > 0;
}

static gpointer
writer_main(gpointer data)
{
    BerthStore *store = data;
    GQueue group = G_QUEUE_INIT;
    while (take_group(store, &group)) {
        run_group(store->writer, &group);
        finish_group(store, &group);
    }
    return NULL;
}

static bool
open_connections(BerthStore *store, const char *path, GError **error)
{
    store->writer = berth_connection_open(path, true, error);
    if (store->writer == NULL || !berth_connection_migrate(store->writer, error)) {
        return false;
    }
    for (int i = 0; i < N_READERS; i++) {
        BerthTx *reader = berth_connection_open(path, false, error);
        if (reader == NULL) {
            return false;
        }
        g_async_queue_push(store->readers, reader);
    }
    return true;
}

BerthStore *
berth_store_open(const char *path, GMainContext *context, GError **error)
{
    BerthStore *store = g_new0(BerthStore, 1);
    store->readers = g_async_queue_new_full((GDestroyNotify)berth_connection_free);
    g_mutex_init(&store->mutex);
    g_cond_init(&store->wake);
    g_cond_init(&store->finished);
    g_queue_init(&store->jobs);
    store->results = berth_queue_new(context, deliver, store, deliver_late);
    if (!open_connections(store, path, error)) {
        berth_store_free(store);
        return NULL;
    }
    store->thread = g_thread_new("store-writer", writer_main, store);
    return store;
}

void
berth_store_free(BerthStore *store)
{
    if (store == NULL) {
        return;
    }
    if (store->thread != NULL) {
        g_mutex_lock(&store->mutex);
        store->is_closing = true;
        g_cond_signal(&store->wake);
        g_mutex_unlock(&store->mutex);
        g_thread_join(store->thread);
    }
    berth_queue_free(store->results);
    berth_connection_free(store->writer);
    g_async_queue_unref(store->readers);
    g_mutex_clear(&store->mutex);
    g_cond_clear(&store->wake);
    g_cond_clear(&store->finished);
    g_free(store);
}

int
berth_store_read(BerthStore *store, BerthTxFunc func, void *data)
{
    BerthTx *reader = g_async_queue_pop(store->readers);
    int error = berth_connection_exec(reader, "BEGIN");
    if (error == BERTH_OK) {
        error = func(reader, data);
        (void)berth_connection_exec(reader, "ROLLBACK");
    }
    g_async_queue_push(store->readers, reader);
    return error;
}

int
berth_store_submit(BerthStore *store, BerthTxFunc run, BerthStoreDone done, void *data)
{
    int error = BERTH_ERR_BUSY;
    g_mutex_lock(&store->mutex);
    if (store->is_closing) {
        error = BERTH_ERR_CLOSED;
    } else if (store->jobs.length < BERTH_STORE_MAX_QUEUED) {
        Job *job = g_new0(Job, 1);
        *job = (Job){ .run = run, .done = done, .data = data };
        g_queue_push_tail(&store->jobs, job);
        g_cond_signal(&store->wake);
        error = BERTH_OK;
    }
    g_mutex_unlock(&store->mutex);
    return error;
}

int
berth_store_write(BerthStore *store, BerthTxFunc run, void *data)
{
    Job job = { .run = run, .data = data, .is_waited_for = true };
    g_mutex_lock(&store->mutex);
    g_queue_push_tail(&store->jobs, &job);
    g_cond_signal(&store->wake);
    while (!job.is_finished) {
        g_cond_wait(&store->finished, &store->mutex);
    }
    g_mutex_unlock(&store->mutex);
    return job.error;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue before a database.
 *
 * One writer thread takes everything that is queued (up to MAX_GROUP jobs), runs each job in a
 * savepoint of one transaction and commits once: one fsync a group instead of one a job.  With a
 * single writer nobody ever waits for SQLite's lock, which is what makes its tail latency bad.
 *
 * Several brokers write to one PostgreSQL.  Each job takes its row locks in one order, but two
 * groups of jobs may meet in different orders: then the group is rolled back and its jobs are run
 * one by one.
 */
#include "broker/store/store.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mpsc-queue.h"
#include "broker/metrics.h"
#include "broker/store/connection.h"
#include "broker/store/migrate.h"

#define MAX_GROUP 64
#define N_READERS 4
#define FIRST_PAUSE_US (20LL * 1000)
#define MAX_PAUSE_US (1000LL * 1000)
/* One transaction that takes so long means a store that nobody should be sent to. */
#define SLOW_US (3LL * 1000 * 1000)

typedef struct {
    BerthTxFunc run;
    BerthStoreDone done;
    void *data;
    int64_t queued_us;
    int error;
    bool is_waited_for; /* a thread sleeps in berth_store_write() */
    bool is_finished;
} Job;

struct BerthStore {
    BerthTx *writer; /* writer thread */
    bool is_unsure;  /* writer thread: a commit was cut off */
    GAsyncQueue *readers;
    BerthTx *prompt; /* main thread: its own reader */
    GThread *thread;
    BerthQueue *results;
    GMutex mutex;
    GCond wake;     /* jobs came, or is_closing */
    GCond finished; /* a job that is waited for is finished */
    GQueue jobs;    /* Job *, under mutex */
    bool is_closing;
    bool is_answering;     /* under mutex */
    int64_t busy_since_us; /* under mutex: when the writer took its group; 0 while it has none */
    int64_t n_unsigned;    /* under mutex */
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

static int
run_job(BerthTx *tx, Job *job)
{
    tx->failure = BERTH_OK;
    int error = job->run(tx, job->data);
    return error != BERTH_OK ? error : tx->failure;
}

static void
run_in_savepoint(BerthTx *tx, Job *job)
{
    job->error = berth_connection_job_begin(tx);
    if (job->error != BERTH_OK) {
        return;
    }
    job->error = run_job(tx, job);
    if (!tx->class->is_open(tx)) {
        job->error = job->error != BERTH_OK ? job->error : BERTH_ERR_IO;
        return;
    }
    int ended = berth_connection_job_end(tx, job->error == BERTH_OK);
    if (job->error == BERTH_OK) {
        job->error = ended;
    }
}

/*
 * Runs the jobs one after the other.  A job that loses the whole transaction takes the group with
 * it: what came before is rolled back, and what comes after would be committed job by job.
 */
static int
run_jobs(BerthTx *tx, GQueue *group)
{
    tx->is_alone = group->length == 1;
    if (tx->is_alone) {
        Job *job = group->head->data;
        job->error = run_job(tx, job);
        return job->error;
    }
    for (GList *link = group->head; link != NULL; link = link->next) {
        Job *job = link->data;
        run_in_savepoint(tx, job);
        if (tx->is_lost || tx->is_conflict || !tx->class->is_open(tx)) {
            return job->error != BERTH_OK ? job->error : BERTH_ERR_IO;
        }
    }
    return BERTH_OK;
}

/* Tries the group once; BERTH_OK if each job's own error stands. */
static int
try_group(BerthStore *store, GQueue *group)
{
    BerthTx *tx = store->writer;
    bool is_committed = false;
    int error = tx->class->ensure(tx);
    if (error == BERTH_OK && store->is_unsure) {
        error = tx->class->was_committed(tx, &is_committed);
        store->is_unsure = error != BERTH_OK;
        tx->chain.is_known = false;
    }
    if (error != BERTH_OK || is_committed) {
        return error;
    }
    error = tx->class->begin(tx);
    if (error == BERTH_OK) {
        error = run_jobs(tx, group);
    }
    if (error == BERTH_OK) {
        error = tx->class->commit(tx);
        store->is_unsure = error != BERTH_OK && tx->is_lost;
    }
    if (error != BERTH_OK) {
        tx->chain.is_known = false;
        tx->class->rollback(tx);
    }
    return error;
}

static void
set_answering(BerthStore *store, bool is_answering)
{
    g_mutex_lock(&store->mutex);
    store->is_answering = is_answering;
    store->n_unsigned = store->writer->chain.n_unsigned;
    g_mutex_unlock(&store->mutex);
}

static bool
get_answering(BerthStore *store)
{
    g_mutex_lock(&store->mutex);
    bool is_answering = store->is_answering;
    g_mutex_unlock(&store->mutex);
    return is_answering;
}

/* Waits before the next try; false if the store closes meanwhile. */
static bool
pause_writer(BerthStore *store, int64_t pause_us)
{
    int64_t end_us = berth_monotonic_us() + pause_us;
    g_mutex_lock(&store->mutex);
    while (!store->is_closing && g_cond_wait_until(&store->wake, &store->mutex, end_us)) {
        ;
    }
    bool goes_on = !store->is_closing;
    g_mutex_unlock(&store->mutex);
    return goes_on;
}

static void
fail_group(GQueue *group, int error)
{
    berth_metric_add(BERTH_METRIC_STORE_ERRORS, group->length);
    berth_log_error("store", "a group of %u writes is lost: %s", group->length,
                    berth_error_sentence(error));
    for (GList *link = group->head; link != NULL; link = link->next) {
        ((Job *)link->data)->error = error;
    }
}

/* Tries until it is done, fails for good, or patience ends; returns what fails all of the group. */
static int
run_group_patiently(BerthStore *store, GQueue *group)
{
    BerthTx *tx = store->writer;
    int64_t patience_us = get_answering(store) ? BERTH_STORE_PATIENCE_US : 0;
    int64_t end_us = berth_monotonic_us() + patience_us;
    int64_t pause_us = FIRST_PAUSE_US;
    for (;;) {
        int error = try_group(store, group);
        bool is_open_to_retry = error != BERTH_OK && (tx->is_lost || tx->is_conflict);
        if (!is_open_to_retry || (tx->is_conflict && group->length > 1)) {
            return error;
        }
        if (berth_monotonic_us() + pause_us > end_us || !pause_writer(store, pause_us)) {
            return error;
        }
        pause_us = MIN(2 * pause_us, MAX_PAUSE_US);
    }
}

static void
run_group(BerthStore *store, GQueue *group)
{
    BerthTx *tx = store->writer;
    int error = run_group_patiently(store, group);
    if (error != BERTH_OK && tx->is_conflict && !tx->is_lost && group->length > 1) {
        berth_log_debug("store", "%u writes met another broker's: one by one", group->length);
        for (GList *link = group->head; link != NULL; link = link->next) {
            GQueue one = G_QUEUE_INIT;
            g_queue_push_tail(&one, link->data);
            run_group(store, &one);
            g_queue_clear(&one);
        }
        return;
    }
    bool is_own_error = group->length == 1 && error == ((Job *)group->head->data)->error;
    if (error != BERTH_OK && (!is_own_error || tx->is_lost)) {
        fail_group(group, error);
    }
    set_answering(store, !tx->is_lost && error != BERTH_ERR_DISK_FULL && error != BERTH_ERR_IO);
}

static void
finish_group(BerthStore *store, GQueue *group)
{
    Job *job = NULL;
    int64_t now_us = berth_monotonic_us();
    g_mutex_lock(&store->mutex);
    store->busy_since_us = 0;
    while ((job = g_queue_pop_head(group)) != NULL) {
        berth_metric_observe_us(BERTH_METRIC_STORE_WRITE, now_us - job->queued_us);
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
    store->busy_since_us = berth_monotonic_us();
    while (store->jobs.length > 0 && group->length < MAX_GROUP) {
        Job *job = g_queue_pop_head(&store->jobs);
        berth_metric_observe_us(BERTH_METRIC_STORE_QUEUE, store->busy_since_us - job->queued_us);
        g_queue_push_tail(group, job);
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
        run_group(store, &group);
        finish_group(store, &group);
    }
    return NULL;
}

static bool
open_connections(BerthStore *store, const char *url, const char *writer, GError **error)
{
    store->writer = berth_connection_open(url, true, error);
    if (store->writer == NULL || !berth_store_ensure_version(store->writer, error)) {
        return false;
    }
    g_strlcpy(store->writer->chain.id, writer, sizeof store->writer->chain.id);
    for (int i = 0; i < N_READERS; i++) {
        BerthTx *reader = berth_connection_open(url, false, error);
        if (reader == NULL) {
            return false;
        }
        g_async_queue_push(store->readers, reader);
    }
    store->prompt = berth_connection_open(url, false, error);
    if (store->prompt == NULL) {
        return false;
    }
    store->prompt->class->set_prompt(store->prompt);
    return true;
}

BerthStore *
berth_store_open(const char *url, const char *writer, GMainContext *context, GError **error)
{
    BerthStore *store = g_new0(BerthStore, 1);
    store->is_answering = true;
    store->readers = g_async_queue_new_full((GDestroyNotify)berth_connection_free);
    g_mutex_init(&store->mutex);
    g_cond_init(&store->wake);
    g_cond_init(&store->finished);
    g_queue_init(&store->jobs);
    store->results = berth_queue_new(context, deliver, store, deliver_late);
    if (!open_connections(store, url, writer, error)) {
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
    berth_connection_free(store->prompt);
    g_async_queue_unref(store->readers);
    g_mutex_clear(&store->mutex);
    g_cond_clear(&store->wake);
    g_cond_clear(&store->finished);
    g_free(store);
}

static int
try_read(BerthTx *reader, BerthTxFunc func, void *data)
{
    int error = reader->class->ensure(reader);
    if (error == BERTH_OK) {
        error = reader->class->begin(reader);
    }
    if (error != BERTH_OK) {
        return error;
    }
    reader->failure = BERTH_OK;
    error = func(reader, data);
    if (reader->failure != BERTH_OK) {
        reader->class->rollback(reader);
        return error != BERTH_OK ? error : reader->failure;
    }
    int ended = reader->class->commit(reader);
    return error != BERTH_OK ? error : ended;
}

/* Nobody else waits for it in vain, until a write has gone through. */
static void
note_loss(BerthStore *store, const BerthTx *reader)
{
    if (reader->is_lost) {
        g_mutex_lock(&store->mutex);
        store->is_answering = false;
        g_mutex_unlock(&store->mutex);
    }
}

int
berth_store_read(BerthStore *store, BerthTxFunc func, void *data)
{
    BerthTx *reader = g_async_queue_pop(store->readers);
    int error = BERTH_ERR_STORE_DOWN;
    if (!reader->is_lost || get_answering(store)) {
        error = try_read(reader, func, data);
        if (reader->is_lost) {
            error = try_read(reader, func, data);
        }
        note_loss(store, reader);
    }
    g_async_queue_push(store->readers, reader);
    return error;
}

int
berth_store_read_promptly(BerthStore *store, BerthTxFunc func, void *data)
{
    if (store->prompt->is_lost && !get_answering(store)) {
        return BERTH_ERR_STORE_DOWN;
    }
    int error = try_read(store->prompt, func, data);
    note_loss(store, store->prompt);
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
        *job = (Job){ .run = run, .done = done, .data = data, .queued_us = berth_monotonic_us() };
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
    Job job = {
        .run = run, .data = data, .is_waited_for = true, .queued_us = berth_monotonic_us()
    };
    g_mutex_lock(&store->mutex);
    g_queue_push_tail(&store->jobs, &job);
    g_cond_signal(&store->wake);
    while (!job.is_finished) {
        g_cond_wait(&store->finished, &store->mutex);
    }
    g_mutex_unlock(&store->mutex);
    return job.error;
}

void
berth_store_get_health(BerthStore *store, BerthStoreHealth *ret)
{
    int64_t now_us = berth_monotonic_us();
    g_mutex_lock(&store->mutex);
    bool is_slow = store->busy_since_us != 0 && now_us - store->busy_since_us > SLOW_US;
    *ret = (BerthStoreHealth){ .is_answering = store->is_answering && !is_slow,
                               .n_queued = store->jobs.length,
                               .n_unsigned = store->n_unsigned };
    g_mutex_unlock(&store->mutex);
}

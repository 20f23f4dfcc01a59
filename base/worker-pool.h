/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fixed number of threads for jobs that block or burn, with a bounded queue before them.
 *
 * run works on the job alone, in a worker thread, and touches no object of the main thread; done
 * gets the same job back in the main context.  Thread: all calls from the thread that runs the
 * context given to new.
 */
#pragma once

#include <glib.h>

typedef struct BerthWorkerPool BerthWorkerPool;

/* A step of a job: run in a worker thread, done in the main context. */
typedef void (*BerthWorkerFunc)(void *job);

/*
 * Starts the threads.
 *
 * context:     where done is called; NULL is the default one
 * n_threads:   >= 1
 * max_queued:  jobs that may wait for a thread, besides those being run
 */
BerthWorkerPool *berth_worker_pool_new(GMainContext *context, int n_threads, int max_queued);

/*
 * Gives a job to the pool.
 *
 * Ownership: job is lent until done is called with it.
 * Errors: BERTH_ERR_BUSY if max_queued jobs wait; the job was not taken.
 */
int berth_worker_pool_submit(BerthWorkerPool *pool, BerthWorkerFunc run, BerthWorkerFunc done,
                             void *job);

/* Jobs submitted whose done was not called. */
int berth_worker_pool_n_pending(const BerthWorkerPool *pool);

/*
 * Runs what is queued to its end, calls every outstanding done, joins the threads and frees the
 * pool.  Must not be called from a done.
 */
void berth_worker_pool_free(BerthWorkerPool *pool);

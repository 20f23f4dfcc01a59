/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/worker-pool.h"

#include "testing.h"

#include <stdbool.h>

typedef struct {
    GThread *ran_in;
    GThread *done_in;
    bool waits_at_gate;
} Job;

static GMutex gate_mutex;
static GCond gate_changed;
static bool is_gate_open;
static int n_at_gate;

static void
run(void *data)
{
    Job *job = data;
    g_mutex_lock(&gate_mutex);
    n_at_gate += job->waits_at_gate;
    g_cond_broadcast(&gate_changed);
    while (job->waits_at_gate && !is_gate_open) {
        g_cond_wait(&gate_changed, &gate_mutex);
    }
    g_mutex_unlock(&gate_mutex);
    job->ran_in = g_thread_self();
}

static void
done(void *data)
{
    Job *job = data;
    job->done_in = g_thread_self();
}

static void
open_gate(bool open)
{
    g_mutex_lock(&gate_mutex);
    is_gate_open = open;
    n_at_gate = 0;
    g_cond_broadcast(&gate_changed);
    g_mutex_unlock(&gate_mutex);
}

static void
wait_for_jobs_at_gate(int n)
{
    g_mutex_lock(&gate_mutex);
    while (n_at_gate < n) {
        g_cond_wait(&gate_changed, &gate_mutex);
    }
    g_mutex_unlock(&gate_mutex);
}

static void
jobs_run_elsewhere_and_are_done_here(void **state)
{
    Job jobs[20] = { 0 };
    BerthWorkerPool *pool = berth_worker_pool_new(NULL, 3, 20);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        assert_berth_ok(berth_worker_pool_submit(pool, run, done, &jobs[i]));
    }
    while (berth_worker_pool_n_pending(pool) > 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        assert_ptr_not_equal(jobs[i].ran_in, g_thread_self());
        assert_ptr_equal(jobs[i].done_in, g_thread_self());
    }
    berth_worker_pool_free(pool);
}

static void
a_full_queue_refuses_the_next_job(void **state)
{
    Job busy = { .waits_at_gate = true };
    Job waiting = { 0 };
    Job refused = { 0 };
    open_gate(false);
    BerthWorkerPool *pool = berth_worker_pool_new(NULL, 1, 1);
    assert_berth_ok(berth_worker_pool_submit(pool, run, done, &busy));
    wait_for_jobs_at_gate(1);
    assert_berth_ok(berth_worker_pool_submit(pool, run, done, &waiting));
    assert_berth_error(berth_worker_pool_submit(pool, run, done, &refused), BERTH_ERR_BUSY);
    assert_int_equal(berth_worker_pool_n_pending(pool), 2);
    open_gate(true);
    berth_worker_pool_free(pool);
    assert_non_null(waiting.done_in);
    assert_null(refused.ran_in);
}

static void
free_finishes_what_was_taken(void **state)
{
    Job jobs[8] = { 0 };
    BerthWorkerPool *pool = berth_worker_pool_new(NULL, 2, 8);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        assert_berth_ok(berth_worker_pool_submit(pool, run, done, &jobs[i]));
    }
    berth_worker_pool_free(pool);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        assert_ptr_equal(jobs[i].done_in, g_thread_self());
    }
}

static BerthWorkerPool *resubmit_pool;
static Job second_job;

static void
submit_another(void *job)
{
    done(job);
    assert_berth_ok(berth_worker_pool_submit(resubmit_pool, run, done, &second_job));
}

static void
a_job_submitted_while_freeing_is_done_too(void **state)
{
    Job first = { 0 };
    resubmit_pool = berth_worker_pool_new(NULL, 1, 4);
    assert_berth_ok(berth_worker_pool_submit(resubmit_pool, run, submit_another, &first));
    berth_worker_pool_free(resubmit_pool);
    assert_non_null(second_job.done_in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_elsewhere_and_are_done_here),
        cmocka_unit_test(a_full_queue_refuses_the_next_job),
        cmocka_unit_test(free_finishes_what_was_taken),
        cmocka_unit_test(a_job_submitted_while_freeing_is_done_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

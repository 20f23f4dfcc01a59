/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "base/fork-join.h"

#include <stdint.h>

#define N_PARTS 1000

typedef struct {
    gint n_runs[N_PARTS];
    GMutex mutex;
    GCond changed;
    int n_inside, n_inside_most;
} Job;

static void
count_part(size_t part, void *user_data)
{
    Job *job = user_data;

    g_atomic_int_inc(&job->n_runs[part]);
}

/* Returns when two parts are inside at the same time, or one was before. */
static void
meet_other_part(size_t part, void *user_data)
{
    Job *job = user_data;

    g_mutex_lock(&job->mutex);
    job->n_inside++;
    job->n_inside_most = MAX(job->n_inside_most, job->n_inside);
    g_cond_broadcast(&job->changed);
    while (job->n_inside_most < 2) {
        g_cond_wait(&job->changed, &job->mutex);
    }
    job->n_inside--;
    g_mutex_unlock(&job->mutex);
}

static void
every_part_runs_once(void **state)
{
    for (unsigned n_helpers = 0; n_helpers < 4; n_helpers++) {
        g_autoptr(BerthForkJoin) pool = berth_fork_join_new(n_helpers);
        Job job = { 0 };

        for (size_t n = 0; n <= N_PARTS; n += 250) {
            berth_fork_join_run(pool, n, count_part, &job);
        }
        for (size_t i = 0; i < N_PARTS; i++) {
            assert_int_equal(job.n_runs[i], (N_PARTS - i + 249) / 250);
        }
    }
}

static void
parts_run_at_the_same_time(void **state)
{
    g_autoptr(BerthForkJoin) pool = berth_fork_join_new(2);
    Job job = { 0 };

    g_mutex_init(&job.mutex);
    g_cond_init(&job.changed);
    berth_fork_join_run(pool, 2, meet_other_part, &job);
    assert_int_equal(job.n_inside_most, 2);
    g_mutex_clear(&job.mutex);
    g_cond_clear(&job.changed);
}

static void
many_small_jobs_follow_each_other(void **state)
{
    g_autoptr(BerthForkJoin) pool = berth_fork_join_new(3);
    Job job = { 0 };

    for (int i = 0; i < 2000; i++) {
        berth_fork_join_run(pool, 5, count_part, &job);
        assert_int_equal(g_atomic_int_get(&job.n_runs[4]), i + 1);
    }
}

static void
a_pool_without_work_is_freed(void **state)
{
    BerthForkJoin *pool = berth_fork_join_new(8);

    berth_fork_join_free(pool);
    berth_fork_join_free(NULL);
    assert_in_range(berth_fork_join_count_helpers(), 0, 15);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_runs_once),
        cmocka_unit_test(parts_run_at_the_same_time),
        cmocka_unit_test(many_small_jobs_follow_each_other),
        cmocka_unit_test(a_pool_without_work_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

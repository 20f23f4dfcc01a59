/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pool planner on a real SQLite store: how much one tick plans and how long it takes.
 *
 * Hosts are rows; what their agents would report (a machine is ready) is written between ticks.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "broker/host-sync.h"
#include "broker/plan-step.h"
#include "broker/steps.h"
#include "broker/store/store.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define SECOND_US (1000LL * 1000)
#define MIB_PER_HOST (1024LL * 1024)
#define MAX_TICKS 2000
#define N_IDLE 10

typedef struct {
    BerthStore *store;
    char *dir;
    int n_hosts, n_pools, slots;
    int64_t size;
    int64_t now_us;
    int n_changes; /* of the last tick */
    int64_t n_creating, n_ready, n_planned;
    GPtrArray *pools;
} Bench;

static int
add_hosts(Bench *bench, BerthTx *tx, const BerthCause *cause)
{
    int error = BERTH_OK;
    for (int i = 0; i < bench->n_hosts && error == BERTH_OK; i++) {
        char name[16];
        BerthHello hello = { .boot_id = "b",
                             .address = "127.0.0.1:1",
                             .accel = "kvm",
                             .qemu = "7.2",
                             .agent_epoch = 1,
                             .memory_limit_mib = MIB_PER_HOST,
                             .start_slots = bench->slots };
        g_snprintf(name, sizeof name, "host%d", i);
        berth_id_random_hex(hello.host);
        error = berth_tx_run(tx, BERTH_SQL_HOST_INSERT, "ssi", hello.host, name, bench->now_us);
        error = error == BERTH_OK ? berth_host_hello(tx, cause, &hello, "bench") : error;
    }
    return error;
}

static int
fill(BerthTx *tx, void *data)
{
    Bench *bench = data;
    BerthCause cause = { .now_us = bench->now_us, .actor = "bench" };
    char image[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(image);
    int error =
        berth_tx_run(tx, BERTH_SQL_IMAGE_INSERT, "sssi", image, "demo", "{}", bench->now_us);
    error = error == BERTH_OK ? add_hosts(bench, tx, &cause) : error;
    for (int i = 0; i < bench->n_pools && error == BERTH_OK; i++) {
        char name[16];
        char *id = g_malloc(BERTH_ID_HEX_CHARS + 1);
        berth_id_random_hex(id);
        g_ptr_array_add(bench->pools, id);
        g_snprintf(name, sizeof name, "pool%d", i);
        error = berth_tx_run(tx, BERTH_SQL_POOL_INSERT, "ssssiiiii", id, name, "floating", image,
                             bench->size, bench->size, (int64_t)1, (int64_t)1024, bench->now_us);
    }
    return error;
}

static int
tick(BerthTx *tx, void *data)
{
    Bench *bench = data;
    BerthCause cause = { .now_us = bench->now_us, .actor = "planner" };
    bench->n_changes = 0;
    return berth_plan_step(tx, &cause, &bench->n_changes);
}

/* Counts the machines by state; those that are being made are ready at once if they may be. */
static int
look(Bench *bench, BerthTx *tx, bool is_obeying)
{
    BerthCause cause = { .now_us = bench->now_us, .actor = "host" };
    g_autoptr(GPtrArray) creating = g_ptr_array_new_with_free_func(g_free);
    int error = BERTH_OK;
    bench->n_creating = bench->n_ready = bench->n_planned = 0;
    for (guint i = 0; i < bench->pools->len && error == BERTH_OK; i++) {
        BerthRows rows;
        berth_tx_query(tx, &rows, BERTH_SQL_PLAN_MACHINES, "s", g_ptr_array_index(bench->pools, i));
        while (berth_rows_next(&rows)) {
            const char *state = berth_rows_text(&rows, 1);
            bench->n_ready += g_str_equal(state, "ready") ? 1 : 0;
            bench->n_planned += g_str_equal(state, "planned") ? 1 : 0;
            if (g_str_equal(state, "creating")) {
                bench->n_creating++;
                g_ptr_array_add(creating, g_strdup(berth_rows_text(&rows, 0)));
            }
        }
        error = berth_rows_end(&rows);
    }
    for (guint i = 0; is_obeying && i < creating->len && error == BERTH_OK; i++) {
        error = berth_machine_step(tx, &cause, g_ptr_array_index(creating, i),
                                   BERTH_MACHINE_EVENT_SEEN_READY, NULL, "");
    }
    return error;
}

static int
look_only(BerthTx *tx, void *data)
{
    return look(data, tx, false);
}

static int
obey(BerthTx *tx, void *data)
{
    return look(data, tx, true);
}

static void
must(int error, const char *what)
{
    if (error != BERTH_OK) {
        fprintf(stderr, "%s: %s\n", what, berth_error_sentence(error));
        exit(1);
    }
}

static double
cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000.0 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000.0;
}

static double
timed_tick_ms(Bench *bench)
{
    int64_t begin_us = berth_monotonic_us();
    must(berth_store_write(bench->store, tick, bench), "tick");
    bench->now_us += SECOND_US;
    return (double)(berth_monotonic_us() - begin_us) / 1000.0;
}

static void
open_bench(Bench *bench, int n_hosts, int slots, int n_pools, int64_t size)
{
    g_autofree char *path = NULL;
    *bench = (Bench){ .n_hosts = n_hosts,
                      .n_pools = n_pools,
                      .slots = slots,
                      .size = size,
                      .now_us = 1000 * SECOND_US,
                      .pools = g_ptr_array_new_with_free_func(g_free) };
    bench->dir = g_dir_make_tmp("berth-planner-XXXXXX", NULL);
    path = g_strconcat("sqlite:", bench->dir, "/store.sqlite", NULL);
    bench->store = berth_store_open(path, "00112233445566778899aabbccddeeff", NULL, NULL);
    g_assert_nonnull(bench->store);
    must(berth_store_write(bench->store, fill, bench), "fill");
}

static void
close_bench(Bench *bench)
{
    static const char *const files[] = { "store.sqlite", "store.sqlite-wal", "store.sqlite-shm" };
    berth_store_free(bench->store);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(bench->dir, files[i], NULL);
        g_unlink(path);
    }
    g_rmdir(bench->dir);
    g_free(bench->dir);
    g_ptr_array_unref(bench->pools);
}

/* Fills pools until nothing is left to do, and measures each tick. */
static void
run(int n_hosts, int slots, int n_pools, int64_t size)
{
    Bench bench;
    int n_ticks = 0;
    double longest_ms = 0;
    open_bench(&bench, n_hosts, slots, n_pools, size);
    double first_ms = timed_tick_ms(&bench);
    must(berth_store_write(bench.store, look_only, &bench), "look");
    int64_t n_planned = bench.n_planned + bench.n_creating;
    int64_t n_issued = bench.n_creating;
    do {
        must(berth_store_write(bench.store, obey, &bench), "obey");
        double ms = timed_tick_ms(&bench);
        longest_ms = MAX(longest_ms, ms);
        n_ticks++;
    } while (bench.n_changes > 0 && n_ticks < MAX_TICKS);
    double idle_ms = timed_tick_ms(&bench);
    double idle_cpu_ms = cpu_ms();
    for (int i = 0; i < N_IDLE; i++) {
        idle_ms = MIN(idle_ms, timed_tick_ms(&bench));
    }
    idle_cpu_ms = (cpu_ms() - idle_cpu_ms) / N_IDLE;
    must(berth_store_write(bench.store, look_only, &bench), "look");
    printf("%6d %6d %6d %8d %9d %8d %8d %9.1f %9.1f %8.2f %8.2f\n", n_hosts, slots, n_pools,
           (int)(size * n_pools), (int)n_planned, (int)n_issued, n_ticks, first_ms, longest_ms,
           idle_ms, idle_cpu_ms);
    if (bench.n_ready != size * n_pools) {
        fprintf(stderr, "only %d of %d machines became ready\n", (int)bench.n_ready,
                (int)(size * n_pools));
        exit(1);
    }
    close_bench(&bench);
}

int
main(int argc, char **argv)
{
    printf("%6s %6s %6s %8s %9s %8s %8s %9s %9s %8s %8s\n", "hosts", "slots", "pools", "machines",
           "planned", "issued", "more", "first", "longest", "idle", "idle");
    printf("%6s %6s %6s %8s %9s %8s %8s %9s %9s %8s %8s\n", "", "each", "", "wanted", "1st tick",
           "1st tick", "ticks", "tick/ms", "tick/ms", "tick/ms", "CPU/ms");
    run(20, 4, 1, 50);
    run(20, 4, 1, 1000);
    run(20, 50, 1, 1000);
    if (argc > 1 && g_str_equal(argv[1], "--quick")) {
        return 0;
    }
    run(100, 50, 50, 100);
    run(1000, 50, 50, 1000);
    return 0;
}

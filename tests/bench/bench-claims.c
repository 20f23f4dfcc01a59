/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Claims in a second through the real store and claim code: bench-claims URL CLIENTS CLAIMS.
 *
 * Every claim is a user's first: it takes a ready machine and opens assignment and session.  With
 * "bare" instead of CLIENTS it is a loop of one-row commits on SQLite with the store's settings.
 * Prints the number of transactions in a second.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "broker/claim.h"
#include "broker/host-sync.h"
#include "broker/store/connection.h"
#include "broker/store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US (1000LL * 1000 * 1000)
#define WRITER "00112233445566778899aabbccddeeff"
#define FILL_PART 1000

typedef struct {
    BerthStore *store;
    char host[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    char image[BERTH_ID_HEX_CHARS + 1];
    char (*users)[BERTH_ID_HEX_CHARS + 1];
    int n_users;
    int n_filled;
    gint next;     /* atomic: the user of the next claim */
    gint n_failed; /* atomic */
} Bench;

static int
add_site(BerthTx *tx, void *data)
{
    Bench *bench = data;
    BerthCause cause = { .now_us = NOW_US, .actor = "bench" };
    BerthHello hello = { .boot_id = "b",
                         .address = "127.0.0.1:1",
                         .accel = "kvm",
                         .qemu = "7.2",
                         .agent_epoch = 1,
                         .memory_limit_mib = 1 << 30,
                         .start_slots = 64 };
    berth_id_random_hex(bench->host);
    berth_id_random_hex(bench->pool);
    berth_id_random_hex(bench->image);
    g_strlcpy(hello.host, bench->host, sizeof hello.host);
    int error = berth_tx_run(tx, BERTH_SQL_IMAGE_INSERT, "sssi", bench->image, "i", "{}", NOW_US);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_HOST_INSERT, "ssi", bench->host, "h", NOW_US);
    }
    if (error == BERTH_OK) {
        error = berth_host_hello(tx, &cause, &hello, "bench");
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_POOL_INSERT, "ssssiiiii", bench->pool, "p", "floating",
                             bench->image, (int64_t)bench->n_users, (int64_t)0, (int64_t)1,
                             (int64_t)64, NOW_US);
    }
    return error;
}

/* A user, the right to the pool, and a machine. */
static int
add_one(BerthTx *tx, Bench *bench, int i)
{
    char name[32];
    char id[BERTH_ID_HEX_CHARS + 1];
    g_snprintf(name, sizeof name, "user%d", i);
    berth_id_random_hex(bench->users[i]);
    berth_id_random_hex(id);
    int error =
        berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi", bench->users[i], name, "x", NOW_US);
    if (error == BERTH_OK) {
        error =
            berth_tx_run(tx, BERTH_SQL_ENTITLE, "sssi", id, bench->users[i], bench->pool, NOW_US);
    }
    berth_id_random_hex(id);
    g_snprintf(name, sizeof name, "m%d", i);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_MACHINE_INSERT, "sssssiibissisi", id, bench->pool,
                             bench->host, bench->image, name, (int64_t)64, (int64_t)1, 0, NOW_US,
                             "on", "", (int64_t)0, NULL, (int64_t)0);
    }
    return error;
}

static int
add_part(BerthTx *tx, void *data)
{
    Bench *bench = data;
    int error = BERTH_OK;
    int end = MIN(bench->n_filled + FILL_PART, bench->n_users);
    for (int i = bench->n_filled; i < end && error == BERTH_OK; i++) {
        error = add_one(tx, bench, i);
    }
    return error;
}

static int
make_ready(BerthTx *tx, void *data)
{
    (void)data;
    return berth_connection_exec(tx, "UPDATE machine SET state = 'ready'");
}

static int
run_claim(BerthTx *tx, void *data)
{
    const BerthClaim *claim = data;
    BerthClaimResult result;
    BerthCause cause = { .now_us = NOW_US, .actor = "user" };
    char *policy = NULL;
    int error = berth_claim(tx, &cause, claim, &result, &policy);
    free(policy);
    return error == BERTH_OK && result.session[0] == '\0' ? BERTH_ERR_NO_DESKTOP : error;
}

static gpointer
client_main(gpointer data)
{
    Bench *bench = data;
    int i = 0;
    while ((i = g_atomic_int_add(&bench->next, 1)) < bench->n_users) {
        BerthClaim claim = { .account = bench->users[i],
                             .pool = bench->pool,
                             .client = "bench",
                             .client_key = "11",
                             .login = "" };
        if (berth_store_write(bench->store, run_claim, &claim) != BERTH_OK) {
            g_atomic_int_inc(&bench->n_failed);
        }
    }
    return NULL;
}

static void
must(int error, const char *what)
{
    if (error != BERTH_OK) {
        fprintf(stderr, "bench-claims: %s: %s\n", what, berth_error_sentence(error));
        exit(1);
    }
}

static int
bench_claims(const char *url, int n_clients, int n_claims)
{
    g_autoptr(GError) error = NULL;
    Bench bench = { .n_users = n_claims };
    bench.users = g_malloc0_n((gsize)n_claims, sizeof *bench.users);
    bench.store = berth_store_open(url, WRITER, NULL, &error);
    if (bench.store == NULL) {
        fprintf(stderr, "bench-claims: %s\n", error->message);
        return 1;
    }
    must(berth_store_write(bench.store, add_site, &bench), "site");
    for (; bench.n_filled < n_claims; bench.n_filled += FILL_PART) {
        must(berth_store_write(bench.store, add_part, &bench), "users");
    }
    must(berth_store_write(bench.store, make_ready, NULL), "machines");
    g_autofree GThread **threads = g_new0(GThread *, (gsize)n_clients);
    int64_t begin_us = berth_monotonic_us();
    for (int i = 0; i < n_clients; i++) {
        threads[i] = g_thread_new("client", client_main, &bench);
    }
    for (int i = 0; i < n_clients; i++) {
        g_thread_join(threads[i]);
    }
    int64_t took_us = berth_monotonic_us() - begin_us;
    printf("%.0f %d\n", (double)n_claims * 1e6 / (double)took_us, bench.n_failed);
    berth_store_free(bench.store);
    g_free(bench.users);
    return bench.n_failed == 0 ? 0 : 1;
}

static int
bench_bare(const char *path, int n_commits)
{
    sqlite3 *db = NULL;
    int result = sqlite3_open(path, &db);
    if (result == SQLITE_OK) {
        result = sqlite3_exec(db,
                              "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                              "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER) STRICT;"
                              "INSERT INTO t VALUES (1, 0)",
                              NULL, NULL, NULL);
    }
    int64_t begin_us = berth_monotonic_us();
    for (int i = 0; i < n_commits && result == SQLITE_OK; i++) {
        result = sqlite3_exec(db, "UPDATE t SET n = n + 1 WHERE id = 1", NULL, NULL, NULL);
    }
    int64_t took_us = berth_monotonic_us() - begin_us;
    sqlite3_close(db);
    printf("%.0f 0\n", (double)n_commits * 1e6 / (double)took_us);
    return result == SQLITE_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: bench-claims URL CLIENTS CLAIMS | FILE bare COMMITS\n", stderr);
        return 2;
    }
    int n = (int)g_ascii_strtoll(argv[3], NULL, 10);
    if (strcmp(argv[2], "bare") == 0) {
        return bench_bare(argv[1], n);
    }
    return bench_claims(argv[1], (int)g_ascii_strtoll(argv[2], NULL, 10), n);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/db.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "broker/audit.h"
#include "broker/state-dir.h"
#include "broker/store/archive.h"
#include "broker/store/connection.h"
#include "broker/store/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOW_AFTER_US (2LL * 1000 * 1000)
#define BAR_CHARS 30

typedef struct {
    int64_t begin_us;
    int shown_pct;
} Bar;

typedef struct {
    const BerthConfig *config;
    const BerthDbOptions *options;
    const char *const *words; /* after the verb */
    char *url;
    BerthArchiveOptions archive;
    Bar bar;
} Call;

static void
show_progress(int64_t n_done, int64_t n_all, void *data)
{
    Bar *bar = data;
    int pct = n_all > 0 ? (int)(100 * MIN(n_done, n_all) / n_all) : 100;
    if (pct == bar->shown_pct || berth_monotonic_us() - bar->begin_us < SHOW_AFTER_US) {
        return;
    }
    char text[BAR_CHARS + 1];
    memset(text, '.', BAR_CHARS);
    memset(text, '#', (size_t)(BAR_CHARS * pct / 100));
    text[BAR_CHARS] = '\0';
    fprintf(stderr, "\r[%s] %3d %%", text, pct);
    bar->shown_pct = pct;
}

static void
end_progress(const Bar *bar)
{
    if (bar->shown_pct >= 0) {
        fputs("\n", stderr);
    }
}

static bool
run_backup(Call *call, GError **error)
{
    BerthArchiveResult result;
    if (!berth_archive_backup(call->url, call->words[0], &call->archive, &result, error)) {
        return false;
    }
    printf("%s: %" PRId64 " rows of %" PRId64 " tables\n", call->words[0], result.n_rows,
           result.n_tables);
    return true;
}

static int
lock(const Call *call, GError **error)
{
    return berth_state_dir_lock(berth_config_get_string(call->config, "broker", "state_dir"),
                                error);
}

static bool
run_restore(Call *call, GError **error)
{
    BerthArchiveResult result;
    berth_autofd int fd = lock(call, error);
    if (fd < 0 ||
        !berth_archive_restore(call->words[0], call->url, &call->archive, &result, error)) {
        return false;
    }
    printf("%" PRId64 " rows of %" PRId64 " tables are restored, cluster epoch %" PRId64 "\n"
           "safe mode is on: hosts destroy nothing until `berthctl safe-mode off`\n",
           result.n_rows, result.n_tables, result.cluster_epoch);
    return true;
}

static bool
run_copy(Call *call, GError **error)
{
    BerthArchiveResult result;
    berth_autofd int fd = lock(call, error);
    if (fd < 0 ||
        !berth_archive_copy(call->words[0], call->words[1], &call->archive, &result, error)) {
        return false;
    }
    printf("%" PRId64 " rows of %" PRId64 " tables are copied, counts and digests are equal\n",
           result.n_rows, result.n_tables);
    return true;
}

static bool
run_migrate(Call *call, GError **error)
{
    int to = call->options->to_version > 0 ? call->options->to_version : berth_n_migrations;
    berth_autofd int fd = lock(call, error);
    g_autoptr(BerthTx) tx = fd >= 0 ? berth_connection_open(call->url, true, error) : NULL;
    if (tx == NULL) {
        return false;
    }
    tx->class->set_patient(tx);
    if (!berth_store_migrate(tx, to, error)) {
        return false;
    }
    printf("the store has version %d\n", to);
    return true;
}

static bool
print_audit(const Call *call, BerthTx *tx, GError **error)
{
    BerthAuditReport report;
    BerthTicketKey key;
    g_autoptr(BerthSigningKey) signing_key = berth_signing_key_load(
        berth_config_get_string(call->config, "broker", "ticket_key_file"), error);
    if (signing_key == NULL) {
        return false;
    }
    berth_signing_key_get_public(signing_key, &key);
    int code = tx->class->begin(tx);
    if (code == BERTH_OK) {
        code = berth_audit_verify(tx, &key, &report);
        tx->class->rollback(tx);
    }
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "the audit log cannot be read: %s",
                               berth_error_sentence(code));
    }
    printf("audit: %" PRId64 " records in %" PRId64 " chains\n", report.n_records, report.n_chains);
    return report.bad_seq == 0 ||
           berth_set_error(error, BERTH_ERR_CORRUPT, "audit: %s: chain %s, record %" PRId64,
                           report.problem, report.bad_chain, report.bad_seq);
}

static bool
run_verify(Call *call, GError **error)
{
    g_autofree char *url = NULL;
    if (call->words[0] != NULL) {
        BerthArchiveResult result;
        if (!berth_archive_check(call->words[0], &result, error)) {
            return false;
        }
        printf("%s: %" PRId64 " rows of %" PRId64 " tables are whole\n", call->words[0],
               result.n_rows, result.n_tables);
        url = g_strconcat("sqlite:", call->words[0], NULL);
    }
    g_autoptr(BerthTx) tx = berth_connection_open(url != NULL ? url : call->url, false, error);
    if (tx == NULL) {
        return false;
    }
    tx->class->set_patient(tx);
    return print_audit(call, tx, error);
}

static const struct {
    const char *verb;
    const char *usage;
    int n_min;
    int n_max;
    bool (*run)(Call *call, GError **error);
} verbs[] = {
    { "backup", "FILE", 1, 1, run_backup },   { "restore", "FILE", 1, 1, run_restore },
    { "migrate", "", 0, 0, run_migrate },     { "copy", "FROM-URL TO-URL", 2, 2, run_copy },
    { "verify", "[FILE]", 0, 1, run_verify },
};

bool
berth_db_run(const BerthConfig *config, const BerthDbOptions *options, int n,
             const char *const *words, GError **error)
{
    Call call = { .config = config, .options = options };
    for (size_t i = 0; n > 0 && i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(words[0], verbs[i].verb) != 0) {
            continue;
        }
        if (n - 1 < verbs[i].n_min || n - 1 > verbs[i].n_max) {
            return berth_set_error(error, BERTH_ERR_CONFIG, "write: db %s %s", verbs[i].verb,
                                   verbs[i].usage);
        }
        call.words = words + 1;
        call.url = berth_state_dir_store_url(config);
        call.bar = (Bar){ .begin_us = berth_monotonic_us(), .shown_pct = -1 };
        call.archive = (BerthArchiveOptions){ .progress = show_progress,
                                              .data = &call.bar,
                                              .is_forced = options->is_forced };
        bool is_good = verbs[i].run(&call, error);
        end_progress(&call.bar);
        g_free(call.url);
        return is_good;
    }
    return berth_set_error(error, BERTH_ERR_CONFIG,
                           "write: db backup FILE | restore FILE | migrate | copy FROM TO | "
                           "verify [FILE]");
}

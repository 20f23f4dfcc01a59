/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsck.h"

#include "base/error.h"
#include "broker/audit.h"

#include <glib.h>

static const struct {
    const char *name;
    BerthStatement statement;
    bool is_warning; /* may be so for a while: told, and no breach of the site */
} checks[] = {
    { "one-owner-a-machine", BERTH_SQL_FSCK_SHARED_MACHINE },
    { "one-desktop-a-slot", BERTH_SQL_FSCK_SHARED_SLOT },
    { "one-session-a-machine", BERTH_SQL_FSCK_SHARED_SESSION },
    { "session-is-its-owners", BERTH_SQL_FSCK_OWNER },
    { "session-has-its-assignment", BERTH_SQL_FSCK_SESSION_OPEN },
    { "ticket-is-of-its-session", BERTH_SQL_FSCK_TICKET },
    { "ready-is-clean", BERTH_SQL_FSCK_DIRTY_READY },
    { "clean-was-scrubbed", BERTH_SQL_FSCK_SCRUB },
    { "data-is-kept", BERTH_SQL_FSCK_KEPT },
    { "pool-counts-its-machines", BERTH_SQL_FSCK_POOL_COUNT },
    { "host-counts-its-memory", BERTH_SQL_FSCK_MEMORY },
    { "host-counts-its-processors", BERTH_SQL_FSCK_VCPUS },
    { "host-is-not-ahead", BERTH_SQL_FSCK_CLUSTER_EPOCH },
    { "removed-host-is-empty", BERTH_SQL_FSCK_REMOVED_HOST },
    { "image-stays-sealed", BERTH_SQL_FSCK_SEALED },
    { "sealed-is-signed", BERTH_SQL_FSCK_SIGNED },
    { "tag-can-be-run", BERTH_SQL_FSCK_TAG },
    { "version-is-of-its-image", BERTH_SQL_FSCK_VERSION_OF_IMAGE },
    { "deleted-version-is-nowhere", BERTH_SQL_FSCK_REPLICA_DELETED },
    { "machine-has-its-version", BERTH_SQL_FSCK_REPLICA, true },
    { "disk-is-held-by-its-owner", BERTH_SQL_FSCK_DISK_LEASE },
    { "task-has-a-host", BERTH_SQL_FSCK_TASK },
    { "one-rollout-a-pool", BERTH_SQL_FSCK_ROLLOUTS },
    { "one-holder-a-lease", BERTH_SQL_FSCK_LEASES },
    { "change-is-in-the-log", BERTH_SQL_FSCK_UNWRITTEN },
    { "job-is-there-once", BERTH_SQL_FSCK_JOBS },
    { "state-has-a-deadline", BERTH_SQL_FSCK_DEADLINES },
    { "assigned-has-an-assignment", BERTH_SQL_FSCK_ASSIGNED },
    { "assignment-has-its-machine", BERTH_SQL_FSCK_OPEN_ELSEWHERE },
    { "disk-is-leased-once", BERTH_SQL_FSCK_DISK_LEASES },
    { "disk-is-its-owners", BERTH_SQL_FSCK_DISK_OWNERS },
    { "epochs-only-grow", BERTH_SQL_FSCK_EPOCH },
    { "restore-points-have-what-they-need", BERTH_SQL_FSCK_POINTS },
};

static void
add_check(json_t *list, const char *name, int64_t n, json_t *rows, int64_t *n_breaches)
{
    json_array_append_new(
        list, json_pack("{s:s, s:I, s:o}", "check", name, "breaches", (json_int_t)n, "rows", rows));
    *n_breaches += n;
}

static int
run_check(BerthTx *tx, const char *name, BerthStatement statement, json_t *list,
          int64_t *n_breaches)
{
    BerthRows rows;
    int64_t n = 0;
    json_t *named = json_array();
    berth_tx_query(tx, &rows, statement, "");
    for (; berth_rows_next(&rows); n++) {
        if (n < BERTH_FSCK_ROWS) {
            json_array_append_new(named, json_pack("{s:s, s:s}", "id", berth_rows_text(&rows, 0),
                                                   "what", berth_rows_text(&rows, 1)));
        }
    }
    add_check(list, name, n, named, n_breaches);
    return berth_rows_end(&rows);
}

static int
check_audit(BerthTx *tx, json_t *list, int64_t *n_breaches)
{
    BerthAuditReport report = { 0 };
    json_t *named = json_array();
    int error = berth_audit_verify(tx, NULL, &report);
    bool is_bad = report.bad_seq != 0;
    if (is_bad) {
        g_autofree char *id =
            g_strdup_printf("%s:%" G_GINT64_FORMAT, report.bad_chain, report.bad_seq);
        json_array_append_new(named, json_pack("{s:s, s:s}", "id", id, "what", report.problem));
    }
    add_check(list, "audit-chain-is-whole", is_bad ? 1 : 0, named, n_breaches);
    return error;
}

int
berth_fsck(BerthTx *tx, json_t **ret_checks, int64_t *ret_n_breaches)
{
    json_auto_t *list = json_array();
    int64_t n_breaches = 0;
    int error = BERTH_OK;
    for (size_t i = 0; i < G_N_ELEMENTS(checks) && error == BERTH_OK; i++) {
        int64_t n_found = 0;
        error = run_check(tx, checks[i].name, checks[i].statement, list, &n_found);
        json_object_set_new(json_array_get(list, i), "level",
                            json_string(checks[i].is_warning ? "warning" : "breach"));
        n_breaches += checks[i].is_warning ? 0 : n_found;
    }
    if (error == BERTH_OK) {
        error = check_audit(tx, list, &n_breaches);
    }
    if (error == BERTH_OK) {
        *ret_checks = json_incref(list);
        *ret_n_breaches = n_breaches;
    }
    return error;
}

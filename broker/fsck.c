/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsck.h"

#include "base/error.h"
#include "broker/audit.h"

#include <glib.h>

static const struct {
    const char *name;
    BerthStatement statement;
} checks[] = {
    { "one-owner-a-machine", BERTH_SQL_FSCK_SHARED_MACHINE },
    { "ready-is-clean", BERTH_SQL_FSCK_DIRTY_READY },
    { "session-is-its-owners", BERTH_SQL_FSCK_OWNER },
    { "assigned-has-an-assignment", BERTH_SQL_FSCK_ASSIGNED },
    { "assignment-has-its-machine", BERTH_SQL_FSCK_OPEN_ELSEWHERE },
    { "pool-counts-its-machines", BERTH_SQL_FSCK_POOL_COUNT },
    { "host-counts-its-memory", BERTH_SQL_FSCK_MEMORY },
    { "epochs-only-grow", BERTH_SQL_FSCK_EPOCH },
};

static void
add_check(json_t *list, const char *name, int64_t n, int64_t *n_breaches)
{
    json_array_append_new(list, json_pack("{s:s, s:I}", "check", name, "breaches", (json_int_t)n));
    *n_breaches += n;
}

int
berth_fsck(BerthTx *tx, json_t **ret_checks, int64_t *ret_n_breaches)
{
    json_auto_t *list = json_array();
    int64_t n_breaches = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        int64_t n = 0;
        int error = berth_tx_get_int(tx, &n, checks[i].statement, "");
        if (error != BERTH_OK) {
            return error;
        }
        add_check(list, checks[i].name, n, &n_breaches);
    }
    BerthAuditReport audit;
    int error = berth_audit_verify(tx, NULL, &audit);
    if (error != BERTH_OK) {
        return error;
    }
    add_check(list, "audit-chain-is-whole", audit.bad_seq != 0 ? 1 : 0, &n_breaches);
    *ret_checks = json_incref(list);
    *ret_n_breaches = n_breaches;
    return BERTH_OK;
}

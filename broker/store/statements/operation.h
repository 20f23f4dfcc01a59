/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long work and answers that may be asked for again.
 */
#pragma once

#define BERTH_STATEMENTS_OPERATION(X)                                                             \
    X(IDEMPOTENCY_GET, "SELECT request_hash, status, reply FROM idempotency "                     \
                       "WHERE account = ?1 AND key = ?2 AND expires_us > ?3")                     \
    X(IDEMPOTENCY_INSERT, "INSERT INTO idempotency (account, key, request_hash, status, reply, "  \
                          "expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                          \
    X(IDEMPOTENCY_PURGE, "DELETE FROM idempotency WHERE expires_us <= ?1")                        \
    X(OPERATION_INSERT, "INSERT INTO operation (id, kind, object, account, state, created_us, "   \
                        "updated_us) VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?5)")                 \
    X(OPERATION_PROGRESS, "UPDATE operation SET progress_pct = ?2, detail = ?3, updated_us = ?4 " \
                          "WHERE id = ?1 AND state = 'running'")                                  \
    X(OPERATION_FINISH, "UPDATE operation SET state = ?2, progress_pct = CASE WHEN ?2 = 'done' "  \
                        "THEN 100 ELSE progress_pct END, detail = ?3, result = ?4, "              \
                        "updated_us = ?5 WHERE id = ?1 AND state = 'running'")                    \
    X(OPERATION_PURGE, "DELETE FROM operation WHERE state <> 'running' AND updated_us < ?1")      \
    X(OPERATION_ABANDON, "UPDATE operation SET state = 'failed', detail = "                       \
                         "'its broker stopped; start it again', updated_us = ?2 "                 \
                         "WHERE state = 'running' AND updated_us < ?1")                           \
    X(OPERATION_JSON, "SELECT o.id, o.kind, o.object, o.state, o.progress_pct, o.detail, "        \
                      "o.result AS \"{}result\", o.created_us, o.updated_us FROM operation o "    \
                      "WHERE o.id = ?1 AND (o.account = ?2 OR ?3 = 1)")                           \
    X(LIST_OPERATIONS, "SELECT o.id, o.kind, o.object, o.state, o.progress_pct, o.detail, "       \
                       "o.created_us, o.updated_us FROM operation o WHERE o.id > ?2 "             \
                       "AND (?3 = 1 OR o.account = ?4) AND ?5 = ?5 "                              \
                       "AND (?6 = '' OR o.state = ?6) ORDER BY o.id LIMIT ?1")

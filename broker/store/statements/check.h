/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must never be true: each counts the breaches of one invariant.
 */
#pragma once

#define BERTH_STATEMENTS_CHECK(X)                                                                  \
    X(FSCK_SHARED_MACHINE, "SELECT count(*) FROM (SELECT machine FROM assignment "                 \
                           "WHERE state = 'open' GROUP BY machine HAVING count(*) > 1) d")         \
    X(FSCK_DIRTY_READY, "SELECT count(*) FROM machine "                                            \
                        "WHERE state = 'ready' AND (dirty = 1 OR assignment IS NOT NULL)")         \
    X(FSCK_OWNER, "SELECT count(*) FROM session s JOIN assignment a ON a.id = s.assignment "       \
                  "WHERE s.account <> a.account OR s.machine <> a.machine")                        \
    X(FSCK_ASSIGNED, "SELECT count(*) FROM machine m LEFT JOIN assignment a "                      \
                     "ON a.id = m.assignment WHERE m.state = 'assigned' "                          \
                     "AND (a.id IS NULL OR a.state <> 'open' OR a.machine <> m.id)")               \
    X(FSCK_OPEN_ELSEWHERE, "SELECT count(*) FROM assignment a JOIN machine m ON m.id = a.machine " \
                           "WHERE a.state = 'open' AND (m.assignment IS NULL "                     \
                           "OR m.assignment <> a.id)")                                             \
    X(FSCK_POOL_COUNT, "SELECT count(*) FROM pool p WHERE p.n_machines <> "                        \
                       "(SELECT count(*) FROM machine m WHERE m.pool = p.id "                      \
                       "AND m.state <> 'deleted')")                                                \
    X(FSCK_MEMORY, "SELECT count(*) FROM host h WHERE h.memory_reserved_mib <> "                   \
                   "COALESCE((SELECT sum(m.memory_mib) FROM machine m WHERE m.host = h.id "        \
                   "AND m.state <> 'deleted'), 0)")                                                \
    X(FSCK_EPOCH, "SELECT count(*) FROM session s JOIN machine m ON m.id = s.machine "             \
                  "WHERE s.machine_epoch > m.epoch")

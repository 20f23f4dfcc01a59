/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connecting a user to a desktop.
 */
#pragma once

/* A host on which a machine may be handed out; m is the machine, h its host. */
#define BERTH_SQL_MAY_HAND_OUT                             \
    "m.dirty = 0 AND m.assignment IS NULL AND m.hold = 0 " \
    "AND h.state IN ('up', 'degraded') AND h.drain = 0 AND h.maintenance = 0 "
/* 1: of an image that the pool has left, to be handed out last; p is the pool. */
#define BERTH_SQL_OLD_LAST "CASE WHEN m.image IS NULL OR m.image = p.image THEN 0 ELSE 1 END"

#define BERTH_STATEMENTS_CLAIM(X)                                                                  \
    X(CLAIM_POOL,                                                                                  \
      "SELECT p.enabled, p.kind, p.on_logoff, p.max_per_user, p.size, a.enabled, e.id, "           \
      "s.timezone, s.rules, s.name, (SELECT count(*) FROM waiting w LEFT JOIN waiting i "          \
      "ON i.account = ?1 AND i.pool = ?2 WHERE w.pool = ?2 AND w.account <> ?1 "                   \
      "AND w.seen_us >= ?3 AND (i.account IS NULL OR w.since_us < i.since_us "                     \
      "OR (w.since_us = i.since_us AND w.account < i.account))), p.user_disk "                     \
      "FROM entitled e JOIN pool p ON p.id = e.pool "                                              \
      "JOIN account a ON a.id = e.account LEFT JOIN schedule s ON s.id = e.schedule "              \
      "WHERE e.account = ?1 AND e.pool = ?2 ORDER BY e.id")                                        \
    X(CLAIM_OWN,                                                                                   \
      "SELECT a.id, a.machine, a.machine_epoch, m.state, m.host, h.state, s.id, "                  \
      "s.session_key, s.started_us, m.power, m.keep, h.clock_offset_us, s.rung, s.granted_us "     \
      "FROM assignment a "                                                                         \
      "JOIN machine m ON m.id = a.machine JOIN host h ON h.id = m.host "                           \
      "LEFT JOIN session s ON s.assignment = a.id AND s.state IN "                                 \
      "('allocating', 'connecting', 'active', 'disconnected', 'lost') "                            \
      "WHERE a.account = ?1 AND a.pool = ?2 AND a.slot = ?3 AND a.state = 'open'")                 \
    X(MACHINE_CLAIM_READY,                                                                         \
      "UPDATE machine SET state = ?3, assignment = ?2, power = 'on', since_us = ?4, "              \
      "deadline_us = NULL, absent_us = NULL WHERE id = COALESCE((SELECT m.id FROM machine m "      \
      "CROSS JOIN host h CROSS JOIN pool p WHERE m.pool = ?1 AND m.state = 'ready' "               \
      "AND m.canary = 1 AND h.id = m.host AND p.id = m.pool AND " BERTH_SQL_MAY_HAND_OUT           \
      "LIMIT 1 /*pg FOR UPDATE OF m SKIP LOCKED*/), (SELECT m.id FROM machine m "                  \
      "CROSS JOIN host h CROSS JOIN pool p WHERE m.pool = ?1 AND m.state = 'ready' "               \
      "AND h.id = m.host AND p.id = m.pool AND " BERTH_SQL_MAY_HAND_OUT "AND " BERTH_SQL_OLD_LAST  \
      " = ?5 ORDER BY m.since_us, m.id LIMIT 1 "                                                   \
      "/*pg FOR UPDATE OF m SKIP LOCKED*/)) AND state = 'ready' "                                  \
      "RETURNING id, host, epoch")                                                                 \
    X(CLAIM_COMING,                                                                                \
      "SELECT m.id, m.host, m.epoch, m.state, m.power FROM machine m "                             \
      "JOIN host h ON h.id = m.host JOIN pool p ON p.id = m.pool WHERE m.pool = ?1 "               \
      "AND m.state IN ('starting', 'stopped', 'creating', 'planned') "                             \
      "AND " BERTH_SQL_MAY_HAND_OUT "ORDER BY CASE m.state WHEN 'starting' THEN 0 "                \
      "WHEN 'stopped' THEN CASE m.power WHEN 'frozen' THEN 1 ELSE 2 END "                          \
      "WHEN 'creating' THEN 3 ELSE 4 END, " BERTH_SQL_OLD_LAST ", m.since_us, m.id LIMIT 1 "       \
      "/*pg FOR UPDATE OF m SKIP LOCKED*/")                                                        \
    X(MACHINE_CLAIM_READY_AT,                                                                      \
      "UPDATE machine SET state = ?3, assignment = ?2, power = 'on', since_us = ?4, "              \
      "deadline_us = NULL, absent_us = NULL WHERE id = (SELECT m.id FROM machine m "               \
      "CROSS JOIN host h CROSS JOIN pool p WHERE m.pool = ?1 AND m.state = 'ready' "               \
      "AND m.host = ?6 "                                                                           \
      "AND h.id = m.host AND p.id = m.pool AND " BERTH_SQL_MAY_HAND_OUT "AND " BERTH_SQL_OLD_LAST  \
      " = ?5 ORDER BY m.since_us, m.id LIMIT 1 "                                                   \
      "/*pg FOR UPDATE OF m SKIP LOCKED*/) AND state = 'ready' "                                   \
      "RETURNING id, host, epoch")                                                                 \
    X(CLAIM_COMING_AT,                                                                             \
      "SELECT m.id, m.host, m.epoch, m.state, m.power FROM machine m "                             \
      "JOIN host h ON h.id = m.host JOIN pool p ON p.id = m.pool WHERE m.pool = ?1 "               \
      "AND m.host = ?2 AND m.state IN ('starting', 'stopped', 'creating', 'planned') "             \
      "AND " BERTH_SQL_MAY_HAND_OUT "ORDER BY CASE m.state WHEN 'starting' THEN 0 "                \
      "WHEN 'stopped' THEN CASE m.power WHEN 'frozen' THEN 1 ELSE 2 END "                          \
      "WHEN 'creating' THEN 3 ELSE 4 END, " BERTH_SQL_OLD_LAST ", m.since_us, m.id LIMIT 1 "       \
      "/*pg FOR UPDATE OF m SKIP LOCKED*/")                                                        \
    X(CLAIM_FREE, "SELECT count(*) FROM machine m JOIN host h ON h.id = m.host WHERE m.pool = ?1 " \
                  "AND m.state IN ('ready', 'starting', 'stopped', 'creating', 'planned') "        \
                  "AND " BERTH_SQL_MAY_HAND_OUT)                                                   \
    X(CLAIM_PROSPECTS,                                                                             \
      "SELECT (SELECT count(*) FROM host WHERE state IN ('up', 'degraded')), "                     \
      "(SELECT count(*) FROM machine m JOIN host h ON h.id = m.host "                              \
      "WHERE m.pool = ?1 AND h.state IN ('up', 'degraded') AND (m.state IN ('planned', "           \
      "'creating', 'starting', 'recycling', 'ready', 'stopped') OR (m.state = 'failed' "           \
      "AND m.deadline_us IS NOT NULL))), "                                                         \
      "(SELECT count(*) FROM machine m WHERE m.pool = ?1 AND m.state = 'assigned' "                \
      "AND m.keep = 0), "                                                                          \
      "(SELECT count(*) FROM machine m WHERE m.pool = ?1 AND m.state <> 'deleted'), "              \
      "(SELECT count(*) FROM host h JOIN pool p ON p.id = ?1 WHERE h.state = 'up' "                \
      "AND h.drain = 0 AND h.maintenance = 0 AND h.memory_limit_mib "                              \
      "* h.memory_overcommit_pct / 100 - h.memory_reserved_mib >= p.memory_mib)")                  \
    X(CLAIM_COMING_TIME,                                                                           \
      "SELECT count(*), CAST(COALESCE(sum(t.granted_us - t.started_us), 0) AS bigint) FROM "       \
      "(SELECT granted_us, started_us FROM session WHERE pool = ?1 "                               \
      "AND granted_us IS NOT NULL AND (?2 = '' OR rung = ?2) AND rung <> 'ready' "                 \
      "ORDER BY started_us DESC LIMIT 20) t")                                                      \
    X(CLAIM_GIVE_BACK_TIME,                                                                        \
      "SELECT count(*), CAST(COALESCE(min(t.released_us), 0) AS bigint) FROM "                     \
      "(SELECT released_us FROM assignment WHERE pool = ?1 AND state = 'released' "                \
      "ORDER BY released_us DESC LIMIT 20) t")                                                     \
    X(ASSIGNMENT_INSERT, "INSERT INTO assignment (id, pool, machine, account, kind, slot, "        \
                         "machine_epoch, state, created_us) "                                      \
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', ?8)")                        \
    X(SESSION_INSERT, "INSERT INTO session (id, assignment, machine, host, pool, account, "        \
                      "machine_epoch, state, client, client_key, started_us, since_us, "           \
                      "deadline_us, rung, policy) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "            \
                      "'allocating', ?8, ?9, ?10, ?10, ?11, ?12, ?13)")                            \
    X(SESSION_GRANT,                                                                               \
      "UPDATE session SET connection_epoch = connection_epoch + 1, "                               \
      "want_disconnect = 0, end_reason = '', client = ?2, client_key = ?3, policy = ?4, "          \
      "login = COALESCE((SELECT t.id FROM login_token t WHERE t.hash = ?5), ''), "                 \
      "granted_us = COALESCE(granted_us, ?6), idle_since_us = NULL "                               \
      "WHERE id = ?1 "                                                                             \
      "AND state IN ('allocating', 'connecting', 'active', 'disconnected') "                       \
      "RETURNING connection_epoch")                                                                \
    X(MACHINE_SET_DIRTY, "UPDATE machine SET dirty = 1, "                                          \
                         "keep = CASE WHEN ?3 = 1 THEN 1 ELSE keep END "                           \
                         "WHERE id = ?1 AND epoch = ?2 AND state = 'assigned'")                    \
    X(TICKET_INSERT, "INSERT INTO ticket (id, session, connection_epoch, client_key, created_us, " \
                     "expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                \
    X(TICKET_PURGE, "DELETE FROM ticket WHERE expires_us < ?1")                                    \
    X(QUEUE_WAIT, "INSERT INTO waiting (account, pool, since_us, seen_us) "                        \
                  "VALUES (?1, ?2, ?3, ?3) ON CONFLICT (account, pool) DO UPDATE SET "             \
                  "since_us = CASE WHEN waiting.seen_us < ?4 THEN excluded.since_us "              \
                  "ELSE waiting.since_us END, seen_us = excluded.seen_us RETURNING since_us")      \
    X(QUEUE_LEAVE, "DELETE FROM waiting WHERE account = ?1 AND pool = ?2")                         \
    X(QUEUE_FREE, "SELECT m.pool, count(*) FROM machine m JOIN host h ON h.id = m.host "           \
                  "WHERE m.pool IN (SELECT w.pool FROM waiting w) "                                \
                  "AND m.state IN ('ready', 'starting', 'stopped', 'creating', 'planned') "        \
                  "AND " BERTH_SQL_MAY_HAND_OUT "GROUP BY m.pool")                                 \
    X(SESSIONS_KEYED,                                                                              \
      "SELECT id FROM session WHERE state = 'allocating' AND session_key IS NOT NULL")             \
    X(QUEUE_PURGE, "DELETE FROM waiting WHERE seen_us < ?1")                                       \
    X(TRACE_SET, "INSERT INTO connect_trace (account, pool, at_us, trace) "                        \
                 "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (account, pool) DO UPDATE SET "              \
                 "at_us = excluded.at_us, trace = excluded.trace")

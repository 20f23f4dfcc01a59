/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions, who waits for one, timers, and the clock that they go by.
 */
#pragma once

/* SITE_REFERENCE: ?1 is the wall clock of the broker; a database that serves many has its own. */
#define BERTH_STATEMENTS_SESSION(X)                                                                \
    X(UNIT_BEGIN, "SAVEPOINT unit")                                                                \
    X(UNIT_UNDO, "ROLLBACK TO SAVEPOINT unit")                                                     \
    X(UNIT_END, "RELEASE SAVEPOINT unit")                                                          \
    X(SITE_REFERENCE,                                                                              \
      "SELECT /*pg CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) + 0 * */ ?1")   \
    X(JOB_INSERT,                                                                                  \
      "INSERT INTO job (id, kind, target, epoch, data, state, run_at_us) "                         \
      "VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6) "                                                \
      "ON CONFLICT (kind, target, epoch) DO UPDATE SET run_at_us = excluded.run_at_us, "           \
      "data = excluded.data, state = 'waiting', attempts = 0, last_error = ''")                    \
    X(JOB_INSERT_ONCE,                                                                             \
      "INSERT INTO job (id, kind, target, epoch, data, state, run_at_us) "                         \
      "VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6) ON CONFLICT (kind, target, epoch) DO NOTHING")   \
    X(JOB_CANCEL, "UPDATE job SET state = 'done', last_error = 'cancelled' WHERE target = ?1 "     \
                  "AND state = 'waiting' AND (kind LIKE 'timer:' || ?2 || ':%' "                   \
                  "OR kind LIKE 'warn:' || ?2 || ':%')")                                           \
    X(JOB_LEASE, "UPDATE job SET state = 'running', locked_by = ?1, locked_until_us = ?3, "        \
                 "attempts = attempts + 1 WHERE id IN (SELECT j.id FROM job j "                    \
                 "WHERE (j.state = 'waiting' AND j.run_at_us <= ?2) "                              \
                 "OR (j.state = 'running' AND j.locked_until_us < ?2 AND j.attempts < ?4) "        \
                 "ORDER BY j.run_at_us LIMIT 64 /*pg FOR UPDATE SKIP LOCKED*/) "                   \
                 "RETURNING id, kind, target, epoch, data, attempts")                              \
    X(JOB_BURY, "UPDATE job SET state = 'dead', last_error = 'a broker died of it or lost it' "    \
                "WHERE state = 'running' AND locked_until_us < ?1 AND attempts >= ?2")             \
    X(JOB_HAVE, "SELECT attempts FROM job WHERE id = ?1 AND state = 'running' AND locked_by = ?2 " \
                "AND attempts = ?3 /*pg FOR UPDATE*/")                                             \
    X(JOB_SET,                                                                                     \
      "UPDATE job SET state = ?2, last_error = ?3, run_at_us = ?4, locked_until_us = NULL "        \
      "WHERE id = ?1")                                                                             \
    X(JOB_PURGE, "DELETE FROM job WHERE state = 'done' AND run_at_us < ?1")                        \
    X(SESSION_TIMERS, "SELECT p.timers, p.logoff_after_s, s.policy FROM session s "                \
                      "JOIN pool p ON p.id = s.pool WHERE s.id = ?1")                              \
    X(TIMER_TARGET,                                                                                \
      "SELECT s.state, s.assignment, s.machine, s.connection_epoch, s.idle_since_us, a.state, "    \
      "(SELECT count(*) FROM session o WHERE o.assignment = s.assignment AND o.id <> s.id "        \
      "AND o.state NOT IN ('ending', 'ended')), m.keep FROM session s "                            \
      "JOIN assignment a ON a.id = s.assignment JOIN machine m ON m.id = s.machine "               \
      "WHERE s.id = ?1")                                                                           \
    X(SESSIONS_SCHEDULED, "SELECT s.id, s.connection_epoch, c.timezone, c.rules FROM session s "   \
                          "JOIN pool p ON p.id = s.pool JOIN entitled e ON e.account = s.account " \
                          "AND e.pool = s.pool LEFT JOIN schedule c ON c.id = e.schedule "         \
                          "WHERE s.state IN ('connecting', 'active', 'disconnected') "             \
                          "AND p.timers LIKE '%\"schedule\"%' ORDER BY s.id")                      \
    X(SESSION_SET_NOTICE,                                                                          \
      "UPDATE session SET notice = ?2, notice_number = notice_number + 1 WHERE id = ?1 "           \
      "AND state NOT IN ('ending', 'ended')")                                                      \
    X(SESSION_REVOKE, "UPDATE session SET want_disconnect = 1, end_reason = ?2 WHERE id = ?1 "     \
                      "AND state NOT IN ('ending', 'ended')")                                      \
    X(SESSIONS_OF_ACCOUNT,                                                                         \
      "SELECT id FROM session WHERE account = ?1 AND state NOT IN ('ending', 'ended') "            \
      "ORDER BY id")                                                                               \
    X(SESSIONS_OF_LOGIN,                                                                           \
      "SELECT id FROM session WHERE login = ?1 AND state NOT IN ('ending', 'ended') "              \
      "ORDER BY id")                                                                               \
    X(SESSIONS_UNENTITLED,                                                                         \
      "SELECT s.id FROM session s WHERE (?2 = '' OR s.pool = ?2) AND (?1 = '' OR s.account = ?1) " \
      "AND s.state NOT IN ('ending', 'ended') AND NOT EXISTS (SELECT 1 FROM entitled e "           \
      "WHERE e.account = s.account AND e.pool = s.pool) ORDER BY s.id")                            \
    X(SESSION_PURGE,                                                                               \
      "DELETE FROM session WHERE id IN (SELECT s.id FROM session s WHERE s.state = 'ended' "       \
      "AND s.ended_us < ?1 LIMIT 1000) AND NOT EXISTS (SELECT 1 FROM ticket t "                    \
      "WHERE t.session = session.id)")                                                             \
    X(ASSIGNMENT_PURGE, "DELETE FROM assignment WHERE id IN (SELECT a.id FROM assignment a "       \
                        "WHERE a.state = 'released' AND a.released_us < ?1 AND NOT EXISTS "        \
                        "(SELECT 1 FROM session s WHERE s.assignment = a.id) LIMIT 1000)")         \
    X(MACHINE_PURGE,                                                                               \
      "DELETE FROM machine WHERE id IN (SELECT m.id FROM machine m "                               \
      "WHERE m.state = 'deleted' AND m.since_us < ?1 "                                             \
      "AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.machine = m.id) "                        \
      "AND NOT EXISTS (SELECT 1 FROM restore_point r WHERE r.machine = m.id) "                     \
      "AND NOT EXISTS (SELECT 1 FROM session s WHERE s.machine = m.id) LIMIT 1000)")

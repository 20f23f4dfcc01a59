/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps of the state machines.
 */
#pragma once

#define BERTH_STATEMENTS_STEP(X)                                                                   \
    X(MACHINE_LOCK,                                                                                \
      "SELECT state, assignment, epoch, pool, host, memory_mib, vcpus, "                           \
      "n_failures, scrub_overlay, power, keep, image, code, version, since_us FROM machine "       \
      "WHERE id = ?1 "                                                                             \
      "/*pg FOR UPDATE*/")                                                                         \
    X(MACHINE_SET_STATE, "UPDATE machine SET state = ?2, assignment = COALESCE(?3, assignment), "  \
                         "n_failures = ?4, "                                                       \
                         "since_us = CASE WHEN state = ?2 THEN since_us ELSE ?5 END, "             \
                         "deadline_us = CASE WHEN state = ?2 THEN deadline_us "                    \
                         "ELSE NULLIF(?6, 0) END, power = ?7, absent_us = NULL WHERE id = ?1")     \
    X(MACHINE_SET_OVERDUE, "UPDATE machine SET condition = 'overdue', deadline_us = ?2 "           \
                           "WHERE id = ?1")                                                        \
    X(MACHINE_SET_CONDITION, "UPDATE machine SET condition = ?2 WHERE id = ?1")                    \
    X(MACHINE_SET_RECYCLE, "UPDATE machine SET state = ?2, epoch = epoch + 1, "                    \
                           "assignment = NULL, scrub_overlay = CASE WHEN overlay <> '' "           \
                           "THEN overlay ELSE scrub_overlay END, overlay = '', condition = '', "   \
                           "keep = 0, version = COALESCE(?5, version), "                           \
                           "canary = CASE WHEN ?5 IS NULL THEN canary ELSE ?6 END, "               \
                           "since_us = ?3, deadline_us = NULLIF(?4, 0), absent_us = NULL "         \
                           "WHERE id = ?1")                                                        \
    X(MACHINE_SET_CLEAN, "UPDATE machine SET state = ?2, dirty = 0, overlay = ?3, "                \
                         "scrub_overlay = '', code = '', detail = '', since_us = ?4, "             \
                         "deadline_us = ?5 WHERE id = ?1")                                         \
    X(MACHINE_SET_INFO, "UPDATE machine SET overlay = ?2, condition = ?3, code = ?4, detail = ?5 " \
                        "WHERE id = ?1")                                                           \
    X(MACHINE_SET_ABSENT, "UPDATE machine SET absent_us = NULLIF(?2, 0) WHERE id = ?1")            \
    X(ASSIGNMENT_STATE, "SELECT state, machine, account, pool FROM assignment WHERE id = ?1")      \
    X(ASSIGNMENT_LOCK, "SELECT state FROM assignment WHERE id = ?1 /*pg FOR UPDATE*/")             \
    X(ASSIGNMENT_LOCK_MACHINE, "SELECT m.id, m.keep FROM assignment a "                            \
                               "JOIN machine m ON m.id = a.machine WHERE a.id = ?1 "               \
                               "/*pg FOR UPDATE OF m*/")                                           \
    X(ASSIGNMENT_CLOSE, "UPDATE assignment SET state = ?2, released_us = ?3, reason = ?4 "         \
                        "WHERE id = ?1 AND state = 'open'")                                        \
    X(ASSIGNMENT_SESSIONS, "SELECT id FROM session WHERE assignment = ?1 "                         \
                           "AND state NOT IN ('ending', 'ended')")                                 \
    X(SESSION_STATE, "SELECT state, machine, account, assignment, connection_epoch, pool "         \
                     "FROM session WHERE id = ?1")                                                 \
    X(SESSION_LOCK, "SELECT state, machine, account, assignment, connection_epoch, pool "          \
                    "FROM session WHERE id = ?1 /*pg FOR UPDATE*/")                                \
    X(SESSION_LOGOFF, "SELECT s.assignment, s.machine, s.state, a.state, p.kind, p.on_logoff, "    \
                      "m.keep FROM session s JOIN assignment a ON a.id = s.assignment "            \
                      "JOIN pool p ON p.id = s.pool JOIN machine m ON m.id = s.machine "           \
                      "WHERE s.id = ?1")                                                           \
    X(SESSION_WATCH, "SELECT s.machine, s.host, s.account, s.session_key, s.machine_epoch, "       \
                     "s.connection_epoch, p.policy, h.clock_offset_us FROM session s "             \
                     "JOIN pool p ON p.id = s.pool JOIN host h ON h.id = s.host "                  \
                     "WHERE s.id = ?1 AND s.session_key IS NOT NULL "                              \
                     "AND s.state IN ('connecting', 'active', 'disconnected')")                    \
    X(SESSION_SET_STATE, "UPDATE session SET state = ?2, since_us = ?3, "                          \
                         "deadline_us = NULLIF(?4, 0), "                                           \
                         "connected_us = CASE WHEN ?2 = 'active' THEN ?3 ELSE connected_us END, "  \
                         "disconnected_us = CASE WHEN ?2 = 'disconnected' THEN ?3 "                \
                         "ELSE disconnected_us END, "                                              \
                         "ended_us = CASE WHEN ?2 = 'ended' THEN ?3 ELSE NULL END, "               \
                         "end_reason = CASE WHEN ?5 <> '' THEN ?5 ELSE end_reason END "            \
                         "WHERE id = ?1")                                                          \
    X(SESSION_SET_KEY, "UPDATE session SET session_key = NULLIF(?2, '') WHERE id = ?1")            \
    X(SESSION_WANT_DISCONNECT, "UPDATE session SET want_disconnect = 1 WHERE id = ?1")             \
    X(MACHINES_OVERDUE, "SELECT m.id FROM machine m JOIN host h ON h.id = m.host "                 \
                        "WHERE m.deadline_us <= ?1 AND h.state = 'up'")                            \
    X(SESSIONS_OVERDUE, "SELECT s.id, s.state, s.assignment FROM session s "                       \
                        "JOIN host h ON h.id = s.host "                                            \
                        "WHERE s.deadline_us <= ?1 AND (h.state = 'up' OR s.state = 'ending')")

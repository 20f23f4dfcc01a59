/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports, and what watchers are told.
 */
#pragma once

#define BERTH_STATEMENTS_REPORT(X)                                                                 \
    X(WATCH_CHAIN, "SELECT chain FROM event WHERE chain > ?1 ORDER BY chain LIMIT 1")              \
    X(WATCH_TOP, "SELECT max(seq) FROM event WHERE chain = ?1")                                    \
    X(WATCH_EVENTS, "SELECT seq, at_us, kind, object FROM event WHERE chain = ?1 AND seq > ?2 "    \
                    "ORDER BY seq LIMIT ?3")                                                       \
    X(WATCH_MACHINE, "SELECT '/pools/' || pool || '/machines/' || id, state FROM machine "         \
                     "WHERE id = ?1")                                                              \
    X(WATCH_SESSION, "SELECT '/pools/' || pool || '/sessions/' || id, state FROM session "         \
                     "WHERE id = ?1")                                                              \
    X(WATCH_ASSIGNMENT, "SELECT '/pools/' || pool || '/assignments/' || id, state "                \
                        "FROM assignment WHERE id = ?1")                                           \
    X(WATCH_HOST, "SELECT '/hosts/' || id, state FROM host WHERE id = ?1")                         \
    X(REPORT_SESSIONS, "SELECT s.started_us, COALESCE(s.ended_us, ?3) AS ended_us, "               \
                       "p.name AS pool, a.name AS \"user\" FROM session s "                        \
                       "JOIN pool p ON p.id = s.pool JOIN account a ON a.id = s.account "          \
                       "WHERE s.started_us < ?2 AND (s.ended_us IS NULL OR s.ended_us > ?1) "      \
                       "AND (?4 = '' OR p.name = ?4 OR p.id = ?4) ORDER BY s.started_us LIMIT ?5") \
    X(REPORT_FAILED_LOGINS, "SELECT actor, count(*) AS n_failures, min(at_us) AS first_us, "       \
                            "max(at_us) AS last_us FROM event WHERE kind = 'login.failed' "        \
                            "AND at_us >= ?1 AND at_us < ?2 GROUP BY actor "                       \
                            "ORDER BY count(*) DESC, actor LIMIT 1000")

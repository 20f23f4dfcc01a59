/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a user gets a desktop or not.
 */
#pragma once

#define BERTH_STATEMENTS_EXPLAIN(X)                                                               \
    X(EXPLAIN_USER, "SELECT id, name AS \"user\", enabled AS \"?enabled\" FROM account "          \
                    "WHERE id = ?1")                                                              \
    X(EXPLAIN_POOLS,                                                                              \
      "SELECT p.id, p.name, p.kind, p.enabled, e.id, s.name, s.timezone, s.rules "                \
      "FROM entitled e JOIN pool p ON p.id = e.pool LEFT JOIN schedule s ON s.id = e.schedule "   \
      "WHERE e.account = ?1 ORDER BY p.name, p.id, e.id")                                         \
    X(EXPLAIN_DESKTOP,                                                                            \
      "SELECT m.name AS machine, m.state, h.name AS host, h.state AS host_state, m.power, "       \
      "m.keep AS \"?keep\", m.condition, s.id AS session, s.state AS session_state, s.client, "   \
      "s.rung FROM assignment a JOIN machine m ON m.id = a.machine "                              \
      "JOIN host h ON h.id = m.host LEFT JOIN session s ON s.assignment = a.id AND s.state IN "   \
      "('allocating', 'connecting', 'active', 'disconnected', 'lost') "                           \
      "WHERE a.account = ?1 AND a.pool = ?2 AND a.state = 'open' ORDER BY a.slot LIMIT 1")        \
    X(EXPLAIN_MACHINES,                                                                           \
      "SELECT (SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.hold = 0 "                \
      "AND m.state IN ('ready', 'stopped')) AS ready, "                                           \
      "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state IN "                       \
      "('planned', 'creating', 'starting', 'recycling')) AS coming, "                             \
      "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'assigned') AS in_use, " \
      "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state IN ('failed', 'lost')) "   \
      "AS failed, (SELECT count(*) FROM machine m WHERE m.pool = p.id "                           \
      "AND m.state <> 'deleted') AS \"all\", p.size, "                                            \
      "(SELECT count(*) FROM host WHERE state IN ('up', 'degraded')) AS hosts_up "                \
      "FROM pool p WHERE p.id = ?1")                                                              \
    X(EXPLAIN_WAITING,                                                                            \
      "SELECT w.since_us, w.seen_us, (SELECT count(*) FROM waiting o WHERE o.pool = w.pool "      \
      "AND o.since_us < w.since_us) + 1 AS position FROM waiting w "                              \
      "WHERE w.account = ?1 AND w.pool = ?2")                                                     \
    X(EXPLAIN_TRACE, "SELECT at_us, trace AS \"{}trace\" FROM connect_trace "                     \
                     "WHERE account = ?1 AND pool = ?2")

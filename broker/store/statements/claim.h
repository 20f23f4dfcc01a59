/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connecting a user to a desktop.
 */
#pragma once

#define BERTH_STATEMENTS_CLAIM(X)                                                                  \
    X(CLAIM_POOL, "SELECT p.enabled, p.policy, p.memory_mib, p.n_machines, p.size FROM pool p "    \
                  "JOIN entitlement e ON e.pool = p.id WHERE e.account = ?1 AND p.id = ?2")        \
    X(CLAIM_OWN, "SELECT a.id, a.machine, a.machine_epoch, m.state, m.host, h.state, s.id, "       \
                 "s.session_key, s.connection_epoch, s.started_us FROM assignment a "              \
                 "JOIN machine m ON m.id = a.machine JOIN host h ON h.id = m.host "                \
                 "LEFT JOIN session s ON s.assignment = a.id AND s.state IN "                      \
                 "('allocating', 'connecting', 'active', 'disconnected', 'lost') "                 \
                 "WHERE a.account = ?1 AND a.pool = ?2 AND a.slot = 0 AND a.state = 'open'")       \
    X(CLAIM_PICK,                                                                                  \
      "SELECT m.id, m.host, m.epoch FROM machine m JOIN host h ON h.id = m.host "                  \
      "WHERE m.pool = ?1 AND m.state IN ('ready', 'starting') AND m.dirty = 0 "                    \
      "AND m.assignment IS NULL AND h.state = 'up' "                                               \
      "ORDER BY CASE m.state WHEN 'ready' THEN 0 ELSE 1 END, m.since_us, m.id LIMIT 1")            \
    X(CLAIM_PROSPECTS, "SELECT (SELECT count(*) FROM host WHERE state = 'up'), "                   \
                       "(SELECT count(*) FROM host WHERE state = 'up' "                            \
                       "AND memory_limit_mib - memory_reserved_mib >= ?2), "                       \
                       "(SELECT count(*) FROM machine m JOIN host h ON h.id = m.host "             \
                       "WHERE m.pool = ?1 AND h.state = 'up' AND (m.state IN ('planned', "         \
                       "'creating', 'recycling') OR (m.state = 'failed' "                          \
                       "AND m.deadline_us IS NOT NULL)))")                                         \
    X(ASSIGNMENT_INSERT, "INSERT INTO assignment (id, pool, machine, account, machine_epoch, "     \
                         "state, created_us) VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6)")             \
    X(SESSION_INSERT, "INSERT INTO session (id, assignment, machine, host, pool, account, "        \
                      "machine_epoch, state, client, client_key, started_us, since_us, "           \
                      "deadline_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'allocating', ?8, ?9, "    \
                      "?10, ?10, ?11)")                                                            \
    X(SESSION_GRANT, "UPDATE session SET connection_epoch = connection_epoch + 1, "                \
                     "want_disconnect = 0, client = ?2, client_key = ?3 WHERE id = ?1 "            \
                     "RETURNING connection_epoch")                                                 \
    X(MACHINE_SET_DIRTY, "UPDATE machine SET dirty = 1 "                                           \
                         "WHERE id = ?1 AND epoch = ?2 AND state = 'assigned'")                    \
    X(TICKET_INSERT, "INSERT INTO ticket (id, session, connection_epoch, client_key, created_us, " \
                     "expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                \
    X(TICKET_PURGE, "DELETE FROM ticket WHERE expires_us < ?1")

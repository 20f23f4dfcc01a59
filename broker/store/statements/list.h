/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the API shows.
 */
#pragma once

#include "broker/store/statements/inventory.h"

#define BERTH_STATEMENTS_LIST(X)                                                                    \
    X(LIST_POOLS,                                                                                   \
      "SELECT " BERTH_POOL_COLUMNS " "                                                              \
      "FROM pool p LEFT JOIN image i ON i.id = p.image WHERE p.state <> 'deleted' AND p.name > ?2 " \
      "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "                        \
      "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/pools/' || p.id)) "                       \
      "ORDER BY p.name LIMIT ?1")                                                                   \
    X(LIST_MACHINES, "SELECT " BERTH_MACHINE_COLUMNS " " BERTH_MACHINE_JOINS                        \
                     "WHERE m.id > ?2 AND m.state <> 'deleted' "                                    \
                     "AND (?6 = '' OR p.name = ?6 OR p.id = ?6) AND (?7 = '' OR m.state = ?7) "     \
                     "AND (?8 = '' OR h.name = ?8 OR h.id = ?8) AND (?9 = '' OR a.name = ?9) "      \
                     "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "         \
                     "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/pools/' || p.id)) "        \
                     "ORDER BY m.id LIMIT ?1")                                                      \
    X(LIST_SESSIONS, "SELECT s.id, a.name AS \"user\", p.name AS pool, m.name AS machine, "         \
                     "h.name AS host, s.state, s.connection_epoch, s.client, s.started_us, "        \
                     "s.connected_us, s.disconnected_us FROM session s "                            \
                     "JOIN account a ON a.id = s.account JOIN pool p ON p.id = s.pool "             \
                     "JOIN machine m ON m.id = s.machine JOIN host h ON h.id = s.host "             \
                     "WHERE s.id > ?2 AND s.state <> 'ended' "                                      \
                     "AND (?6 = '' OR p.name = ?6 OR p.id = ?6) AND (?7 = '' OR s.state = ?7) "     \
                     "AND (?8 = '' OR h.name = ?8 OR h.id = ?8) AND (?9 = '' OR a.name = ?9) "      \
                     "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "         \
                     "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/pools/' || p.id)) "        \
                     "ORDER BY s.id LIMIT ?1")                                                      \
    X(LIST_HOSTS, "SELECT " BERTH_HOST_COLUMNS " FROM host h "                                      \
                  "WHERE h.state <> 'removed' AND h.name > ?2 AND (?6 = '' OR h.state = ?6) "       \
                  "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "            \
                  "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/hosts/' || h.id)) "           \
                  "ORDER BY h.name LIMIT ?1")                                                       \
    X(LIST_USERS,                                                                                   \
      "SELECT u.id, u.name, CASE WHEN EXISTS (SELECT 1 FROM granted r "                             \
      "WHERE r.account = u.id AND r.role = 'admin' AND r.scope = '/') THEN 1 ELSE 0 END "           \
      "AS \"?admin\", u.enabled AS \"?enabled\", u.created_us, u.version "                          \
      "FROM account u WHERE u.name > ?2 AND u.deleted_us IS NULL "                                  \
      "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "                        \
      "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/users/' || u.id)) "                       \
      "ORDER BY u.name LIMIT ?1")                                                                   \
    X(LIST_IMAGES, "SELECT " BERTH_IMAGE_COLUMNS " "                                                \
                   "FROM image i WHERE i.name > ?2 "                                                \
                   "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "           \
                   "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/images/' || i.id)) "         \
                   "ORDER BY i.name LIMIT ?1")                                                      \
    X(STATUS, "SELECT (SELECT count(*) FROM account) AS n_users, "                                  \
              "(SELECT count(*) FROM pool WHERE state <> 'deleted') AS n_pools, "                   \
              "(SELECT count(*) FROM host WHERE state <> 'removed') AS n_hosts, "                   \
              "(SELECT count(*) FROM host WHERE state = 'up') AS n_hosts_up, "                      \
              "(SELECT count(*) FROM machine WHERE state <> 'deleted') AS n_machines, "             \
              "(SELECT count(*) FROM machine WHERE state = 'ready') AS n_ready, "                   \
              "(SELECT count(*) FROM machine WHERE state = 'assigned') AS n_assigned, "             \
              "(SELECT count(*) FROM machine WHERE state = 'failed') AS n_failed, "                 \
              "(SELECT count(*) FROM session WHERE state = 'active') AS n_active, "                 \
              "(SELECT count(*) FROM session WHERE state = 'disconnected') AS n_disconnected, "     \
              "(SELECT count(*) FROM event) AS n_events")                                           \
    X(MY_DESKTOPS,                                                                                  \
      "SELECT p.id AS pool, p.name, p.kind, p.icon, CASE WHEN p.enabled = 0 THEN 'disabled' "       \
      "WHEN a.id IS NOT NULL THEN 'in-use' "                                                        \
      "WHEN EXISTS (SELECT 1 FROM machine f JOIN host h ON h.id = f.host "                          \
      "WHERE f.pool = p.id AND h.state = 'up' AND f.assignment IS NULL "                            \
      "AND f.state IN ('planned', 'creating', 'starting', 'ready', 'recycling')) "                  \
      "OR p.n_machines < p.size THEN 'available' ELSE 'busy' END AS state, "                        \
      "s.id AS session, m.name AS machine, "                                                        \
      "(SELECT max(u.since_us) FROM session u WHERE u.account = ?1 "                                \
      "AND u.pool = p.id) AS last_used_us FROM pool p "                                             \
      "LEFT JOIN assignment a ON a.pool = p.id AND a.account = ?1 "                                 \
      "AND a.state = 'open' LEFT JOIN machine m ON m.id = a.machine "                               \
      "LEFT JOIN session s ON s.assignment = a.id AND s.state IN "                                  \
      "('allocating', 'connecting', 'active', 'disconnected', 'lost') "                             \
      "WHERE EXISTS (SELECT 1 FROM entitled e WHERE e.account = ?1 "                                \
      "AND e.pool = p.id) AND (?2 = '' OR p.id = ?2) ORDER BY p.name")                              \
    X(MY_DESKTOP, "SELECT a.id, m.id, m.keep, COALESCE(s.id, '') FROM assignment a "                \
                  "JOIN machine m ON m.id = a.machine LEFT JOIN session s "                         \
                  "ON s.assignment = a.id AND s.state IN ('allocating', 'connecting', 'active', "   \
                  "'disconnected', 'lost') WHERE a.account = ?1 AND a.pool = ?2 "                   \
                  "AND a.state = 'open' ORDER BY a.id")                                             \
    X(MY_SESSIONS, "SELECT s.id, s.pool, p.name, m.name AS machine, s.state, s.client, "            \
                   "s.started_us, s.connected_us, s.disconnected_us FROM session s "                \
                   "JOIN pool p ON p.id = s.pool JOIN machine m ON m.id = s.machine "               \
                   "WHERE s.account = ?1 AND s.state NOT IN ('ending', 'ended') "                   \
                   "ORDER BY s.started_us")                                                         \
    X(METRIC_MACHINES, "SELECT state, count(*) FROM machine GROUP BY state ORDER BY state")         \
    X(METRIC_SESSIONS, "SELECT state, count(*) FROM session GROUP BY state ORDER BY state")         \
    X(METRIC_HOSTS, "SELECT state, count(*) FROM host GROUP BY state ORDER BY state")

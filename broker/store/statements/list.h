/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the API shows.
 */
#pragma once

#define BERTH_STATEMENTS_LIST(X)                                                                   \
    X(LIST_POOLS, "SELECT p.id, p.name, p.kind, i.name AS image, p.size, p.spares_hot, p.vcpus, "  \
                  "p.memory_mib, p.template AS \"?template\", p.enabled AS \"?enabled\", "         \
                  "p.policy AS \"{}policy\", p.logoff_after_s, p.n_machines, "                     \
                  "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'ready') "    \
                  "AS n_ready, (SELECT count(*) FROM machine m WHERE m.pool = p.id "               \
                  "AND m.state = 'assigned') AS n_assigned "                                       \
                  "FROM pool p JOIN image i ON i.id = p.image ORDER BY p.name")                    \
    X(LIST_MACHINES, "SELECT m.id, m.name, p.name AS pool, h.name AS host, m.state, m.epoch, "     \
                     "m.dirty AS \"?dirty\", a.name AS \"user\", m.condition, m.code, m.detail, "  \
                     "m.overlay, m.memory_mib, m.since_us, m.deadline_us FROM machine m "          \
                     "JOIN pool p ON p.id = m.pool JOIN host h ON h.id = m.host "                  \
                     "LEFT JOIN assignment s ON s.id = m.assignment "                              \
                     "LEFT JOIN account a ON a.id = s.account "                                    \
                     "WHERE m.state <> 'deleted' ORDER BY p.name, m.name")                         \
    X(LIST_SESSIONS, "SELECT s.id, a.name AS \"user\", p.name AS pool, m.name AS machine, "        \
                     "h.name AS host, s.state, s.connection_epoch, s.client, s.started_us, "       \
                     "s.connected_us, s.disconnected_us FROM session s "                           \
                     "JOIN account a ON a.id = s.account JOIN pool p ON p.id = s.pool "            \
                     "JOIN machine m ON m.id = s.machine JOIN host h ON h.id = s.host "            \
                     "WHERE s.state <> 'ended' ORDER BY s.started_us")                             \
    X(LIST_HOSTS, "SELECT h.id, h.name, h.state, h.address, h.accel, h.qemu, "                     \
                  "h.memory_limit_mib, h.memory_reserved_mib, h.start_slots, h.agent_epoch, "      \
                  "h.since_us, (SELECT count(*) FROM machine m WHERE m.host = h.id "               \
                  "AND m.state <> 'deleted') AS n_machines FROM host h ORDER BY h.name")           \
    X(LIST_USERS, "SELECT id, name, admin AS \"?admin\", enabled AS \"?enabled\", created_us "     \
                  "FROM account ORDER BY name")                                                    \
    X(LIST_IMAGES, "SELECT id, name, manifest AS \"{}manifest\", created_us FROM image "           \
                   "ORDER BY name")                                                                \
    X(STATUS, "SELECT (SELECT count(*) FROM account) AS n_users, "                                 \
              "(SELECT count(*) FROM pool) AS n_pools, "                                           \
              "(SELECT count(*) FROM host) AS n_hosts, "                                           \
              "(SELECT count(*) FROM host WHERE state = 'up') AS n_hosts_up, "                     \
              "(SELECT count(*) FROM machine WHERE state <> 'deleted') AS n_machines, "            \
              "(SELECT count(*) FROM machine WHERE state = 'ready') AS n_ready, "                  \
              "(SELECT count(*) FROM machine WHERE state = 'assigned') AS n_assigned, "            \
              "(SELECT count(*) FROM machine WHERE state = 'failed') AS n_failed, "                \
              "(SELECT count(*) FROM session WHERE state = 'active') AS n_active, "                \
              "(SELECT count(*) FROM session WHERE state = 'disconnected') AS n_disconnected, "    \
              "(SELECT count(*) FROM event) AS n_events")                                          \
    X(MY_DESKTOPS, "SELECT p.id AS pool, p.name, p.kind, CASE WHEN p.enabled = 0 THEN 'disabled' " \
                   "WHEN a.id IS NOT NULL THEN 'in-use' "                                          \
                   "WHEN EXISTS (SELECT 1 FROM machine f JOIN host h ON h.id = f.host "            \
                   "WHERE f.pool = p.id AND h.state = 'up' AND f.assignment IS NULL "              \
                   "AND f.state IN ('planned', 'creating', 'starting', 'ready', 'recycling')) "    \
                   "OR p.n_machines < p.size THEN 'available' ELSE 'busy' END AS state, "          \
                   "s.id AS session, m.name AS machine, "                                          \
                   "(SELECT max(u.since_us) FROM session u WHERE u.account = ?1 "                  \
                   "AND u.pool = p.id) AS last_used_us FROM entitlement e "                        \
                   "JOIN pool p ON p.id = e.pool "                                                 \
                   "LEFT JOIN assignment a ON a.pool = p.id AND a.account = ?1 "                   \
                   "AND a.state = 'open' LEFT JOIN machine m ON m.id = a.machine "                 \
                   "LEFT JOIN session s ON s.assignment = a.id AND s.state IN "                    \
                   "('allocating', 'connecting', 'active', 'disconnected', 'lost') "               \
                   "WHERE e.account = ?1 ORDER BY p.name")                                         \
    X(MY_SESSIONS, "SELECT s.id, s.pool, p.name, m.name AS machine, s.state, s.client, "           \
                   "s.started_us, s.connected_us, s.disconnected_us FROM session s "               \
                   "JOIN pool p ON p.id = s.pool JOIN machine m ON m.id = s.machine "              \
                   "WHERE s.account = ?1 AND s.state NOT IN ('ending', 'ended') "                  \
                   "ORDER BY s.started_us")                                                        \
    X(METRIC_MACHINES, "SELECT state, count(*) FROM machine GROUP BY state ORDER BY state")        \
    X(METRIC_SESSIONS, "SELECT state, count(*) FROM session GROUP BY state ORDER BY state")        \
    X(METRIC_HOSTS, "SELECT state, count(*) FROM host GROUP BY state ORDER BY state")

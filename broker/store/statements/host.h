/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hosts, what they should run and what they report.
 *
 * The indexes of a host's machines and sessions are partial: SQLite takes them only if the query
 * says "state <> 'deleted'" (or 'ended') in just these words.
 */
#pragma once

#define BERTH_STATEMENTS_HOST(X)                                                                   \
    X(HOST_STATE, "SELECT state, agent_epoch, boot_id, detail FROM host "                          \
                  "WHERE id = ?1 /*pg FOR UPDATE*/")                                               \
    X(HOST_LOCK, "SELECT state FROM host WHERE id = ?1 /*pg FOR UPDATE*/")                         \
    X(HOST_SET_STATE, "UPDATE host SET state = ?2, since_us = ?3 WHERE id = ?1")                   \
    X(HOST_SET_DETAIL, "UPDATE host SET detail = ?2 WHERE id = ?1")                                \
    X(HOST_SET_HELLO, "UPDATE host SET boot_id = ?2, agent_epoch = ?3, address = ?4, accel = ?5, " \
                      "qemu = ?6, memory_limit_mib = ?7, start_slots = ?8, seen_us = ?9, "         \
                      "vcpu_limit = ?10, labels = ?11, networks = ?12, cgroup = ?13, "             \
                      "cluster_epoch = ?14, broker = ?15, lease_until_us = ?16, "                  \
                      "image_address = ?17, cpu_model = ?18 WHERE id = ?1")                        \
    X(HOST_MACHINES, "SELECT id FROM machine WHERE host = ?1 "                                     \
                     "AND state <> 'deleted' AND state <> 'lost'")                                 \
    X(HOST_SESSIONS,                                                                               \
      "SELECT id FROM session WHERE host = ?1 AND state <> 'ended' AND state <> 'lost'")           \
    X(HOSTS_KNOWN, "SELECT id, state, broker, lease_until_us FROM host "                           \
                   "WHERE state NOT IN ('enrolled', 'removed')")                                   \
    X(HOSTS_RENEW_LEASES, "UPDATE host SET lease_until_us = ?2, seen_us = ?3 WHERE broker = ?1")   \
    X(HOST_LET_GO, "UPDATE host SET broker = '' WHERE id = ?1 AND broker = ?2")                    \
    X(HOST_TAKE, "UPDATE host SET broker = ?2, lease_until_us = ?3, seen_us = ?4 WHERE id = ?1")   \
    X(HOSTS_MAX_EPOCH, "SELECT COALESCE(max(cluster_epoch), 0) FROM host")                         \
    X(HOST_ADDRESSES, "SELECT id, address FROM host WHERE state <> 'enrolled' ORDER BY id")        \
    X(DESIRED_MACHINES,                                                                            \
      "SELECT m.id, m.epoch, m.name, m.state, m.power, m.keep, m.overlay, m.address, "             \
      "m.image, m.vcpus, m.memory_mib, m.template, m.condition, p.kind, p.resources, "             \
      "p.network, m.version, p.purpose FROM machine m JOIN pool p ON p.id = m.pool "               \
      "WHERE m.host = ?1 AND m.state <> 'deleted' AND m.state <> 'planned' ORDER BY m.id")         \
    X(DESIRED_IMAGE, "SELECT name, manifest FROM image WHERE id = ?1")                             \
    X(DESIRED_SESSIONS,                                                                            \
      "SELECT s.id, s.machine, s.machine_epoch AS epoch, s.account AS \"user\", "                  \
      "a.name AS user_name, s.connection_epoch, CASE WHEN s.state = 'ending' "                     \
      "THEN 'ended' WHEN s.want_disconnect = 1 THEN 'disconnected' "                               \
      "ELSE 'open' END AS want, s.end_reason AS reason, "                                          \
      "CASE WHEN s.policy = '{}' THEN p.policy ELSE s.policy END AS policy, "                      \
      "s.notice, s.notice_number FROM session s "                                                  \
      "JOIN account a ON a.id = s.account JOIN pool p ON p.id = s.pool "                           \
      "WHERE s.host = ?1 AND s.state <> 'ended' ORDER BY s.id")                                    \
    X(HOST_MACHINE_IDS,                                                                            \
      "SELECT id FROM machine WHERE host = ?1 AND state <> 'deleted' ORDER BY id")                 \
    X(RECONCILE_MACHINES,                                                                          \
      "SELECT id, state, epoch, dirty, assignment, overlay, scrub_overlay, "                       \
      "condition, code, detail, absent_us, keep FROM machine "                                     \
      "WHERE host = ?1 AND state <> 'deleted' AND state <> 'planned' ORDER BY id "                 \
      "/*pg FOR UPDATE*/")                                                                         \
    X(RECONCILE_SESSIONS, "SELECT s.id, s.state, s.machine_epoch, s.session_key, "                 \
                          "s.idle_since_us, CASE WHEN m.version IS NULL OR EXISTS (SELECT 1 "      \
                          "FROM version_sample v WHERE v.id = s.id) THEN 1 ELSE 0 END "            \
                          "FROM session s JOIN machine m ON m.id = s.machine "                     \
                          "WHERE s.host = ?1 AND s.state <> 'ended' ORDER BY s.id "                \
                          "/*pg FOR UPDATE OF s*/")                                                \
    X(SESSION_SET_IDLE, "UPDATE session SET idle_since_us = NULLIF(?2, 0) WHERE id = ?1")          \
    X(HOST_SET_CLOCK, "UPDATE host SET clock_offset_us = ?2 WHERE id = ?1")                        \
    X(FEED_EVENTS, "SELECT e.seq, e.actor, e.kind, e.object, "                                     \
                   "COALESCE(m.host, s.host, t.host, l.host, d.host, '') "                         \
                   "FROM event e LEFT JOIN machine m ON m.id = e.object "                          \
                   "LEFT JOIN session s ON s.id = e.object "                                       \
                   "LEFT JOIN host_task t ON t.id = e.object "                                     \
                   "LEFT JOIN disk_lease l ON l.disk = e.object "                                  \
                   "LEFT JOIN user_disk d ON d.id = e.object WHERE e.chain = ?1 "                  \
                   "AND e.seq > ?2 ORDER BY e.seq LIMIT ?3")                                       \
    X(FEED_POOL_HOSTS, "SELECT DISTINCT host FROM machine WHERE pool = ?1 AND state <> 'deleted'") \
    X(MACHINES_MISSING, "SELECT count(*) FROM machine WHERE condition = 'missing' "                \
                        "AND state = 'lost'")

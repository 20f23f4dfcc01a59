/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hosts, what they should run and what they report.
 */
#pragma once

#define BERTH_STATEMENTS_HOST(X)                                                                   \
    X(HOST_STATE, "SELECT state, agent_epoch, boot_id FROM host WHERE id = ?1")                    \
    X(HOST_LOCK, "SELECT state FROM host WHERE id = ?1 /*pg FOR UPDATE*/")                         \
    X(HOST_SET_STATE, "UPDATE host SET state = ?2, since_us = ?3 WHERE id = ?1")                   \
    X(HOST_SET_HELLO, "UPDATE host SET boot_id = ?2, agent_epoch = ?3, address = ?4, accel = ?5, " \
                      "qemu = ?6, memory_limit_mib = ?7, start_slots = ?8, seen_us = ?9 "          \
                      "WHERE id = ?1")                                                             \
    X(HOST_RESERVE, "UPDATE host SET memory_reserved_mib = memory_reserved_mib + ?2 "              \
                    "WHERE id = ?1 AND state = 'up' "                                              \
                    "AND memory_reserved_mib + ?2 <= memory_limit_mib")                            \
    X(HOST_UNRESERVE, "UPDATE host SET memory_reserved_mib = memory_reserved_mib - ?2 "            \
                      "WHERE id = ?1")                                                             \
    X(HOST_MACHINES, "SELECT id FROM machine WHERE host = ?1 "                                     \
                     "AND state NOT IN ('deleted', 'lost')")                                       \
    X(HOST_SESSIONS, "SELECT id FROM session WHERE host = ?1 AND state NOT IN ('ended', 'lost')")  \
    X(HOSTS_KNOWN, "SELECT id, state FROM host")                                                   \
    X(HOST_ADDRESSES, "SELECT id, address FROM host WHERE state <> 'enrolled' ORDER BY id")        \
    X(DESIRED_MACHINES,                                                                            \
      "SELECT m.id, m.epoch, m.name, i.name AS image, "                                            \
      "i.manifest AS \"{}manifest\", m.vcpus, m.memory_mib, "                                      \
      "m.template AS \"?template\", CASE m.state WHEN 'deleting' THEN 'absent' "                   \
      "ELSE 'running' END AS want FROM machine m JOIN image i ON i.id = m.image "                  \
      "WHERE m.host = ?1 AND m.state <> 'deleted' ORDER BY m.id")                                  \
    X(DESIRED_SESSIONS,                                                                            \
      "SELECT s.id, s.machine, s.machine_epoch AS epoch, s.account AS \"user\", "                  \
      "a.name AS user_name, s.connection_epoch, CASE WHEN s.state = 'ending' "                     \
      "THEN 'ended' WHEN s.want_disconnect = 1 THEN 'disconnected' "                               \
      "ELSE 'open' END AS want, s.end_reason AS reason, "                                          \
      "p.policy AS \"{}policy\" FROM session s "                                                   \
      "JOIN account a ON a.id = s.account JOIN pool p ON p.id = s.pool "                           \
      "WHERE s.host = ?1 AND s.state <> 'ended' ORDER BY s.id")                                    \
    X(RECONCILE_MACHINES, "SELECT id, state, epoch, dirty, assignment, overlay, scrub_overlay, "   \
                          "condition, code, detail, absent_us FROM machine "                       \
                          "WHERE host = ?1 AND state <> 'deleted' ORDER BY id")                    \
    X(RECONCILE_SESSIONS, "SELECT id, state, machine_epoch, session_key FROM session "             \
                          "WHERE host = ?1 AND state <> 'ended' ORDER BY id")

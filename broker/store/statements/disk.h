/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks of users and their leases.
 */
#pragma once

/* A user disk as the API shows it; d is the disk. */
#define BERTH_USER_DISK_COLUMNS                                                                   \
    "d.id, a.name AS \"user\", COALESCE(p.name, '') AS pool, COALESCE(h.name, '') AS host, "      \
    "d.storage, d.size_mib, d.used_mib, d.fs, d.state, d.detail, d.epoch, "                       \
    "COALESCE(m.name, '') AS machine, COALESCE(l.state, '') AS lease, d.created_us, d.since_us, " \
    "d.version"
#define BERTH_USER_DISK_JOINS                                                    \
    "FROM user_disk d JOIN account a ON a.id = d.account "                       \
    "LEFT JOIN pool p ON p.id = d.pool LEFT JOIN disk_lease l ON l.disk = d.id " \
    "LEFT JOIN machine m ON m.id = l.machine "                                   \
    "LEFT JOIN host h ON h.id = COALESCE(l.host, d.host) "

/* 1: the machine of lease l has begun a life after it, or none; m is the machine. */
#define BERTH_SQL_SCRUBBED                                         \
    "CASE WHEN m.state = 'deleted' OR (m.epoch > l.machine_epoch " \
    "AND m.state NOT IN ('recycling', 'deleting', 'lost')) THEN 1 ELSE 0 END "

#define BERTH_STATEMENTS_DISK(X)                                                                   \
    X(DISK_OF_USER,                                                                                \
      "SELECT d.id, d.state, COALESCE(d.host, ''), d.storage, d.epoch, d.detail, "                 \
      "COALESCE(l.machine, ''), COALESCE(l.machine_epoch, 0), COALESCE(l.state, ''), "             \
      "COALESCE(l.epoch, 0), COALESCE(h.state, ''), COALESCE(k.state, '') FROM user_disk d "       \
      "LEFT JOIN disk_lease l ON l.disk = d.id LEFT JOIN host h ON h.id = d.host "                 \
      "LEFT JOIN host k ON k.id = l.host "                                                         \
      "WHERE d.account = ?1 AND d.pool = ?2 AND d.state <> 'deleted' /*pg FOR UPDATE OF d*/")      \
    X(DISK_INSERT,                                                                                 \
      "INSERT INTO user_disk (id, account, pool, host, storage, size_mib, fs, state, "             \
      "created_us, since_us) VALUES (?1, ?2, ?3, NULLIF(?4, ''), ?5, ?6, ?7, 'new', "              \
      "?8, ?8)")                                                                                   \
    X(DISK_NEXT_EPOCH, "UPDATE user_disk SET epoch = epoch + 1, "                                  \
                       "host = CASE WHEN storage = '' THEN COALESCE(host, ?2) END, "               \
                       "state = CASE state WHEN 'failed' THEN 'detached' ELSE state END, "         \
                       "version = version + 1 WHERE id = ?1 RETURNING epoch")                      \
    X(DISK_LEASE_INSERT,                                                                           \
      "INSERT INTO disk_lease (disk, machine, machine_epoch, host, epoch, state, since_us) "       \
      "VALUES (?1, ?2, ?3, ?4, ?5, 'held', ?6)")                                                   \
    X(DISK_LEASE_END, "UPDATE disk_lease SET state = 'releasing', since_us = ?2 "                  \
                      "WHERE state = 'held' "                                                      \
                      "AND machine = (SELECT machine FROM assignment WHERE id = ?1)")              \
    X(DISK_LEASE_END_ONE, "UPDATE disk_lease SET state = 'releasing', since_us = ?2 "              \
                          "WHERE disk = ?1 AND state = 'held'")                                    \
    X(DISK_LEASE_DELETE, "DELETE FROM disk_lease WHERE disk = ?1")                                 \
    X(DISK_LEASES_OF_HOST, "SELECT disk FROM disk_lease WHERE host = ?1")                          \
    X(DISK_SET_STATE, "UPDATE user_disk SET state = ?2, detail = ?3, "                             \
                      "since_us = CASE WHEN state = ?2 THEN since_us ELSE ?4 END, "                \
                      "version = version + 1 WHERE id = ?1 AND state <> 'deleted'")                \
    X(DISK_SET_USED, "UPDATE user_disk SET used_mib = ?2 WHERE id = ?1")                           \
    X(DISK_SET_SIZE, "UPDATE user_disk SET size_mib = ?3, version = version + 1 "                  \
                     "WHERE id = ?1 AND (?2 = 0 OR version = ?2)")                                 \
    X(DISK_SET_DELETING, "UPDATE user_disk SET state = 'deleting', host = ?2, since_us = ?3, "     \
                         "version = version + 1 WHERE id = ?1")                                    \
    X(DISK_LOCK, "SELECT d.state, COALESCE(d.host, ''), d.storage, d.size_mib, "                   \
                 "COALESCE(l.state, ''), COALESCE(k.state, ''), COALESCE(k.name, ''), d.epoch, "   \
                 "COALESCE(l.host, '') "                                                           \
                 "FROM user_disk d LEFT JOIN disk_lease l ON l.disk = d.id "                       \
                 "LEFT JOIN host k ON k.id = COALESCE(l.host, d.host) "                            \
                 "WHERE d.id = ?1 AND d.state <> 'deleted' /*pg FOR UPDATE OF d*/")                \
    X(DISK_END_CHECKING, "UPDATE user_disk SET state = 'detached', since_us = ?2, "                \
                         "version = version + 1 WHERE id = ?1 AND state = 'checking'")             \
    X(DISK_IMPORTED, "UPDATE user_disk SET size_mib = CASE WHEN size_mib < ?2 THEN ?2 "            \
                     "ELSE size_mib END, version = version + 1 WHERE id = ?1")                     \
    X(DISK_NOT_IMPORTED, "UPDATE user_disk SET state = 'deleting', host = ?2, since_us = ?3, "     \
                         "version = version + 1 WHERE id = ?1 AND state = 'checking'")             \
    X(DISK_OWNER, "SELECT a.name FROM user_disk d JOIN account a ON a.id = d.account "             \
                  "WHERE d.id = ?1")                                                               \
    X(DISK_TASKS, "SELECT count(*) FROM host_task WHERE object = ?1 "                              \
                  "AND state IN ('waiting', 'running')")                                           \
    X(DISK_LEASE_MACHINE, "SELECT machine FROM disk_lease WHERE disk = ?1 AND state = 'held'")     \
    X(DISK_POINT_INSERT, "INSERT INTO restore_point (id, kind, disk, host, state, consistency, "   \
                         "note, created_us, since_us) "                                            \
                         "VALUES (?1, 'user-disk', ?2, ?3, 'making', ?4, ?5, ?6, ?6)")             \
    X(DISK_POINT_SET, "UPDATE restore_point SET state = ?2, detail = ?3, since_us = ?4 "           \
                      "WHERE id = ?1 AND kind = 'user-disk' AND location = ''")                    \
    X(DISK_POINT_STATE,                                                                            \
      "SELECT state FROM restore_point WHERE id = ?1 AND disk = ?2 AND location = ''")             \
    X(DISK_POINTS, "SELECT r.id, r.state, r.consistency, r.note, r.detail, r.created_us "          \
                   "FROM restore_point r WHERE r.disk = ?1 AND r.location = '' "                   \
                   "AND r.state <> 'deleted' "                                                     \
                   "ORDER BY r.created_us, r.id")                                                  \
    X(POOL_USER_DISK, "SELECT user_disk FROM pool WHERE id = ?1")                                  \
    X(DISK_STORAGE_HOST, "SELECT id, labels FROM host WHERE state = 'up' ORDER BY id")             \
    X(DISKS_REPORTABLE,                                                                            \
      "SELECT d.id, d.state, d.epoch, d.used_mib, d.detail, l.epoch, l.state, " BERTH_SQL_SCRUBBED \
      "FROM disk_lease l JOIN user_disk d ON d.id = l.disk "                                       \
      "JOIN machine m ON m.id = l.machine WHERE l.host = ?1 UNION ALL "                            \
      "SELECT d.id, d.state, d.epoch, d.used_mib, d.detail, 0, '', 0 FROM user_disk d "            \
      "WHERE d.host = ?1 AND d.state = 'deleting'")                                                \
    X(DESIRED_DISKS,                                                                               \
      "SELECT d.id, l.epoch, d.size_mib, d.fs, CASE WHEN d.state = 'new' THEN 1 ELSE 0 END "       \
      "AS \"?new\", 'present' AS want FROM disk_lease l JOIN user_disk d ON d.id = l.disk "        \
      "WHERE l.host = ?1 UNION ALL "                                                               \
      "SELECT d.id, d.epoch, d.size_mib, d.fs, 0 AS \"?new\", 'absent' AS want "                   \
      "FROM user_disk d WHERE d.host = ?1 AND d.state = 'deleting'")                               \
    X(DESIRED_MACHINE_DISKS, "SELECT l.machine, l.disk, l.epoch, p.user_disk FROM disk_lease l "   \
                             "JOIN machine m ON m.id = l.machine AND m.epoch = l.machine_epoch "   \
                             "JOIN pool p ON p.id = m.pool "                                       \
                             "WHERE l.host = ?1 AND l.state = 'held'")                             \
    X(USER_DISK_JSON, "SELECT " BERTH_USER_DISK_COLUMNS " " BERTH_USER_DISK_JOINS                  \
                      "WHERE d.id = ?1 AND d.state <> 'deleted'")                                  \
    X(LIST_USER_DISKS, "SELECT " BERTH_USER_DISK_COLUMNS " " BERTH_USER_DISK_JOINS                 \
                       "WHERE d.id > ?2 AND d.state <> 'deleted' "                                 \
                       "AND (?6 = '' OR p.name = ?6 OR p.id = ?6) AND (?7 = '' OR a.name = ?7) "   \
                       "AND (?8 = '' OR d.state = ?8) "                                            \
                       "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "      \
                       "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/pools/' || d.pool)) "   \
                       "ORDER BY d.id LIMIT ?1")                                                   \
    X(PATH_USER_DISK, "SELECT '/pools/' || pool || '/user-disks/' || id FROM user_disk "           \
                      "WHERE id = ?1 AND state <> 'deleted'")                                      \
    X(CLAIM_SPARE_ELSEWHERE, "SELECT m.id FROM machine m WHERE m.pool = ?1 AND m.host <> ?2 "      \
                             "AND m.state IN ('ready', 'stopped') AND m.assignment IS NULL "       \
                             "AND m.hold = 0 AND NOT EXISTS (SELECT 1 FROM machine g "             \
                             "WHERE g.pool = ?1 AND g.state = 'deleting') "                        \
                             "ORDER BY m.since_us, m.id LIMIT 1")

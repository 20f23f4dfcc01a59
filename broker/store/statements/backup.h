/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements of restore points and backups, and of what gives a machine another disk.
 */
#pragma once

#define BERTH_POINT_COLUMNS                                                                                                                                   \
    "r.id, r.kind, COALESCE(m.name, '') AS machine, COALESCE(r.machine, '') AS machine_id, "                                                                  \
    "COALESCE(r.disk, '') AS disk, COALESCE(a.name, '') AS \"user\", COALESCE(p.name, '') AS pool, COALESCE(h.name, '') AS host, COALESCE(r.version, '') AS " \
    "version, r.state, r.consistency, r.size_bytes, r.location, r.detail, r.note, r.created_us, "                                                             \
    "r.since_us, r.keep_until_us"

#define BERTH_POINT_JOINS                                                             \
    "FROM restore_point r LEFT JOIN machine m ON m.id = r.machine LEFT JOIN "         \
    "user_disk d ON d.id = r.disk LEFT JOIN account a ON a.id = d.account LEFT JOIN " \
    "pool p ON p.id = COALESCE(m.pool, d.pool) LEFT JOIN host h ON h.id = r.host "

#define BERTH_STATEMENTS_BACKUP(X)                                                                 \
    X(POINT_MACHINE, "SELECT m.state, m.host, COALESCE(m.version, ''), m.keep, p.kind, m.name, "   \
                     "m.pool, p.purpose FROM machine m JOIN pool p ON p.id = m.pool "              \
                     "WHERE m.id = ?1 AND m.state <> 'deleted' /*pg FOR UPDATE OF m*/")            \
    X(POINT_LIVE, "SELECT count(*) FROM session WHERE machine = ?1 AND state IN "                  \
                  "('allocating', 'connecting', 'active', 'disconnected', 'lost')")                \
    X(POINT_BUSY, "SELECT kind FROM host_task WHERE object = ?1 "                                  \
                  "AND state IN ('waiting', 'running') ORDER BY created_us LIMIT 1")               \
    X(POINT_INSERT, "INSERT INTO restore_point (id, kind, machine, host, version, state, "         \
                    "consistency, location, note, created_us, since_us, keep_until_us) "           \
                    "VALUES (?1, 'desktop', ?2, ?3, NULLIF(?4, ''), 'making', 'crash', 'host', "   \
                    "?5, ?6, ?6, NULLIF(?7, 0))")                                                  \
    X(POINT_GET, "SELECT state, COALESCE(machine, ''), COALESCE(host, ''), location, "             \
                 "COALESCE(version, '') FROM restore_point WHERE id = ?1 "                         \
                 "AND state <> 'deleted' /*pg FOR UPDATE*/")                                       \
    X(POINT_SET_READY, "UPDATE restore_point SET state = 'ready', consistency = ?2, "              \
                       "size_bytes = ?3, detail = '', since_us = ?4 "                              \
                       "WHERE id = ?1 AND state = 'making'")                                       \
    X(POINT_SET_STATE, "UPDATE restore_point SET state = ?2, detail = ?3, since_us = ?4 "          \
                       "WHERE id = ?1")                                                            \
    X(POINT_SET_GONE, "UPDATE restore_point SET state = 'deleted', since_us = ?2 "                 \
                      "WHERE id = ?1 AND state = 'deleting'")                                      \
    X(POINT_OWNER, "SELECT machine FROM restore_point WHERE id = ?1")                              \
    X(POINT_DUE, "SELECT r.id FROM restore_point r WHERE r.location = 'host' "                     \
                 "AND ((r.state = 'ready' AND r.keep_until_us < ?1) "                              \
                 "OR (r.state = 'deleting' AND r.since_us < ?2)) AND NOT EXISTS "                  \
                 "(SELECT 1 FROM host_task t WHERE t.object = r.id "                               \
                 "AND t.state IN ('waiting', 'running')) ORDER BY r.id LIMIT 100")                 \
    X(POINT_PURGE, "DELETE FROM restore_point WHERE state IN ('deleted', 'failed') "               \
                   "AND since_us < ?1")                                                            \
    X(BACKUP_INSERT, "INSERT INTO restore_point (id, kind, machine, host, state, consistency, "    \
                     "size_bytes, location, created_us, since_us) "                                \
                     "VALUES (?1, 'desktop', ?2, ?3, 'ready', ?4, ?5, ?6, ?7, ?7)")                \
    X(DISK_BACKUP_INSERT,                                                                          \
      "INSERT INTO restore_point (id, kind, disk, host, state, consistency, size_bytes, "          \
      "location, created_us, since_us) VALUES (?1, 'user-disk', ?2, ?3, 'ready', ?4, ?5, ?6, "     \
      "?7, ?7)")                                                                                   \
    X(BACKUP_NAMED, "SELECT count(*) FROM restore_point WHERE host = ?1 AND location = ?2 "        \
                    "AND state <> 'deleted'")                                                      \
    X(BACKUP_POOL, "SELECT id, name, kind, image, vcpus, memory_mib, image_version FROM pool "     \
                   "WHERE (id = ?1 OR name = ?1) AND state <> 'deleted'")                          \
    X(BACKUP_OWNED, "SELECT count(*) FROM assignment WHERE pool = ?1 AND account = ?2 "            \
                    "AND state = 'open'")                                                          \
    X(MACHINE_EPOCH, "SELECT epoch FROM machine WHERE id = ?1")                                    \
    X(MACHINE_POOL, "SELECT pool FROM machine WHERE id = ?1")                                      \
    X(MACHINE_SET_VERSION, "UPDATE machine SET version = NULLIF(?2, '') WHERE id = ?1")            \
    X(MACHINE_TAKE_VERSION, "UPDATE machine SET version = (SELECT r.version FROM restore_point r " \
                            "WHERE r.id = ?2) WHERE id = ?1")                                      \
    X(MACHINE_SET_GIVEN, "UPDATE machine SET hold = 0, dirty = 1, keep = 1 WHERE id = ?1 "         \
                         "AND state = 'assigned'")                                                 \
    X(REBASE_VERSION, "SELECT v.id FROM machine m JOIN pool p ON p.id = m.pool "                   \
                      "JOIN image_version v ON v.image = p.image WHERE m.id = ?1 "                 \
                      "AND v.state IN ('sealed', 'available') AND ((?2 = '' "                      \
                      "AND v.id = p.image_version) OR v.id = ?2 OR CAST(v.number AS TEXT) = ?2)")  \
    X(POINT_JSON, "SELECT " BERTH_POINT_COLUMNS " " BERTH_POINT_JOINS "WHERE r.id = ?1 "           \
                  "AND r.state <> 'deleted'")                                                      \
    X(LIST_POINTS, "SELECT " BERTH_POINT_COLUMNS " " BERTH_POINT_JOINS                             \
                   "WHERE r.id > ?2 AND r.location <> '' AND r.state <> 'deleted' "                \
                   "AND (?6 = '' OR m.name = ?6 OR m.id = ?6) "                                    \
                   "AND (?7 = '' OR p.name = ?7 OR p.id = ?7) "                                    \
                   "AND (r.location <> 'host') = (?8 = 1) "                                        \
                   "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "          \
                   "AND ?5 LIKE '%,' || g.role || ',%' AND (g.scope = '/pools' "                   \
                   "OR g.scope = '/pools/' || p.id))) ORDER BY r.id LIMIT ?1")                     \
    X(PATH_RESTORE_POINT, "SELECT '/pools/' || m.pool || '/machines/' || m.id "                    \
                          "FROM restore_point r JOIN machine m ON m.id = r.machine "               \
                          "WHERE r.id = ?1 UNION ALL "                                             \
                          "SELECT '/pools/' || d.pool || '/user-disks/' || d.id "                  \
                          "FROM restore_point r JOIN user_disk d ON d.id = r.disk "                \
                          "WHERE r.id = ?1 AND r.location <> ''")                                  \
    X(FSCK_POINTS,                                                                                 \
      "SELECT r.id, 'is being made and no host works on it' FROM restore_point r "                 \
      "WHERE r.kind = 'desktop' AND r.state = 'making' AND NOT EXISTS (SELECT 1 FROM host_task t " \
      "WHERE t.kind = 'snapshot' AND t.args LIKE '%' || r.id || '%' "                              \
      "AND t.state IN ('waiting', 'running')) UNION ALL "                                          \
      "SELECT r.id, 'stands on version ' || v.id || ', which is deleted' "                         \
      "FROM restore_point r JOIN image_version v ON v.id = r.version "                             \
      "WHERE r.state IN ('making', 'ready') AND v.state IN ('deleting', 'deleted')")

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions of images, their tags and replicas, RAM templates and tasks of hosts.
 */
#pragma once

/* A version that hosts may have: its bytes never change again. */
#define BERTH_SQL_SEALED "('sealed', 'available', 'retired')"

#define BERTH_STATEMENTS_VERSION(X)                                                                \
    X(IMAGE_LOCK, "SELECT name FROM image WHERE id = ?1 /*pg FOR UPDATE*/")                        \
    X(VERSION_NEXT_NUMBER,                                                                         \
      "SELECT COALESCE(max(number), 0) + 1 FROM image_version WHERE image = ?1")                   \
    X(VERSION_INSERT,                                                                              \
      "INSERT INTO image_version (id, image, number, state, parent, changelog, machine, pool, "    \
      "operation, created_us, since_us) VALUES (?1, ?2, ?3, 'draft', ?4, ?5, ?6, ?7, ?8, ?9, ?9)") \
    X(VERSION_FOR_SEAL,                                                                            \
      "SELECT v.image, i.name, v.number, COALESCE(v.parent, ''), v.state, v.created_us "           \
      "FROM image_version v JOIN image i ON i.id = v.image WHERE v.id = ?1 "                       \
      "/*pg FOR UPDATE OF v*/")                                                                    \
    X(VERSION_SET_SEALED, "UPDATE image_version SET manifest = ?2, sha256 = ?3, signature = ?4, "  \
                          "size_bytes = ?5, report = ?6, sealed_by = ?7 "                          \
                          "WHERE id = ?1 AND state = 'sealing'")                                   \
    X(VERSION_IMAGE, "SELECT image FROM image_version WHERE id = ?1")                              \
    X(TAG_SET, "INSERT INTO image_tag (image, tag, version, moved_us, moved_by) "                  \
               "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (image, tag) DO UPDATE SET "               \
               "version = excluded.version, moved_us = excluded.moved_us, "                        \
               "moved_by = excluded.moved_by")                                                     \
    X(TAG_GET, "SELECT version FROM image_tag WHERE image = ?1 AND tag = ?2")                      \
    X(POOLS_ADOPT_VERSION, "UPDATE pool SET image_version = ?3, version = version + 1 "            \
                           "WHERE image = ?1 AND tag = ?2 AND image_version IS NULL "              \
                           "AND n_machines = 0 AND state <> 'deleted'")                            \
    X(POOL_IMAGE_VERSION, "SELECT COALESCE(image_version, '') FROM pool WHERE id = ?1")            \
    X(POOL_FIND_VERSION, "UPDATE pool SET image_version = (SELECT t.version FROM image_tag t "     \
                         "WHERE t.image = pool.image AND t.tag = pool.tag) "                       \
                         "WHERE id = ?1 AND n_machines = 0 AND purpose = 'desktops'")              \
    X(REPLICA_SET,                                                                                 \
      "INSERT INTO image_replica (version, place, host, state, bytes, total_bytes, code, "         \
      "detail, since_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "                             \
      "ON CONFLICT (version, place) DO UPDATE SET state = excluded.state, "                        \
      "bytes = excluded.bytes, total_bytes = excluded.total_bytes, code = excluded.code, "         \
      "detail = excluded.detail, since_us = CASE WHEN image_replica.state = excluded.state "       \
      "THEN image_replica.since_us ELSE excluded.since_us END")                                    \
    X(REPLICA_DELETE, "DELETE FROM image_replica WHERE version = ?1 AND place = ?2")               \
    X(REPLICAS_OF_HOST, "SELECT version, state FROM image_replica WHERE host = ?1")                \
    X(REPLICA_STATE, "SELECT state FROM image_replica WHERE version = ?1 AND host = ?2")           \
    X(VERSION_KNOWN, "SELECT count(*) FROM image_version WHERE id = ?1")                           \
    X(TEMPLATES_OF_HOST, "SELECT key FROM ram_template WHERE host = ?1")                           \
    X(TEMPLATE_SET,                                                                                \
      "INSERT INTO ram_template (host, key, version, vcpus, memory_mib, state, n_forks, detail, "  \
      "since_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "                                     \
      "ON CONFLICT (host, key) DO UPDATE SET version = excluded.version, "                         \
      "vcpus = excluded.vcpus, memory_mib = excluded.memory_mib, state = excluded.state, "         \
      "n_forks = excluded.n_forks, detail = excluded.detail, since_us = CASE WHEN "                \
      "ram_template.state = excluded.state THEN ram_template.since_us "                            \
      "ELSE excluded.since_us END")                                                                \
    X(TEMPLATE_DELETE, "DELETE FROM ram_template WHERE host = ?1 AND key = ?2")                    \
    X(HOST_SET_MEMORY_REPORT, "UPDATE host SET memory_report = ?2 WHERE id = ?1 "                  \
                              "AND memory_report <> ?2")                                           \
    X(TASK_INSERT,                                                                                 \
      "INSERT INTO host_task (id, host, kind, object, args, state, operation, created_us, "        \
      "since_us, deadline_us) VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6, ?7, ?7, ?8)")             \
    X(TASK_LOCK, "SELECT host, kind, object, args, state, operation, progress_pct "                \
                 "FROM host_task WHERE id = ?1 /*pg FOR UPDATE*/")                                 \
    X(TASK_PROGRESS, "UPDATE host_task SET state = 'running', progress_pct = ?2, detail = ?3, "    \
                     "since_us = CASE WHEN state = 'running' THEN since_us ELSE ?4 END "           \
                     "WHERE id = ?1 AND state IN ('waiting', 'running')")                          \
    X(TASK_END, "UPDATE host_task SET state = ?2, code = ?3, detail = ?4, result = ?5, "           \
                "progress_pct = CASE WHEN ?2 = 'done' THEN 100 ELSE progress_pct END, "            \
                "since_us = ?6, deadline_us = NULL "                                               \
                "WHERE id = ?1 AND state IN ('waiting', 'running')")                               \
    X(TASKS_OVERDUE, "SELECT id FROM host_task WHERE state IN ('waiting', 'running') "             \
                     "AND deadline_us <= ?1")                                                      \
    X(TASKS_OUTDATE, "UPDATE host_task SET deadline_us = 1 WHERE state IN ('waiting', 'running')") \
    X(TASK_PURGE, "DELETE FROM host_task WHERE state NOT IN ('waiting', 'running') "               \
                  "AND since_us < ?1")                                                             \
    X(DESIRED_TASKS, "SELECT id, kind, args AS \"{}args\" FROM host_task WHERE host = ?1 "         \
                     "AND state IN ('waiting', 'running') ORDER BY created_us, id LIMIT ?2")       \
    X(DESIRED_HOST, "SELECT h.labels, COALESCE((SELECT m.value FROM meta m "                       \
                    "WHERE m.key = 'image_kbps'), '0'), "                                          \
                    "EXISTS (SELECT 1 FROM image_version), EXISTS (SELECT 1 FROM host_task t "     \
                    "WHERE t.host = h.id AND t.state IN ('waiting', 'running')) "                  \
                    "FROM host h WHERE h.id = ?1")                                                 \
    X(DESIRED_VERSIONS,                                                                            \
      "SELECT 1 AS rank, m.version AS id, '{}', 0, 0, 0, 0 FROM machine m WHERE m.host = ?1 "      \
      "AND m.state <> 'deleted' AND m.version IS NOT NULL UNION "                                  \
      "SELECT 1, v.id, '{}', 0, 0, 0, 0 FROM host_task t JOIN image_version v "                    \
      "ON t.args LIKE '%' || v.id || '%' WHERE t.host = ?1 AND t.kind = 'rebase' "                 \
      "AND t.state IN ('waiting', 'running') UNION "                                               \
      "SELECT 2, r.version, '{}', 0, 0, 0, 0 FROM restore_point r WHERE r.host = ?1 "              \
      "AND r.version IS NOT NULL AND r.state IN ('making', 'ready', 'deleting') UNION "            \
      "SELECT 3, p.image_version, p.labels, p.template, p.vcpus, p.memory_mib, 0 FROM pool p "     \
      "WHERE p.image_version IS NOT NULL AND p.state <> 'deleted' UNION "                          \
      "SELECT 3, r.to_version, p.labels, p.template, p.vcpus, p.memory_mib, 0 FROM rollout r "     \
      "JOIN pool p ON p.id = r.pool WHERE r.state NOT IN ('done', 'rolled-back') UNION "           \
      "SELECT 3, r.from_version, p.labels, p.template, p.vcpus, p.memory_mib, "                    \
      "CASE WHEN r.state = 'done' THEN 1 ELSE 0 END FROM rollout r "                               \
      "JOIN pool p ON p.id = r.pool WHERE r.state NOT IN ('done', 'rolled-back') "                 \
      "OR (r.state = 'done' AND r.deadline_us IS NOT NULL) UNION "                                 \
      "SELECT 4, t.version, p.labels, 0, 0, 0, 0 FROM pool p "                                     \
      "JOIN image_tag t ON t.image = p.image AND t.tag = p.tag WHERE p.state <> 'deleted' "        \
      "ORDER BY 1, 2, 3, 4, 5, 6, 7")                                                              \
    X(DESIRED_VERSION, "SELECT manifest, signature FROM image_version WHERE id = ?1 "              \
                       "AND state IN " BERTH_SQL_SEALED)                                           \
    X(DESIRED_SOURCES,                                                                             \
      "SELECT COALESCE(h.image_address, b.value, '') AS address FROM image_replica r "             \
      "LEFT JOIN host h ON h.id = r.host "                                                         \
      "LEFT JOIN meta b ON b.key = 'depot_address:' || substr(r.place, 8) "                        \
      "WHERE r.version = ?1 AND r.state = 'present' AND (r.host IS NULL OR r.host <> ?2) "         \
      "ORDER BY r.place")

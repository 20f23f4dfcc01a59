/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions of images as administrators see them, what uses them, and how they go.
 */
#pragma once

/* v is the version, i its image. */
#define BERTH_VERSION_COLUMNS                                                                     \
    "v.id, i.name AS image, v.number, v.state, v.size_bytes, v.sha256, "                          \
    "COALESCE(v.parent, '') AS parent, v.changelog, v.sealed_by, v.created_us, v.sealed_us, "     \
    "v.since_us, v.operation, (SELECT count(*) FROM machine m WHERE m.version = v.id "            \
    "AND m.state <> 'deleted') AS n_machines, (SELECT count(*) FROM image_replica r "             \
    "WHERE r.version = v.id AND r.state = 'present') AS n_replicas, COALESCE((SELECT min(t.tag) " \
    "FROM image_tag t WHERE t.version = v.id), '') AS tag"

#define BERTH_STATEMENTS_VERSION_API(X)                                                            \
    X(LIST_VERSIONS, "SELECT " BERTH_VERSION_COLUMNS " FROM image_version v "                      \
                     "JOIN image i ON i.id = v.image WHERE v.image = ?1 "                          \
                     "AND v.state <> 'deleted' ORDER BY v.number DESC LIMIT ?2")                   \
    X(VERSION_JSON, "SELECT " BERTH_VERSION_COLUMNS ", v.manifest AS \"{}manifest\", "             \
                    "v.signature, v.report AS \"{}report\", v.machine, v.pool FROM image_version " \
                    "v JOIN image i ON i.id = v.image WHERE v.id = ?1 AND v.state <> 'deleted'")   \
    X(VERSION_REPLICAS,                                                                            \
      "SELECT r.place, COALESCE(h.name, '') AS host, r.state, r.bytes, r.total_bytes, r.code, "    \
      "r.detail, r.since_us FROM image_replica r LEFT JOIN host h ON h.id = r.host "               \
      "WHERE r.version = ?1 ORDER BY r.place")                                                     \
    X(VERSION_TAGS, "SELECT tag FROM image_tag WHERE version = ?1 ORDER BY tag")                   \
    X(VERSION_TEMPLATES,                                                                           \
      "SELECT h.name AS host, t.vcpus, t.memory_mib, t.state, t.n_forks AS forks, t.detail, "      \
      "t.since_us FROM ram_template t JOIN host h ON h.id = t.host WHERE t.version = ?1 "          \
      "ORDER BY h.name, t.key")                                                                    \
    X(FIND_VERSION, "SELECT id FROM image_version WHERE image = ?1 AND state <> 'deleted' "        \
                    "AND (id = ?2 OR CAST(number AS TEXT) = ?2)")                                  \
    X(VERSION_SET_CHANGELOG, "UPDATE image_version SET changelog = ?2 WHERE id = ?1 "              \
                             "AND state <> 'deleted'")                                             \
    X(LIST_TAGS, "SELECT t.tag, v.id AS version, v.number, v.state, t.moved_us, t.moved_by "       \
                 "FROM image_tag t JOIN image_version v ON v.id = t.version WHERE t.image = ?1 "   \
                 "ORDER BY t.tag")                                                                 \
    X(TAG_POOLS, "SELECT name FROM pool WHERE image = ?1 AND tag = ?2 AND state <> 'deleted' "     \
                 "ORDER BY name LIMIT 1")                                                          \
    X(TAG_DELETE, "DELETE FROM image_tag WHERE image = ?1 AND tag = ?2")                           \
    X(VERSION_USE,                                                                                 \
      "SELECT u.what FROM (SELECT 1 AS rank, 'machine \"' || m.name || '\" runs it' AS what "      \
      "FROM machine m WHERE m.version = ?1 AND m.state <> 'deleted' UNION ALL "                    \
      "SELECT 2, 'it has the tag \"' || t.tag || '\"' FROM image_tag t WHERE t.version = ?1 "      \
      "UNION ALL SELECT 3, 'pool \"' || p.name || '\" is made of it' FROM pool p "                 \
      "WHERE p.image_version = ?1 AND p.state <> 'deleted' UNION ALL "                             \
      "SELECT 4, 'a rollout of pool \"' || p.name || '\" is under way' FROM rollout r "            \
      "JOIN pool p ON p.id = r.pool WHERE (r.from_version = ?1 OR r.to_version = ?1) "             \
      "AND r.state NOT IN ('done', 'rolled-back') UNION ALL "                                      \
      "SELECT 5, 'version ' || v.number || ' is being made from it' FROM image_version v "         \
      "WHERE v.parent = ?1 AND v.state IN ('draft', 'sealing') UNION ALL "                         \
      "SELECT 6, 'restore point ' || r.id || ' needs it' FROM restore_point r "                    \
      "WHERE r.version = ?1 AND r.state NOT IN ('failed', 'deleted') UNION ALL "                   \
      "SELECT 7, 'a desktop is being rebased to it' FROM host_task t "                             \
      "WHERE t.kind = 'rebase' AND t.args LIKE '%' || ?1 || '%' "                                  \
      "AND t.state IN ('waiting', 'running')) u "                                                  \
      "ORDER BY u.rank, u.what LIMIT 1")                                                           \
    X(VERSIONS_OLD,                                                                                \
      "SELECT v.id, i.name, v.number, v.state, v.manifest FROM image_version v "                   \
      "JOIN image i ON i.id = v.image WHERE (?1 = '' OR v.image = ?1) AND "                        \
      "((v.state IN " BERTH_SQL_SEALED " AND (SELECT count(*) FROM image_version n "               \
      "WHERE n.image = v.image AND n.number > v.number AND n.state IN " BERTH_SQL_SEALED ") "      \
      ">= i.keep_versions) OR (v.state = 'failed' AND v.since_us < ?2)) "                          \
      "ORDER BY i.name, v.number")                                                                 \
    X(REPLICA_MANIFESTS,                                                                           \
      "SELECT r.place, COALESCE(h.name, ''), v.id, v.manifest, r.bytes FROM image_replica r "      \
      "JOIN image_version v ON v.id = r.version LEFT JOIN host h ON h.id = r.host "                \
      "ORDER BY r.place, v.id")                                                                    \
    X(REPLICAS_DROP_REMOVED, "DELETE FROM image_replica WHERE host IN "                            \
                             "(SELECT id FROM host WHERE state = 'removed')")                      \
    X(TEMPLATES_DROP_REMOVED, "DELETE FROM ram_template WHERE host IN "                            \
                              "(SELECT id FROM host WHERE state = 'removed')")                     \
    X(VERSIONS_GONE, "SELECT v.id FROM image_version v WHERE v.state = 'deleting' AND NOT EXISTS " \
                     "(SELECT 1 FROM image_replica r WHERE r.version = v.id)")                     \
    X(VERSIONS_OVERDUE, "SELECT id FROM image_version WHERE deadline_us <= ?1")                    \
    X(IMAGE_LIVE_VERSIONS, "SELECT count(*) FROM image_version WHERE image = ?1 "                  \
                           "AND state <> 'deleted'")                                               \
    X(IMAGE_DROP_SAMPLES, "DELETE FROM version_sample WHERE version IN "                           \
                          "(SELECT id FROM image_version WHERE image = ?1)")                       \
    X(IMAGE_DROP_ROLLOUTS, "DELETE FROM rollout WHERE from_version IN "                            \
                           "(SELECT id FROM image_version WHERE image = ?1) OR to_version IN "     \
                           "(SELECT id FROM image_version WHERE image = ?1)")                      \
    X(IMAGE_DROP_POINTS, "UPDATE restore_point SET version = NULL WHERE version IN "               \
                         "(SELECT id FROM image_version WHERE image = ?1)")                        \
    X(IMAGE_DROP_PARENTS, "UPDATE image_version SET parent = NULL WHERE image = ?1")               \
    X(IMAGE_DROP_VERSIONS, "DELETE FROM image_version WHERE image = ?1")

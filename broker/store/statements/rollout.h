/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rollouts: which version machines have and get, what was measured, who follows.
 */
#pragma once

/* A rollout as the API shows it; r, p, f, t as in BERTH_ROLLOUT_JOINS. */
#define BERTH_ROLLOUT_COLUMNS                                                                   \
    "r.id, p.name AS pool, p.id AS pool_id, i.name AS image, f.number AS from_number, "         \
    "t.number AS to_number, r.from_version, r.to_version, r.state, r.paused_from, r.strategy, " \
    "r.n_canary AS canary, r.batch, r.max_unavailable, r.settings AS \"{}settings\", "          \
    "r.gate AS \"{}gate\", r.reason, r.created_us, r.since_us, r.deadline_us, r.version"

#define BERTH_ROLLOUT_JOINS                                                                      \
    "FROM rollout r JOIN pool p ON p.id = r.pool JOIN image_version f ON f.id = r.from_version " \
    "JOIN image_version t ON t.id = r.to_version JOIN image i ON i.id = t.image "

#define BERTH_STATEMENTS_ROLLOUT(X)                                                                \
    X(VERSION_FACTS,                                                                               \
      "SELECT COALESCE(p.image_version, ''), COALESCE(r.state, ''), "                              \
      "COALESCE(r.from_version, ''), COALESCE(r.to_version, '') FROM pool p "                      \
      "LEFT JOIN rollout r ON r.pool = p.id AND r.state NOT IN ('done', 'rolled-back') "           \
      "WHERE p.id = ?1")                                                                           \
    X(VERSION_OF_MACHINE, "SELECT COALESCE(version, ''), canary FROM machine WHERE id = ?1")       \
    X(VERSION_IS_PRESENT, "SELECT count(*) FROM image_replica WHERE version = ?1 AND host = ?2 "   \
                          "AND state = 'present'")                                                 \
    X(ROLLOUTS_ACTIVE,                                                                             \
      "SELECT r.id, r.pool, r.from_version, r.to_version, r.state, r.strategy, r.n_canary, "       \
      "r.batch, r.max_unavailable, r.settings, r.gate, r.created_us, r.since_us, r.deadline_us, "  \
      "p.template, p.vcpus, p.memory_mib, r.reason FROM rollout r "                                \
      "JOIN pool p ON p.id = r.pool WHERE r.state NOT IN ('done', 'rolled-back') ORDER BY r.id")   \
    X(ROLLOUT_STRAYS,                                                                              \
      "SELECT '', p.id, p.image_version, p.image_version, 'done', 'at-logoff', 0, 1, "             \
      "CASE WHEN p.size >= 8 THEN p.size / 4 ELSE 1 END, '{}', '', 0, 0, 0, p.template, "          \
      "p.vcpus, p.memory_mib, '' FROM pool p WHERE p.image_version IS NOT NULL "                   \
      "AND p.purpose = 'desktops' AND p.state <> 'deleted' AND NOT EXISTS (SELECT 1 FROM rollout " \
      "r WHERE r.pool = p.id AND r.state NOT IN ('done', 'rolled-back')) AND EXISTS (SELECT 1 "    \
      "FROM machine m WHERE m.pool = p.id AND m.state IN ('ready', 'stopped', 'failed') "          \
      "AND m.keep = 0 AND m.version <> p.image_version) ORDER BY p.id")                            \
    X(ROLLOUT_MACHINES,                                                                            \
      "SELECT m.id, h.name, m.state, COALESCE(m.version, ''), m.canary, "                          \
      "CASE WHEN m.assignment IS NULL THEN 0 ELSE 1 END, m.keep, m.hold, "                         \
      "(SELECT s.id FROM session s WHERE s.machine = m.id AND s.state IN ('allocating', "          \
      "'connecting', 'active', 'disconnected', 'lost')), "                                         \
      "(SELECT count(*) FROM job j JOIN session s ON s.id = j.target WHERE s.machine = m.id "      \
      "AND j.kind = 'rollout' AND j.epoch = ?3 AND s.state <> 'ended'), "                          \
      "(SELECT count(*) FROM image_replica i WHERE i.version = ?2 AND i.host = m.host "            \
      "AND i.state = 'present' AND (?4 = 0 OR (i.since_us < ?7 AND ?3 < ?7) OR EXISTS (SELECT 1 "  \
      "FROM ram_template t WHERE t.host = m.host AND t.version = ?2 AND t.vcpus = ?5 "             \
      "AND t.memory_mib = ?6 AND t.state <> 'building'))) "                                        \
      "FROM machine m JOIN host h ON h.id = m.host WHERE m.pool = ?1 AND m.state <> 'deleted' "    \
      "ORDER BY m.id")                                                                             \
    X(ROLLOUT_SAMPLES, "SELECT kind, ok, value_ms FROM version_sample WHERE version = ?1 "         \
                       "AND pool = ?2 AND at_us >= ?3 ORDER BY at_us DESC LIMIT 1000")             \
    X(ROLLOUT_SET_GATE, "UPDATE rollout SET gate = ?2 WHERE id = ?1")                              \
    X(ROLLOUT_SET_CANARY, "UPDATE machine SET canary = 1 WHERE id = ?1")                           \
    X(ROLLOUT_KEEP_OLD, "UPDATE rollout SET deadline_us = ?2 WHERE id = ?1 AND state = 'done'")    \
    X(ROLLOUT_LET_OLD_GO, "UPDATE rollout SET deadline_us = NULL WHERE state = 'done' "            \
                          "AND deadline_us <= ?1")                                                 \
    X(ROLLOUT_CLEAR_CANARIES, "UPDATE machine SET canary = 0 WHERE pool = ?1 AND canary = 1")      \
    X(ROLLOUT_SET_POOL, "UPDATE pool SET image_version = ?2, version = version + 1 "               \
                        "WHERE id = ?1")                                                           \
    X(ROLLOUT_TAG_BACK,                                                                            \
      "UPDATE image_tag SET version = (SELECT r.from_version FROM rollout r WHERE r.id = ?1), "    \
      "moved_us = ?2, moved_by = ?3 WHERE EXISTS (SELECT 1 FROM rollout r "                        \
      "JOIN pool p ON p.id = r.pool WHERE r.id = ?1 AND image_tag.image = p.image "                \
      "AND image_tag.tag = p.tag AND image_tag.version = r.to_version)")                           \
    X(ROLLOUT_INSERT,                                                                              \
      "INSERT INTO rollout (id, pool, from_version, to_version, state, strategy, n_canary, "       \
      "batch, max_unavailable, settings, created_us, since_us) "                                   \
      "VALUES (?1, ?2, ?3, ?4, 'planned', ?5, ?6, ?7, ?8, ?9, ?10, ?10)")                          \
    X(ROLLOUT_PRESENT,                                                                             \
      "SELECT r.state, r.paused_from, CASE WHEN p.image_version = r.to_version AND NOT EXISTS "    \
      "(SELECT 1 FROM rollout o WHERE o.pool = r.pool AND o.created_us > r.created_us "            \
      "AND o.state <> 'rolled-back') THEN 1 ELSE 0 END, "                                          \
      "CASE WHEN f.state IN ('available', 'retired') THEN 0 ELSE 1 END FROM rollout r "            \
      "JOIN pool p ON p.id = r.pool JOIN image_version f ON f.id = r.from_version "                \
      "WHERE r.id = ?1 /*pg FOR UPDATE OF r*/")                                                    \
    X(ROLLOUTS_OF_IMAGE,                                                                           \
      "SELECT r.id AS rollout, p.name AS pool FROM rollout r JOIN pool p ON p.id = r.pool "        \
      "WHERE p.image = ?1 AND p.state <> 'deleted' AND (r.state NOT IN ('done', 'rolled-back') "   \
      "OR (r.state = 'done' AND NOT EXISTS (SELECT 1 FROM rollout o WHERE o.pool = r.pool "        \
      "AND (o.state NOT IN ('done', 'rolled-back') OR (o.state = 'done' "                          \
      "AND o.created_us > r.created_us))))) ORDER BY p.name")                                      \
    X(PUBLISH_VERSION, "SELECT id, state, number FROM image_version WHERE image = ?1 "             \
                       "AND (id = ?2 OR CAST(number AS TEXT) = ?2)")                               \
    X(PUBLISH_POOLS, "SELECT id, name, COALESCE(image_version, ''), size, n_machines FROM pool "   \
                     "WHERE image = ?1 AND (?2 = '' OR tag = ?2) AND purpose = 'desktops' "        \
                     "AND state <> 'deleted' ORDER BY name")                                       \
    X(PUBLISH_OTHER, "SELECT r.id, t.number, r.state, r.settings FROM rollout r "                  \
                     "JOIN image_version t ON t.id = r.to_version WHERE r.pool = ?1 "              \
                     "AND r.state NOT IN ('done', 'rolled-back')")                                 \
    X(ROLLOUT_JSON, "SELECT " BERTH_ROLLOUT_COLUMNS " " BERTH_ROLLOUT_JOINS "WHERE r.id = ?1")     \
    X(LIST_ROLLOUTS, "SELECT " BERTH_ROLLOUT_COLUMNS " " BERTH_ROLLOUT_JOINS                       \
                     "WHERE r.id > ?2 AND (?6 = '' OR r.state = ?6) "                              \
                     "AND (?7 = '' OR p.name = ?7 OR p.id = ?7) "                                  \
                     "AND (?8 = '' OR i.name = ?8 OR i.id = ?8) "                                  \
                     "AND (?9 = 0 OR r.state NOT IN ('done', 'rolled-back')) "                     \
                     "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "        \
                     "AND ?5 LIKE '%,' || g.role || ',%' AND (g.scope = '/pools/' || p.id "        \
                     "OR g.scope = '/images/' || i.id))) ORDER BY r.id LIMIT ?1")                  \
    X(STATUS_IMAGE, "SELECT name FROM image WHERE id = ?1")                                        \
    X(STATUS_TAGS, "SELECT t.tag, v.number, v.id AS version, t.moved_us, t.moved_by "              \
                   "FROM image_tag t JOIN image_version v ON v.id = t.version "                    \
                   "WHERE t.image = ?1 ORDER BY t.tag")                                            \
    X(STATUS_POOLS, "SELECT p.id, p.name, p.tag, p.size, COALESCE(v.number, 0) AS number "         \
                    "FROM pool p LEFT JOIN image_version v ON v.id = p.image_version "             \
                    "WHERE p.image = ?1 AND p.purpose = 'desktops' AND p.state <> 'deleted' "      \
                    "ORDER BY p.name")                                                             \
    X(STATUS_DESKTOPS,                                                                             \
      "SELECT h.name AS host, COALESCE(v.number, 0) AS number, m.canary AS \"?canary\", "          \
      "CASE WHEN m.assignment IS NOT NULL THEN 'in-use' "                                          \
      "WHEN m.state IN ('ready', 'stopped') THEN 'free' "                                          \
      "WHEN m.state IN ('failed', 'lost') THEN 'failed' ELSE 'away' END AS doing, "                \
      "count(*) AS n FROM machine m JOIN host h ON h.id = m.host "                                 \
      "LEFT JOIN image_version v ON v.id = m.version "                                             \
      "WHERE m.pool = ?1 AND m.state <> 'deleted' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4")        \
    X(STATUS_REPLICAS,                                                                             \
      "SELECT h.name AS host, v.number, r.state, r.bytes, r.total_bytes, r.detail "                \
      "FROM image_replica r JOIN image_version v ON v.id = r.version "                             \
      "JOIN host h ON h.id = r.host WHERE v.image = ?1 ORDER BY h.name, v.number")                 \
    X(STATUS_ROLLOUT, "SELECT " BERTH_ROLLOUT_COLUMNS " " BERTH_ROLLOUT_JOINS "WHERE r.pool = ?1 " \
                      "ORDER BY CASE WHEN r.state IN ('done', 'rolled-back') THEN 1 ELSE 0 END, "  \
                      "r.created_us DESC LIMIT 1")                                                 \
    X(METRIC_ROLLOUTS, "SELECT state, count(*) FROM rollout GROUP BY state")                       \
    X(ROLLOUT_FORCED,                                                                              \
      "SELECT COALESCE(m.version, ''), r.state, r.since_us, r.strategy, r.from_version, "          \
      "r.to_version, s.state FROM session s JOIN machine m ON m.id = s.machine "                   \
      "JOIN rollout r ON r.pool = s.pool AND r.state IN ('rolling', 'rolling-back') "              \
      "WHERE s.id = ?1")                                                                           \
    X(SAMPLE_SESSION, "SELECT m.version, s.pool, s.host, s.machine, s.granted_us, s.connected_us " \
                      "FROM session s JOIN machine m ON m.id = s.machine "                         \
                      "WHERE s.id = ?1 AND m.version IS NOT NULL")                                 \
    X(SAMPLE_INSERT, "INSERT INTO version_sample (id, version, pool, host, machine, kind, ok, "    \
                     "value_ms, at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "               \
                     "ON CONFLICT (id) DO NOTHING")                                                \
    X(SAMPLE_PURGE, "DELETE FROM version_sample WHERE at_us < ?1")

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
      "p.template, p.vcpus, p.memory_mib, p.image, p.tag FROM rollout r "                          \
      "JOIN pool p ON p.id = r.pool WHERE r.state NOT IN ('done', 'rolled-back') ORDER BY r.id")   \
    X(ROLLOUT_STRAYS,                                                                              \
      "SELECT '', p.id, p.image_version, p.image_version, 'done', 'at-logoff', 0, 1, "             \
      "CASE WHEN p.size >= 8 THEN p.size / 4 ELSE 1 END, '{}', '', 0, 0, 0, p.template, "          \
      "p.vcpus, p.memory_mib, p.image, p.tag FROM pool p WHERE p.image_version IS NOT NULL "       \
      "AND p.purpose = 'desktops' AND p.state <> 'deleted' AND NOT EXISTS (SELECT 1 FROM rollout " \
      "r WHERE r.pool = p.id AND r.state NOT IN ('done', 'rolled-back')) AND EXISTS (SELECT 1 "    \
      "FROM machine m WHERE m.pool = p.id AND m.state IN ('ready', 'stopped', 'failed') "          \
      "AND m.keep = 0 AND (m.version IS NULL OR m.version <> p.image_version)) ORDER BY p.id")     \
    X(ROLLOUT_MACHINES,                                                                            \
      "SELECT m.id, h.name, m.state, COALESCE(m.version, ''), m.canary, "                          \
      "CASE WHEN m.assignment IS NULL THEN 0 ELSE 1 END, m.keep, m.hold, "                         \
      "(SELECT s.id FROM session s WHERE s.machine = m.id AND s.state IN ('allocating', "          \
      "'connecting', 'active', 'disconnected', 'lost')), "                                         \
      "(SELECT count(*) FROM job j JOIN session s ON s.id = j.target WHERE s.machine = m.id "      \
      "AND j.kind = 'rollout' AND j.epoch = ?3 AND s.state <> 'ended'), "                          \
      "(SELECT count(*) FROM image_replica i WHERE i.version = ?2 AND i.host = m.host "            \
      "AND i.state = 'present' AND (?4 = 0 OR i.since_us < ?7 OR EXISTS (SELECT 1 "                \
      "FROM ram_template t WHERE t.host = m.host AND t.version = ?2 AND t.vcpus = ?5 "             \
      "AND t.memory_mib = ?6 AND t.state <> 'building'))) "                                        \
      "FROM machine m JOIN host h ON h.id = m.host WHERE m.pool = ?1 AND m.state <> 'deleted' "    \
      "ORDER BY m.id")                                                                             \
    X(ROLLOUT_SAMPLES, "SELECT kind, ok, value_ms FROM version_sample WHERE version = ?1 "         \
                       "AND pool = ?2 AND at_us >= ?3 ORDER BY at_us DESC LIMIT 1000")             \
    X(ROLLOUT_SET_GATE, "UPDATE rollout SET gate = ?2 WHERE id = ?1")                              \
    X(ROLLOUT_SET_CANARY, "UPDATE machine SET canary = 1 WHERE id = ?1")                           \
    X(ROLLOUT_CLEAR_CANARIES, "UPDATE machine SET canary = 0 WHERE pool = ?1 AND canary = 1")      \
    X(ROLLOUT_SET_POOL, "UPDATE pool SET image_version = ?2, version = version + 1 "               \
                        "WHERE id = ?1")                                                           \
    X(ROLLOUT_TAG_BACK, "UPDATE image_tag SET version = ?4, moved_us = ?5, moved_by = ?6 "         \
                        "WHERE image = ?1 AND tag = ?2 AND version = ?3")                          \
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

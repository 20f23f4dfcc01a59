/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions in the making: maintenance machines, their pools, and pools that only try a version.
 */
#pragma once

#define BERTH_STATEMENTS_EDIT(X)                                                                  \
    X(EDIT_PARENT,                                                                                \
      "SELECT v.id, v.manifest FROM image_version v LEFT JOIN image_tag t ON t.version = v.id "   \
      "AND t.tag = 'stable' WHERE v.image = ?1 AND v.state IN ('sealed', 'available') "           \
      "AND (?2 = '' OR v.id = ?2 OR CAST(v.number AS TEXT) = ?2) "                                \
      "ORDER BY CASE WHEN t.version IS NULL THEN 1 ELSE 0 END, v.number DESC LIMIT 1")            \
    X(EDIT_OPEN, "SELECT v.number, v.state, p.name FROM image_version v JOIN pool p "             \
                 "ON p.id = v.pool AND p.state <> 'deleted' WHERE v.image = ?1 "                  \
                 "AND v.state IN ('draft', 'sealing', 'failed', 'deleting') LIMIT 1")             \
    X(EDIT_POOL_SET,                                                                              \
      "UPDATE pool SET purpose = ?2, image_version = ?3, on_logoff = ?4, max_per_user = ?5, "     \
      "tag = '', template = ?6 WHERE id = ?1")                                                    \
    X(EDIT_GET,                                                                                   \
      "SELECT v.state, COALESCE(v.pool, ''), COALESCE(v.machine, ''), COALESCE(m.host, ''), "     \
      "COALESCE(m.state, ''), COALESCE(v.parent, ''), v.number, v.image FROM image_version v "    \
      "LEFT JOIN machine m ON m.id = v.machine WHERE v.id = ?1 /*pg FOR UPDATE OF v*/")           \
    X(EDIT_SET_MACHINE, "UPDATE image_version SET machine = ?2 WHERE id = ?1")                    \
    X(EDIT_SET_OPERATION, "UPDATE image_version SET operation = ?2 WHERE id = ?1")                \
    X(EDIT_SET_REPORT, "UPDATE image_version SET report = ?2 WHERE id = ?1")                      \
    X(EDIT_NEW_MACHINES,                                                                          \
      "SELECT v.id, v.pool, m.id, m.host, m.state, e.account FROM image_version v "               \
      "JOIN machine m ON m.pool = v.pool AND m.state IN ('ready', 'assigned') "                   \
      "JOIN entitlement e ON e.pool = v.pool WHERE v.state = 'draft' AND v.machine IS NULL "      \
      "ORDER BY v.id")                                                                            \
    X(EDIT_GONE,                                                                                  \
      "SELECT v.id FROM image_version v JOIN pool p ON p.id = v.pool WHERE v.state = 'deleting' " \
      "AND v.sealed_us IS NULL AND p.state = 'deleted'")                                          \
    X(EDIT_OVERDUE,                                                                               \
      "SELECT v.id FROM image_version v WHERE v.state = 'sealing' AND v.pool IS NOT NULL "        \
      "AND (v.deadline_us <= ?1 OR NOT EXISTS (SELECT 1 FROM host_task t WHERE t.object = v.id "  \
      "AND t.state IN ('waiting', 'running')))")                                                  \
    X(EDIT_ACTOR, "SELECT COALESCE(a.name, '') FROM operation o LEFT JOIN account a "             \
                  "ON a.id = o.account WHERE o.id = ?1")                                          \
    X(EDIT_TASKS, "SELECT id FROM host_task WHERE object = ?1 "                                   \
                  "AND state IN ('waiting', 'running')")                                          \
    /* Its name is free for the next edit at once, though its machines are still going. */        \
    X(POOL_CLOSE, "UPDATE pool SET name = CASE WHEN purpose = 'maintenance' AND size > 0 "        \
                  "THEN name || '-' || substr(id, 1, 8) ELSE name END, "                          \
                  "size = 0, spares_hot = 0, spares_frozen = 0, spares_cold = 0, "                \
                  "version = version + 1 WHERE id = ?1 AND purpose <> 'desktops'")                \
    X(POOLS_CLOSING, "SELECT id FROM pool WHERE purpose <> 'desktops' AND state = 'disabled' "    \
                     "AND size = 0")                                                              \
    X(POOL_RESTING_MACHINES, "SELECT id, state, keep FROM machine WHERE pool = ?1 "               \
                             "AND state NOT IN ('deleted', 'deleting')")                          \
    X(TEST_POOLS_OLD, "SELECT id FROM pool WHERE purpose = 'test' AND state <> 'deleted' "        \
                      "AND size > 0 AND created_us < ?1")                                         \
    X(TEST_POOL_OF, "SELECT id FROM pool WHERE id = ?2 AND image_version = ?1 "                   \
                    "AND purpose = 'test' AND state <> 'deleted'")                                \
    X(VERSION_REPORT, "SELECT v.number, v.report, COALESCE(v.parent, ''), v.manifest, v.state, "  \
                      "v.image FROM image_version v WHERE v.id = ?1")                             \
    X(EDIT_POOL_OF, "SELECT COALESCE(pool, '') FROM image_version WHERE id = ?1")                 \
    X(EDIT_JSON,                                                                                  \
      "SELECT v.id, i.name AS image, v.number, v.state, COALESCE(v.parent, '') AS parent, "       \
      "COALESCE(p.name, '') AS pool, COALESCE(v.machine, '') AS machine, v.changelog "            \
      "FROM image_version v JOIN image i ON i.id = v.image LEFT JOIN pool p ON p.id = v.pool "    \
      "WHERE v.id = ?1")                                                                          \
    X(VERSION_PARENT, "SELECT COALESCE(parent, '') FROM image_version WHERE id = ?1")             \
    X(IMAGE_NAME_OF, "SELECT name FROM image WHERE id = ?1")

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, pools, hosts, schedules: what administrators write.
 */
#pragma once

/* A pool as the API shows it; p is the pool, i its image. */
#define BERTH_POOL_COLUMNS                                                                         \
    "p.id, p.name, p.kind, i.name AS image, p.size, p.spares_hot, p.spares_frozen, "               \
    "p.spares_cold, p.vcpus, p.memory_mib, p.template AS \"?template\", "                          \
    "p.enabled AS \"?enabled\", p.placement, p.labels AS \"{}labels\", p.on_logoff, "              \
    "p.max_per_user, p.policy AS \"{}policy\", p.timers AS \"{}timers\", p.power AS \"{}power\", " \
    "p.resources AS \"{}resources\", p.network AS \"{}network\", p.app AS \"{}app\", "             \
    "p.logoff_after_s, p.tag, p.icon, p.image_version, p.purpose, p.n_machines, "                  \
    "p.user_disk AS \"{}user_disk\", "                                                             \
    "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'ready') AS n_ready, "      \
    "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'stopped') AS n_stopped, "  \
    "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'assigned') "               \
    "AS n_assigned, "                                                                              \
    "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'failed') AS n_failed, "    \
    "p.version"

/* An image as the API shows it. */
#define BERTH_IMAGE_COLUMNS                                                                 \
    "i.id, i.name, i.manifest AS \"{}manifest\", i.description, i.keep_versions, "          \
    "(SELECT count(*) FROM image_version v WHERE v.image = i.id AND v.state <> 'deleted') " \
    "AS n_versions, COALESCE((SELECT v.number FROM image_tag t JOIN image_version v "       \
    "ON v.id = t.version WHERE t.image = i.id AND t.tag = 'stable'), 0) AS stable, "        \
    "i.created_us, i.version"

/* A host as the API shows it. */
#define BERTH_HOST_COLUMNS                                                                    \
    "h.id, h.name, h.state, h.address, h.accel, h.qemu, h.memory_limit_mib, "                 \
    "h.memory_reserved_mib, h.memory_overcommit_pct, h.vcpu_limit, h.vcpu_reserved, "         \
    "h.vcpu_overcommit_pct, h.start_slots, h.labels AS \"{}labels\", h.drain AS \"?drain\", " \
    "h.maintenance AS \"?maintenance\", h.detail, h.agent_epoch, h.since_us, "                \
    "(SELECT count(*) FROM machine m WHERE m.host = h.id AND m.state <> 'deleted') "          \
    "AS n_machines, "                                                                         \
    "(SELECT count(*) FROM machine m WHERE m.host = h.id AND m.assignment IS NOT NULL) "      \
    "AS n_assigned, h.version"

/* A machine as the API shows it; p, h, a as in the joins of LIST_MACHINES. */
#define BERTH_MACHINE_COLUMNS                                                                  \
    "m.id, m.name, p.name AS pool, h.name AS host, m.state, m.power, m.epoch, "                \
    "m.dirty AS \"?dirty\", m.keep AS \"?keep\", m.hold AS \"?hold\", a.name AS \"user\", "    \
    "COALESCE((SELECT v.number FROM image_version v WHERE v.id = m.version), 0) "              \
    "AS version_number, m.version, m.canary AS \"?canary\", "                                  \
    "m.condition, m.code, m.detail, m.overlay, m.address, m.memory_mib, m.vcpus, m.since_us, " \
    "m.deadline_us"

#define BERTH_MACHINE_JOINS                                                     \
    "FROM machine m JOIN pool p ON p.id = m.pool JOIN host h ON h.id = m.host " \
    "LEFT JOIN assignment s ON s.id = m.assignment LEFT JOIN account a ON a.id = s.account "

/* A schedule as the API shows it. */
#define BERTH_SCHEDULE_COLUMNS "c.id, c.name, c.timezone, c.rules AS \"{}rules\", c.version"

#define BERTH_STATEMENTS_INVENTORY(X)                                                              \
    X(IMAGE_INSERT, "INSERT INTO image (id, name, manifest, created_us) VALUES (?1, ?2, ?3, ?4)")  \
    X(IMAGE_BY_NAME, "SELECT id FROM image WHERE name = ?1 OR id = ?1")                            \
    X(IMAGE_SETTINGS, "SELECT COALESCE((SELECT v.manifest FROM image_tag t "                       \
                      "JOIN image_version v ON v.id = t.version WHERE t.image = i.id "             \
                      "AND t.tag = ?2), i.manifest) FROM image i WHERE i.id = ?1")                 \
    X(IMAGE_JSON, "SELECT " BERTH_IMAGE_COLUMNS " FROM image i WHERE i.id = ?1")                   \
    X(IMAGE_SET, "UPDATE image SET name = ?3, manifest = ?4, description = ?5, "                   \
                 "keep_versions = ?6, version = version + 1 "                                      \
                 "WHERE id = ?1 AND (?2 = 0 OR version = ?2)")                                     \
    X(IMAGE_DELETE, "DELETE FROM image WHERE id = ?1 AND (?2 = 0 OR version = ?2)")                \
    X(IMAGE_USERS, "SELECT name FROM pool WHERE image = ?1 AND state <> 'deleted' ORDER BY name "  \
                   "LIMIT 1")                                                                      \
    X(IMAGE_MACHINES, "SELECT count(*) FROM machine WHERE image = ?1 AND state <> 'deleted'")      \
    X(IMAGE_LET_GO, "UPDATE machine SET image = NULL, version = NULL "                             \
                    "WHERE image = ?1 AND state = 'deleted'")                                      \
    X(IMAGE_LET_GO_POOLS, "UPDATE pool SET image = NULL, image_version = NULL "                    \
                          "WHERE image = ?1 AND state = 'deleted'")                                \
    X(IMAGE_VERSION_LOCK, "SELECT state FROM image_version WHERE id = ?1 /*pg FOR UPDATE*/")       \
    X(IMAGE_VERSION_SET_STATE,                                                                     \
      "UPDATE image_version SET state = ?2, since_us = ?3, deadline_us = NULLIF(?4, 0), "          \
      "sealed_us = CASE WHEN ?2 = 'sealed' THEN ?3 ELSE sealed_us END WHERE id = ?1")              \
    X(ROLLOUT_LOCK, "SELECT state FROM rollout WHERE id = ?1 /*pg FOR UPDATE*/")                   \
    X(ROLLOUT_PAUSED_FROM, "SELECT paused_from FROM rollout WHERE id = ?1")                        \
    X(ROLLOUT_SET_STATE, "UPDATE rollout SET state = ?2, paused_from = ?3, since_us = ?4, "        \
                         "deadline_us = NULLIF(?5, 0), reason = ?6, version = version + 1 "        \
                         "WHERE id = ?1")                                                          \
    X(POOL_INSERT, "INSERT INTO pool (id, name, kind, image, size, spares_hot, vcpus, "            \
                   "memory_mib, created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")          \
    X(POOL_SET, "UPDATE pool SET name = ?3, image = ?4, size = ?5, spares_hot = ?6, "              \
                "spares_frozen = ?7, spares_cold = ?8, vcpus = ?9, memory_mib = ?10, "             \
                "template = ?11, placement = ?12, on_logoff = ?13, max_per_user = ?14, "           \
                "logoff_after_s = ?15, labels = ?16, policy = ?17, timers = ?18, power = ?19, "    \
                "resources = ?20, network = ?21, app = ?22, tag = ?23, user_disk = ?24, "          \
                "icon = ?25, version = version + 1 "                                               \
                "WHERE id = ?1 AND (?2 = 0 OR version = ?2)")                                      \
    X(POOL_JSON, "SELECT " BERTH_POOL_COLUMNS " FROM pool p LEFT JOIN image i ON i.id = p.image "  \
                 "WHERE p.id = ?1 AND p.state <> 'deleted'")                                       \
    X(POOL_LOCK, "SELECT state FROM pool WHERE id = ?1 /*pg FOR UPDATE*/")                         \
    X(POOL_SET_STATE, "UPDATE pool SET state = ?2, enabled = CASE ?2 WHEN 'enabled' THEN 1 "       \
                      "ELSE 0 END, version = version + 1 WHERE id = ?1")                           \
    X(POOL_SET_DELETED, "UPDATE pool SET state = 'deleted', enabled = 0, size = 0, "               \
                        "name = name || ' (' || id || ')', version = version + 1 "                 \
                        "WHERE id = ?1 AND n_machines = 0")                                        \
    X(POOL_DISENTITLE, "DELETE FROM entitlement WHERE pool = ?1")                                  \
    X(POOL_BREAKERS, "SELECT h.name, b.n_failures, b.first_us, b.open_until_us, b.reason "         \
                     "FROM breaker b JOIN host h ON h.id = b.host WHERE b.pool = ?1 "              \
                     "ORDER BY h.name")                                                            \
    X(POOL_BY_NAME, "SELECT id FROM pool WHERE (name = ?1 OR id = ?1) AND state <> 'deleted'")     \
    X(POOL_GET, "SELECT name, image, size, spares_hot, vcpus, memory_mib, template, enabled, "     \
                "policy, logoff_after_s, n_machines FROM pool WHERE id = ?1")                      \
    X(POOL_TAKE_PLACE, "UPDATE pool SET n_machines = n_machines + 1, n_created = n_created + 1 "   \
                       "WHERE id = ?1 AND n_machines < size RETURNING n_created")                  \
    X(POOL_TAKE_PLACE_BACK, "UPDATE pool SET n_machines = n_machines - 1, "                        \
                            "n_created = n_created - 1 WHERE id = ?1")                             \
    X(POOL_FREE_PLACE, "UPDATE pool SET n_machines = n_machines - 1 "                              \
                       "WHERE id = ?1 AND n_machines > 0")                                         \
    X(ENTITLE, "INSERT INTO entitlement (id, account, pool, created_us) VALUES (?1, ?2, ?3, ?4)")  \
    X(HOST_INSERT, "INSERT INTO host (id, name, state, since_us) "                                 \
                   "VALUES (?1, ?2, 'enrolled', ?3)")                                              \
    X(FIND_HOST, "SELECT id FROM host WHERE (name = ?1 OR id = ?1) AND state <> 'removed'")        \
    X(HOST_JSON, "SELECT " BERTH_HOST_COLUMNS " FROM host h WHERE h.id = ?1 "                      \
                 "AND h.state <> 'removed'")                                                       \
    X(HOST_SET,                                                                                    \
      "UPDATE host SET name = ?3, memory_overcommit_pct = ?4, vcpu_overcommit_pct = ?5, "          \
      "version = version + 1 WHERE id = ?1 AND (?2 = 0 OR version = ?2)")                          \
    X(HOST_SET_FLAGS, "UPDATE host SET drain = ?2, maintenance = ?3, version = version + 1 "       \
                      "WHERE id = ?1 AND state <> 'removed'")                                      \
    X(HOST_FLAGS, "SELECT drain, maintenance FROM host WHERE id = ?1 AND state <> 'removed' "      \
                  "/*pg FOR UPDATE*/")                                                             \
    X(HOST_SET_REMOVED, "UPDATE host SET name = name || ' (' || id || ')', "                       \
                        "version = version + 1 WHERE id = ?1")                                     \
    X(HOST_CONTENTS,                                                                               \
      "SELECT m.id, m.name, m.keep, m.state, COALESCE(a.name, '') " BERTH_MACHINE_JOINS            \
      "WHERE m.host = ?1 AND m.state <> 'deleted' ORDER BY m.name, m.id")                          \
    X(HOST_SESSIONS_OPEN, "SELECT id FROM session WHERE host = ?1 AND state <> 'ended'")           \
    X(HOST_SESSIONS_IDLE, "SELECT s.id FROM session s JOIN machine m ON m.id = s.machine "         \
                          "WHERE s.host = ?1 AND s.state = 'disconnected' AND m.keep = 0")         \
    X(HOST_BREAKERS_DELETE, "DELETE FROM breaker WHERE host = ?1")                                 \
    X(MACHINE_JSON, "SELECT " BERTH_MACHINE_COLUMNS " " BERTH_MACHINE_JOINS                        \
                    "WHERE m.id = ?1 AND m.state <> 'deleted'")                                    \
    X(MACHINE_SET_HOLD, "UPDATE machine SET hold = ?2 WHERE id = ?1 AND state <> 'deleted'")       \
    X(SCHEDULE_INSERT, "INSERT INTO schedule (id, name, timezone, rules, created_us) "             \
                       "VALUES (?1, ?2, ?3, ?4, ?5)")                                              \
    X(SCHEDULE_SET, "UPDATE schedule SET name = ?3, timezone = ?4, rules = ?5, "                   \
                    "version = version + 1 WHERE id = ?1 AND (?2 = 0 OR version = ?2)")            \
    X(SCHEDULE_JSON, "SELECT " BERTH_SCHEDULE_COLUMNS " FROM schedule c WHERE c.id = ?1")          \
    X(SCHEDULE_DELETE, "DELETE FROM schedule WHERE id = ?1 AND (?2 = 0 OR version = ?2)")          \
    X(SCHEDULE_ENTITLEMENTS, "SELECT count(*) FROM entitlement WHERE schedule = ?1")               \
    X(SCHEDULE_POWERS, "SELECT name FROM pool WHERE state <> 'deleted' AND (power LIKE "           \
                       "'%\"schedule\":\"' || ?1 || '\"%' OR power LIKE '%\"schedule\":\"' || ?2 " \
                       "|| '\"%') ORDER BY name LIMIT 1")                                          \
    X(LIST_SCHEDULES, "SELECT " BERTH_SCHEDULE_COLUMNS " FROM schedule c WHERE c.name > ?2 "       \
                      "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "       \
                      "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/schedules/' || c.id)) "  \
                      "ORDER BY c.name LIMIT ?1")

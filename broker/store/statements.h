/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every statement that Berth runs on its store, by name: X(NAME, "SQL").
 *
 * The SQL is what SQLite and PostgreSQL share, but for the spelling of bound values.  Values come
 * only through ?n; nothing builds SQL at run time.  Column names are the names in the API where a
 * row goes out as JSON ("?x" is a boolean, "{}x" is JSON text).
 */
#pragma once

#define BERTH_STATEMENT_TABLE(X)  \
    BERTH_STATEMENTS_IDENTITY(X)  \
    BERTH_STATEMENTS_INVENTORY(X) \
    BERTH_STATEMENTS_CLAIM(X)     \
    BERTH_STATEMENTS_STEP(X)      \
    BERTH_STATEMENTS_HOST(X)      \
    BERTH_STATEMENTS_PLAN(X)      \
    BERTH_STATEMENTS_LIST(X)      \
    BERTH_STATEMENTS_CHECK(X)

/* meta, accounts, logins, audit. */
#define BERTH_STATEMENTS_IDENTITY(X)                                                              \
    X(META_GET, "SELECT value FROM meta WHERE key = ?1")                                          \
    X(META_SET, "INSERT INTO meta (key, value) VALUES (?1, ?2) "                                  \
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value")                         \
    X(ACCOUNT_INSERT, "INSERT INTO account (id, name, password, admin, created_us) "              \
                      "VALUES (?1, ?2, ?3, ?4, ?5)")                                              \
    X(ACCOUNT_BY_NAME, "SELECT id, name, password, admin, enabled FROM account WHERE name = ?1")  \
    X(ACCOUNT_SET_PASSWORD, "UPDATE account SET password = ?2 WHERE id = ?1")                     \
    X(ACCOUNT_JSON, "SELECT id, name, admin AS \"?admin\" FROM account WHERE id = ?1")            \
    X(TOKEN_INSERT, "INSERT INTO login_token (hash, account, source, created_us, used_us, "       \
                    "expires_us) VALUES (?1, ?2, ?3, ?4, ?4, ?5)")                                \
    X(TOKEN_GET, "SELECT t.account, a.name, a.admin, t.used_us FROM login_token t "               \
                 "JOIN account a ON a.id = t.account "                                            \
                 "WHERE t.hash = ?1 AND t.expires_us > ?2 AND t.used_us > ?3 AND a.enabled = 1")  \
    X(TOKEN_USED, "UPDATE login_token SET used_us = ?2 WHERE hash = ?1")                          \
    X(TOKEN_DELETE, "DELETE FROM login_token WHERE hash = ?1")                                    \
    X(TOKEN_PURGE, "DELETE FROM login_token WHERE expires_us < ?1")                               \
    X(EVENT_HEAD, "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")                        \
    X(EVENT_INSERT, "INSERT INTO event (seq, at_us, actor, kind, object, data, prev_hash, hash) " \
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                                    \
    X(EVENT_ALL, "SELECT seq, at_us, actor, kind, object, data, prev_hash, hash FROM event "      \
                 "ORDER BY seq")                                                                  \
    X(EVENT_LIST, "SELECT seq, at_us, actor, kind, object, data AS \"{}data\", hash FROM event "  \
                  "ORDER BY seq DESC LIMIT ?1")

/* Images, pools, entitlements: what administrators write. */
#define BERTH_STATEMENTS_INVENTORY(X)                                                             \
    X(IMAGE_INSERT, "INSERT INTO image (id, name, manifest, created_us) VALUES (?1, ?2, ?3, ?4)") \
    X(IMAGE_BY_NAME, "SELECT id FROM image WHERE name = ?1 OR id = ?1")                           \
    X(IMAGE_MANIFEST, "SELECT manifest FROM image WHERE id = ?1")                                 \
    X(POOL_INSERT, "INSERT INTO pool (id, name, kind, image, size, spares_hot, vcpus, "           \
                   "memory_mib, template, policy, logoff_after_s, created_us) "                   \
                   "VALUES (?1, ?2, 'floating', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")           \
    X(POOL_RESIZE, "UPDATE pool SET size = ?2, spares_hot = ?3, enabled = ?4 WHERE id = ?1")      \
    X(POOL_GET, "SELECT name, image, size, spares_hot, vcpus, memory_mib, template, enabled, "    \
                "policy, logoff_after_s, n_machines FROM pool WHERE id = ?1")                     \
    X(POOL_TAKE_PLACE, "UPDATE pool SET n_machines = n_machines + 1, n_created = n_created + 1 "  \
                       "WHERE id = ?1 AND n_machines < size RETURNING n_created")                 \
    X(POOL_FREE_PLACE, "UPDATE pool SET n_machines = n_machines - 1 "                             \
                       "WHERE id = ?1 AND n_machines > 0")                                        \
    X(ENTITLE, "INSERT INTO entitlement (account, pool, created_us) VALUES (?1, ?2, ?3)")         \
    X(HOST_INSERT, "INSERT INTO host (id, name, state, since_us) "                                \
                   "VALUES (?1, ?2, 'enrolled', ?3)")

/* Connecting a user to a desktop. */
#define BERTH_STATEMENTS_CLAIM(X)                                                                  \
    X(CLAIM_POOL, "SELECT p.enabled, p.policy, p.memory_mib, p.n_machines, p.size FROM pool p "    \
                  "JOIN entitlement e ON e.pool = p.id WHERE e.account = ?1 AND p.id = ?2")        \
    X(CLAIM_OWN, "SELECT a.id, a.machine, a.machine_epoch, m.state, m.host, h.state, s.id, "       \
                 "s.session_key, s.connection_epoch, s.started_us FROM assignment a "              \
                 "JOIN machine m ON m.id = a.machine JOIN host h ON h.id = m.host "                \
                 "LEFT JOIN session s ON s.assignment = a.id AND s.state IN "                      \
                 "('allocating', 'connecting', 'active', 'disconnected', 'lost') "                 \
                 "WHERE a.account = ?1 AND a.pool = ?2 AND a.slot = 0 AND a.state = 'open'")       \
    X(CLAIM_PICK,                                                                                  \
      "SELECT m.id, m.host, m.epoch FROM machine m JOIN host h ON h.id = m.host "                  \
      "WHERE m.pool = ?1 AND m.state IN ('ready', 'starting') AND m.dirty = 0 "                    \
      "AND m.assignment IS NULL AND h.state = 'up' "                                               \
      "ORDER BY CASE m.state WHEN 'ready' THEN 0 ELSE 1 END, m.since_us, m.id LIMIT 1")            \
    X(CLAIM_PROSPECTS, "SELECT (SELECT count(*) FROM host WHERE state = 'up'), "                   \
                       "(SELECT count(*) FROM host WHERE state = 'up' "                            \
                       "AND memory_limit_mib - memory_reserved_mib >= ?2), "                       \
                       "(SELECT count(*) FROM machine m JOIN host h ON h.id = m.host "             \
                       "WHERE m.pool = ?1 AND h.state = 'up' AND (m.state IN ('planned', "         \
                       "'creating', 'recycling') OR (m.state = 'failed' "                          \
                       "AND m.deadline_us IS NOT NULL)))")                                         \
    X(ASSIGNMENT_INSERT, "INSERT INTO assignment (id, pool, machine, account, machine_epoch, "     \
                         "state, created_us) VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6)")             \
    X(SESSION_INSERT, "INSERT INTO session (id, assignment, machine, host, pool, account, "        \
                      "machine_epoch, state, client, client_key, started_us, since_us, "           \
                      "deadline_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'allocating', ?8, ?9, "    \
                      "?10, ?10, ?11)")                                                            \
    X(SESSION_GRANT, "UPDATE session SET connection_epoch = connection_epoch + 1, "                \
                     "want_disconnect = 0, client = ?2, client_key = ?3 WHERE id = ?1 "            \
                     "RETURNING connection_epoch")                                                 \
    X(MACHINE_SET_DIRTY, "UPDATE machine SET dirty = 1 "                                           \
                         "WHERE id = ?1 AND epoch = ?2 AND state = 'assigned'")                    \
    X(TICKET_INSERT, "INSERT INTO ticket (id, session, connection_epoch, client_key, created_us, " \
                     "expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                \
    X(TICKET_PURGE, "DELETE FROM ticket WHERE expires_us < ?1")

/* Steps of the state machines. */
#define BERTH_STATEMENTS_STEP(X)                                                                   \
    X(MACHINE_STATE, "SELECT state, assignment, epoch, pool, host, memory_mib, n_failures, "       \
                     "overlay, scrub_overlay FROM machine WHERE id = ?1")                          \
    X(MACHINE_SET_STATE, "UPDATE machine SET state = ?2, assignment = COALESCE(?3, assignment), "  \
                         "n_failures = ?4, since_us = ?5, deadline_us = NULLIF(?6, 0), "           \
                         "absent_us = NULL WHERE id = ?1")                                         \
    X(MACHINE_SET_RECYCLE, "UPDATE machine SET state = ?2, epoch = epoch + 1, "                    \
                           "assignment = NULL, scrub_overlay = CASE WHEN overlay <> '' "           \
                           "THEN overlay ELSE scrub_overlay END, overlay = '', condition = '', "   \
                           "since_us = ?3, deadline_us = NULLIF(?4, 0), absent_us = NULL "         \
                           "WHERE id = ?1")                                                        \
    X(MACHINE_SET_CLEAN, "UPDATE machine SET state = ?2, dirty = 0, overlay = ?3, "                \
                         "scrub_overlay = '', code = '', detail = '', since_us = ?4, "             \
                         "deadline_us = ?5 WHERE id = ?1")                                         \
    X(MACHINE_SET_INFO, "UPDATE machine SET overlay = ?2, condition = ?3, code = ?4, detail = ?5 " \
                        "WHERE id = ?1")                                                           \
    X(MACHINE_SET_ABSENT, "UPDATE machine SET absent_us = NULLIF(?2, 0) WHERE id = ?1")            \
    X(ASSIGNMENT_STATE, "SELECT state, machine, account, pool FROM assignment WHERE id = ?1")      \
    X(ASSIGNMENT_CLOSE, "UPDATE assignment SET state = ?2, released_us = ?3, reason = ?4 "         \
                        "WHERE id = ?1 AND state = 'open'")                                        \
    X(ASSIGNMENT_SESSIONS, "SELECT id FROM session WHERE assignment = ?1 "                         \
                           "AND state NOT IN ('ending', 'ended')")                                 \
    X(SESSION_STATE, "SELECT state, machine, account, assignment, connection_epoch, pool "         \
                     "FROM session WHERE id = ?1")                                                 \
    X(SESSION_WATCH, "SELECT s.machine, s.host, s.account, s.session_key, s.machine_epoch, "       \
                     "s.connection_epoch, p.policy FROM session s JOIN pool p ON p.id = s.pool "   \
                     "WHERE s.id = ?1 AND s.session_key IS NOT NULL "                              \
                     "AND s.state IN ('connecting', 'active', 'disconnected')")                    \
    X(SESSION_SET_STATE, "UPDATE session SET state = ?2, since_us = ?3, "                          \
                         "deadline_us = NULLIF(?4, 0), "                                           \
                         "connected_us = CASE WHEN ?2 = 'active' THEN ?3 ELSE connected_us END, "  \
                         "disconnected_us = CASE WHEN ?2 = 'disconnected' THEN ?3 "                \
                         "ELSE disconnected_us END, "                                              \
                         "ended_us = CASE WHEN ?2 = 'ended' THEN ?3 ELSE NULL END, "               \
                         "end_reason = CASE WHEN ?5 <> '' THEN ?5 ELSE end_reason END "            \
                         "WHERE id = ?1")                                                          \
    X(SESSION_SET_KEY, "UPDATE session SET session_key = NULLIF(?2, '') WHERE id = ?1")            \
    X(SESSION_WANT_DISCONNECT, "UPDATE session SET want_disconnect = 1 WHERE id = ?1")             \
    X(JOB_INSERT,                                                                                  \
      "INSERT INTO job (id, kind, target, epoch, state, run_at_us) "                               \
      "VALUES (?1, ?2, ?3, ?4, 'waiting', ?5) "                                                    \
      "ON CONFLICT (kind, target, epoch) DO UPDATE SET run_at_us = excluded.run_at_us, "           \
      "state = 'waiting'")                                                                         \
    X(JOB_DUE, "SELECT id, kind, target, epoch, attempts FROM job "                                \
               "WHERE state = 'waiting' AND run_at_us <= ?1 ORDER BY run_at_us LIMIT 100")         \
    X(JOB_SET, "UPDATE job SET state = ?2, attempts = attempts + 1, last_error = ?3, "             \
               "run_at_us = ?4 WHERE id = ?1")                                                     \
    X(JOB_PURGE, "DELETE FROM job WHERE state = 'done' AND run_at_us < ?1")                        \
    X(MACHINES_OVERDUE, "SELECT m.id FROM machine m JOIN host h ON h.id = m.host "                 \
                        "WHERE m.deadline_us <= ?1 AND h.state = 'up'")                            \
    X(SESSIONS_OVERDUE, "SELECT s.id, s.state, s.assignment FROM session s "                       \
                        "JOIN host h ON h.id = s.host "                                            \
                        "WHERE s.deadline_us <= ?1 AND (h.state = 'up' OR s.state = 'ending')")

/* Hosts, what they should run and what they report. */
#define BERTH_STATEMENTS_HOST(X)                                                                   \
    X(HOST_STATE, "SELECT state, agent_epoch, boot_id FROM host WHERE id = ?1")                    \
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

/* Pools: how many machines there should be. */
#define BERTH_STATEMENTS_PLAN(X)                                                                \
    X(PLAN_POOLS, "SELECT id, name, image, size, spares_hot, vcpus, memory_mib, template "      \
                  "FROM pool WHERE enabled = 1 ORDER BY id")                                    \
    X(PLAN_MACHINES, "SELECT id, state, dirty, assignment FROM machine "                        \
                     "WHERE pool = ?1 AND state <> 'deleted' ORDER BY since_us, id")            \
    X(PLAN_HOSTS, "SELECT h.id, h.state, h.memory_limit_mib, h.memory_reserved_mib, "           \
                  "(SELECT count(*) FROM machine m WHERE m.host = h.id "                        \
                  "AND m.state <> 'deleted') FROM host h ORDER BY h.id")                        \
    X(MACHINE_INSERT, "INSERT INTO machine (id, pool, host, image, name, state, memory_mib, "   \
                      "vcpus, template, since_us) "                                             \
                      "VALUES (?1, ?2, ?3, ?4, ?5, 'planned', ?6, ?7, ?8, ?9)")                 \
    X(LEASE_TAKE, "INSERT INTO lease (name, holder, epoch, expires_us) VALUES (?1, ?2, 1, ?4) " \
                  "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "                 \
                  "epoch = CASE WHEN lease.holder = excluded.holder THEN lease.epoch "          \
                  "ELSE lease.epoch + 1 END, expires_us = excluded.expires_us "                 \
                  "WHERE lease.holder = excluded.holder OR lease.expires_us < ?3 "              \
                  "RETURNING epoch")

/* What the API shows. */
#define BERTH_STATEMENTS_LIST(X)                                                                   \
    X(LIST_POOLS, "SELECT p.id, p.name, p.kind, i.name AS image, p.size, p.spares_hot, p.vcpus, "  \
                  "p.memory_mib, p.template AS \"?template\", p.enabled AS \"?enabled\", "         \
                  "p.policy AS \"{}policy\", p.logoff_after_s, p.n_machines, "                     \
                  "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state = 'ready') "    \
                  "AS n_ready, (SELECT count(*) FROM machine m WHERE m.pool = p.id "               \
                  "AND m.state = 'assigned') AS n_assigned "                                       \
                  "FROM pool p JOIN image i ON i.id = p.image ORDER BY p.name")                    \
    X(LIST_MACHINES, "SELECT m.id, m.name, p.name AS pool, h.name AS host, m.state, m.epoch, "     \
                     "m.dirty AS \"?dirty\", a.name AS \"user\", m.condition, m.code, m.detail, "  \
                     "m.overlay, m.memory_mib, m.since_us, m.deadline_us FROM machine m "          \
                     "JOIN pool p ON p.id = m.pool JOIN host h ON h.id = m.host "                  \
                     "LEFT JOIN assignment s ON s.id = m.assignment "                              \
                     "LEFT JOIN account a ON a.id = s.account "                                    \
                     "WHERE m.state <> 'deleted' ORDER BY p.name, m.name")                         \
    X(LIST_SESSIONS, "SELECT s.id, a.name AS \"user\", p.name AS pool, m.name AS machine, "        \
                     "h.name AS host, s.state, s.connection_epoch, s.client, s.started_us, "       \
                     "s.connected_us, s.disconnected_us FROM session s "                           \
                     "JOIN account a ON a.id = s.account JOIN pool p ON p.id = s.pool "            \
                     "JOIN machine m ON m.id = s.machine JOIN host h ON h.id = s.host "            \
                     "WHERE s.state <> 'ended' ORDER BY s.started_us")                             \
    X(LIST_HOSTS, "SELECT h.id, h.name, h.state, h.address, h.accel, h.qemu, "                     \
                  "h.memory_limit_mib, h.memory_reserved_mib, h.start_slots, h.agent_epoch, "      \
                  "h.since_us, (SELECT count(*) FROM machine m WHERE m.host = h.id "               \
                  "AND m.state <> 'deleted') AS n_machines FROM host h ORDER BY h.name")           \
    X(LIST_USERS, "SELECT id, name, admin AS \"?admin\", enabled AS \"?enabled\", created_us "     \
                  "FROM account ORDER BY name")                                                    \
    X(LIST_IMAGES, "SELECT id, name, manifest AS \"{}manifest\", created_us FROM image "           \
                   "ORDER BY name")                                                                \
    X(STATUS, "SELECT (SELECT count(*) FROM account) AS n_users, "                                 \
              "(SELECT count(*) FROM pool) AS n_pools, "                                           \
              "(SELECT count(*) FROM host) AS n_hosts, "                                           \
              "(SELECT count(*) FROM host WHERE state = 'up') AS n_hosts_up, "                     \
              "(SELECT count(*) FROM machine WHERE state <> 'deleted') AS n_machines, "            \
              "(SELECT count(*) FROM machine WHERE state = 'ready') AS n_ready, "                  \
              "(SELECT count(*) FROM machine WHERE state = 'assigned') AS n_assigned, "            \
              "(SELECT count(*) FROM machine WHERE state = 'failed') AS n_failed, "                \
              "(SELECT count(*) FROM session WHERE state = 'active') AS n_active, "                \
              "(SELECT count(*) FROM session WHERE state = 'disconnected') AS n_disconnected, "    \
              "(SELECT count(*) FROM event) AS n_events")                                          \
    X(MY_DESKTOPS, "SELECT p.id AS pool, p.name, p.kind, CASE WHEN p.enabled = 0 THEN 'disabled' " \
                   "WHEN a.id IS NOT NULL THEN 'in-use' "                                          \
                   "WHEN EXISTS (SELECT 1 FROM machine f JOIN host h ON h.id = f.host "            \
                   "WHERE f.pool = p.id AND h.state = 'up' AND f.assignment IS NULL "              \
                   "AND f.state IN ('planned', 'creating', 'starting', 'ready', 'recycling')) "    \
                   "OR p.n_machines < p.size THEN 'available' ELSE 'busy' END AS state, "          \
                   "s.id AS session, m.name AS machine, "                                          \
                   "(SELECT max(u.since_us) FROM session u WHERE u.account = ?1 "                  \
                   "AND u.pool = p.id) AS last_used_us FROM entitlement e "                        \
                   "JOIN pool p ON p.id = e.pool "                                                 \
                   "LEFT JOIN assignment a ON a.pool = p.id AND a.account = ?1 "                   \
                   "AND a.state = 'open' LEFT JOIN machine m ON m.id = a.machine "                 \
                   "LEFT JOIN session s ON s.assignment = a.id AND s.state IN "                    \
                   "('allocating', 'connecting', 'active', 'disconnected', 'lost') "               \
                   "WHERE e.account = ?1 ORDER BY p.name")                                         \
    X(MY_SESSIONS, "SELECT s.id, s.pool, p.name, m.name AS machine, s.state, s.client, "           \
                   "s.started_us, s.connected_us, s.disconnected_us FROM session s "               \
                   "JOIN pool p ON p.id = s.pool JOIN machine m ON m.id = s.machine "              \
                   "WHERE s.account = ?1 AND s.state NOT IN ('ending', 'ended') "                  \
                   "ORDER BY s.started_us")                                                        \
    X(METRIC_MACHINES, "SELECT state, count(*) FROM machine GROUP BY state ORDER BY state")        \
    X(METRIC_SESSIONS, "SELECT state, count(*) FROM session GROUP BY state ORDER BY state")        \
    X(METRIC_HOSTS, "SELECT state, count(*) FROM host GROUP BY state ORDER BY state")

/* What must never be true: each counts the breaches of one invariant. */
#define BERTH_STATEMENTS_CHECK(X)                                                                  \
    X(FSCK_SHARED_MACHINE, "SELECT count(*) FROM (SELECT machine FROM assignment "                 \
                           "WHERE state = 'open' GROUP BY machine HAVING count(*) > 1) d")         \
    X(FSCK_DIRTY_READY, "SELECT count(*) FROM machine "                                            \
                        "WHERE state = 'ready' AND (dirty = 1 OR assignment IS NOT NULL)")         \
    X(FSCK_OWNER, "SELECT count(*) FROM session s JOIN assignment a ON a.id = s.assignment "       \
                  "WHERE s.account <> a.account OR s.machine <> a.machine")                        \
    X(FSCK_ASSIGNED, "SELECT count(*) FROM machine m LEFT JOIN assignment a "                      \
                     "ON a.id = m.assignment WHERE m.state = 'assigned' "                          \
                     "AND (a.id IS NULL OR a.state <> 'open' OR a.machine <> m.id)")               \
    X(FSCK_OPEN_ELSEWHERE, "SELECT count(*) FROM assignment a JOIN machine m ON m.id = a.machine " \
                           "WHERE a.state = 'open' AND (m.assignment IS NULL "                     \
                           "OR m.assignment <> a.id)")                                             \
    X(FSCK_POOL_COUNT, "SELECT count(*) FROM pool p WHERE p.n_machines <> "                        \
                       "(SELECT count(*) FROM machine m WHERE m.pool = p.id "                      \
                       "AND m.state <> 'deleted')")                                                \
    X(FSCK_MEMORY, "SELECT count(*) FROM host h WHERE h.memory_reserved_mib <> "                   \
                   "COALESCE((SELECT sum(m.memory_mib) FROM machine m WHERE m.host = h.id "        \
                   "AND m.state <> 'deleted'), 0)")                                                \
    X(FSCK_EPOCH, "SELECT count(*) FROM session s JOIN machine m ON m.id = s.machine "             \
                  "WHERE s.machine_epoch > m.epoch")

typedef enum {
#define BERTH_STATEMENT_ID(name, sql) BERTH_SQL_##name,
    BERTH_STATEMENT_TABLE(BERTH_STATEMENT_ID)
#undef BERTH_STATEMENT_ID
    BERTH_N_STATEMENTS
} BerthStatement;

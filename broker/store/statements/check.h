/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must never be true: each lists the rows that break one invariant, as (id, what is wrong).
 */
#pragma once

#define BERTH_SQL_LIVE "('allocating', 'connecting', 'active', 'disconnected', 'lost')"

#define BERTH_STATEMENTS_CHECK(X)                                                                  \
    X(FSCK_SHARED_MACHINE,                                                                         \
      "SELECT machine, 'has ' || count(*) || ' open assignments' FROM assignment "                 \
      "WHERE state = 'open' GROUP BY machine HAVING count(*) > 1")                                 \
    X(FSCK_SHARED_SLOT,                                                                            \
      "SELECT account, 'has ' || count(*) || ' open assignments in slot ' || slot || ' of pool ' " \
      "|| pool FROM assignment WHERE state = 'open' GROUP BY account, pool, slot "                 \
      "HAVING count(*) > 1")                                                                       \
    X(FSCK_SHARED_SESSION,                                                                         \
      "SELECT machine, 'has ' || count(*) || ' live sessions' FROM session "                       \
      "WHERE state IN " BERTH_SQL_LIVE " GROUP BY machine HAVING count(*) > 1")                    \
    X(FSCK_OWNER,                                                                                  \
      "SELECT s.id, 'is not of its assignment ' || a.id FROM session s "                           \
      "JOIN assignment a ON a.id = s.assignment WHERE s.account <> a.account "                     \
      "OR s.machine <> a.machine OR s.pool <> a.pool OR s.machine_epoch <> a.machine_epoch")       \
    X(FSCK_SESSION_OPEN,                                                                           \
      "SELECT s.id, 'lives without an open assignment' FROM session s "                            \
      "JOIN assignment a ON a.id = s.assignment WHERE s.state IN " BERTH_SQL_LIVE                  \
      " AND a.state <> 'open'")                                                                    \
    X(FSCK_TICKET,                                                                                 \
      "SELECT t.id, 'is ahead of session ' || s.id FROM ticket t "                                 \
      "JOIN session s ON s.id = t.session WHERE t.connection_epoch > s.connection_epoch")          \
    X(FSCK_DIRTY_READY, "SELECT id, 'is ' || state || ' and not clean' FROM machine "              \
                        "WHERE state IN ('ready', 'stopped') AND (dirty = 1 OR keep = 1 "          \
                        "OR assignment IS NOT NULL)")                                              \
    X(FSCK_SCRUB, "SELECT id, 'is ' || state || ' without a scrub receipt of ' || scrub_overlay "  \
                  "FROM machine WHERE state IN ('ready', 'stopped') AND scrub_overlay <> ''")      \
    X(FSCK_KEPT, "SELECT id, 'holds user data in state ' || state FROM machine WHERE keep = 1 "    \
                 "AND state NOT IN ('assigned', 'lost', 'deleted')")                               \
    X(FSCK_POOL_COUNT,                                                                             \
      "SELECT p.id, 'counts ' || p.n_machines || ' machines' FROM pool p WHERE p.n_machines <> "   \
      "(SELECT count(*) FROM machine m WHERE m.pool = p.id AND m.state <> 'deleted')")             \
    X(FSCK_MEMORY,                                                                                 \
      "SELECT h.id, 'has ' || h.memory_reserved_mib || ' MiB reserved' FROM host h "               \
      "WHERE h.memory_reserved_mib <> COALESCE((SELECT sum(m.memory_mib) FROM machine m "          \
      "WHERE m.host = h.id AND m.state <> 'deleted'), 0)")                                         \
    X(FSCK_VCPUS, "SELECT h.id, 'has ' || h.vcpu_reserved || ' processors reserved' FROM host h "  \
                  "WHERE h.vcpu_reserved <> COALESCE((SELECT sum(m.vcpus) FROM machine m "         \
                  "WHERE m.host = h.id AND m.state <> 'deleted'), 0)")                             \
    X(FSCK_CLUSTER_EPOCH,                                                                          \
      "SELECT h.id, 'has seen epoch ' || h.cluster_epoch || ' of this site' FROM host h "          \
      "WHERE h.cluster_epoch > COALESCE((SELECT CAST(value AS BIGINT) FROM meta "                  \
      "WHERE key = 'cluster_epoch'), 1)")                                                          \
    X(FSCK_REMOVED_HOST,                                                                           \
      "SELECT m.id, 'is on host ' || h.id || ', which was removed' FROM machine m "                \
      "JOIN host h ON h.id = m.host WHERE h.state = 'removed' AND m.state <> 'deleted'")           \
    X(FSCK_SEALED,                                                                                 \
      "SELECT v.id, 'is ' || v.state || ' and was never sealed' FROM image_version v "             \
      "WHERE v.state IN ('sealed', 'available', 'retired') AND v.sealed_us IS NULL "               \
      "UNION ALL SELECT v.id, 'is deleted and used by rollout ' || r.id FROM image_version v "     \
      "JOIN rollout r ON r.from_version = v.id OR r.to_version = v.id "                            \
      "WHERE v.state IN ('deleting', 'deleted') AND r.state NOT IN ('done', 'rolled-back')")       \
    X(FSCK_SIGNED,                                                                                 \
      "SELECT id, 'is ' || state || ' and nobody signed its manifest' FROM image_version "         \
      "WHERE state IN ('sealed', 'available', 'retired') "                                         \
      "AND (signature = '' OR sha256 = '' OR manifest = '{}')")                                    \
    X(FSCK_TAG, "SELECT t.image, 'has the tag ' || t.tag || ' on a version that is ' || v.state "  \
                "FROM image_tag t JOIN image_version v ON v.id = t.version "                       \
                "WHERE v.state NOT IN ('sealed', 'available') OR v.image <> t.image")              \
    X(FSCK_VERSION_OF_IMAGE,                                                                       \
      "SELECT m.id, 'is of version ' || v.id || ' of another image' FROM machine m "               \
      "JOIN image_version v ON v.id = m.version WHERE m.state <> 'deleted' "                       \
      "AND v.image <> m.image UNION ALL "                                                          \
      "SELECT p.id, 'is of version ' || v.id || ' of another image' FROM pool p "                  \
      "JOIN image_version v ON v.id = p.image_version WHERE p.state <> 'deleted' "                 \
      "AND v.image <> p.image UNION ALL "                                                          \
      "SELECT m.id, 'runs version ' || v.id || ', which is ' || v.state FROM machine m "           \
      "JOIN image_version v ON v.id = m.version WHERE m.state <> 'deleted' "                       \
      "AND v.state IN ('draft', 'sealing', 'failed', 'deleting', 'deleted')")                      \
    X(FSCK_REPLICA_DELETED,                                                                        \
      "SELECT v.id, 'is deleted and still at ' || r.place FROM image_replica r "                   \
      "JOIN image_version v ON v.id = r.version WHERE v.state = 'deleted' UNION ALL "              \
      "SELECT v.id, 'is deleted and has a RAM template on host ' || t.host FROM ram_template t "   \
      "JOIN image_version v ON v.id = t.version WHERE v.state = 'deleted'")                        \
    X(FSCK_REPLICA,                                                                                \
      "SELECT m.id, 'runs version ' || m.version || ', which host ' || m.host || ' has not got' "  \
      "FROM machine m WHERE m.version IS NOT NULL AND m.state NOT IN ('planned', 'deleting', "     \
      "'deleted', 'lost') AND NOT EXISTS (SELECT 1 FROM image_replica r "                          \
      "WHERE r.version = m.version AND r.host = m.host AND r.state = 'present')")                  \
    X(FSCK_DISK_LEASE,                                                                             \
      "SELECT l.disk, 'is held by machine ' || l.machine || ' that nobody has' FROM disk_lease l " \
      "JOIN machine m ON m.id = l.machine WHERE l.state = 'held' "                                 \
      "AND (m.assignment IS NULL OR m.epoch <> l.machine_epoch)")                                  \
    X(FSCK_TASK, "SELECT t.id, 'is of host ' || h.id || ', which was removed' FROM host_task t "   \
                 "JOIN host h ON h.id = t.host WHERE h.state = 'removed' "                         \
                 "AND t.state IN ('waiting', 'running')")                                          \
    X(FSCK_ROLLOUTS,                                                                               \
      "SELECT pool, 'has ' || count(*) || ' rollouts at once' FROM rollout "                       \
      "WHERE state NOT IN ('done', 'rolled-back') GROUP BY pool HAVING count(*) > 1")              \
    X(FSCK_LEASES,                                                                                 \
      "SELECT name, 'has no holder or no epoch' FROM lease WHERE holder = '' OR epoch < 1")        \
    X(FSCK_UNWRITTEN,                                                                              \
      "SELECT s.id, 'is a session of which the audit log knows nothing' FROM session s "           \
      "WHERE s.state <> 'ended' AND NOT EXISTS "                                                   \
      "(SELECT 1 FROM event e WHERE e.object = s.id) UNION ALL "                                   \
      "SELECT m.id, 'is a machine of which the audit log knows nothing' FROM machine m "           \
      "WHERE m.state <> 'deleted' AND NOT EXISTS (SELECT 1 FROM event e WHERE e.object = m.id)")   \
    X(FSCK_JOBS, "SELECT min(id), 'is there ' || count(*) || ' times' FROM job "                   \
                 "GROUP BY kind, target, epoch HAVING count(*) > 1 UNION ALL "                     \
                 "SELECT id, 'runs without a lease' FROM job WHERE state = 'running' "             \
                 "AND (locked_until_us IS NULL OR locked_by = '')")                                \
    X(FSCK_DEADLINES,                                                                              \
      "SELECT id, 'waits in ' || state || ' without a deadline' FROM machine "                     \
      "WHERE deadline_us IS NULL "                                                                 \
      "AND state IN ('planned', 'creating', 'starting', 'recycling', 'deleting') UNION ALL "       \
      "SELECT id, 'waits in ' || state || ' without a deadline' FROM session "                     \
      "WHERE deadline_us IS NULL AND state IN ('allocating', 'connecting', 'ending') UNION ALL "   \
      "SELECT id, 'waits in ' || state || ' without a deadline' FROM image_version "               \
      "WHERE deadline_us IS NULL AND state IN ('sealing', 'deleting') UNION ALL "                  \
      "SELECT id, 'waits in ' || state || ' without a deadline' FROM rollout "                     \
      "WHERE deadline_us IS NULL AND state IN ('canary', 'rolling', 'rolling-back')")              \
    X(FSCK_ASSIGNED,                                                                               \
      "SELECT m.id, 'is assigned to nothing' FROM machine m LEFT JOIN assignment a "               \
      "ON a.id = m.assignment WHERE m.state = 'assigned' "                                         \
      "AND (a.id IS NULL OR a.state <> 'open' OR a.machine <> m.id)")                              \
    X(FSCK_OPEN_ELSEWHERE,                                                                         \
      "SELECT a.id, 'is open and machine ' || m.id || ' is not its' FROM assignment a "            \
      "JOIN machine m ON m.id = a.machine WHERE a.state = 'open' "                                 \
      "AND (m.assignment IS NULL OR m.assignment <> a.id)")                                        \
    X(FSCK_DISK_LEASES,                                                                            \
      "SELECT l.disk, 'is held by machine ' || l.machine || ', which is nobody''s' "               \
      "FROM disk_lease l JOIN machine m ON m.id = l.machine WHERE l.state = 'held' "               \
      "AND (m.assignment IS NULL OR m.epoch <> l.machine_epoch OR m.host <> l.host) "              \
      "UNION ALL SELECT l.disk, 'is leased by epoch ' || l.epoch || ', the disk is at ' "          \
      "|| d.epoch FROM disk_lease l JOIN user_disk d ON d.id = l.disk WHERE l.epoch <> d.epoch "   \
      "UNION ALL SELECT d.id, 'is attached to nothing' FROM user_disk d "                          \
      "WHERE d.state = 'attached' AND NOT EXISTS "                                                 \
      "(SELECT 1 FROM disk_lease l WHERE l.disk = d.id)")                                          \
    X(FSCK_DISK_OWNERS,                                                                            \
      "SELECT l.disk, 'is held by machine ' || l.machine || ' of another user' "                   \
      "FROM disk_lease l JOIN user_disk d ON d.id = l.disk JOIN machine m ON m.id = l.machine "    \
      "JOIN assignment a ON a.id = m.assignment WHERE l.state = 'held' "                           \
      "AND (a.account <> d.account OR a.pool <> d.pool)")                                          \
    X(FSCK_EPOCH,                                                                                  \
      "SELECT s.id, 'is of epoch ' || s.machine_epoch || ', its machine of ' || m.epoch "          \
      "FROM session s JOIN machine m ON m.id = s.machine WHERE s.machine_epoch > m.epoch "         \
      "OR (s.state IN " BERTH_SQL_LIVE " AND s.machine_epoch <> m.epoch)")

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools: how many machines there should be, where, and what failed there.
 */
#pragma once

#define BERTH_STATEMENTS_PLAN(X)                                                                    \
    X(PLAN_POOLS,                                                                                   \
      "SELECT p.id, p.name, p.kind, p.image, p.size, p.spares_hot, p.spares_frozen, "               \
      "p.spares_cold, p.vcpus, p.memory_mib, p.template, p.enabled, p.placement, p.labels, "        \
      "p.power, (SELECT count(*) FROM waiting w WHERE w.pool = p.id AND w.seen_us > ?1), "          \
      "EXISTS (SELECT 1 FROM image_version v WHERE v.image = p.image) "                             \
      "FROM pool p WHERE (?2 = '' OR p.id = ?2) AND p.state <> 'deleted' ORDER BY p.id")            \
    X(PLAN_MACHINES, "SELECT id, state, dirty, assignment, power, keep, hold, host, since_us "      \
                     "FROM machine WHERE pool = ?1 AND state <> 'deleted'")                         \
    X(PLAN_HOSTS, "SELECT id, name, state, memory_limit_mib, memory_reserved_mib, "                 \
                  "memory_overcommit_pct, vcpu_limit, vcpu_reserved, vcpu_overcommit_pct, "         \
                  "start_slots, labels, drain, maintenance, detail FROM host "                      \
                  "WHERE state <> 'removed' ORDER BY id")                                           \
    X(CAPACITY_HOSTS,                                                                               \
      "SELECT h.id, h.name, h.state, h.memory_limit_mib, h.memory_reserved_mib, "                   \
      "h.memory_overcommit_pct, h.vcpu_limit, h.vcpu_reserved, h.vcpu_overcommit_pct, "             \
      "h.start_slots, h.labels, h.drain, h.maintenance, h.detail, (SELECT count(*) FROM machine m " \
      "WHERE m.host = h.id AND m.state <> 'deleted') FROM host h WHERE h.state <> 'removed' "       \
      "ORDER BY h.name")                                                                            \
    X(CAPACITY_POOLS,                                                                               \
      "SELECT p.id, p.name, p.size, p.n_machines, (SELECT count(*) FROM assignment a "              \
      "WHERE a.pool = p.id AND a.state = 'open'), p.memory_mib, p.vcpus, p.labels "                 \
      "FROM pool p WHERE p.state <> 'deleted' ORDER BY p.name")                                     \
    X(CAPACITY_USES, "SELECT started_us, ended_us FROM session WHERE pool = ?1 "                    \
                     "AND (ended_us IS NULL OR ended_us > ?2) ORDER BY started_us")                 \
    X(PLAN_STARTING,                                                                                \
      "SELECT host, count(*), sum(CASE state WHEN 'planned' THEN 1 ELSE 0 END) FROM machine "       \
      "WHERE state IN ('planned', 'creating', 'starting') GROUP BY host")                           \
    X(PLAN_TRIES, "SELECT host, count(*) FROM machine WHERE pool = ?1 "                             \
                  "AND state IN ('planned', 'creating', 'starting') GROUP BY host")                 \
    X(PLAN_TEMPLATES, "SELECT DISTINCT host FROM machine WHERE image = ?1 AND template = 1 "        \
                      "AND state IN ('ready', 'stopped', 'assigned')")                              \
    X(PLAN_RAM_TEMPLATES, "SELECT host FROM ram_template WHERE version = ?1 AND vcpus = ?2 "        \
                          "AND memory_mib = ?3 AND state = 'ready'")                                \
    X(PLAN_REPLICAS, "SELECT host, state, bytes, total_bytes, detail FROM image_replica "           \
                     "WHERE version = ?1 AND host IS NOT NULL")                                     \
    X(PLAN_VERSION, "SELECT v.number, i.name FROM image_version v "                                 \
                    "JOIN image i ON i.id = v.image WHERE v.id = ?1")                               \
    X(PLAN_PLANNED, "SELECT id, host FROM machine WHERE state = 'planned' ORDER BY since_us, id")   \
    X(PLAN_BREAKERS, "SELECT host, n_failures, first_us, open_until_us, reason FROM breaker "       \
                     "WHERE pool = ?1 AND image = ?2")                                              \
    X(MACHINE_INSERT,                                                                               \
      "INSERT INTO machine (id, pool, host, image, name, state, memory_mib, vcpus, template, "      \
      "since_us, power, address, deadline_us, version, canary) "                                    \
      "VALUES (?1, ?2, ?3, ?4, ?5, 'planned', ?6, ?7, ?8, ?9, ?10, ?11, NULLIF(?12, 0), ?13, ?14)") \
    X(MACHINE_HOST, "SELECT host FROM machine WHERE id = ?1")                                       \
    X(HOST_RESERVE, "UPDATE host SET memory_reserved_mib = memory_reserved_mib + ?2, "              \
                    "vcpu_reserved = vcpu_reserved + ?3 WHERE id = ?1 AND state = 'up' "            \
                    "AND drain = 0 AND maintenance = 0 AND memory_reserved_mib + ?2 "               \
                    "<= memory_limit_mib * memory_overcommit_pct / 100 AND (vcpu_limit = 0 "        \
                    "OR vcpu_reserved + ?3 <= vcpu_limit * vcpu_overcommit_pct / 100)")             \
    X(HOST_UNRESERVE, "UPDATE host SET memory_reserved_mib = memory_reserved_mib - ?2, "            \
                      "vcpu_reserved = vcpu_reserved - ?3 WHERE id = ?1")                           \
    X(SCHEDULE_RULES, "SELECT timezone, rules FROM schedule WHERE id = ?1 OR name = ?1")            \
    X(BREAKER_GET, "SELECT n_failures, first_us, open_until_us FROM breaker "                       \
                   "WHERE pool = ?1 AND host = ?2 AND image = ?3 /*pg FOR UPDATE*/")                \
    X(BREAKER_SET, "INSERT INTO breaker (pool, host, image, n_failures, first_us, "                 \
                   "open_until_us, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "                    \
                   "ON CONFLICT (pool, host, image) DO UPDATE SET "                                 \
                   "n_failures = excluded.n_failures, first_us = excluded.first_us, "               \
                   "open_until_us = excluded.open_until_us, reason = excluded.reason")              \
    X(BREAKER_DELETE, "DELETE FROM breaker WHERE pool = ?1 AND host = ?2 AND image = ?3")           \
    X(BREAKER_PURGE, "DELETE FROM breaker WHERE first_us < ?1 AND n_failures < 3")                  \
    X(BREAKER_COUNT, "SELECT count(*) FROM breaker "                                                \
                     "WHERE pool = ?1 AND host = COALESCE(?2, host)")                               \
    X(BREAKER_RESET, "DELETE FROM breaker WHERE pool = ?1 AND host = COALESCE(?2, host)")           \
    X(LEASE_GET, "SELECT holder, expires_us FROM lease WHERE name = ?1")                            \
    X(LEASE_TAKE, "INSERT INTO lease (name, holder, epoch, expires_us) VALUES (?1, ?2, 1, ?4) "     \
                  "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "                     \
                  "epoch = CASE WHEN lease.holder = excluded.holder THEN lease.epoch "              \
                  "ELSE lease.epoch + 1 END, expires_us = excluded.expires_us "                     \
                  "WHERE lease.holder = excluded.holder OR lease.expires_us < ?3 "                  \
                  "RETURNING epoch")

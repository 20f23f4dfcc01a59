/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools: how many machines there should be.
 */
#pragma once

#define BERTH_STATEMENTS_PLAN(X)                                                                \
    X(PLAN_POOLS, "SELECT id, name, image, size, spares_hot, vcpus, memory_mib, template "      \
                  "FROM pool WHERE enabled = 1 ORDER BY id")                                    \
    X(PLAN_MACHINES, "SELECT id, state, dirty, assignment FROM machine "                        \
                     "WHERE pool = ?1 AND state <> 'deleted' ORDER BY since_us, id")            \
    X(PLAN_HOSTS, "SELECT h.id, h.state, h.memory_limit_mib, h.memory_reserved_mib, "           \
                  "(SELECT count(*) FROM machine m WHERE m.host = h.id "                        \
                  "AND m.state <> 'deleted') FROM host h ORDER BY h.id")                        \
    X(MACHINE_INSERT, "INSERT INTO machine (id, pool, host, image, name, state, memory_mib, "   \
                      "vcpus, template, since_us, deadline_us) "                                \
                      "VALUES (?1, ?2, ?3, ?4, ?5, 'planned', ?6, ?7, ?8, ?9, "                 \
                      "?9 + 1800000000)")                                                       \
    X(LEASE_TAKE, "INSERT INTO lease (name, holder, epoch, expires_us) VALUES (?1, ?2, 1, ?4) " \
                  "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "                 \
                  "epoch = CASE WHEN lease.holder = excluded.holder THEN lease.epoch "          \
                  "ELSE lease.epoch + 1 END, expires_us = excluded.expires_us "                 \
                  "WHERE lease.holder = excluded.holder OR lease.expires_us < ?3 "              \
                  "RETURNING epoch")

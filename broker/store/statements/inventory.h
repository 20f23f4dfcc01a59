/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, pools, entitlements: what administrators write.
 */
#pragma once

#define BERTH_STATEMENTS_INVENTORY(X)                                                             \
    X(IMAGE_INSERT, "INSERT INTO image (id, name, manifest, created_us) VALUES (?1, ?2, ?3, ?4)") \
    X(IMAGE_BY_NAME, "SELECT id FROM image WHERE name = ?1 OR id = ?1")                           \
    X(IMAGE_MANIFEST, "SELECT manifest FROM image WHERE id = ?1")                                 \
    X(POOL_INSERT, "INSERT INTO pool (id, name, kind, image, size, spares_hot, vcpus, "           \
                   "memory_mib, template, policy, logoff_after_s, created_us) "                   \
                   "VALUES (?1, ?2, 'floating', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")           \
    X(POOL_RESIZE, "UPDATE pool SET size = ?2, spares_hot = ?3, enabled = ?4 WHERE id = ?1")      \
    X(POOL_BY_NAME, "SELECT id FROM pool WHERE name = ?1 OR id = ?1")                             \
    X(POOL_GET, "SELECT name, image, size, spares_hot, vcpus, memory_mib, template, enabled, "    \
                "policy, logoff_after_s, n_machines FROM pool WHERE id = ?1")                     \
    X(POOL_TAKE_PLACE, "UPDATE pool SET n_machines = n_machines + 1, n_created = n_created + 1 "  \
                       "WHERE id = ?1 AND n_machines < size RETURNING n_created")                 \
    X(POOL_FREE_PLACE, "UPDATE pool SET n_machines = n_machines - 1 "                             \
                       "WHERE id = ?1 AND n_machines > 0")                                        \
    X(ENTITLE, "INSERT INTO entitlement (id, account, pool, created_us) VALUES (?1, ?2, ?3, ?4)") \
    X(HOST_INSERT, "INSERT INTO host (id, name, state, since_us) "                                \
                   "VALUES (?1, ?2, 'enrolled', ?3)")

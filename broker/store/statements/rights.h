/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roles, schedules and policies.
 */
#pragma once

#define BERTH_STATEMENTS_RIGHTS(X)                                                                 \
    X(POLICY_SOURCES, "SELECT 'site', '', r.policy FROM policy_rule r WHERE r.level = 'site' "     \
                      "UNION ALL SELECT 'pool', p.name, p.policy FROM pool p WHERE p.id = ?2 "     \
                      "UNION ALL SELECT 'group', g.name, r.policy FROM policy_rule r "             \
                      "JOIN user_group g ON g.id = r.target JOIN member m ON m.user_group = g.id " \
                      "WHERE r.level = 'group' AND m.account = ?1 "                                \
                      "UNION ALL SELECT 'user', a.name, r.policy FROM policy_rule r "              \
                      "JOIN account a ON a.id = r.target WHERE r.level = 'user' AND a.id = ?1 "    \
                      "UNION ALL SELECT 'device', d.name, r.policy FROM policy_rule r "            \
                      "JOIN device d ON d.id = r.target WHERE r.level = 'device' AND d.id = ?3")   \
    X(POLICY_LIST, "SELECT r.level, r.target, COALESCE(g.name, a.name, d.name, '') AS name, "      \
                   "r.policy AS \"{}policy\", r.version FROM policy_rule r "                       \
                   "LEFT JOIN user_group g ON r.level = 'group' AND g.id = r.target "              \
                   "LEFT JOIN account a ON r.level = 'user' AND a.id = r.target "                  \
                   "LEFT JOIN device d ON r.level = 'device' AND d.id = r.target "                 \
                   "ORDER BY r.level, r.target")                                                   \
    X(POLICY_SET, "INSERT INTO policy_rule (id, level, target, policy, created_us) "               \
                  "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (level, target) "                       \
                  "DO UPDATE SET policy = excluded.policy, version = policy_rule.version + 1")     \
    X(POLICY_REMOVE, "DELETE FROM policy_rule WHERE level = ?1 AND target = ?2")                   \
    X(POLICY_TARGET, "SELECT 1 FROM user_group WHERE ?1 = 'group' AND id = ?2 "                    \
                     "UNION ALL SELECT 1 FROM account WHERE ?1 = 'user' AND id = ?2 "              \
                     "UNION ALL SELECT 1 FROM device WHERE ?1 = 'device' AND id = ?2")             \
    X(POLICY_SESSIONS, "SELECT id, account, pool, device, policy FROM session "                    \
                       "WHERE state NOT IN ('ending', 'ended') AND (?1 = '' OR pool = ?1) "        \
                       "AND (?2 = '' OR account = ?2) ORDER BY id")                                \
    X(SESSION_SET_POLICY, "UPDATE session SET policy = ?2 WHERE id = ?1 "                          \
                          "AND state NOT IN ('ending', 'ended')")

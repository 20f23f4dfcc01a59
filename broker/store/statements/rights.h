/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roles, and who may have which desktops.
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
                          "AND state NOT IN ('ending', 'ended')")                                  \
    X(GRANTS_OF, "SELECT role, scope FROM granted WHERE account = ?1")                             \
    X(GRANT_INSERT, "INSERT INTO role_grant (id, account, user_group, role, scope, created_us) "   \
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                             \
    X(GRANT_DELETE, "DELETE FROM role_grant WHERE id = ?1")                                        \
    X(GRANT_SITE_ADMINS, "SELECT r.id FROM role_grant r LEFT JOIN account a ON a.id = r.account "  \
                         "WHERE r.role = 'admin' AND r.scope = '/' AND a.enabled = 1 "             \
                         "/*pg FOR UPDATE OF r*/")                                                 \
    X(GRANT_JSON, "SELECT r.id, a.name AS \"user\", u.name AS \"group\", r.role, r.scope, "        \
                  "r.created_us FROM role_grant r LEFT JOIN account a ON a.id = r.account "        \
                  "LEFT JOIN user_group u ON u.id = r.user_group WHERE r.id = ?1")                 \
    X(LIST_GRANTS, "SELECT r.id, a.name AS \"user\", u.name AS \"group\", r.role, r.scope, "       \
                   "r.created_us FROM role_grant r LEFT JOIN account a ON a.id = r.account "       \
                   "LEFT JOIN user_group u ON u.id = r.user_group "                                \
                   "WHERE r.id > ?2 AND (?6 = '' OR a.name = ?6 OR a.id = ?6) "                    \
                   "AND (?7 = '' OR u.name = ?7 OR u.id = ?7) "                                    \
                   "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "          \
                   "AND ?5 LIKE '%,' || g.role || ',%' "                                           \
                   "AND (r.scope = g.scope OR r.scope LIKE g.scope || '/%'))) "                    \
                   "ORDER BY r.id LIMIT ?1")                                                       \
    X(MY_ROLES,                                                                                    \
      "SELECT DISTINCT role, scope FROM granted WHERE account = ?1 ORDER BY scope, role")          \
    X(PATH_GRANT, "SELECT scope FROM role_grant WHERE id = ?1")                                    \
    X(PATH_MACHINE, "SELECT '/pools/' || pool || '/machines/' || id FROM machine WHERE id = ?1")   \
    X(PATH_SESSION, "SELECT '/pools/' || pool || '/sessions/' || id FROM session WHERE id = ?1")   \
    X(PATH_ENTITLEMENT, "SELECT '/pools/' || pool || '/entitlements/' || id FROM entitlement "     \
                        "WHERE id = ?1")                                                           \
    X(PATH_ROLLOUT, "SELECT '/pools/' || pool || '/rollouts/' || id FROM rollout WHERE id = ?1")   \
    X(PATH_IMAGE_VERSION, "SELECT '/images/' || image || '/versions/' || id FROM image_version "   \
                          "WHERE id = ?1")                                                         \
    X(ACCOUNT_HAS_ROLE, "SELECT count(*) FROM granted WHERE account = ?1")                         \
    X(GROUP_HAS_ROLE, "SELECT count(*) FROM role_grant WHERE user_group = ?1")                     \
    X(FIND_ACCOUNT, "SELECT id FROM account WHERE name = ?1 OR id = ?1")                           \
    X(FIND_GROUP, "SELECT id FROM user_group WHERE name = ?1 OR id = ?1")                          \
    X(FIND_POOL, "SELECT id FROM pool WHERE (name = ?1 OR id = ?1) AND state <> 'deleted'")        \
    X(FIND_SCHEDULE, "SELECT id FROM schedule WHERE name = ?1 OR id = ?1")                         \
    X(ENTITLEMENT_INSERT, "INSERT INTO entitlement (id, account, user_group, pool, schedule, "     \
                          "created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")    \
    X(ENTITLEMENT_DELETE, "DELETE FROM entitlement WHERE id = ?1")                                 \
    X(ENTITLEMENT_JSON, "SELECT e.id, a.name AS \"user\", u.name AS \"group\", p.name AS pool, "   \
                        "e.pool AS pool_id, s.name AS schedule, e.created_us FROM entitlement e "  \
                        "JOIN pool p ON p.id = e.pool LEFT JOIN account a ON a.id = e.account "    \
                        "LEFT JOIN user_group u ON u.id = e.user_group "                           \
                        "LEFT JOIN schedule s ON s.id = e.schedule WHERE e.id = ?1")               \
    X(LIST_ENTITLEMENTS, "SELECT e.id, a.name AS \"user\", u.name AS \"group\", p.name AS pool, "  \
                         "e.pool AS pool_id, s.name AS schedule, e.created_us FROM entitlement e " \
                         "JOIN pool p ON p.id = e.pool LEFT JOIN account a ON a.id = e.account "   \
                         "LEFT JOIN user_group u ON u.id = e.user_group "                          \
                         "LEFT JOIN schedule s ON s.id = e.schedule "                              \
                         "WHERE e.id > ?2 AND (?6 = '' OR p.name = ?6 OR p.id = ?6) "              \
                         "AND (?7 = '' OR a.name = ?7 OR a.id = ?7) "                              \
                         "AND (?8 = '' OR u.name = ?8 OR u.id = ?8) "                              \
                         "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "    \
                         "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/pools/' || p.id)) "   \
                         "ORDER BY e.id LIMIT ?1")

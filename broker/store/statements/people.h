/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sources, devices, second factors, tokens, groups.
 */
#pragma once

#define BERTH_STATEMENTS_PEOPLE(X)                                                                 \
    X(LOGIN_ACCOUNT, "SELECT a.id, a.name, a.password, a.enabled, a.source, s.name, s.kind, "      \
                     "s.settings, s.enabled FROM account a "                                       \
                     "LEFT JOIN authn_source s ON s.id = a.source "                                \
                     "WHERE a.name = ?1 AND a.deleted_us IS NULL")                                 \
    X(LOGIN_SOURCES, "SELECT id, name, kind, settings FROM authn_source WHERE enabled = 1 "        \
                     "AND kind IN ('ldap', 'pam') AND (?1 = '' OR name = ?1) "                     \
                     "ORDER BY priority, name")                                                    \
    X(LOGIN_STATE, "SELECT a.name, a.enabled, a.needs_totp, t.confirmed_us, a.password, "          \
                   "CASE WHEN EXISTS (SELECT 1 FROM granted g WHERE g.account = a.id "             \
                   "AND g.role = 'admin' AND g.scope = '/') THEN 1 ELSE 0 END, "                   \
                   "(SELECT count(*) FROM granted g JOIN meta m ON m.key = 'second-factor-roles' " \
                   "WHERE g.account = a.id AND m.value LIKE '%,' || g.role || ',%') "              \
                   "FROM account a LEFT JOIN totp t ON t.account = a.id "                          \
                   "WHERE a.id = ?1 AND a.deleted_us IS NULL")                                     \
    X(LOGIN_INSERT, "INSERT INTO login_token (hash, id, account, kind, name, method, source, "     \
                    "created_us, used_us, expires_us) "                                            \
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)")                             \
    X(LOGIN_PENDING, "SELECT t.account, a.name, t.method, a.enabled FROM login_token t "           \
                     "JOIN account a ON a.id = t.account "                                         \
                     "WHERE t.hash = ?1 AND t.kind = 'pending' AND t.expires_us > ?2 "             \
                     "/*pg FOR UPDATE OF t*/")                                                     \
    X(LINK_ENTITLED, "SELECT count(*) FROM entitled WHERE account = ?1 AND pool = ?2")             \
    X(LINK_COUNT, "SELECT count(*) FROM login_token WHERE account = ?1 AND kind = 'link' "         \
                  "AND expires_us > ?2")                                                           \
    X(LINK_GET, "SELECT t.account, a.name, t.name FROM login_token t "                             \
                "JOIN account a ON a.id = t.account WHERE t.hash = ?1 AND t.kind = 'link' "        \
                "AND t.expires_us > ?2 AND a.enabled = 1 /*pg FOR UPDATE OF t*/")                  \
    X(LOGIN_KIND, "SELECT kind FROM login_token WHERE hash = ?1")                                  \
    X(LOGIN_IDS, "SELECT id FROM login_token WHERE account = ?1 AND (?2 = '' OR id = ?2) "         \
                 "AND hash <> ?3 AND (?4 = '' OR kind = ?4) /*pg FOR UPDATE*/")                    \
    X(LOGIN_DELETE, "DELETE FROM login_token WHERE id = ?1")                                       \
    X(LOGIN_COUNT_API, "SELECT count(*) FROM login_token WHERE account = ?1 AND kind = 'api'")     \
    X(LOGIN_LIST, "SELECT t.id, t.kind, t.name, t.method, t.source, t.created_us, t.used_us, "     \
                  "t.expires_us, CASE WHEN t.hash = ?2 THEN 1 ELSE 0 END AS \"?current\" "         \
                  "FROM login_token t WHERE t.account = ?1 AND t.kind IN ('login', 'api') "        \
                  "AND (?3 = '' OR t.kind = ?3) AND t.expires_us > ?4 "                            \
                  "AND (t.kind = 'api' OR t.used_us > ?5) ORDER BY t.created_us, t.id")            \
    X(DEVICE_KNOWN, "SELECT d.seen_us FROM known_device d JOIN account a ON a.id = d.account "     \
                    "WHERE a.name = ?1 AND d.device_key = ?2 AND d.seen_us > ?3")                  \
    X(DEVICE_SEEN, "UPDATE known_device SET seen_us = ?3 WHERE account = ?1 AND device_key = ?2")  \
    X(DEVICE_INSERT_KNOWN, "INSERT INTO known_device (account, device_key, name, seen_us) "        \
                           "VALUES (?1, ?2, ?3, ?4)")                                              \
    X(DEVICE_TRIM, "DELETE FROM known_device WHERE account = ?1 AND device_key NOT IN "            \
                   "(SELECT k.device_key FROM known_device k WHERE k.account = ?1 "                \
                   "ORDER BY k.seen_us DESC, k.device_key LIMIT ?2)")                              \
    X(DEVICE_FORGET_ALL, "DELETE FROM known_device WHERE account = ?1")                            \
    X(EXTERNAL_GET, "SELECT id, name, display_name FROM account WHERE source = ?1 "                \
                    "AND external_id = ?2 AND deleted_us IS NULL /*pg FOR UPDATE*/")               \
    X(EXTERNAL_INSERT, "INSERT INTO account (id, name, display_name, source, external_id, "        \
                       "password, created_us) VALUES (?1, ?2, ?3, ?4, ?5, '', ?6)")                \
    X(EXTERNAL_RENAME, "UPDATE account SET name = ?2, display_name = ?3, version = version + 1 "   \
                       "WHERE id = ?1")                                                            \
    X(ACCOUNT_NAME_TAKEN, "SELECT id FROM account WHERE name = ?1")                                \
    X(ACCOUNT_GET, "SELECT a.id, a.name, a.display_name, s.name AS source, a.external_id, "        \
                   "a.enabled AS \"?enabled\", a.needs_totp AS \"?needs_totp\", "                  \
                   "CASE WHEN t.confirmed_us IS NULL THEN 0 ELSE 1 END AS \"?has_totp\", "         \
                   "a.created_us, a.version FROM account a "                                       \
                   "LEFT JOIN authn_source s ON s.id = a.source "                                  \
                   "LEFT JOIN totp t ON t.account = a.id "                                         \
                   "WHERE a.id = ?1 AND a.deleted_us IS NULL")                                     \
    X(ACCOUNT_LOCK, "SELECT name, display_name, enabled, needs_totp, version "                     \
                    "FROM account WHERE id = ?1 AND deleted_us IS NULL /*pg FOR UPDATE*/")         \
    X(ACCOUNT_UPDATE, "UPDATE account SET display_name = ?2, enabled = ?3, needs_totp = ?4, "      \
                      "version = version + 1 WHERE id = ?1 AND version = ?5")                      \
    X(ACCOUNT_NEW_PASSWORD, "UPDATE account SET password = ?2, version = version + 1 "             \
                            "WHERE id = ?1 AND source IS NULL AND deleted_us IS NULL")             \
    X(ACCOUNT_BURY, "UPDATE account SET name = 'deleted-' || id, display_name = '', "              \
                    "external_id = 'deleted-' || id, password = '', enabled = 0, "                 \
                    "needs_totp = 0, deleted_us = ?2, version = version + 1 WHERE id = ?1")        \
    X(ACCOUNT_OPEN_DESKTOPS, "SELECT count(*) FROM assignment WHERE account = ?1 "                 \
                             "AND state = 'open'")                                                 \
    X(ACCOUNT_CLEAR_GRANTS, "DELETE FROM role_grant WHERE account = ?1")                           \
    X(ACCOUNT_CLEAR_ENTITLEMENTS, "DELETE FROM entitlement WHERE account = ?1")                    \
    X(ACCOUNT_CLEAR_MEMBER, "DELETE FROM member WHERE account = ?1")                               \
    X(ACCOUNT_CLEAR_WAITING, "DELETE FROM waiting WHERE account = ?1")                             \
    X(ACCOUNT_CLEAR_TRACE, "DELETE FROM connect_trace WHERE account = ?1")                         \
    X(ACCOUNT_CLEAR_DEVICES, "DELETE FROM device WHERE account = ?1")                              \
    X(ACCOUNT_CLEAR_POLICY, "DELETE FROM policy_rule WHERE level = 'user' AND target = ?1")        \
    X(OTHER_ADMINS, "SELECT count(*) FROM granted g JOIN account a ON a.id = g.account "           \
                    "WHERE g.role = 'admin' AND g.scope = '/' AND a.enabled = 1 "                  \
                    "AND a.id <> ?1")                                                              \
    X(IS_SITE_ADMIN, "SELECT count(*) FROM granted g WHERE g.role = 'admin' AND g.scope = '/' "    \
                     "AND g.account = ?1")                                                         \
    X(ACCOUNT_READ, "SELECT name, password FROM account WHERE id = ?1 AND deleted_us IS NULL")     \
    X(SOURCE_READ,                                                                                 \
      "SELECT settings FROM authn_source WHERE id = ?1 AND kind = 'oidc' AND enabled = 1")         \
    X(TOTP_GET, "SELECT secret, confirmed_us, last_counter, n_failures, blocked_until_us "         \
                "FROM totp WHERE account = ?1 /*pg FOR UPDATE*/")                                  \
    X(TOTP_SET, "INSERT INTO totp (account, secret, created_us) VALUES (?1, ?2, ?3) "              \
                "ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, "                   \
                "created_us = excluded.created_us WHERE totp.confirmed_us IS NULL")                \
    X(TOTP_USE, "UPDATE totp SET last_counter = ?2, n_failures = 0, blocked_until_us = 0, "        \
                "confirmed_us = COALESCE(confirmed_us, ?3) WHERE account = ?1 "                    \
                "AND last_counter < ?2")                                                           \
    X(TOTP_RESEAL, "UPDATE totp SET secret = ?2 WHERE account = ?1")                               \
    X(TOTP_FAIL, "UPDATE totp SET n_failures = n_failures + 1, blocked_until_us = ?2 "             \
                 "WHERE account = ?1")                                                             \
    X(TOTP_FORGIVE, "UPDATE totp SET n_failures = 0, blocked_until_us = 0 WHERE account = ?1")     \
    X(TOTP_DELETE, "DELETE FROM totp WHERE account = ?1")                                          \
    X(RECOVERY_INSERT, "INSERT INTO recovery_code (account, hash) VALUES (?1, ?2)")                \
    X(RECOVERY_USE, "UPDATE recovery_code SET used_us = ?3 WHERE account = ?1 AND hash = ?2 "      \
                    "AND used_us IS NULL")                                                         \
    X(RECOVERY_CLEAR, "DELETE FROM recovery_code WHERE account = ?1")                              \
    X(GROUP_BY_EXTERNAL, "SELECT id FROM user_group WHERE source = ?1 AND external_id = ?2")       \
    X(GROUP_NAME_TAKEN, "SELECT id FROM user_group WHERE name = ?1")                               \
    X(GROUP_INSERT, "INSERT INTO user_group (id, name, source, external_id, created_us) "          \
                    "VALUES (?1, ?2, ?3, ?4, ?5)")                                                 \
    X(GROUP_GET, "SELECT g.id, g.name, s.name AS source, g.external_id, "                          \
                 "(SELECT count(*) FROM member m WHERE m.user_group = g.id) AS n_members, "        \
                 "g.created_us, g.version FROM user_group g "                                      \
                 "LEFT JOIN authn_source s ON s.id = g.source WHERE g.id = ?1")                    \
    X(GROUP_LIST, "SELECT u.id, u.name, s.name AS source, u.external_id, "                         \
                  "(SELECT count(*) FROM member m WHERE m.user_group = u.id) AS n_members, "       \
                  "u.created_us, u.version FROM user_group u "                                     \
                  "LEFT JOIN authn_source s ON s.id = u.source WHERE u.name > ?2 "                 \
                  "AND (?3 = 1 OR EXISTS (SELECT 1 FROM granted g WHERE g.account = ?4 "           \
                  "AND ?5 LIKE '%,' || g.role || ',%' AND g.scope = '/groups/' || u.id)) "         \
                  "ORDER BY u.name LIMIT ?1")                                                      \
    X(GROUP_RENAME, "UPDATE user_group SET name = ?2, version = version + 1 WHERE id = ?1 "        \
                    "AND (?3 = 0 OR version = ?3)")                                                \
    X(GROUP_DELETE, "DELETE FROM user_group WHERE id = ?1")                                        \
    X(GROUP_CLEAR_MEMBERS, "DELETE FROM member WHERE user_group = ?1")                             \
    X(GROUP_CLEAR_GRANTS, "DELETE FROM role_grant WHERE user_group = ?1")                          \
    X(GROUP_CLEAR_ENTITLEMENTS, "DELETE FROM entitlement WHERE user_group = ?1")                   \
    X(GROUP_CLEAR_POLICY, "DELETE FROM policy_rule WHERE level = 'group' AND target = ?1")         \
    X(GROUP_MEMBERS,                                                                               \
      "SELECT a.id, a.name, a.display_name, m.is_local AS \"?local\" FROM member m "               \
      "JOIN account a ON a.id = m.account WHERE m.user_group = ?1 "                                \
      "AND a.name > ?2 ORDER BY a.name LIMIT ?3")                                                  \
    X(MEMBER_OF, "SELECT user_group FROM member WHERE account = ?1 AND is_local = 0")              \
    X(MEMBER_ADD, "INSERT INTO member (user_group, account, is_local) VALUES (?1, ?2, ?3) "        \
                  "ON CONFLICT (user_group, account) DO NOTHING")                                  \
    X(MEMBER_REMOVE, "DELETE FROM member WHERE user_group = ?1 AND account = ?2 "                  \
                     "AND is_local = ?3")                                                          \
    X(SOURCE_INSERT, "INSERT INTO authn_source (id, name, kind, settings, priority, created_us) "  \
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                            \
    X(SOURCE_LOCK, "SELECT name, kind, settings, priority, enabled, version FROM authn_source "    \
                   "WHERE id = ?1 /*pg FOR UPDATE*/")                                              \
    X(SOURCE_GET, "SELECT id, name, kind, settings AS \"{}settings\", priority, "                  \
                  "enabled AS \"?enabled\", created_us, version FROM authn_source WHERE id = ?1")  \
    X(SOURCE_LIST, "SELECT id, name, kind, settings AS \"{}settings\", priority, "                 \
                   "enabled AS \"?enabled\", created_us, version FROM authn_source "               \
                   "ORDER BY priority, name")                                                      \
    X(SOURCE_LIST_OPEN, "SELECT id, name, kind FROM authn_source WHERE enabled = 1 "               \
                        "ORDER BY priority, name")                                                 \
    X(SOURCE_UPDATE, "UPDATE authn_source SET settings = ?2, priority = ?3, enabled = ?4, "        \
                     "version = version + 1 WHERE id = ?1 AND version = ?5")                       \
    X(SOURCE_DELETE, "DELETE FROM authn_source WHERE id = ?1")                                     \
    X(SOURCE_ACCOUNTS, "SELECT id FROM account WHERE source = ?1 AND deleted_us IS NULL")          \
    X(OIDC_FLOW_INSERT, "INSERT INTO oidc_flow (state_hash, flow_hash, source, nonce, verifier, "  \
                        "redirect_uri, expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")           \
    X(OIDC_FLOW_GET, "SELECT f.flow_hash, f.source, f.nonce, f.verifier, f.redirect_uri, s.name, " \
                     "s.settings FROM oidc_flow f JOIN authn_source s ON s.id = f.source "         \
                     "WHERE f.state_hash = ?1 AND f.expires_us > ?2 AND s.enabled = 1 "            \
                     "/*pg FOR UPDATE OF f*/")                                                     \
    X(OIDC_FLOW_DELETE, "DELETE FROM oidc_flow WHERE state_hash = ?1")                             \
    X(OIDC_FLOW_COUNT, "SELECT count(*) FROM oidc_flow")                                           \
    X(OIDC_FLOW_PURGE, "DELETE FROM oidc_flow WHERE expires_us < ?1")                              \
    X(KIOSK_LOGIN, "SELECT d.id, d.name, a.id, a.name FROM device d "                              \
                   "JOIN account a ON a.id = d.account WHERE d.fingerprint = ?1 "                  \
                   "AND d.enabled = 1 AND a.enabled = 1")                                          \
    X(KIOSK_INSERT, "INSERT INTO device (id, name, fingerprint, account, created_us) "             \
                    "VALUES (?1, ?2, ?3, ?4, ?5)")                                                 \
    X(KIOSK_LIST, "SELECT d.id, d.name, d.fingerprint, a.name AS \"user\", "                       \
                  "d.enabled AS \"?enabled\", d.created_us, d.version FROM device d "              \
                  "JOIN account a ON a.id = d.account WHERE ?1 = '' OR d.id = ?1 "                 \
                  "ORDER BY d.name")                                                               \
    X(KIOSK_SET, "UPDATE device SET enabled = ?2, version = version + 1 WHERE id = ?1 "            \
                 "AND (?3 = 0 OR version = ?3)")                                                   \
    X(KIOSK_DELETE, "DELETE FROM device WHERE id = ?1")                                            \
    X(KIOSK_ACCOUNT, "SELECT account FROM device WHERE id = ?1 /*pg FOR UPDATE*/")                 \
    X(LOGINS_OF_METHOD, "SELECT id FROM login_token WHERE account = ?1 AND method = ?2 "           \
                        "/*pg FOR UPDATE*/")

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meta, accounts, logins.
 */
#pragma once

#define BERTH_STATEMENTS_IDENTITY(X)                                                         \
    X(META_GET, "SELECT value FROM meta WHERE key = ?1")                                     \
    X(META_SET, "INSERT INTO meta (key, value) VALUES (?1, ?2) "                             \
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value")                    \
    X(ACCOUNT_INSERT, "INSERT INTO account (id, name, password, created_us) "                \
                      "VALUES (?1, ?2, ?3, ?4)")                                             \
    X(ACCOUNT_BY_NAME,                                                                       \
      "SELECT a.id, a.name, a.password, CASE WHEN EXISTS (SELECT 1 FROM granted g "          \
      "WHERE g.account = a.id AND g.role = 'admin' AND g.scope = '/') "                      \
      "THEN 1 ELSE 0 END, a.enabled FROM account a WHERE a.name = ?1")                       \
    X(ACCOUNT_SET_PASSWORD, "UPDATE account SET password = ?2 WHERE id = ?1")                \
    X(ACCOUNT_JSON, "SELECT a.id, a.name, CASE WHEN EXISTS (SELECT 1 FROM granted g "        \
                    "WHERE g.account = a.id AND g.role = 'admin' AND g.scope = '/') "        \
                    "THEN 1 ELSE 0 END AS \"?admin\" FROM account a WHERE a.id = ?1")        \
    X(TOKEN_GET, "SELECT t.account, a.name, t.used_us, t.method, t.name FROM login_token t " \
                 "JOIN account a ON a.id = t.account "                                       \
                 "WHERE t.hash = ?1 AND t.expires_us > ?2 AND t.kind IN ('login', 'api') "   \
                 "AND (t.kind = 'api' OR t.used_us > ?3) AND a.enabled = 1")                 \
    X(TOKEN_USED, "UPDATE login_token SET used_us = ?2 WHERE hash = ?1")                     \
    X(TOKEN_DELETE, "DELETE FROM login_token WHERE hash = ?1")                               \
    X(TOKEN_PURGE, "DELETE FROM login_token WHERE expires_us < ?1")

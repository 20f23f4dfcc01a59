/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/statement-sql.h"

#include <glib.h>
#include <string.h>

#define MARK "/*pg "

const char *const berth_statement_sql[BERTH_N_STATEMENTS] = {
#define STATEMENT_SQL(name, sql) [BERTH_SQL_##name] = (sql),
    BERTH_STATEMENT_TABLE(STATEMENT_SQL)
#undef STATEMENT_SQL
};

/* Copies a text or a name in quotes; returns what follows it. */
static const char *
copy_quoted(GString *out, const char *at)
{
    const char *end = strchr(at + 1, *at);
    end = end != NULL ? end + 1 : at + strlen(at);
    g_string_append_len(out, at, end - at);
    return end;
}

char *
berth_statement_to_postgresql(const char *sql)
{
    GString *out = g_string_new(NULL);
    const char *comment_end = NULL;
    for (const char *at = sql; *at != '\0';) {
        if (*at == '\'' || *at == '"') {
            at = copy_quoted(out, at);
        } else if (*at == '?') {
            g_string_append_c(out, '$');
            at++;
        } else if (g_str_has_prefix(at, MARK)) {
            comment_end = strstr(at, "*/");
            at += strlen(MARK);
        } else if (at == comment_end) {
            at += strlen("*/");
        } else {
            g_string_append_c(out, *at++);
        }
    }
    return g_string_free(out, FALSE);
}

bool
berth_statement_is_write(const char *sql)
{
    return !g_str_has_prefix(sql, "SELECT ") && !g_str_has_prefix(sql, "WITH RECURSIVE ");
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of each statement, and its form for PostgreSQL.  Private to store/.
 */
#pragma once

#include "broker/store/statements.h"

#include <stdbool.h>

/* As SQLite takes it, by BerthStatement. */
extern const char *const berth_statement_sql[BERTH_N_STATEMENTS];

/*
 * The same text as PostgreSQL takes it: ?n becomes $n, and a comment that begins with "pg " is
 * uncovered; texts in quotes stay as they are.  Pure.  Ownership: free with g_free().
 */
char *berth_statement_to_postgresql(const char *sql);

/* Whether a statement changes rows: it does not begin with SELECT.  Pure. */
bool berth_statement_is_write(const char *sql);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every statement that Berth runs on its store, by name: X(NAME, "SQL").
 *
 * One file an area, in statements/.  The SQL is what SQLite and PostgreSQL share, but for the
 * spelling of bound values; what only PostgreSQL takes stands in a comment that begins with "pg"
 * (a row lock: FOR UPDATE).  Values come only through ?n; nothing builds SQL at run time.  Column
 * names are the names in the API where a row goes out as JSON ("?x" is a boolean, "{}x" is JSON
 * text).
 */
#pragma once

#include "broker/store/statements/audit.h"
#include "broker/store/statements/backup.h"
#include "broker/store/statements/check.h"
#include "broker/store/statements/claim.h"
#include "broker/store/statements/depot.h"
#include "broker/store/statements/disk.h"
#include "broker/store/statements/edit.h"
#include "broker/store/statements/explain.h"
#include "broker/store/statements/host.h"
#include "broker/store/statements/identity.h"
#include "broker/store/statements/inventory.h"
#include "broker/store/statements/list.h"
#include "broker/store/statements/operation.h"
#include "broker/store/statements/people.h"
#include "broker/store/statements/plan.h"
#include "broker/store/statements/report.h"
#include "broker/store/statements/rights.h"
#include "broker/store/statements/rollout.h"
#include "broker/store/statements/session.h"
#include "broker/store/statements/step.h"
#include "broker/store/statements/version-api.h"
#include "broker/store/statements/version.h"

#define BERTH_STATEMENT_TABLE(X)  \
    BERTH_STATEMENTS_AUDIT(X)     \
    BERTH_STATEMENTS_BACKUP(X)    \
    BERTH_STATEMENTS_CHECK(X)     \
    BERTH_STATEMENTS_CLAIM(X)     \
    BERTH_STATEMENTS_DEPOT(X)     \
    BERTH_STATEMENTS_EDIT(X)      \
    BERTH_STATEMENTS_DISK(X)      \
    BERTH_STATEMENTS_EXPLAIN(X)   \
    BERTH_STATEMENTS_HOST(X)      \
    BERTH_STATEMENTS_IDENTITY(X)  \
    BERTH_STATEMENTS_INVENTORY(X) \
    BERTH_STATEMENTS_LIST(X)      \
    BERTH_STATEMENTS_OPERATION(X) \
    BERTH_STATEMENTS_PEOPLE(X)    \
    BERTH_STATEMENTS_PLAN(X)      \
    BERTH_STATEMENTS_REPORT(X)    \
    BERTH_STATEMENTS_RIGHTS(X)    \
    BERTH_STATEMENTS_ROLLOUT(X)   \
    BERTH_STATEMENTS_SESSION(X)   \
    BERTH_STATEMENTS_STEP(X)      \
    BERTH_STATEMENTS_VERSION(X)   \
    BERTH_STATEMENTS_VERSION_API(X)

typedef enum {
#define BERTH_STATEMENT_ID(name, sql) BERTH_SQL_##name,
    BERTH_STATEMENT_TABLE(BERTH_STATEMENT_ID)
#undef BERTH_STATEMENT_ID
    BERTH_N_STATEMENTS
} BerthStatement;

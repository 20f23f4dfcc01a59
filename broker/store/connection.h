/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a database: what stands behind a BerthTx, as a const table of functions.
 *
 * Private to store/.  Thread: one at a time.
 */
#pragma once

#include "base/id.h"
#include "berth/ids.h"
#include "broker/store/tx.h"

#include <glib.h>
#include <stdarg.h>

typedef struct BerthConnectionClass BerthConnectionClass;

/* What both kinds of connections share; the first member of each. */
struct BerthTx {
    const BerthConnectionClass *class;
    BerthChain chain;
    BerthChain saved_chain; /* as it was when the job began */
    bool is_writer;
    bool is_alone;    /* the transaction is one job: it needs no savepoint */
    bool is_lost;     /* the server is gone: connect again before the next transaction */
    int failure;      /* of a statement of this job: it can only be undone */
    bool is_conflict; /* others hold what we need: the whole transaction has to be tried again */
};

/* Of a column. */
typedef enum {
    BERTH_COLUMN_NULL,
    BERTH_COLUMN_INT,
    BERTH_COLUMN_TEXT,
} BerthColumnType;

/* Called with each row of a scan; an error ends it and is passed on. */
typedef int (*BerthScanFunc)(const BerthRows *rows, void *data);

struct BerthConnectionClass {
    const char *name; /* "sqlite", "postgresql" */

    /* Frees all; whatever is open is rolled back. */
    void (*free)(BerthTx *tx);

    /* Makes a lost connection anew; does nothing to a good one. */
    int (*ensure)(BerthTx *tx);

    /*
     * Transactions.  A reader's sees one snapshot.  commit() of a lost connection fails and leaves
     * is_lost set: whether it happened is then told by was_committed(), after ensure().
     */
    int (*begin)(BerthTx *tx);
    int (*commit)(BerthTx *tx);
    void (*rollback)(BerthTx *tx);
    bool (*is_open)(const BerthTx *tx);
    int (*was_committed)(BerthTx *tx, bool *ret_is_committed);

    /* A job inside the transaction: what it wrote is kept, or undone. */
    int (*job_begin)(BerthTx *tx);
    int (*job_end)(BerthTx *tx, bool is_kept);

    /* Statements of the table. */
    void (*query)(BerthTx *tx, BerthRows *ret_rows, BerthStatement id, const char *types,
                  va_list values);
    int (*post)(BerthTx *tx, BerthStatement id, const char *types, va_list values);
    bool (*next)(BerthRows *rows);
    int (*end)(BerthRows *rows);
    int64_t (*n_changed)(const BerthTx *tx);

    /* Columns of the present row. */
    int (*n_columns)(const BerthRows *rows);
    const char *(*column_name)(const BerthRows *rows, int column);
    BerthColumnType (*column_type)(const BerthRows *rows, int column);
    const char *(*text)(const BerthRows *rows, int column); /* NULL for NULL */
    int64_t (*number)(const BerthRows *rows, int column);

    /* SQL text that is a literal of this program or made of its own names; several statements. */
    int (*exec)(BerthTx *tx, const char *sql);

    /* Runs a query of such text row by row, however many there are, in the open transaction. */
    int (*scan)(BerthTx *tx, const char *sql, BerthScanFunc func, void *data);

    /* Fills a table with rows of another connection whose columns are these, in this order. */
    int (*fill_begin)(BerthTx *tx, const char *table, const char *const *columns, int n_columns);
    int (*fill_row)(BerthTx *tx, const BerthRows *from);
    int (*fill_end)(BerthTx *tx);

    /* 1 if there is such a table, 0 if the database is empty, BERTH_ERR_CORRUPT if neither. */
    int (*has_table)(BerthTx *tx, const char *table);

    /* For a thread that must not stand still: an answer is waited for a second. */
    void (*set_prompt)(BerthTx *tx);

    /* For long work of an administrator: no statement and no answer takes too long. */
    void (*set_patient)(BerthTx *tx);

    /* Brokers' connections to the same database, other than this one. */
    int (*count_others)(BerthTx *tx, int64_t *ret);

    /* Holds migrations of other programs off until the transaction ends. */
    int (*lock_schema)(BerthTx *tx);
};

/*
 * Opens a connection.
 *
 * url:        "sqlite:FILE" or what libpq takes
 * is_writer:  may change the store; makes an SQLite file that is not there
 *
 * Errors: BERTH_ERR_CONFIG for a url that is not allowed, BERTH_ERR_STORE_DOWN, the code of the
 * database's error.  Returns NULL on error.
 */
BerthTx *berth_connection_open(const char *url, bool is_writer, GError **error);
BerthTx *berth_connection_open_sqlite(const char *path, bool is_writer, GError **error);
BerthTx *berth_connection_open_postgresql(const char *url, bool is_writer, GError **error);

/* Frees; NULL is allowed. */
void berth_connection_free(BerthTx *tx);

/* Runs SQL text that is a literal of this program. */
int berth_connection_exec(BerthTx *tx, const char *sql);

/* A job of a writing transaction; one that is not kept leaves rows and chain as they were. */
int berth_connection_job_begin(BerthTx *tx);
int berth_connection_job_end(BerthTx *tx, bool is_kept);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthTx, berth_connection_free)

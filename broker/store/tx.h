/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One transaction on the store: named prepared statements, bound values, typed columns.
 *
 * Everything above this header is the same for every database behind it.  A transaction belongs to
 * the thread that was called with it and ends when that call returns: a write that returns an error
 * is rolled back as a whole.
 */
#pragma once

#include "broker/store/statements.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthTx BerthTx;

/* A running query.  Embedded value; end it before its statement is used again. */
typedef struct {
    BerthTx *tx;
    void *result; /* of the database's library */
    int row;
    int error;
} BerthRows;

#define BERTH_CHAIN_HASH_CHARS 64

/*
 * Where this writer's audit chain stands.  It goes back by itself when a job or a transaction is
 * rolled back.
 */
typedef struct {
    char id[33];   /* of the broker that writes; "" on connections that only read */
    bool is_known; /* the rest was read from the store */
    int64_t seq;   /* of the last record; 0 if there is none */
    char hash[BERTH_CHAIN_HASH_CHARS + 1];
    int64_t n_unsigned; /* records since the last signed head */
} BerthChain;

/*
 * Runs a statement that returns no rows.
 *
 * types:  one letter a value: 's' const char * (NULL is allowed), 'i' int64_t, 'b' bool
 *
 * Errors: BERTH_ERR_EXISTS if a unique index refuses, BERTH_ERR_STATE if a CHECK or a reference
 * refuses, BERTH_ERR_DISK_FULL, BERTH_ERR_BUSY, BERTH_ERR_CORRUPT, BERTH_ERR_IO,
 * BERTH_ERR_STORE_DOWN.
 */
int berth_tx_run(BerthTx *tx, BerthStatement statement, const char *types, ...);

/*
 * As berth_tx_run() for what cannot fail if the program is right (an audit record, a ticket's
 * row): PostgreSQL is not waited for.  An error comes out of a later call or undoes the job.
 */
int berth_tx_post(BerthTx *tx, BerthStatement statement, const char *types, ...);

/*
 * As berth_tx_run(), and exactly one row must have been changed.
 *
 * Errors: also BERTH_ERR_NOT_FOUND if the guard of the statement held it back.
 */
int berth_tx_run_one(BerthTx *tx, BerthStatement statement, const char *types, ...);

/* Starts a query; read it with berth_rows_next() and end it with berth_rows_end(). */
void berth_tx_query(BerthTx *tx, BerthRows *ret_rows, BerthStatement statement, const char *types,
                    ...);

/* Moves to the next row; false at the end or on error. */
bool berth_rows_next(BerthRows *rows);

/* Ends the query.  Errors: as berth_tx_run(). */
int berth_rows_end(BerthRows *rows);

/* Text of a column, borrowed until the next row; "" for NULL. */
const char *berth_rows_text(const BerthRows *rows, int column);

/* Number in a column; 0 for NULL. */
int64_t berth_rows_int(const BerthRows *rows, int column);

/* Whether a column is NULL. */
bool berth_rows_is_null(const BerthRows *rows, int column);

/*
 * The present row as a JSON object, one member a column.
 *
 * A column named "?x" becomes a boolean x, and "{}x" is JSON text that becomes a value x.
 * Ownership: new reference.
 */
json_t *berth_rows_to_json(const BerthRows *rows);

/*
 * The only number of a one-row query.
 *
 * ret_value:  set on success only
 *
 * Errors: as berth_tx_run(), BERTH_ERR_NOT_FOUND without a row.
 */
int berth_tx_get_int(BerthTx *tx, int64_t *ret_value, BerthStatement statement, const char *types,
                     ...);

/* The only text of a one-row query, to be freed with g_free(); errors as berth_tx_get_int(). */
int berth_tx_get_text(BerthTx *tx, char **ret_text, BerthStatement statement, const char *types,
                      ...);

/* All rows of a query as a JSON array.  Ownership: new reference, NULL on error. */
json_t *berth_tx_to_json(BerthTx *tx, int *ret_error, BerthStatement statement, const char *types,
                         ...);

/* The writer's audit chain; its owner is audit.c.  Borrowed. */
BerthChain *berth_tx_get_chain(BerthTx *tx);

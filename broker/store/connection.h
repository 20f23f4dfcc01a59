/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One SQLite connection with its prepared statements: what stands behind a BerthTx.
 *
 * Private to store/.  Thread: one at a time.
 */
#pragma once

#include "broker/store/tx.h"

#include <glib.h>

/*
 * Opens a connection.
 *
 * is_writer:  may change the store and may create the file
 *
 * Errors: the code of SQLite's error.  Returns NULL on error.
 */
BerthTx *berth_connection_open(const char *path, bool is_writer, GError **error);

/* Finalizes all statements and closes; NULL is allowed. */
void berth_connection_free(BerthTx *tx);

/* Brings the schema to the current version.  Errors: BERTH_ERR_VERSION if it is newer. */
bool berth_connection_migrate(BerthTx *tx, GError **error);

/* Whether a transaction is open; SQLite rolls back by itself when the disk is full or broken. */
bool berth_connection_is_in_transaction(const BerthTx *tx);

/* Runs SQL text that is a literal of this program (BEGIN, COMMIT, SAVEPOINT ...). */
int berth_connection_exec(BerthTx *tx, const char *sql);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The version of a store, and the way from one to the next and back.
 *
 * meta holds schema_version, and schema_oldest: the lowest version whose programs may use the
 * store as it is.  A migration that only adds (its file says "-- expand-only") leaves
 * schema_oldest alone, so that brokers of the version before go on while others are replaced; any
 * other raises it.  A program accepts a store that is at most one version ahead, and only so.
 */
#pragma once

#include "broker/store/connection.h"

/* One step; number i of the table leads from version i to i + 1, down leads back. */
typedef struct {
    const char *sqlite_up;
    const char *sqlite_down;
    const char *postgresql_up;
    const char *postgresql_down;
    bool is_expand_only;
} BerthMigration;

/* Generated from store/sql/ at build time: the steps, and every table in the order of its making.
 */
extern const BerthMigration berth_migrations[];
extern const int berth_n_migrations;
extern const char *const berth_store_tables[];
extern const int berth_n_store_tables;

/* The version of a store: 0 if it is empty, BERTH_ERR_CORRUPT if it is something else. */
int berth_store_get_version(BerthTx *tx);

/*
 * Makes sure that this program can work with the store: makes the tables of an empty one, takes
 * the steps that only add, refuses what is too new or needs `berth-broker db migrate`.
 *
 * Errors: BERTH_ERR_VERSION, BERTH_ERR_CORRUPT, those of the database.
 */
bool berth_store_ensure_version(BerthTx *tx, GError **error);

/*
 * Takes a store to a version, forward or back, each step in a transaction of its own; the caller
 * sees to it that no broker works.  Errors: as above; BERTH_ERR_INVALID for a version that there
 * is not.
 */
bool berth_store_migrate(BerthTx *tx, int version, GError **error);

/* Drops every table and makes those of the newest version, inside the open transaction. */
int berth_store_make_anew(BerthTx *tx);

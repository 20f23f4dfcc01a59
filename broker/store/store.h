/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The truth of a site: what survives every broker.
 *
 * Reads run in the caller's thread on their own connections and see one snapshot.  Writes are
 * queued to the one writer thread, run there in order, and are committed in groups: a caller hears
 * of its write only after the commit that holds it is on the disk.
 *
 * Invariants: a job that fails changes nothing; jobs of one group cannot see another's failure.
 */
#pragma once

#include "broker/store/tx.h"

#include <glib.h>

typedef struct BerthStore BerthStore;

/* Work inside a transaction.  Any value but BERTH_OK rolls it back and is passed on. */
typedef int (*BerthTxFunc)(BerthTx *tx, void *data);

/* Called in the main context after the commit (BERTH_OK) or the roll-back. */
typedef void (*BerthStoreDone)(int error, void *data);

/*
 * Opens or makes a store and brings it to the current version.
 *
 * path:     file; its folder must exist
 * context:  where done functions are called; NULL is the default one
 *
 * Errors: BERTH_ERR_VERSION if the store is newer than this program, BERTH_ERR_CORRUPT, the code of
 * the errno.  Returns NULL on error.
 */
BerthStore *berth_store_open(const char *path, GMainContext *context, GError **error);

/* Runs what is queued, calls every outstanding done, closes.  NULL is allowed. */
void berth_store_free(BerthStore *store);

/* Runs a read in one snapshot.  Thread: any, several at once.  Errors: those of func and of tx.h.
 */
int berth_store_read(BerthStore *store, BerthTxFunc func, void *data);

/*
 * Queues a write.
 *
 * run:   called in the writer thread; data is lent to it until done
 * done:  called in the main context; may be NULL
 *
 * Errors: BERTH_ERR_BUSY if BERTH_STORE_MAX_QUEUED writes wait, BERTH_ERR_CLOSED while the
 * store is being freed; neither function is called then.
 */
int berth_store_submit(BerthStore *store, BerthTxFunc run, BerthStoreDone done, void *data);

/* Queues a write and waits for its commit.  For start-up and tests.  Thread: any. */
int berth_store_write(BerthStore *store, BerthTxFunc run, void *data);

/* Writes that may wait for the writer thread. */
#define BERTH_STORE_MAX_QUEUED 4096

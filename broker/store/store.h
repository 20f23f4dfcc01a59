/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The truth of a site: what survives every broker.
 *
 * Reads run in the caller's thread on their own connections and see one snapshot.  Writes are
 * queued to the one writer thread, run there in order, and are committed in groups: a caller hears
 * of its write only after the commit that holds it is on the disk.
 *
 * A lost server is connected to again, and the writes that were under way are tried again for
 * BERTH_STORE_PATIENCE_US; whether a commit that was cut off had happened is found out first.
 *
 * Invariants: a job that fails changes nothing; jobs of one group cannot see another's failure.
 */
#pragma once

#include "broker/store/tx.h"

#include <glib.h>

typedef struct BerthStore BerthStore;

/*
 * Work inside a transaction.  Any value but BERTH_OK rolls it back and is passed on.
 *
 * It may be run more than once (a deadlock with another broker, a lost server): it sets its
 * outputs anew each time and has no other effect.  After a statement has failed, all others fail
 * with the same error and the job is undone, whatever it returns.
 */
typedef int (*BerthTxFunc)(BerthTx *tx, void *data);

/* Called in the main context after the commit (BERTH_OK) or the roll-back. */
typedef void (*BerthStoreDone)(int error, void *data);

/*
 * Opens or makes a store and brings it to the current version.
 *
 * url:      "sqlite:FILE", whose folder must exist, or "postgresql:...", broker.conf(5)
 * writer:   32 hexadecimal digits: who this broker is, whose audit chain it writes.  Two brokers
 *           with one identity are found out: the second one's writes fail
 * context:  where done functions are called; NULL is the default one
 *
 * Errors: BERTH_ERR_VERSION if the store is newer than this program, BERTH_ERR_CONFIG for a url
 * that is not allowed, BERTH_ERR_STORE_DOWN, BERTH_ERR_CORRUPT, the code of the errno.  Returns
 * NULL on error.
 */
BerthStore *berth_store_open(const char *url, const char *writer, GMainContext *context,
                             GError **error);

/* Runs what is queued, calls every outstanding done, closes.  NULL is allowed. */
void berth_store_free(BerthStore *store);

/*
 * Runs a read in one snapshot.  It may be run twice, like a write.
 *
 * Thread: any, several at once.  Errors: those of func and of tx.h; BERTH_ERR_STORE_DOWN at once
 * while the store is known not to answer.
 */
int berth_store_read(BerthStore *store, BerthTxFunc func, void *data);

/*
 * The same for the main thread, which has to serve everybody else: a store that does not answer
 * holds it for a second, once, until writes go through again.
 *
 * Thread: main.  Errors: those of berth_store_read().
 */
int berth_store_read_promptly(BerthStore *store, BerthTxFunc func, void *data);

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

/* How long a write waits for a server that was lost; after that writes fail at once. */
#define BERTH_STORE_PATIENCE_US (10LL * 1000 * 1000)

/* How the store does. */
typedef struct {
    bool is_answering;  /* the last transaction was not lost, and none takes longer than 3 s */
    unsigned n_queued;  /* writes that wait */
    int64_t n_unsigned; /* audit records since the last signed head */
} BerthStoreHealth;

/* Asks how it does.  Thread: any. */
void berth_store_get_health(BerthStore *store, BerthStoreHealth *ret);

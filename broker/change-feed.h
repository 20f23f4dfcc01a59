/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which hosts have something new to hear: read off the audit log.
 *
 * Every change of a row that matters to a host is audited in its own transaction, by whichever
 * broker made it.  So the tail of the log is the list of changes, and nobody has to remember to
 * tell anybody.  Thread: main.
 */
#pragma once

#include "broker/store/tx.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthChangeFeed BerthChangeFeed;

/*
 * A host that a change concerns; host is NULL if it may concern all.
 *
 * is_own:  it came from what the host itself reported
 */
typedef void (*BerthChangeFunc)(const char *host, bool is_own, void *user_data);

/* New feed that begins at its first read. */
BerthChangeFeed *berth_change_feed_new(void);

/* NULL is allowed. */
void berth_change_feed_free(BerthChangeFeed *feed);

/*
 * Reads what was committed since the last read, at most BERTH_CHANGE_FEED_PAGE records of each log.
 *
 * ret_is_more:  there is more to be read; set on success only
 *
 * Errors: those of berth_tx_run().
 */
int berth_change_feed_read(BerthChangeFeed *feed, BerthTx *tx, BerthChangeFunc func,
                           void *user_data, bool *ret_is_more);

#define BERTH_CHANGE_FEED_PAGE 500

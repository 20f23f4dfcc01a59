/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table from one connection to another, and its digest.  Private to store/.
 */
#pragma once

#include "broker/store/connection.h"

/* What a table holds. */
typedef struct {
    int64_t n_rows;
    uint64_t sum[4]; /* little-endian words of the digest */
} BerthTableDigest;

#define BERTH_TABLE_DIGEST_CHARS 64

/* As 64 hexadecimal digits. */
void berth_table_digest_format(const BerthTableDigest *digest,
                               char out[BERTH_TABLE_DIGEST_CHARS + 1]);

/* Whether count and sum are the same. */
bool berth_table_digest_equal(const BerthTableDigest *a, const BerthTableDigest *b);

/*
 * Goes through a table in the open transactions and appends its rows to the same table of `to`.
 *
 * to:    NULL only makes the digest
 * tick:  called after every thousand rows with their number; may be NULL
 *
 * Errors: those of the databases.
 */
int berth_table_copy(BerthTx *from, BerthTx *to, const char *table,
                     void (*tick)(int64_t n_rows, void *data), void *data, BerthTableDigest *ret);

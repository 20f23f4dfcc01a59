/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole store as rows: from one database to another, with counts and digests.
 *
 * A backup file is an SQLite store of its own with one more table, `backup`, that holds the number
 * of rows and the digest of every table: whatever the site's database is, the file is the same,
 * and what is damaged or cut is found before anything is changed.
 *
 * The digest of a table is the sum, modulo 2^256, of the SHA-256 of its rows: it does not depend
 * on their order.  Thread: one at a time.
 */
#pragma once

#include "broker/store/tx.h"

#include <glib.h>
#include <stdbool.h>

/* Called now and then with the rows done and those there are; may be NULL. */
typedef void (*BerthArchiveProgress)(int64_t n_done, int64_t n_all, void *data);

typedef struct {
    BerthArchiveProgress progress;
    void *data;
    bool is_forced; /* over what is there */
} BerthArchiveOptions;

typedef struct {
    int64_t n_tables;
    int64_t n_rows;
    int64_t cluster_epoch; /* of the store that was written */
} BerthArchiveResult;

/*
 * Writes one consistent moment of a store, which may be in use, to a new file of mode 0600; it has
 * its name only when it is whole and on the disk.
 *
 * Errors: BERTH_ERR_EXISTS if there is such a file and force was not asked for, BERTH_ERR_VERSION
 * if the store has another version than this program, those of files and databases.
 */
bool berth_archive_backup(const char *url, const char *path, const BerthArchiveOptions *options,
                          BerthArchiveResult *ret, GError **error);

/*
 * Checks every byte of a backup that matters.  Errors: BERTH_ERR_CORRUPT, BERTH_ERR_VERSION,
 * BERTH_ERR_NOT_FOUND.
 */
bool berth_archive_check(const char *path, BerthArchiveResult *ret, GError **error);

/*
 * Puts a backup in the place of a store, in one transaction.  Raises meta cluster_epoch over both
 * and sets safe_mode, so that no host destroys what the backup does not know.  No broker may work.
 *
 * Errors: as berth_archive_check(), and nothing has changed then; BERTH_ERR_STATE if the store is
 * not empty and force was not asked for, BERTH_ERR_BUSY if a broker uses it.
 */
bool berth_archive_restore(const char *path, const char *url, const BerthArchiveOptions *options,
                           BerthArchiveResult *ret, GError **error);

/*
 * Copies a store to an empty database and compares every table's count and digest.
 *
 * Errors: BERTH_ERR_STATE if it is not empty, BERTH_ERR_CORRUPT if the two differ.
 */
bool berth_archive_copy(const char *from_url, const char *to_url,
                        const BerthArchiveOptions *options, BerthArchiveResult *ret,
                        GError **error);

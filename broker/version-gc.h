/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How versions go: asked for, or because an image keeps only so many that nobody uses.
 *
 * A version that is to go is not told to hosts any more; they drop its files, and when the last of
 * them has, it is deleted.  Errors: those of berth_tx_run().
 */
#pragma once

#include "broker/audit.h"

/*
 * What keeps a version, as a sentence to be freed with g_free(); NULL if nothing does.
 *
 * ret_error:  BERTH_OK, or why the store could not tell
 */
char *berth_version_use(BerthTx *tx, const char *version, int *ret_error);

/*
 * Lets a version go that nothing uses, whatever it was: draft, failed, retired or available.
 *
 * Errors: also BERTH_ERR_BUSY if something uses it, BERTH_ERR_STATE while it is sealed,
 * BERTH_ERR_NOT_FOUND.  Thread: writer.
 */
int berth_version_delete(BerthTx *tx, const BerthCause *cause, const char *version);

/*
 * What an image keeps too many of, what nevertheless stays and why, and which files of which host
 * go with it: {"versions": [...], "kept": [...], "frees": [...]}.  Reads only.
 *
 * image:  id; "" for all
 *
 * A new reference; NULL on error.
 */
json_t *berth_versions_plan_gc(BerthTx *tx, const char *image, int64_t now_us, int *ret_error);

/* Carries a plan of the same transaction out.  Thread: writer. */
int berth_versions_gc(BerthTx *tx, const BerthCause *cause, const json_t *plan);

/* Deadlines, versions that are gone, retention: for the thorough tick.  Thread: writer. */
int berth_versions_tidy(BerthTx *tx, const BerthCause *cause, int *n_changes);

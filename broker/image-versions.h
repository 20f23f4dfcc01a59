/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions of images as rows: made, named by tags.  Sealing is version-seal.h, going is
 * version-gc.h.
 *
 * Each writes its audit row in the same transaction.  Errors: those of berth_tx_run().  Thread:
 * writer.
 */
#pragma once

#include "broker/audit.h"

#include "berth/ids.h"

/* Tag that pools go by if nobody says otherwise. */
#define BERTH_TAG_DEFAULT "stable"

typedef struct {
    const char *image;     /* id */
    const char *parent;    /* version that it is made from; NULL: none */
    const char *changelog; /* "" for none */
    const char *machine;   /* maintenance machine in which it is edited; NULL: none */
    const char *pool;      /* and its pool; NULL: none */
    const char *operation; /* that makes it; NULL: none */
} BerthVersionNew;

/*
 * A new draft with the next number of its image.
 *
 * ret_number:  may be NULL
 *
 * Errors: also BERTH_ERR_NOT_FOUND if there is no such image.
 */
int berth_version_create(BerthTx *tx, const BerthCause *cause, const BerthVersionNew *wanted,
                         char ret_id[BERTH_ID_HEX_CHARS + 1], int64_t *ret_number);

/*
 * Moves a tag to a version of its image that is available; pools of the tag that have neither a
 * version nor machines take it.  Other pools stay: they are moved by rollouts.
 *
 * Errors: also BERTH_ERR_NOT_FOUND, BERTH_ERR_STATE for a version that may not be run.
 */
int berth_image_tag_set(BerthTx *tx, const BerthCause *cause, const char *image, const char *tag,
                        const char *version);

/*
 * Makes a sealed version available; the first of an image gets the tag BERTH_TAG_DEFAULT.
 *
 * Errors: also BERTH_ERR_STATE, BERTH_ERR_NOT_FOUND.
 */
int berth_version_release(BerthTx *tx, const BerthCause *cause, const char *version);

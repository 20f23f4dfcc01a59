/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the chunk list of a file in one pass: holes are skipped, the rest is read once and hashed
 * by several threads.
 *
 * Thread: a worker; it blocks.
 */
#pragma once

#include "base/depot/chunk-list.h"

typedef struct {
    unsigned n_threads;   /* that read and hash, the caller among them; 0: as many as processors, at
                           * most 8 */
    bool punches_zeros;   /* turn blocks of zeros that are stored into holes (fd is writable) */
    const gint *cancel;   /* set to other than 0 (atomically) to stop soon; may be NULL */
    gint64 *n_done_bytes; /* counts up to the size, read with berth_chunk_progress(); may be NULL */
} BerthChunkMakerOptions;

/*
 * Makes the list of fd, a regular file that nobody changes meanwhile.
 *
 * options:  NULL for all defaults
 *
 * Errors: BERTH_ERR_INVALID (empty or no file), BERTH_ERR_TOO_LARGE, BERTH_ERR_IO,
 * BERTH_ERR_TRUNCATED (became shorter), BERTH_ERR_CLOSED (cancelled).
 */
BerthChunkList *berth_chunk_list_make(int fd, const BerthChunkMakerOptions *options,
                                      GError **error);

/* Reads a counter that a maker in another thread moves. */
int64_t berth_chunk_progress(const gint64 *n_done_bytes);

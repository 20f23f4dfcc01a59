/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies a file with its holes; shares blocks where the file system can.
 *
 * Thread: a worker; it blocks.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Makes target, an empty file that is open for writing, the same as source.
 *
 * cancel:        set to other than 0 (atomically) to stop soon; may be NULL
 * n_done_bytes:  counts up to the size, read with berth_chunk_progress(); may be NULL
 *
 * Errors: BERTH_ERR_DISK_FULL, that of the errno, BERTH_ERR_CLOSED (cancelled).
 */
bool berth_sparse_copy(int source, int target, const gint *cancel, gint64 *n_done_bytes,
                       GError **error);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Appends to a file in a thread of its own, so that a slow disk holds nobody.
 *
 * What waits is bounded by the caller, who asks how much it is.  The first error is the last: what
 * comes after it is dropped.  Thread: main.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct BerthDiskWriter BerthDiskWriter;

/*
 * Called once, in the main context, when a write has failed.
 *
 * text: a sentence, borrowed.  The writer may not be freed inside.
 */
typedef void (*BerthDiskFailedFunc)(const char *text, void *user_data);

/*
 * Starts the thread.
 *
 * context: where failed is called; NULL is the default one
 * fd:      of a regular file, open for writing; taken
 */
BerthDiskWriter *berth_disk_writer_new(GMainContext *context, int fd, BerthDiskFailedFunc failed,
                                       void *user_data);

/* Writes what waits, closes the file and frees.  NULL is allowed. */
void berth_disk_writer_free(BerthDiskWriter *self);

/* Appends bytes.  data: g_malloc() memory, taken. */
void berth_disk_writer_put(BerthDiskWriter *self, uint8_t *data, size_t len);

/* Returns the bytes that wait. */
size_t berth_disk_writer_get_queued_bytes(const BerthDiskWriter *self);

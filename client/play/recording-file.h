/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recording on disk, opened for reading.  Thread: one at a time; blocks on the disk.
 */
#pragma once

#include "display/wire/recording-reader.h"

#include <glib.h>

typedef struct BerthRecordingFile BerthRecordingFile;

/*
 * Opens a file.
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_IO, BERTH_ERR_CORRUPT (no recording), BERTH_ERR_VERSION.
 */
BerthRecordingFile *berth_recording_file_open(const char *path, GError **error);

/* NULL is allowed. */
void berth_recording_file_close(BerthRecordingFile *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthRecordingFile, berth_recording_file_close)

/* Returns the reader; borrowed. */
BerthRecordingReader *berth_recording_file_get_reader(BerthRecordingFile *self);

/* Returns the size of the file in bytes. */
uint64_t berth_recording_file_get_size(const BerthRecordingFile *self);

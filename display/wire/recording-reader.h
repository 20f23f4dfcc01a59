/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads recordings (display/wire/recording.h), from the beginning or from any time on.
 *
 * The file is not trusted: it may be anything.  It may also be cut anywhere, while it is written or
 * by a full disk; then its whole records are played.  Bytes come from a source, so that tests need
 * no file.
 *
 * State: 16 bytes a stream, the largest record read so far.  Thread: one at a time.
 */
#pragma once

#include "display/wire/recording.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthRecordingReader BerthRecordingReader;

typedef struct {
    uint64_t size; /* of the file */
    /* Reads exactly len bytes at offset, all inside of size; 0 or an error. */
    int (*read)(uint64_t offset, uint8_t *data, size_t len, void *user_data);
    void *user_data;
} BerthRecordingSource;

/* One record to play. */
typedef struct {
    BerthRecordType type; /* STREAM, DISPLAY or CURSOR */
    int64_t t_us;
    BerthRecordingCaps caps; /* of STREAM */
    uint8_t message;         /* of DISPLAY and CURSOR: the type on its channel */
    const uint8_t *payload;  /* of the same; borrowed until the next call */
    size_t len;
} BerthRecord;

/*
 * Opens a recording: reads its index, or looks for the streams if there is none.
 *
 * source: copied
 *
 * Errors (NULL): BERTH_ERR_CORRUPT: it is no recording, or has no stream; BERTH_ERR_VERSION; those
 * of source.
 */
BerthRecordingReader *berth_recording_reader_new(const BerthRecordingSource *source,
                                                 int *ret_error);

/* NULL is allowed. */
void berth_recording_reader_free(BerthRecordingReader *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthRecordingReader, berth_recording_reader_free)

/* Goes to the last stream that begins at t_us or before, else to the first: next() gives it. */
void berth_recording_reader_seek(BerthRecordingReader *self, int64_t t_us);

/*
 * Reads the next record.
 *
 * Errors: BERTH_ERR_NOT_FOUND at the end, BERTH_ERR_CORRUPT where the file is damaged, those of the
 * source; seek() lifts them.
 */
int berth_recording_reader_next(BerthRecordingReader *self, BerthRecord *ret);

/* Returns the header of the file. */
const BerthRecordingHeader *berth_recording_reader_get_header(const BerthRecordingReader *self);

/* Returns the time of the last whole record. */
int64_t berth_recording_reader_get_duration_us(const BerthRecordingReader *self);

/* Returns how many streams there are: places to start from. */
size_t berth_recording_reader_get_n_streams(const BerthRecordingReader *self);

/* Returns true if the file was not closed. */
bool berth_recording_reader_is_cut(const BerthRecordingReader *self);

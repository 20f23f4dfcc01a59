/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the bytes of a recording (display/wire/recording.h), in order; somebody else writes them to
 * a file.
 *
 * Call begin, then stream, then messages, now and then stream again, at last end.  Each call
 * appends whole records to the writer that it is given, so a file may be cut between any two
 * calls and plays.
 *
 * State: 16 bytes a stream.  Pure.  Thread: one at a time.
 */
#pragma once

#include "berth/protocol.h"
#include "display/wire/recording.h"

#include <glib.h>

typedef struct BerthRecordingWriter BerthRecordingWriter;

BerthRecordingWriter *berth_recording_writer_new(void);

/* NULL is allowed. */
void berth_recording_writer_free(BerthRecordingWriter *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthRecordingWriter, berth_recording_writer_free)

/* Appends the header of the file; first, and once.  Errors: those of the writer. */
int berth_recording_writer_begin(BerthRecordingWriter *self, const BerthRecordingHeader *header,
                                 BerthWriter *writer);

/*
 * Appends the beginning of a new stream.
 *
 * t_us: since the beginning of the recording; smaller ones than the last count as that
 *
 * Errors: BERTH_ERR_TOO_LARGE: the recording is too long (BERTH_LIMIT_RECORDING_STREAMS,
 * BERTH_LIMIT_RECORDING_US): end it; BERTH_ERR_STATE: before begin.
 */
int berth_recording_writer_stream(BerthRecordingWriter *self, int64_t t_us,
                                  const BerthRecordingCaps *caps, BerthWriter *writer);

/*
 * Appends a message of the session.
 *
 * channel: DISPLAY or CURSOR
 *
 * Errors: BERTH_ERR_INVALID: another channel; BERTH_ERR_STATE: before the first stream;
 * BERTH_ERR_TOO_LARGE as above.
 */
int berth_recording_writer_message(BerthRecordingWriter *self, int64_t t_us, BerthChannel channel,
                                   uint8_t type, const uint8_t *payload, size_t len,
                                   BerthWriter *writer);

/* Appends index and trailer; nothing may follow.  Errors: BERTH_ERR_STATE: without a stream. */
int berth_recording_writer_end(BerthRecordingWriter *self, BerthWriter *writer);

/* Returns the bytes appended so far: the size of the file. */
uint64_t berth_recording_writer_get_size(const BerthRecordingWriter *self);

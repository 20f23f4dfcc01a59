/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shows a recording at any time: reads records and runs them through the decoders of the client.
 *
 * The recording is not trusted.  What is damaged ends the playing there; a seek to another place
 * may go on.  Time is that of the recording, in microseconds from its beginning.
 * Thread: one at a time; blocks on the disk.
 */
#pragma once

#include "display/decode/cursor-decoder.h"
#include "display/pixels/frame.h"
#include "display/wire/recording-reader.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthPlayer BerthPlayer;

/* reader: borrowed, must outlive the player. */
BerthPlayer *berth_player_new(BerthRecordingReader *reader);

/* NULL is allowed. */
void berth_player_free(BerthPlayer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthPlayer, berth_player_free)

/*
 * Shows the recording as it was at a time; earlier times begin at the stream before.
 *
 * t_us: values outside of the recording count as its ends
 *
 * Errors: BERTH_ERR_CORRUPT, BERTH_ERR_NO_MEMORY, BERTH_ERR_IO, with a sentence that names the time
 * up to which it went; the picture is that of this time.
 */
bool berth_player_seek(BerthPlayer *self, int64_t t_us, GError **error);

/*
 * Goes on to a later time, but stops after the first whole frame that ends after until_us.
 *
 * until_us: monotonic clock; INT64_MAX never stops
 *
 * Returns as berth_player_seek().
 */
bool berth_player_advance(BerthPlayer *self, int64_t t_us, int64_t until_us, GError **error);

/* Returns the time that is shown. */
int64_t berth_player_get_time_us(const BerthPlayer *self);

/* Returns true if nothing follows. */
bool berth_player_is_at_end(const BerthPlayer *self);

/* Returns the picture of a head; NULL if there is none.  Borrowed until the next call. */
const BerthFrame *berth_player_get_picture(const BerthPlayer *self, uint16_t head);

/*
 * Returns the pointer's shape, NULL if it is hidden, and where its hot spot was on head 0.
 * Borrowed until the next call.
 */
const BerthCursorImage *berth_player_get_cursor(const BerthPlayer *self, int32_t *ret_x,
                                                int32_t *ret_y);

/* Returns how many whole frames were shown since the last seek. */
uint64_t berth_player_get_n_frames(const BerthPlayer *self);

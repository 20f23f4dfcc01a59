/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns pictures and their damage into display messages for one client: exact, never lossy.
 *
 * The encoder knows what the client shows (a copy of each head), so damage is only a hint where
 * to look: pixels that the client has already cost nothing, and moved pixels become COPY.  What
 * must be sent goes as FILL where it is of one colour and as EXACT otherwise: RGB24 rows through
 * one zstd stream that lives as long as the connection.
 *
 * An error is sticky: the stream and the client are no longer in step, the connection must end.
 * A client that connects anew gets a new encoder.
 *
 * State for one client: 4 bytes a pixel of every head, plus the zstd context (10.3 MB at
 * window log 23, 2.5 MB at 20) and about 1 MB of buffers.  Thread: one at a time.
 */
#pragma once

#include "display/encode/emit.h"
#include "display/pixels/damage.h"
#include "display/pixels/frame.h"

typedef struct BerthFrameEncoder BerthFrameEncoder;

typedef struct {
    uint32_t frame_id;
    uint16_t head;         /* 0..BERTH_LIMIT_HEADS - 1, configured */
    uint32_t input_serial; /* last input given to the guest before the capture */
    int64_t capture_us;    /* clock of the session */
} BerthFrameInfo;

typedef struct {
    size_t n_bytes;    /* payload bytes of all messages of the frame */
    size_t n_messages; /* without FRAME_END */
    size_t n_copies;   /* COPY rectangles */
    size_t n_fills;    /* FILL rectangles */
    size_t n_exact;    /* EXACT rectangles */
    int64_t copied_px;
    int64_t filled_px;
    int64_t exact_px;
} BerthFrameStats;

/*
 * Makes an encoder for a new connection.
 *
 * window_log: log2 of the zstd window that the client accepts; values over
 *             BERTH_LIMIT_ZSTD_WINDOW_LOG are lowered to it, values under 10 are refused
 * level:      zstd level, 1..9; 1 is for everything but very slow links
 *
 * Errors: NULL if a value is not allowed or memory ran out.
 */
BerthFrameEncoder *berth_frame_encoder_new(int window_log, int level);

/* NULL is allowed. */
void berth_frame_encoder_free(BerthFrameEncoder *self);

/*
 * Tells the client the size of a head: HEAD_CONFIG.  The client's picture is black afterwards and
 * the next frame of the head must have this size and damage of all that is not black.
 *
 * Errors: BERTH_ERR_INVALID (head, size), BERTH_ERR_NO_MEMORY, sticky errors, those of emit.
 */
int berth_frame_encoder_configure_head(BerthFrameEncoder *self, uint16_t head, int width,
                                       int height, BerthMessageFunc emit, void *user_data);

/*
 * Encodes one frame up to, but not including, FRAME_END: FRAME_BEGIN, COPY, FILL, EXACT.
 *
 * frame, damage: of the size of the head; read only.  All pixels that changed since the last
 *                encoded frame of the head must be in the damage (merge what was skipped).
 * ret_stats:     may be NULL
 *
 * A frame without any difference emits FRAME_BEGIN alone: the client still learns input_serial.
 * Errors: BERTH_ERR_INVALID (sizes, head), BERTH_ERR_STATE if the last frame was not ended,
 * sticky errors, those of emit.
 */
int berth_frame_encoder_encode(BerthFrameEncoder *self, const BerthFrame *frame,
                               const BerthDamage *damage, const BerthFrameInfo *info,
                               BerthMessageFunc emit, void *user_data, BerthFrameStats *ret_stats);

/*
 * Ends the frame: FRAME_END.
 *
 * encode_us: time that the encoding took, as the caller measured it; for statistics
 *
 * Errors: BERTH_ERR_STATE if there is no frame to end, sticky errors, those of emit.
 */
int berth_frame_encoder_end(BerthFrameEncoder *self, uint32_t encode_us, BerthMessageFunc emit,
                            void *user_data);

/*
 * Makes the next frame of a head cover the whole picture, whatever the client is believed to
 * show: the answer to REFRESH.
 *
 * Errors: BERTH_ERR_INVALID if the head is not configured.
 */
int berth_frame_encoder_refresh(BerthFrameEncoder *self, uint16_t head);

/* The head as the client shows it after the last frame; NULL if not configured.  Borrowed. */
const BerthFrame *berth_frame_encoder_get_picture(const BerthFrameEncoder *self, uint16_t head);

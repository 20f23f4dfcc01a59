/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rectangle of the screen as a video: VP9 (4:2:0 or 4:4:4) or VP8, BT.601 full range.
 *
 * The rectangle's size is fixed for the life of an encoder; odd sizes are allowed (the codec pads).
 * No frame is held back: a picture goes in, its packet comes out.  The codec aims at a constant
 * good quality and stays below the target rate when that is too little for it.
 *
 * State: about 25 bytes a pixel of the rectangle.  Thread: one at a time; the codec runs threads
 * of its own when it was given more than one.
 */
#pragma once

#include "display/pixels/damage.h"
#include "display/pixels/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Smallest side of a video in pixels. */
#define BERTH_VIDEO_MIN_SIDE_PX 16

typedef struct BerthVideoEncoder BerthVideoEncoder;

typedef struct {
    uint8_t codec;     /* BerthVideoCodec */
    int width, height; /* BERTH_VIDEO_MIN_SIDE_PX.. , area at most BERTH_LIMIT_VIDEO_AREA_PX */
    unsigned kbps;     /* ceiling in kbit/s; 0: as much as the quality needs */
    int effort;        /* 0 least CPU .. 3 fewest bytes */
    int n_threads;     /* 1.. */
} BerthVideoEncoderConfig;

/* One picture of the video; the bytes are valid until the next call on the encoder. */
typedef struct {
    const uint8_t *data; /* NULL if the codec dropped the picture: nothing is to be sent */
    size_t len;
    bool is_key;
} BerthVideoPacket;

/*
 * Makes an encoder; its first packet is a key frame.
 *
 * Errors: NULL if the configuration is not allowed or memory ran out.
 */
BerthVideoEncoder *berth_video_encoder_new(const BerthVideoEncoderConfig *config);

/* NULL is allowed. */
void berth_video_encoder_free(BerthVideoEncoder *self);

/* Another ceiling in kbit/s (0: none) or effort from the next picture on. */
void berth_video_encoder_set_kbps(BerthVideoEncoder *self, unsigned kbps);
void berth_video_encoder_set_effort(BerthVideoEncoder *self, int effort);

/*
 * Encodes the rectangle whose top left corner is x, y.
 *
 * damage: what changed in the frame since the previous call, of the size of the frame; NULL if
 *         unknown.  What did not change is not converted again and may be skipped by the codec.
 * now_us: not before that of the call before
 * is_key_wanted: a viewer joins: the packet must be decodable alone
 *
 * Errors (the encoder is unusable then): BERTH_ERR_INVALID if the rectangle is not inside the
 * frame, BERTH_ERR_INTERNAL from the codec.
 */
int berth_video_encoder_encode(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y,
                               const BerthDamage *damage, int64_t now_us, bool is_key_wanted,
                               BerthVideoPacket *ret_packet);

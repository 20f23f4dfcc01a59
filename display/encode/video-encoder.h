/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rectangle of the screen as a video: VP9 (4:2:0 or 4:4:4) or VP8, BT.601 full range.
 *
 * The rectangle's size is fixed for the life of an encoder; odd sizes are allowed (the codec pads).
 * No frame is held back: a picture goes in, its packet comes out.  The codec aims at a constant
 * good quality, somewhat less where most of the picture moves, and stays below the ceiling when
 * that is too little for it.  Blocks that did not change cost neither bytes nor much time.
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
    int effort;        /* 0 least CPU, 3 best */
    int n_threads;     /* 1.. */
} BerthVideoEncoderConfig;

/* One picture of the video; the bytes are valid until the next call on the encoder. */
typedef struct {
    const uint8_t *data; /* NULL if the codec dropped the picture: nothing is to be sent */
    size_t len;
    bool is_key;
    uint8_t quality; /* of the picture as shown, on the scale of refiner.h */
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
 * Takes in what changed without making a packet of it: the next packet shows it.
 *
 * x, y: top left corner of the rectangle in the frame
 * damage: what changed in the frame since the call before, of the size of the frame; NULL if
 *         unknown
 *
 * Errors: BERTH_ERR_INVALID if the rectangle is not inside the frame.
 */
int berth_video_encoder_see(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y,
                            const BerthDamage *damage);

/*
 * Takes in what changed, as above, and makes a packet.
 *
 * now_us: not before that of the packet before
 * is_key_wanted: a viewer joins: the packet must be decodable alone
 *
 * Errors (the encoder is unusable then): BERTH_ERR_INVALID if the rectangle is not inside the
 * frame, BERTH_ERR_INTERNAL from the codec.
 */
int berth_video_encoder_encode(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y,
                               const BerthDamage *damage, int64_t now_us, bool is_key_wanted,
                               BerthVideoPacket *ret_packet);

/* True if so many kbit/s for videos (0: anything) mean that bytes are dearer than time. */
bool berth_video_is_slow_path(unsigned kbps);

/*
 * Chooses the codec for the content of a rectangle, inside the frame, and for a path.
 *
 * Full colour resolution only where many neighbours differ in colour (drawings), for it costs half
 * as much again.  Otherwise VP8 where bytes are plenty: it takes a quarter less time and half of
 * the memory; VP9 where they are not: on hard content it needs half of the bytes.
 *
 * mask: BERTH_VIDEO_BIT()s to choose from;  kbps: what the video may take, 0: anything
 *
 * Returns a BerthVideoCodec; 0 if the mask holds none.
 */
uint8_t berth_video_encoder_choose_codec(const BerthFrame *frame, BerthRect rect, uint8_t mask,
                                         unsigned kbps);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the display channel: heads, frames, copies and fills; and what clients answer.
 * Pixels are in msg-exact.h, msg-tiles.h, msg-photo.h and msg-video.h.
 *
 * Encoders append the payload to a writer; decoders check every field against the limits of the
 * protocol (not against the size of the head, that is the frame decoder's part) and set *ret only
 * on success.  Lists stay in the payload: a decoded list borrows it and hands out one checked item
 * at a time, so decoding allocates nothing.  Pure.
 *
 * Units: pixels; rectangles are never empty and end at most at BERTH_LIMIT_HEAD_SIDE_PX.
 * Errors of encoders: what the writer says, BERTH_ERR_INVALID for values that the decoder would
 * refuse.  Errors of decoders: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_PROTOCOL.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/geometry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most items in one COPY, FILL or EXACT: the count is 16 bits. */
#define BERTH_WIRE_MAX_ITEMS 65535u
/* BerthMsgFrameBegin.flags: the frame covers the whole head; nothing older shines through. */
#define BERTH_FRAME_WHOLE 0x1u
/* Nothing new was captured: better pixels of the picture that is there. */
#define BERTH_FRAME_REFINEMENT 0x2u

typedef struct {
    uint16_t head;
    uint16_t w, h;
} BerthMsgHeadConfig;

typedef struct {
    uint32_t frame; /* one higher than the frame before, any head; starts at 1, wraps to 0 */
    uint16_t head;
    uint16_t flags;        /* BERTH_FRAME_* */
    uint32_t input_serial; /* last input message given to the guest before the capture */
    int64_t capture_us;    /* clock of the session */
} BerthMsgFrameBegin;

typedef struct {
    uint32_t frame;
    uint32_t n_bytes;   /* of payload, from FRAME_BEGIN on; FRAME_END itself not counted */
    uint32_t encode_us; /* time that the host spent; 16.7 s and more are one */
    bool is_exact;      /* the client's head now has the very pixels of the capture */
} BerthMsgFrameEnd;

typedef struct {
    uint32_t frame;
    uint32_t decode_us;        /* FRAME_END received to pixels ready, when this leaves */
    uint32_t present_delay_us; /* FRAME_END received to picture shown, as far as known */
    uint16_t queued;           /* frames that the client holds and has not shown */
} BerthMsgFrameAck;

typedef struct {
    uint16_t head;
    uint16_t w, h;
    uint16_t mm_w, mm_h; /* millimetres; 0 is unknown */
} BerthMsgHeadRequest;

typedef struct {
    uint16_t head;
    uint16_t reason; /* BerthRefreshReason */
} BerthMsgRefresh;

/* COPY moves w x h pixels from (sx, sy) to (dx, dy) of the picture before this message. */
typedef struct {
    uint16_t sx, sy, w, h, dx, dy;
} BerthWireCopy;

typedef struct {
    uint16_t x, y, w, h;
    uint32_t xrgb; /* 0x00RRGGBB */
} BerthWireFill;

/* Decoded lists: n items, borrowed from the payload. */
typedef struct {
    uint16_t n;
    const uint8_t *items;
} BerthMsgCopy;

typedef struct {
    uint16_t n;
    const uint8_t *items;
} BerthMsgFill;

int berth_msg_head_config_encode(BerthWriter *writer, const BerthMsgHeadConfig *config);
int berth_msg_head_config_decode(const uint8_t *payload, size_t len, BerthMsgHeadConfig *ret);

int berth_msg_frame_begin_encode(BerthWriter *writer, const BerthMsgFrameBegin *begin);
int berth_msg_frame_begin_decode(const uint8_t *payload, size_t len, BerthMsgFrameBegin *ret);

int berth_msg_frame_end_encode(BerthWriter *writer, const BerthMsgFrameEnd *end);
int berth_msg_frame_end_decode(const uint8_t *payload, size_t len, BerthMsgFrameEnd *ret);

int berth_msg_frame_ack_encode(BerthWriter *writer, const BerthMsgFrameAck *ack);
int berth_msg_frame_ack_decode(const uint8_t *payload, size_t len, BerthMsgFrameAck *ret);

int berth_msg_head_request_encode(BerthWriter *writer, const BerthMsgHeadRequest *request);
int berth_msg_head_request_decode(const uint8_t *payload, size_t len, BerthMsgHeadRequest *ret);

int berth_msg_refresh_encode(BerthWriter *writer, const BerthMsgRefresh *refresh);
int berth_msg_refresh_decode(const uint8_t *payload, size_t len, BerthMsgRefresh *ret);

/* n_items: 1..BERTH_WIRE_MAX_ITEMS. */
int berth_msg_copy_encode(BerthWriter *writer, const BerthWireCopy *items, size_t n_items);
int berth_msg_copy_decode(const uint8_t *payload, size_t len, BerthMsgCopy *ret);
/* i must be below copy->n. */
BerthWireCopy berth_msg_copy_get(const BerthMsgCopy *copy, unsigned i);

/* n_items: 1..BERTH_WIRE_MAX_ITEMS. */
int berth_msg_fill_encode(BerthWriter *writer, const BerthWireFill *items, size_t n_items);
int berth_msg_fill_decode(const uint8_t *payload, size_t len, BerthMsgFill *ret);
/* i must be below fill->n. */
BerthWireFill berth_msg_fill_get(const BerthMsgFill *fill, unsigned i);

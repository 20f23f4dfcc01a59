/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of moving regions: VIDEO_OPEN, VIDEO, VIDEO_CLOSE.
 *
 * That a stream is open, that its size fits the head and the packet, and that all open streams
 * together stay within BERTH_LIMIT_VIDEO_AREA_PX is for the decoder to check.
 * Pure.  Errors as in msg-display.h.
 */
#pragma once

#include "display/wire/msg-display.h"

/* BerthMsgVideo.flags: the packet needs none before it. */
#define BERTH_VIDEO_KEY 0x1u

typedef struct {
    uint8_t stream; /* below BERTH_LIMIT_VIDEO_STREAMS */
    uint8_t codec;  /* BerthVideoCodec */
    uint16_t w, h;  /* at most BERTH_LIMIT_VIDEO_AREA_PX */
} BerthMsgVideoOpen;

typedef struct {
    uint8_t stream;
} BerthMsgVideoClose;

/* keep and data: borrowed. */
typedef struct {
    uint8_t stream;
    uint8_t flags;       /* BERTH_VIDEO_* */
    uint16_t x, y;       /* of the picture on the head */
    uint16_t n_keep;     /* rectangles of the head that are not painted */
    const uint8_t *keep; /* see berth_msg_video_get_keep() */
    const uint8_t *data; /* one packet of the codec */
    size_t data_len;     /* 1..BERTH_LIMIT_VIDEO_BYTES */
} BerthMsgVideo;

int berth_msg_video_open_encode(BerthWriter *writer, const BerthMsgVideoOpen *open);
int berth_msg_video_open_decode(const uint8_t *payload, size_t len, BerthMsgVideoOpen *ret);

int berth_msg_video_close_encode(BerthWriter *writer, const BerthMsgVideoClose *close);
int berth_msg_video_close_decode(const uint8_t *payload, size_t len, BerthMsgVideoClose *ret);

/*
 * keep:  video->n_keep rectangles (video->keep is not looked at), at most
 *        BERTH_LIMIT_VIDEO_KEEP_RECTS; NULL if there are none
 */
int berth_msg_video_encode(BerthWriter *writer, const BerthMsgVideo *video,
                           const BerthWireRect *keep);
int berth_msg_video_decode(const uint8_t *payload, size_t len, BerthMsgVideo *ret);
/* i must be below video->n_keep. */
BerthWireRect berth_msg_video_get_keep(const BerthMsgVideo *video, unsigned i);

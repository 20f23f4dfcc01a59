/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PHOTO: a rectangle as a compressed picture.
 *
 * The size inside the compressed picture is for the decoder to check: it must equal the rectangle.
 * Pure.  Errors as in msg-display.h.
 */
#pragma once

#include "display/wire/msg-display.h"

/* data: borrowed, 1..BERTH_LIMIT_PHOTO_BYTES. */
typedef struct {
    BerthWireRect rect; /* at most BERTH_LIMIT_PHOTO_AREA_PX */
    uint8_t codec;      /* BerthPhotoCodec */
    uint8_t quality;    /* 1..100, as the encoder was told; for statistics */
    const uint8_t *data;
    size_t data_len;
} BerthMsgPhoto;

int berth_msg_photo_encode(BerthWriter *writer, const BerthMsgPhoto *photo);
int berth_msg_photo_decode(const uint8_t *payload, size_t len, BerthMsgPhoto *ret);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXACT: rectangles of pixels through a zstd stream.
 *
 * The payload is a small head and zstd bytes.  What these expand to begins with the table of the
 * rectangles, in columns (all x, all y, all widths, all heights), and goes on with their pixels.
 * The table is in the stream because the rectangles of one frame resemble those of the last.
 *
 * Pure.  Errors as in msg-display.h.  Source: docs/PROTOCOL.md, "EXACT".
 */
#pragma once

#include "display/wire/msg-display.h"

/* Bytes of the table for each rectangle, and of pixels for each pixel (R, G, B). */
#define BERTH_EXACT_TABLE_BYTES 8u
#define BERTH_EXACT_PIXEL_BYTES 3u

/* stream: BerthExactStreamKind.  data: borrowed. */
typedef struct {
    uint8_t stream;
    uint16_t n;          /* rectangles, at least 1 */
    uint32_t area_px;    /* of all rectangles together; n .. BERTH_LIMIT_HEAD_AREA_PX */
    const uint8_t *data; /* zstd, up to and with the flush */
    size_t data_len;     /* at least 1 */
} BerthMsgExact;

/* Appends the head: stream, n and area_px.  The caller appends the zstd bytes. */
int berth_msg_exact_encode_head(BerthWriter *writer, const BerthMsgExact *exact);

int berth_msg_exact_decode(const uint8_t *payload, size_t len, BerthMsgExact *ret);

/*
 * Writes the table of rectangles to ret_table, BERTH_EXACT_TABLE_BYTES * n_rects bytes, and their
 * area.  n_rects: 1..BERTH_WIRE_MAX_ITEMS.
 *
 * Errors: BERTH_ERR_INVALID: a rectangle is not allowed, or the area is too large.
 */
int berth_exact_table_encode(const BerthWireRect *rects, size_t n_rects, uint8_t *ret_table,
                             uint32_t *ret_area_px);

/*
 * Reads the table of a message.  table: BERTH_EXACT_TABLE_BYTES * exact->n bytes that the stream
 * gave; ret_rects has room for exact->n.
 *
 * Errors: BERTH_ERR_PROTOCOL: a rectangle is not allowed, or their area is not exact->area_px.
 */
int berth_exact_table_decode(const BerthMsgExact *exact, const uint8_t *table,
                             BerthWireRect *ret_rects);

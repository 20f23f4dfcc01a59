/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages about whole tiles: CACHED, TILE_STORE and PICTURE_CHECK.
 *
 * A tile is named by its index in the grid of BERTH_LIMIT_TILE_PX squares of its head, row by row
 * from the top left; tiles at the right and the lower edge are cropped.  Only the grid of the
 * largest head is checked here.  Pure.  Errors as in msg-display.h.
 */
#pragma once

#include "display/wire/msg-display.h"

/* One tile of the picture and one place in the client's cache. */
typedef struct {
    uint16_t tile; /* below BERTH_LIMIT_HEAD_TILES */
    uint16_t slot; /* below BERTH_LIMIT_CACHE_TILES */
} BerthWireTile;

/* CACHED draws kept tiles, TILE_STORE keeps what tiles show now; both are such a list. */
typedef struct {
    uint16_t n; /* 1..BERTH_LIMIT_HEAD_TILES */
    const uint8_t *items;
} BerthMsgTiles;

/* bitmap: bit i % 8 (lowest first) of byte i / 8 is tile i; borrowed. */
typedef struct {
    uint16_t head;
    uint32_t frame;   /* after which the client hashes; the last that was sent */
    uint64_t hash;    /* of the tiles in the bitmap: display/pixels/tile-hash.h */
    uint16_t n_bytes; /* of the bitmap: 1..BERTH_LIMIT_HEAD_TILES / 8 */
    const uint8_t *bitmap;
} BerthMsgPictureCheck;

/* For CACHED and TILE_STORE.  n_items: 1..BERTH_LIMIT_HEAD_TILES. */
int berth_msg_tiles_encode(BerthWriter *writer, const BerthWireTile *items, size_t n_items);
int berth_msg_tiles_decode(const uint8_t *payload, size_t len, BerthMsgTiles *ret);
/* i must be below tiles->n. */
BerthWireTile berth_msg_tiles_get(const BerthMsgTiles *tiles, unsigned i);

int berth_msg_picture_check_encode(BerthWriter *writer, const BerthMsgPictureCheck *check);
int berth_msg_picture_check_decode(const uint8_t *payload, size_t len, BerthMsgPictureCheck *ret);

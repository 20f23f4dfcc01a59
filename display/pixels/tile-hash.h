/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hashes of what a rectangle of a picture shows; X is ignored.  The same on every processor.
 *
 * The 128-bit form is keyed and names the content of tiles in the cache of a client: who does not
 * know the key cannot draw two tiles that are taken for one.  It is no more than that: a hash of
 * pixels that one viewer sees anyway, not a signature.  The 64-bit form compares two ends.
 *
 * Thread: any.  Source: XXH3 of the xxHash library.
 */
#pragma once

#include "display/pixels/frame.h"

/* Bytes of a key: as many as XXH3 takes of a secret; all of them random. */
#define BERTH_TILE_HASH_KEY_BYTES 192

typedef struct {
    uint64_t low;
    uint64_t high;
} BerthTileHash;

/*
 * Hashes a rectangle of at most BERTH_LIMIT_TILE_PX on a side, inside the frame.  The size is part
 * of the content, the place is not.
 *
 * key: BERTH_TILE_HASH_KEY_BYTES random bytes
 */
BerthTileHash berth_tile_hash(const BerthFrame *frame, BerthRect rect, const uint8_t *key);

bool berth_tile_hash_equal(BerthTileHash a, BerthTileHash b);

/*
 * One number for what a set of tiles shows, and which tiles these are: PICTURE_CHECK.
 *
 * tiles:   a bit for each 64x64 tile of the frame, row by row, lowest bit first; bits behind the
 *          last tile are ignored
 * n_bytes: bytes in tiles; tiles that they do not reach are not in the set
 */
uint64_t berth_tile_hash_picture(const BerthFrame *frame, const uint8_t *tiles, size_t n_bytes);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/pixels/tile-hash.h"

#include "berth/limits.h"
#include "display/pixels/format.h"
#include "display/pixels/prefetch.h"

#include <assert.h>
#include <glib.h>
#include <string.h>
#include <xxhash.h>

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

#define TILE ((int)BERTH_LIMIT_TILE_PX)
#define OPAQUE 0xff000000u
/* Rows that are brought near before they are read: a tile is on as many pages as it has rows. */
#define AHEAD_ROWS 8

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "both ends hash the same bytes");
_Static_assert(BERTH_TILE_HASH_KEY_BYTES >= XXH3_SECRET_SIZE_MIN, "XXH3 takes the key");

/* A tile in one piece, for one call of the hash: its size, then its pixels with X 0xff. */
typedef struct {
    uint32_t words[1 + TILE * TILE];
    size_t n_bytes;
} Gathered;

/*
 * The library looks at the processor in the first call of each kind and keeps what it found without
 * a lock: one thread makes those calls before any other can.
 */
static void
ensure_library(void)
{
    static gsize is_ready;
    if (g_once_init_enter(&is_ready)) {
        static const uint8_t nothing[1024];
        volatile uint64_t hash =
            XXH3_128bits_withSecret(nothing, sizeof nothing, nothing, BERTH_TILE_HASH_KEY_BYTES)
                .low64;
        hash = XXH3_64bits_withSeed(nothing, sizeof nothing, hash);
        g_once_init_leave(&is_ready, 1);
    }
}

/* Four pixels that the compiler handles together. */
typedef uint32_t Pixels __attribute__((vector_size(16)));

static void
copy_row(uint32_t *words, const uint8_t *row, int n_pixels)
{
    const Pixels opaque = { OPAQUE, OPAQUE, OPAQUE, OPAQUE };
    int i = 0;
    for (; i + 4 <= n_pixels; i += 4) {
        Pixels pixels;
        memcpy(&pixels, row + (size_t)i * BERTH_PIXEL_BYTES, sizeof pixels);
        pixels |= opaque;
        memcpy(words + i, &pixels, sizeof pixels);
    }
    for (; i < n_pixels; i++) {
        uint32_t word;
        memcpy(&word, row + (size_t)i * BERTH_PIXEL_BYTES, sizeof word);
        words[i] = word | OPAQUE;
    }
}

static void
gather(const BerthFrame *frame, BerthRect rect, Gathered *gathered)
{
    assert(rect.w <= TILE && rect.h <= TILE);
    assert(berth_rect_is_inside(rect, frame->width, frame->height));
    uint32_t *words = gathered->words;
    *words++ = (uint32_t)rect.w << 16 | (uint32_t)rect.h;
    for (int row = 0; row < rect.h; row++) {
        const uint8_t *pixels = berth_frame_pixel(frame, rect.x, rect.y + row);
        if (row + AHEAD_ROWS < rect.h) {
            berth_prefetch(pixels + AHEAD_ROWS * frame->stride_bytes,
                           (size_t)rect.w * BERTH_PIXEL_BYTES);
        }
        copy_row(words, pixels, rect.w);
        words += rect.w;
    }
    gathered->n_bytes = (size_t)((const uint8_t *)words - (const uint8_t *)gathered->words);
}

BerthTileHash
berth_tile_hash(const BerthFrame *frame, BerthRect rect, const uint8_t *key)
{
    Gathered gathered;
    ensure_library();
    gather(frame, rect, &gathered);
    XXH128_hash_t hash =
        XXH3_128bits_withSecret(gathered.words, gathered.n_bytes, key, BERTH_TILE_HASH_KEY_BYTES);
    return (BerthTileHash){ hash.low64, hash.high64 };
}

bool
berth_tile_hash_equal(BerthTileHash a, BerthTileHash b)
{
    return a.low == b.low && a.high == b.high;
}

uint64_t
berth_tile_hash_picture(const BerthFrame *frame, const uint8_t *tiles, size_t n_bytes)
{
    size_t n_columns = (size_t)(frame->width + TILE - 1) / TILE;
    size_t n_tiles = n_columns * ((size_t)(frame->height + TILE - 1) / TILE);
    uint64_t chain = n_tiles;
    ensure_library();
    for (size_t i = 0; i < n_tiles && i / 8 < n_bytes; i++) {
        if ((tiles[i / 8] >> (i % 8) & 1) == 0) {
            continue;
        }
        BerthRect tile = { (int)(i % n_columns) * TILE, (int)(i / n_columns) * TILE, TILE, TILE };
        Gathered gathered;
        gather(frame, berth_rect_intersect(tile, berth_frame_get_rect(frame)), &gathered);
        chain = XXH3_64bits_withSeed(gathered.words, gathered.n_bytes, chain + i);
    }
    return chain;
}

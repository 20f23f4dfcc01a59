/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-tiles.h"

#include "base/error.h"

#include <stdbool.h>

#define TILE_BYTES 4u
#define BITMAP_MAX_BYTES (BERTH_LIMIT_HEAD_TILES / 8)

_Static_assert(BERTH_LIMIT_HEAD_TILES % 8 == 0, "the longest bitmap has whole bytes");

static bool
is_tile(BerthWireTile item)
{
    return item.tile < BERTH_LIMIT_HEAD_TILES && item.slot < BERTH_LIMIT_CACHE_TILES;
}

int
berth_msg_tiles_encode(BerthWriter *writer, const BerthWireTile *items, size_t n_items)
{
    if (n_items < 1 || n_items > BERTH_LIMIT_HEAD_TILES) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, (uint16_t)n_items);
    for (size_t i = 0; i < n_items; i++) {
        if (!is_tile(items[i])) {
            return BERTH_ERR_INVALID;
        }
        berth_writer_put_u16(writer, items[i].tile);
        berth_writer_put_u16(writer, items[i].slot);
    }
    return writer->error;
}

BerthWireTile
berth_msg_tiles_get(const BerthMsgTiles *tiles, unsigned i)
{
    BerthReader reader;
    BerthWireTile item;
    berth_reader_init(&reader, tiles->items + (size_t)i * TILE_BYTES, TILE_BYTES);
    item.tile = berth_reader_get_u16(&reader);
    item.slot = berth_reader_get_u16(&reader);
    return item;
}

int
berth_msg_tiles_decode(const uint8_t *payload, size_t len, BerthMsgTiles *ret)
{
    BerthReader reader;
    BerthMsgTiles tiles;
    berth_reader_init(&reader, payload, len);
    tiles.n = berth_reader_get_u16(&reader);
    tiles.items = berth_reader_get_bytes_direct(&reader, tiles.n * TILE_BYTES);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (tiles.n < 1 || tiles.n > BERTH_LIMIT_HEAD_TILES) {
        return BERTH_ERR_PROTOCOL;
    }
    for (unsigned i = 0; i < tiles.n; i++) {
        if (!is_tile(berth_msg_tiles_get(&tiles, i))) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    *ret = tiles;
    return BERTH_OK;
}

static bool
is_check(const BerthMsgPictureCheck *check)
{
    return berth_wire_head_is_allowed(check->head) && check->n_bytes >= 1 &&
           check->n_bytes <= BITMAP_MAX_BYTES;
}

int
berth_msg_picture_check_encode(BerthWriter *writer, const BerthMsgPictureCheck *check)
{
    if (!is_check(check)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, check->head);
    berth_writer_put_u32(writer, check->frame);
    berth_writer_put_u64(writer, check->hash);
    berth_writer_put_u16(writer, check->n_bytes);
    berth_writer_put_bytes(writer, check->bitmap, check->n_bytes);
    return writer->error;
}

int
berth_msg_picture_check_decode(const uint8_t *payload, size_t len, BerthMsgPictureCheck *ret)
{
    BerthReader reader;
    BerthMsgPictureCheck check;
    berth_reader_init(&reader, payload, len);
    check.head = berth_reader_get_u16(&reader);
    check.frame = berth_reader_get_u32(&reader);
    check.hash = berth_reader_get_u64(&reader);
    check.n_bytes = berth_reader_get_u16(&reader);
    check.bitmap = berth_reader_get_bytes_direct(&reader, check.n_bytes);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_check(&check)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = check;
    return BERTH_OK;
}

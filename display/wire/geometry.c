/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/geometry.h"

#include "berth/limits.h"

#include <glib.h>

bool
berth_wire_head_is_allowed(uint16_t head)
{
    return head < BERTH_LIMIT_HEADS;
}

bool
berth_wire_size_is_allowed(uint16_t w, uint16_t h)
{
    return w >= 1 && h >= 1 && w <= BERTH_LIMIT_HEAD_SIDE_PX && h <= BERTH_LIMIT_HEAD_SIDE_PX &&
           (uint32_t)w * h <= BERTH_LIMIT_HEAD_AREA_PX;
}

bool
berth_wire_rect_is_allowed(BerthWireRect rect)
{
    return rect.w >= 1 && rect.h >= 1 && (uint32_t)rect.x + rect.w <= BERTH_LIMIT_HEAD_SIDE_PX &&
           (uint32_t)rect.y + rect.h <= BERTH_LIMIT_HEAD_SIDE_PX;
}

BerthWireRect
berth_wire_rect_get(BerthReader *reader)
{
    BerthWireRect rect;
    rect.x = berth_reader_get_u16(reader);
    rect.y = berth_reader_get_u16(reader);
    rect.w = berth_reader_get_u16(reader);
    rect.h = berth_reader_get_u16(reader);
    return rect;
}

void
berth_wire_rect_put(BerthWriter *writer, BerthWireRect rect)
{
    berth_writer_put_u16(writer, rect.x);
    berth_writer_put_u16(writer, rect.y);
    berth_writer_put_u16(writer, rect.w);
    berth_writer_put_u16(writer, rect.h);
}

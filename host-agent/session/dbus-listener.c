/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/dbus-listener.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>

/* The rectangle is not empty and within the limits: fill the picture if the bytes are there. */
static int
check_bytes(const BerthRect *rect, uint32_t stride, uint32_t format_code, const uint8_t *data,
            size_t n_bytes, BerthListenerPicture *ret)
{
    const BerthPixelFormat *format = berth_pixel_format_find_pixman(format_code);
    uint64_t row_bytes, needed;

    if (!format) {
        return BERTH_ERR_UNSUPPORTED;
    }
    row_bytes = (uint64_t)rect->w * format->pixel_bytes;
    if (stride < row_bytes) {
        return BERTH_ERR_INVALID;
    }
    needed = (uint64_t)stride * (uint64_t)(rect->h - 1) + row_bytes;
    if (!data || needed > n_bytes) {
        return BERTH_ERR_TRUNCATED;
    }
    *ret = (BerthListenerPicture){
        .rect = *rect,
        .source = { data, n_bytes, stride, format },
    };
    return BERTH_OK;
}

int
berth_dbus_listener_check_scanout(uint32_t width, uint32_t height, uint32_t stride, uint32_t format,
                                  const uint8_t *data, size_t n_bytes, BerthListenerPicture *ret)
{
    BerthRect rect;

    if (width == 0 || height == 0) {
        return BERTH_ERR_INVALID;
    }
    if (!berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_TOO_LARGE;
    }
    rect = (BerthRect){ 0, 0, (int)width, (int)height };
    return check_bytes(&rect, stride, format, data, n_bytes, ret);
}

int
berth_dbus_listener_check_update(const BerthRect *rect, uint32_t stride, uint32_t format,
                                 const uint8_t *data, size_t n_bytes, int mode_w, int mode_h,
                                 BerthListenerPicture *ret)
{
    const int max_side = (int)BERTH_LIMIT_HEAD_SIDE_PX;

    if (!berth_rect_is_inside(*rect, max_side, max_side)) {
        return BERTH_ERR_INVALID;
    }
    if (!berth_rect_is_inside(*rect, mode_w, mode_h)) {
        return BERTH_ERR_STATE;
    }
    return check_bytes(rect, stride, format, data, n_bytes, ret);
}

int
berth_dbus_listener_check_cursor(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                 const uint8_t *data, size_t n_bytes, BerthCursorShape *ret)
{
    if (width <= 0 || height <= 0) {
        return BERTH_ERR_INVALID;
    }
    if ((uint32_t)width > BERTH_LIMIT_CURSOR_SIDE_PX ||
        (uint32_t)height > BERTH_LIMIT_CURSOR_SIDE_PX) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (!data || n_bytes < (size_t)width * (size_t)height * 4) {
        return BERTH_ERR_TRUNCATED;
    }
    *ret = (BerthCursorShape){
        .width = width,
        .height = height,
        .hot_x = hot_x,
        .hot_y = hot_y,
        .pixels = data,
        .size_bytes = (size_t)width * (size_t)height * 4,
    };
    return BERTH_OK;
}

void
berth_dbus_listener_straighten_cursor(uint8_t *pixels, size_t n_px)
{
    for (uint8_t *pixel = pixels; n_px > 0; n_px--, pixel += 4) {
        unsigned alpha = pixel[3];

        for (int i = 0; i < 3 && alpha < 255; i++) {
            unsigned straight = alpha > 0 ? (pixel[i] * 255u + alpha / 2) / alpha : 0;

            /* A guest that gives straight colours, or nonsense, may be brighter than its alpha. */
            pixel[i] = (uint8_t)MIN(straight, 255u);
        }
    }
}

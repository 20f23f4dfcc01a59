/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine behind our end of org.qemu.Display1.Listener: hostile numbers in, checked pictures
 * out.
 *
 * A guest chooses sizes and pixels, so every size, stride, format, place and byte count is checked
 * here before one byte is read.  Pure functions on values; no D-Bus, no clock, no allocation.
 */
#pragma once

#include "display/encode/cursor-encoder.h"
#include "display/pixels/damage.h"
#include "display/pixels/rect.h"

#include <stddef.h>
#include <stdint.h>

/* A rectangle of pixels that may be read in whole. */
typedef struct {
    BerthRect rect;          /* place in the mode, not empty */
    BerthPixelSource source; /* begins at rect's first pixel; borrows the caller's bytes */
} BerthListenerPicture;

/*
 * Checks a Scanout: a whole new picture whose size becomes the mode.
 *
 * ret: set on success only; borrows data
 *
 * Errors: BERTH_ERR_INVALID (no size, or rows longer than the stride), BERTH_ERR_TOO_LARGE,
 * BERTH_ERR_UNSUPPORTED (format), BERTH_ERR_TRUNCATED (fewer bytes than the rows need).
 */
int berth_dbus_listener_check_scanout(uint32_t width, uint32_t height, uint32_t stride,
                                      uint32_t format, const uint8_t *data, size_t n_bytes,
                                      BerthListenerPicture *ret);

/*
 * Checks an Update: a rectangle that must lie inside the mode of the last Scanout.
 *
 * mode_w, mode_h: pixels; 0 before the first Scanout
 *
 * Errors: as above; BERTH_ERR_STATE before the first Scanout, and for a rectangle of a larger mode:
 * QEMU 7.2 goes on with Updates when a text mode changes its size, and tells the size otherwise.
 */
int berth_dbus_listener_check_update(const BerthRect *rect, uint32_t stride, uint32_t format,
                                     const uint8_t *data, size_t n_bytes, int mode_w, int mode_h,
                                     BerthListenerPicture *ret);

/*
 * Checks a CursorDefine: rows of B, G, R, A without gaps, colours multiplied by alpha.
 *
 * ret: set on success only; borrows data
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_TOO_LARGE, BERTH_ERR_TRUNCATED.
 */
int berth_dbus_listener_check_cursor(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                     const uint8_t *data, size_t n_bytes, BerthCursorShape *ret);

/*
 * Divides colours by their alpha, as the wire wants them.
 *
 * QEMU gives out what the guest's driver gave it, and the cursor planes of DRM are premultiplied.
 *
 * pixels: n_px of B, G, R, A; colours over their alpha become 255
 */
void berth_dbus_listener_straighten_cursor(uint8_t *pixels, size_t n_px);

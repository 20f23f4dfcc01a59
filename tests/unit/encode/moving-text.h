/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures with something that looks like text, for what looks for motion; the same in every run.
 */
#pragma once

#include "testing.h"

#include "display/pixels/damage.h"
#include "display/pixels/frame.h"
#include "display/wire/msg-display.h"

#include <string.h>

static uint32_t moving_random = 1;

static inline uint32_t
next_random(void)
{
    moving_random = moving_random * 1664525u + 1013904223u;
    return moving_random >> 8;
}

/* Black and grey strokes on white, of which no two rows are alike. */
static inline void
draw_text(BerthFrame *frame, BerthRect rect)
{
    berth_frame_fill(frame, rect, 0xffffff);
    for (int y = rect.y; y < rect.y + rect.h; y++) {
        for (int x = rect.x; x < rect.x + rect.w; x++) {
            if (next_random() % 5 == 0) {
                uint32_t word = 0xff000000u | (next_random() % 8 * 0x202020u);
                memcpy(berth_frame_pixel(frame, x, y), &word, sizeof word);
            }
        }
    }
}

/* Marks exactly what differs, as a capture does. */
static inline void
find_damage(BerthDamage *damage, const BerthFrame *old, const BerthFrame *new)
{
    BerthFrame *shown = berth_frame_new(old->width, old->height);
    berth_frame_copy_rect(shown, old, berth_frame_get_rect(old));
    BerthPixelSource source = { new->data, new->stride_bytes *(size_t) new->height,
                                new->stride_bytes, berth_pixel_format_bgrx };
    berth_damage_clear(damage);
    assert_int_equal(berth_damage_compare_copy(damage, shown, berth_frame_get_rect(new), &source),
                     0);
    berth_frame_unref(shown);
}

/* Every copy gives the new pixels, and no two targets overlap; returns the pixels of all. */
static inline int64_t
check_copies(const BerthFrame *old, const BerthFrame *new, const BerthWireCopy *copies, size_t n)
{
    int64_t area_px = 0;
    for (size_t i = 0; i < n; i++) {
        const BerthWireCopy *copy = &copies[i];
        BerthRect target = { copy->dx, copy->dy, copy->w, copy->h };
        BerthRect source = { copy->sx, copy->sy, copy->w, copy->h };
        assert_true(berth_rect_is_inside(target, new->width, new->height));
        assert_true(berth_rect_is_inside(source, old->width, old->height));
        for (int row = 0; row < copy->h; row++) {
            assert_memory_equal(berth_frame_pixel(old, source.x, source.y + row),
                                berth_frame_pixel(new, target.x, target.y + row),
                                (size_t)copy->w * 4);
        }
        for (size_t j = 0; j < i; j++) {
            BerthRect other = { copies[j].dx, copies[j].dy, copies[j].w, copies[j].h };
            assert_true(berth_rect_is_empty(berth_rect_intersect(target, other)));
        }
        area_px += berth_rect_area_px(target);
    }
    return area_px;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pixels of a capture source against a hostile guest: sizes, strides and formats.
 *
 * Input: u16 width, u16 height of the picture, then updates {i32 x, y, w, h; u8 format; u64 stride;
 * u16 bytes of pixels; the pixels}.
 */
#include "base/bytes-reader.h"
#include "display/pixels/damage.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is marked must be inside, and what was taken must compare equal the next time. */
static void
check(const BerthDamage *damage, BerthFrame *frame, BerthRect hint, const BerthPixelSource *source)
{
    BerthRect rects[64];
    size_t n_rects = berth_damage_get_rects(damage, rects, 64);
    for (size_t i = 0; i < n_rects && i < 64; i++) {
        if (!berth_rect_is_inside(rects[i], frame->width, frame->height)) {
            abort();
        }
    }
    BerthDamage *again = berth_damage_new(frame->width, frame->height);
    if (berth_damage_compare_copy(again, frame, hint, source) != 0 ||
        !berth_damage_is_empty(again)) {
        abort();
    }
    berth_damage_free(again);
}

static void
update(BerthReader *reader, BerthDamage *damage, BerthFrame *frame)
{
    size_t n_formats;
    const BerthPixelFormat *formats = berth_pixel_formats(&n_formats);
    BerthRect hint = { 0, 0, 0, 0 };
    hint.x = berth_reader_get_i32(reader);
    hint.y = berth_reader_get_i32(reader);
    hint.w = berth_reader_get_i32(reader);
    hint.h = berth_reader_get_i32(reader);
    const BerthPixelFormat *format = &formats[berth_reader_get_u8(reader) % n_formats];
    size_t stride = (size_t)berth_reader_get_u64(reader);
    size_t n_bytes = berth_reader_get_u16(reader);
    size_t left = berth_reader_remaining(reader);
    n_bytes = n_bytes < left ? n_bytes : left;
    uint8_t *bytes = malloc(n_bytes > 0 ? n_bytes : 1);
    berth_reader_get_bytes(reader, bytes, n_bytes);
    BerthPixelSource source = { bytes, n_bytes, stride, format };
    BerthPixelSource crop;
    if (berth_damage_compare_copy(damage, frame, hint, &source) == 0) {
        check(damage, frame, hint, &source);
    }
    if (berth_pixel_source_crop(&source, frame->width, frame->height, hint, &crop) == 0) {
        berth_damage_compare_copy(damage, frame, hint, &crop);
    }
    berth_damage_add_rect(damage, hint);
    free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthReader reader;
    berth_reader_init(&reader, data, size);
    int width = berth_reader_get_u16(&reader) % 300;
    int height = berth_reader_get_u16(&reader) % 300;
    BerthDamage *damage = berth_damage_new(width, height);
    BerthFrame *frame = berth_frame_new(width, height);
    while (damage != NULL && frame != NULL && berth_reader_remaining(&reader) > 0) {
        update(&reader, damage, frame);
    }
    berth_damage_free(damage);
    berth_frame_unref(frame);
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/scene-writer.h"

#include <glib.h>
#include <lz4.h>
#include <stdio.h>
#include <string.h>

#define FRAME_MAGIC 0x4d415246u
#define HEADER_BYTES 32
#define FRAME_HEAD_BYTES 24
#define RECT_BYTES 8

struct SceneWriter {
    FILE *file;
    int width, height;
    uint32_t n_frames;
    int64_t last_us;
    GArray *pixels; /* of uint32_t: the frame at work */
    char *packed;
    size_t packed_room;
};

static void
set_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

static void
set_u16(uint8_t *bytes, int value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void
write_header(SceneWriter *self)
{
    uint8_t header[HEADER_BYTES] = "BSCR0001";

    set_u32(header + 8, (uint32_t)self->width);
    set_u32(header + 12, (uint32_t)self->height);
    set_u32(header + 16, self->n_frames);
    set_u32(header + 24, (uint32_t)self->last_us);
    set_u32(header + 28, (uint32_t)(self->last_us >> 32));
    fwrite(header, sizeof(header), 1, self->file);
}

SceneWriter *
scene_writer_new(const char *path, int width, int height)
{
    FILE *file = fopen(path, "wb");
    SceneWriter *self;

    if (!file) {
        return NULL;
    }
    self = g_new0(SceneWriter, 1);
    self->file = file;
    self->width = width;
    self->height = height;
    self->pixels = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    write_header(self);
    return self;
}

/* Cuts the rectangles out of the picture; the X byte becomes zero. */
static void
cut_pixels(SceneWriter *self, const BerthRect *rects, size_t n_rects, const uint32_t *picture)
{
    g_array_set_size(self->pixels, 0);
    for (size_t i = 0; i < n_rects; i++) {
        for (int y = rects[i].y; y < rects[i].y + rects[i].h; y++) {
            g_array_append_vals(self->pixels,
                                picture + (size_t)y * (size_t)self->width + (size_t)rects[i].x,
                                (guint)rects[i].w);
        }
    }
    for (guint i = 0; i < self->pixels->len; i++) {
        g_array_index(self->pixels, uint32_t, i) &= 0xffffff;
    }
}

static uint32_t
pack_pixels(SceneWriter *self)
{
    int raw_len = (int)(self->pixels->len * sizeof(uint32_t));
    int room = LZ4_compressBound(raw_len);

    if ((size_t)room > self->packed_room) {
        self->packed = g_realloc(self->packed, (size_t)room);
        self->packed_room = (size_t)room;
    }
    return (uint32_t)LZ4_compress_default(self->pixels->data, self->packed, raw_len, room);
}

void
scene_writer_add(SceneWriter *self, int64_t t_us, const BerthRect *rects, size_t n_rects,
                 const uint32_t *picture)
{
    uint8_t head[FRAME_HEAD_BYTES];
    uint32_t packed_len;

    cut_pixels(self, rects, n_rects, picture);
    packed_len = pack_pixels(self);
    set_u32(head, FRAME_MAGIC);
    set_u32(head + 4, (uint32_t)n_rects);
    set_u32(head + 8, (uint32_t)t_us);
    set_u32(head + 12, (uint32_t)(t_us >> 32));
    set_u32(head + 16, (uint32_t)(self->pixels->len * sizeof(uint32_t)));
    set_u32(head + 20, packed_len);
    fwrite(head, sizeof(head), 1, self->file);
    for (size_t i = 0; i < n_rects; i++) {
        uint8_t rect[RECT_BYTES];

        set_u16(rect, rects[i].x);
        set_u16(rect + 2, rects[i].y);
        set_u16(rect + 4, rects[i].w);
        set_u16(rect + 6, rects[i].h);
        fwrite(rect, sizeof(rect), 1, self->file);
    }
    fwrite(self->packed, packed_len, 1, self->file);
    self->n_frames++;
    self->last_us = t_us;
}

bool
scene_writer_finish(SceneWriter *self)
{
    bool is_good;

    rewind(self->file);
    write_header(self);
    is_good = !ferror(self->file);
    is_good = fclose(self->file) == 0 && is_good;
    g_array_unref(self->pixels);
    g_free(self->packed);
    g_free(self);
    return is_good;
}

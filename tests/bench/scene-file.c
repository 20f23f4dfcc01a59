/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/bench/scene-file.h"

#include "berth/limits.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAGIC 0x4d415246u
#define HEADER_BYTES 32
#define FRAME_HEAD_BYTES 24
#define MAX_RECTS 65536u

struct SceneFile {
    FILE *file;
    int width;
    int height;
    size_t picture_bytes;
    char *packed;
    uint32_t *pixels;
    uint8_t *raw_rects;
    BerthRect *rects;
};

static uint32_t
get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static int
get_u16(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8;
}

static bool
read_header(SceneFile *self)
{
    uint8_t header[HEADER_BYTES];
    if (fread(header, sizeof header, 1, self->file) != 1 || memcmp(header, "BSCR0001", 8) != 0) {
        return false;
    }
    self->width = (int)get_u32(header + 8);
    self->height = (int)get_u32(header + 12);
    if (self->width <= 0 || self->height <= 0 || self->width > (int)BERTH_LIMIT_HEAD_SIDE_PX ||
        self->height > (int)BERTH_LIMIT_HEAD_SIDE_PX ||
        (int64_t)self->width * self->height > BERTH_LIMIT_HEAD_AREA_PX) {
        return false;
    }
    self->picture_bytes = (size_t)self->width * (size_t)self->height * 4;
    self->packed = malloc((size_t)LZ4_compressBound((int)self->picture_bytes));
    self->pixels = malloc(self->picture_bytes);
    self->raw_rects = malloc((size_t)MAX_RECTS * 8);
    self->rects = calloc(MAX_RECTS, sizeof *self->rects);
    return self->packed != NULL && self->pixels != NULL && self->raw_rects != NULL &&
           self->rects != NULL;
}

SceneFile *
scene_file_open(const char *path)
{
    SceneFile *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->file = fopen(path, "rb");
    if (self->file == NULL || !read_header(self)) {
        fprintf(stderr, "\"%s\" is no recorded scene\n", path);
        scene_file_close(self);
        return NULL;
    }
    return self;
}

void
scene_file_close(SceneFile *self)
{
    if (self == NULL) {
        return;
    }
    if (self->file != NULL) {
        fclose(self->file);
    }
    free(self->packed);
    free(self->pixels);
    free(self->raw_rects);
    free(self->rects);
    free(self);
}

int
scene_file_get_width(const SceneFile *self)
{
    return self->width;
}

int
scene_file_get_height(const SceneFile *self)
{
    return self->height;
}

/* Returns the bytes of pixels of n_rects rectangles; 0 if one of them is wrong. */
static size_t
read_rects(SceneFile *self, size_t n_rects)
{
    size_t n_bytes = 0;
    if (fread(self->raw_rects, 8, n_rects, self->file) != n_rects) {
        return 0;
    }
    for (size_t i = 0; i < n_rects; i++) {
        const uint8_t *raw = self->raw_rects + i * 8;
        BerthRect rect = { get_u16(raw), get_u16(raw + 2), get_u16(raw + 4), get_u16(raw + 6) };
        if (!berth_rect_is_inside(rect, self->width, self->height)) {
            return 0;
        }
        self->rects[i] = rect;
        n_bytes += (size_t)berth_rect_area_px(rect) * 4;
    }
    return n_bytes;
}

bool
scene_file_next(SceneFile *self, SceneFrame *ret_frame)
{
    uint8_t head[FRAME_HEAD_BYTES];
    if (fread(head, sizeof head, 1, self->file) != 1 || get_u32(head) != FRAME_MAGIC) {
        return false;
    }
    size_t n_rects = get_u32(head + 4);
    size_t raw_len = get_u32(head + 16);
    size_t packed_len = get_u32(head + 20);
    if (n_rects > MAX_RECTS || raw_len > self->picture_bytes ||
        packed_len > (size_t)LZ4_compressBound((int)self->picture_bytes) ||
        read_rects(self, n_rects) != raw_len ||
        fread(self->packed, 1, packed_len, self->file) != packed_len ||
        LZ4_decompress_safe(self->packed, (char *)self->pixels, (int)packed_len,
                            (int)self->picture_bytes) != (int)raw_len) {
        return false;
    }
    *ret_frame = (SceneFrame){
        .t_us = (int64_t)((uint64_t)get_u32(head + 8) | (uint64_t)get_u32(head + 12) << 32),
        .n_rects = n_rects,
        .rects = self->rects,
        .pixels = self->pixels,
    };
    return true;
}

void
scene_frame_paint(const SceneFrame *frame, uint32_t *picture, size_t stride_px)
{
    const uint32_t *source = frame->pixels;
    for (size_t i = 0; i < frame->n_rects; i++) {
        BerthRect rect = frame->rects[i];
        for (int y = 0; y < rect.h; y++) {
            memcpy(picture + (size_t)(rect.y + y) * stride_px + rect.x, source, (size_t)rect.w * 4);
            source += rect.w;
        }
    }
}

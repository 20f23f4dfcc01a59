/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recorded screen content: frames with their times, damage rectangles and pixels.
 *
 * A file ("BSCR0001") is a header {magic 8, u32 width, height, n_frames, reserved, u64
 * duration_us} and for every frame {u32 magic, n_rects, u64 t_us, u32 raw_len, packed_len},
 * the rectangles {u16 x, y, w, h}, and one LZ4 block with their BGRX pixels, rectangle after
 * rectangle.  All numbers are little-endian.  Files are ours, but every length is checked.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct SceneFile SceneFile;

/* One frame; borrowed until the next one is read. */
typedef struct {
    int64_t t_us; /* from the beginning of the recording */
    size_t n_rects;
    const BerthRect *rects;
    const uint32_t *pixels; /* of all rectangles, rows packed */
} SceneFrame;

/* Returns NULL, after a message to standard error, if the file cannot be used. */
SceneFile *scene_file_open(const char *path);

/* NULL is allowed. */
void scene_file_close(SceneFile *self);

int scene_file_get_width(const SceneFile *self);
int scene_file_get_height(const SceneFile *self);

/* Reads the next frame.  Returns false at the end of the file or of what is sound of it. */
bool scene_file_next(SceneFile *self, SceneFrame *ret_frame);

/* Paints a frame into a picture whose rows have stride_px pixels. */
void scene_frame_paint(const SceneFrame *frame, uint32_t *picture, size_t stride_px);

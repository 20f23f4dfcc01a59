/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes recorded screen content in the format of scene-file.h.  Thread: one.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct SceneWriter SceneWriter;

/* Returns NULL if the file cannot be made. */
SceneWriter *scene_writer_new(const char *path, int width, int height);

/*
 * Adds a frame.
 *
 * rects: what changed, inside the picture; picture: BGRX rows of the scene's width
 */
void scene_writer_add(SceneWriter *self, int64_t t_us, const BerthRect *rects, size_t n_rects,
                      const uint32_t *picture);

/* Completes the header and frees.  Returns false if something could not be written. */
bool scene_writer_finish(SceneWriter *self);

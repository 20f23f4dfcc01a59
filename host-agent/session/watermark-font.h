/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of the font that watermarks are drawn with.
 *
 * A session can open no file once it is in its sandbox, and a policy may ask for a watermark at
 * any time: the file is mapped before.  The pages are shared by all sessions of a host and are
 * read from the disk when a letter is first drawn.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct BerthWatermarkFont BerthWatermarkFont;

/* Maps the font.  Without the file it is a font that berth_watermark_font_get() refuses. */
BerthWatermarkFont *berth_watermark_font_new(const char *path);

/* NULL is allowed. */
void berth_watermark_font_free(BerthWatermarkFont *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthWatermarkFont, berth_watermark_font_free)

/*
 * The bytes of the file; borrowed.
 *
 * Errors: NULL with BERTH_ERR_UNSUPPORTED and a sentence that names the file.
 */
const void *berth_watermark_font_get(const BerthWatermarkFont *self, size_t *ret_n_bytes,
                                     GError **error);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The photo decoder against a hostile session.
 *
 * Input: u8 width, u8 height of the rectangle (0 is 256), then the picture.
 */
#include "display/decode/photo-decoder.h"

#include <stdlib.h>
#include <string.h>

#define SIDE_PX 320
#define BORDER_PX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
is_paper(const BerthFrame *canvas, int x, int y)
{
    const uint8_t *pixel = berth_frame_pixel(canvas, x, y);
    return pixel[0] == 0x60 && pixel[1] == 0x40 && pixel[2] == 0x20;
}

/* The pixels around the rectangle must be what they were. */
static void
check_border(const BerthFrame *canvas, BerthRect rect)
{
    for (int i = -1; i <= rect.w; i++) {
        if (!is_paper(canvas, rect.x + i, rect.y - 1) ||
            !is_paper(canvas, rect.x + i, rect.y + rect.h)) {
            abort();
        }
    }
    for (int i = -1; i <= rect.h; i++) {
        if (!is_paper(canvas, rect.x - 1, rect.y + i) ||
            !is_paper(canvas, rect.x + rect.w, rect.y + i)) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    BerthRect rect = { BORDER_PX, BORDER_PX, data[0] != 0 ? data[0] : 256,
                       data[1] != 0 ? data[1] : 256 };
    BerthFrame *canvas = berth_frame_new(SIDE_PX, SIDE_PX);
    BerthPhotoDecoder *decoder = berth_photo_decoder_new();
    uint8_t *bytes = malloc(size - 2 > 0 ? size - 2 : 1);
    if (canvas != NULL && decoder != NULL && bytes != NULL) {
        memcpy(bytes, data + 2, size - 2);
        berth_frame_fill(canvas, berth_frame_get_rect(canvas), 0x204060);
        berth_photo_decoder_decode(decoder, bytes, size - 2, canvas, rect);
        check_border(canvas, rect);
    }
    free(bytes);
    berth_photo_decoder_free(decoder);
    berth_frame_unref(canvas);
    return 0;
}

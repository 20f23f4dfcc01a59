/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The video decoder against a hostile session.
 *
 * Input: u8 codec, u8 width and u8 height less 16, then packets {u16 length, bytes}; the last may
 * be cut.
 */
#include "base/bytes-reader.h"
#include "display/decode/video-decoder.h"

#include <stdlib.h>
#include <string.h>

#define SIDE_PX 320
#define X 21
#define Y 13
#define PAPER 0x204060u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_paper(const BerthFrame *canvas, int x, int y)
{
    const uint8_t *pixel = berth_frame_pixel(canvas, x, y);
    if (pixel[0] != (PAPER & 0xff) || pixel[1] != (PAPER >> 8 & 0xff) || pixel[2] != PAPER >> 16) {
        abort();
    }
}

/* Paints with and without something kept; what is around must stay. */
static void
paint(BerthVideoDecoder *decoder, BerthFrame *canvas)
{
    int width = berth_video_decoder_get_width(decoder);
    int height = berth_video_decoder_get_height(decoder);
    BerthRect keep = { X + 5, Y + 5, 7, 7 };
    berth_video_decoder_paint(decoder, canvas, X, Y, &keep, 1);
    check_paper(canvas, keep.x, keep.y);
    check_paper(canvas, keep.x + 6, keep.y + 6);
    for (int i = -1; i <= width; i++) {
        check_paper(canvas, X + i, Y - 1);
        check_paper(canvas, X + i, Y + height);
    }
    for (int i = -1; i <= height; i++) {
        check_paper(canvas, X - 1, Y + i);
        check_paper(canvas, X + width, Y + i);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthReader reader;
    berth_reader_init(&reader, data, size);
    uint8_t codec = berth_reader_get_u8(&reader);
    int width = 16 + berth_reader_get_u8(&reader);
    int height = 16 + berth_reader_get_u8(&reader);
    BerthVideoDecoder *decoder = berth_video_decoder_new(codec, width, height, 1);
    BerthFrame *canvas = berth_frame_new(SIDE_PX, SIDE_PX);
    if (decoder != NULL && canvas != NULL) {
        berth_frame_fill(canvas, berth_frame_get_rect(canvas), PAPER);
    }
    while (decoder != NULL && canvas != NULL && berth_reader_remaining(&reader) >= 2) {
        size_t len = berth_reader_get_u16(&reader);
        size_t left = berth_reader_remaining(&reader);
        len = len < left ? len : left;
        uint8_t *packet = malloc(len > 0 ? len : 1);
        berth_reader_get_bytes(&reader, packet, len);
        if (berth_video_decoder_decode(decoder, packet, len) == 0) {
            paint(decoder, canvas);
        }
        free(packet);
    }
    berth_video_decoder_free(decoder);
    berth_frame_unref(canvas);
    return 0;
}

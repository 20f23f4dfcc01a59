/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame decoder of a client against a hostile session.
 *
 * Input: u8 window log, then messages {u8 type, u16 length, payload}; the last may be cut.
 */
#include "base/bytes-reader.h"
#include "berth/protocol.h"
#include "display/decode/frame-decoder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every reported pixel: a rectangle outside of the canvas is found by the sanitizer. */
static unsigned
touch(const BerthFrameDecoder *decoder, const BerthDecodedEvent *event)
{
    const BerthFrame *canvas = berth_frame_decoder_get_canvas(decoder, event->head);
    unsigned sum = 0;
    for (size_t i = 0; i < event->n_rects; i++) {
        BerthRect rect = event->rects[i];
        if (!berth_rect_is_inside(rect, canvas->width, canvas->height)) {
            abort();
        }
        sum += berth_frame_pixel(canvas, rect.x, rect.y)[0];
        sum += berth_frame_pixel(canvas, rect.x + rect.w - 1, rect.y + rect.h - 1)[2];
    }
    return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthReader reader;
    volatile unsigned sum = 0;
    int error = 0;
    berth_reader_init(&reader, data, size);
    int window_log = 10 + berth_reader_get_u8(&reader) % 14;
    BerthFrameDecoderCaps caps = { .max_width = 512,
                                   .max_height = 512,
                                   .window_log = window_log,
                                   .gradient_window_log = 15,
                                   .n_cache_tiles = 16,
                                   .photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG),
                                   .video_mask = 7 };
    BerthFrameDecoder *decoder = berth_frame_decoder_new(&caps);
    while (decoder != NULL && error == 0 && berth_reader_remaining(&reader) >= 3) {
        uint8_t type = berth_reader_get_u8(&reader);
        size_t len = berth_reader_get_u16(&reader);
        size_t left = berth_reader_remaining(&reader);
        len = len < left ? len : left;
        uint8_t *payload = malloc(len > 0 ? len : 1);
        berth_reader_get_bytes(&reader, payload, len);
        BerthDecodedEvent event;
        error = berth_frame_decoder_handle(decoder, type, payload, len, &event);
        if (event.kind == BERTH_DECODED_FRAME) {
            sum += touch(decoder, &event);
        }
        free(payload);
    }
    berth_frame_decoder_free(decoder);
    return 0;
}

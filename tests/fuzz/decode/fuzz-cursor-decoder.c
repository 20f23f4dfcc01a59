/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cursor decoder of a client against a hostile session.
 *
 * Input: u8 shapes offered, then messages {u8 type, u16 length, payload}; the last may be cut.
 */
#include "base/bytes-reader.h"
#include "display/decode/cursor-decoder.h"

#include "berth/limits.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
touch(const BerthCursorImage *image)
{
    if (image == NULL) {
        return 0;
    }
    if (image->hot_x >= image->width || image->hot_y >= image->height) {
        abort();
    }
    return image->pixels[0] + image->pixels[(size_t)image->width * (size_t)image->height * 4 - 1];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthReader reader;
    volatile unsigned sum = 0;
    int error = 0;
    berth_reader_init(&reader, data, size);
    size_t n_shapes = 1 + berth_reader_get_u8(&reader) % BERTH_LIMIT_CURSOR_SHAPES;
    BerthCursorDecoder *decoder = berth_cursor_decoder_new(n_shapes);
    while (decoder != NULL && error == 0 && berth_reader_remaining(&reader) >= 3) {
        uint8_t type = berth_reader_get_u8(&reader);
        size_t len = berth_reader_get_u16(&reader);
        size_t left = berth_reader_remaining(&reader);
        len = len < left ? len : left;
        uint8_t *payload = malloc(len > 0 ? len : 1);
        berth_reader_get_bytes(&reader, payload, len);
        BerthCursorEvent event;
        error = berth_cursor_decoder_handle(decoder, type, payload, len, &event);
        sum += touch(berth_cursor_decoder_get_image(decoder));
        free(payload);
    }
    berth_cursor_decoder_free(decoder);
    return 0;
}

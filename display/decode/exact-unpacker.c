/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/exact-unpacker.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/pixels/gradient.h"
#include "display/pixels/kernels.h"

#include <glib.h>
#include <zstd.h>

/* Rows are unpacked in chunks of this size; a row of the widest head fits. */
#define CHUNK_BYTES (128u * 1024)
#define RGB_BYTES BERTH_EXACT_PIXEL_BYTES

_Static_assert(CHUNK_BYTES >= BERTH_LIMIT_HEAD_SIDE_PX * RGB_BYTES, "a row fits a chunk");

struct BerthExactUnpacker {
    BerthExactStreamKind kind;
    ZSTD_DCtx *context;
    ZSTD_inBuffer input; /* of the message that was begun; borrowed */
    size_t n_rects;
    BerthWireRect *rects; /* of the same */
    uint8_t chunk[CHUNK_BYTES];
};

BerthExactUnpacker *
berth_exact_unpacker_new(BerthExactStreamKind kind, int window_log)
{
    BerthExactUnpacker *self = g_try_new0(BerthExactUnpacker, 1);
    if (self == NULL) {
        return NULL;
    }
    self->kind = kind;
    self->context = ZSTD_createDCtx();
    if (self->context == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(self->context, ZSTD_d_windowLogMax, window_log))) {
        berth_exact_unpacker_free(self);
        return NULL;
    }
    return self;
}

void
berth_exact_unpacker_free(BerthExactUnpacker *self)
{
    if (self != NULL) {
        ZSTD_freeDCtx(self->context);
        g_free(self->rects);
        g_free(self);
    }
}

/* Fills data with len bytes; the stream must not end within them. */
static int
read_bytes(BerthExactUnpacker *self, uint8_t *data, size_t len)
{
    ZSTD_inBuffer *input = &self->input;
    ZSTD_outBuffer output = { data, len, 0 };
    while (output.pos < output.size) {
        size_t in_before = input->pos;
        size_t out_before = output.pos;
        size_t hint = ZSTD_decompressStream(self->context, &output, input);
        /* 0 is the end of a zstd frame: the stream of a connection has none. */
        if (ZSTD_isError(hint) || hint == 0) {
            return BERTH_ERR_CORRUPT;
        }
        if (input->pos == in_before && output.pos == out_before) {
            return BERTH_ERR_CORRUPT;
        }
    }
    return BERTH_OK;
}

/* The message must be used up and must hold no pixel more. */
static int
check_end(BerthExactUnpacker *self)
{
    ZSTD_inBuffer *input = &self->input;
    uint8_t surplus;
    ZSTD_outBuffer output = { &surplus, 1, 0 };
    bool is_moving = true;
    while (is_moving) {
        size_t in_before = input->pos;
        size_t hint = ZSTD_decompressStream(self->context, &output, input);
        if (ZSTD_isError(hint) || hint == 0 || output.pos > 0) {
            return BERTH_ERR_CORRUPT;
        }
        is_moving = input->pos < input->size && input->pos > in_before;
    }
    return input->pos == input->size ? BERTH_OK : BERTH_ERR_CORRUPT;
}

static void
unpack_row(const BerthExactUnpacker *self, const uint8_t *packed, BerthFrame *canvas,
           BerthWireRect rect, int row)
{
    uint8_t *pixels = berth_frame_pixel(canvas, rect.x, rect.y + row);
    if (self->kind == BERTH_EXACT_GRADIENT) {
        const uint8_t *above =
            row == 0 ? NULL : berth_frame_pixel(canvas, rect.x, rect.y + row - 1);
        berth_gradient_kernels()->decode_row(pixels, packed, above, rect.w);
    } else {
        berth_pixel_kernels()->unpack_rgb_row(pixels, packed, rect.w);
    }
}

static int
unpack_rect(BerthExactUnpacker *self, BerthWireRect rect, BerthFrame *canvas)
{
    size_t row_bytes = rect.w * RGB_BYTES;
    int rows_per_chunk = (int)(CHUNK_BYTES / row_bytes);
    for (int row = 0; row < rect.h;) {
        int n_rows = MIN(rows_per_chunk, rect.h - row);
        int error = read_bytes(self, self->chunk, (size_t)n_rows * row_bytes);
        if (error != BERTH_OK) {
            return error;
        }
        for (int i = 0; i < n_rows; i++, row++) {
            unpack_row(self, self->chunk + (size_t)i * row_bytes, canvas, rect, row);
        }
    }
    return BERTH_OK;
}

int
berth_exact_unpacker_begin(BerthExactUnpacker *self, const BerthMsgExact *exact,
                           const BerthWireRect **ret_rects)
{
    size_t table_bytes = (size_t)exact->n * BERTH_EXACT_TABLE_BYTES;
    g_autofree uint8_t *table = g_try_malloc(table_bytes);
    g_free(self->rects);
    self->n_rects = 0;
    self->rects = g_try_new(BerthWireRect, exact->n);
    if (table == NULL || self->rects == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    self->input = (ZSTD_inBuffer){ exact->data, exact->data_len, 0 };
    int error = read_bytes(self, table, table_bytes);
    if (error == BERTH_OK) {
        error = berth_exact_table_decode(exact, table, self->rects);
    }
    if (error != BERTH_OK) {
        return error;
    }
    self->n_rects = exact->n;
    *ret_rects = self->rects;
    return BERTH_OK;
}

int
berth_exact_unpacker_draw(BerthExactUnpacker *self, BerthFrame *canvas)
{
    for (size_t i = 0; i < self->n_rects; i++) {
        int error = unpack_rect(self, self->rects[i], canvas);
        if (error != BERTH_OK) {
            return error;
        }
    }
    return check_end(self);
}

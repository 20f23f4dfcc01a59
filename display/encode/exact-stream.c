/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/exact-stream.h"

#include "berth/errors.h"
#include "display/pixels/gradient.h"
#include "display/pixels/kernels.h"

#include <glib.h>
#include <string.h>
#include <zstd.h>

/* Packed pixels that are handed to zstd at once; a row of the widest head fits. */
#define CHUNK_BYTES (128 * 1024)
#define RGB_BYTES BERTH_EXACT_PIXEL_BYTES

/*
 * Measured on recorded desktops.  Against level 1 as it is, the larger table and long distance
 * matching make windows that are switched 1.1 times smaller and terminals that are flooded 1.6
 * times; shorter matches or more of them cost time and save nothing.
 */
#define HASH_LOG 16
#define LDM_MIN_MATCH 64
#define LDM_HASH_RATE_LOG 6

_Static_assert(CHUNK_BYTES >= BERTH_LIMIT_HEAD_SIDE_PX * RGB_BYTES, "a row fits a chunk");

struct BerthExactStream {
    BerthExactStreamKind kind;
    ZSTD_CCtx *context;
    size_t chunk_len;
    uint8_t chunk[CHUNK_BYTES];
    uint8_t table[BERTH_EXACT_TABLE_BYTES * BERTH_WIRE_MAX_ITEMS];
};

static bool
set_parameters(ZSTD_CCtx *context, BerthExactStreamKind kind, int window_log, int level)
{
    bool is_plain = kind == BERTH_EXACT_PLAIN;

    const struct {
        ZSTD_cParameter parameter;
        int value;
    } wanted[] = {
        { ZSTD_c_compressionLevel, level },
        { ZSTD_c_windowLog, window_log },
        { ZSTD_c_contentSizeFlag, 0 },
        { ZSTD_c_hashLog, HASH_LOG },
        { ZSTD_c_enableLongDistanceMatching, is_plain },
        { ZSTD_c_ldmMinMatch, LDM_MIN_MATCH },
        { ZSTD_c_ldmHashRateLog, LDM_HASH_RATE_LOG },
    };

    size_t n_wanted = is_plain ? G_N_ELEMENTS(wanted) : G_N_ELEMENTS(wanted) - 2;

    for (size_t i = 0; i < n_wanted; i++) {
        if (ZSTD_isError(ZSTD_CCtx_setParameter(context, wanted[i].parameter, wanted[i].value))) {
            return false;
        }
    }
    return true;
}

BerthExactStream *
berth_exact_stream_new(BerthExactStreamKind kind, int window_log, int level)
{
    BerthExactStream *self = g_try_new0(BerthExactStream, 1);
    if (self == NULL) {
        return NULL;
    }
    self->kind = kind;
    self->context = ZSTD_createCCtx();
    if (self->context == NULL || !set_parameters(self->context, kind, window_log, level)) {
        berth_exact_stream_free(self);
        return NULL;
    }
    return self;
}

void
berth_exact_stream_free(BerthExactStream *self)
{
    if (self != NULL) {
        ZSTD_freeCCtx(self->context);
        g_free(self);
    }
}

/* Hands bytes to zstd; what comes out is appended to the writer. */
static int
compress(BerthExactStream *self, const uint8_t *data, size_t len, ZSTD_EndDirective directive,
         BerthWriter *writer)
{
    ZSTD_inBuffer input = { data, len, 0 };
    size_t remaining;
    do {
        size_t room = ZSTD_compressBound(len) + 64;
        uint8_t *space = berth_writer_reserve(writer, room);
        if (space == NULL) {
            return writer->error;
        }
        ZSTD_outBuffer output = { space, room, 0 };
        remaining = ZSTD_compressStream2(self->context, &output, &input, directive);
        if (ZSTD_isError(remaining)) {
            return BERTH_ERR_INTERNAL;
        }
        writer->len -= room - output.pos;
    } while (input.pos < input.size || (directive == ZSTD_e_flush && remaining > 0));
    return BERTH_OK;
}

/* Hands the chunk to zstd. */
static int
compress_chunk(BerthExactStream *self, ZSTD_EndDirective directive, BerthWriter *writer)
{
    int error = compress(self, self->chunk, self->chunk_len, directive, writer);
    self->chunk_len = 0;
    return error;
}

static void
pack_row(const BerthExactStream *self, uint8_t *packed, const BerthFrame *frame, BerthWireRect rect,
         int row)
{
    const uint8_t *pixels = berth_frame_pixel(frame, rect.x, rect.y + row);
    if (self->kind == BERTH_EXACT_GRADIENT) {
        const uint8_t *above = row == 0 ? NULL : berth_frame_pixel(frame, rect.x, rect.y + row - 1);
        berth_gradient_kernels()->encode_row(packed, pixels, above, rect.w);
    } else {
        berth_pixel_kernels()->pack_rgb_row(packed, pixels, rect.w);
    }
}

static int
append_rect(BerthExactStream *self, const BerthFrame *frame, BerthWireRect rect,
            BerthWriter *writer)
{
    size_t row_bytes = (size_t)rect.w * RGB_BYTES;
    for (int row = 0; row < rect.h; row++) {
        if (self->chunk_len + row_bytes > CHUNK_BYTES) {
            int error = compress_chunk(self, ZSTD_e_continue, writer);
            if (error != BERTH_OK) {
                return error;
            }
        }
        pack_row(self, self->chunk + self->chunk_len, frame, rect, row);
        self->chunk_len += row_bytes;
    }
    return BERTH_OK;
}

int
berth_exact_stream_encode(BerthExactStream *self, const BerthFrame *frame,
                          const BerthWireRect *rects, size_t n_rects, BerthWriter *writer)
{
    BerthMsgExact exact = { .stream = (uint8_t)self->kind, .n = (uint16_t)n_rects };
    int error = berth_exact_table_encode(rects, n_rects, self->table, &exact.area_px);
    if (error == BERTH_OK) {
        error = berth_msg_exact_encode_head(writer, &exact);
    }
    if (error == BERTH_OK) {
        error =
            compress(self, self->table, BERTH_EXACT_TABLE_BYTES * n_rects, ZSTD_e_continue, writer);
    }
    for (size_t i = 0; error == BERTH_OK && i < n_rects; i++) {
        error = append_rect(self, frame, rects[i], writer);
    }
    return error != BERTH_OK ? error : compress_chunk(self, ZSTD_e_flush, writer);
}

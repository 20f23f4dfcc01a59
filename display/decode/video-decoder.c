/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VP9 decoder of libvpx takes what follows a frame in a packet for a further frame, whose header
 * nobody has checked.  So every VP9 packet goes to it with an index, as packets of several frames
 * have, that says: one frame, of all these bytes.
 */
#include "display/decode/video-decoder.h"

#include "display/decode/video-header.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/pixels/format.h"

#include <glib.h>
#include <libyuv.h>
#include <stdbool.h>
#include <string.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#define MIN_SIDE_PX 16
#define MAX_THREADS 4
/* One frame, four bytes of size: marker, size, marker. */
#define INDEX_MARKER 0xd8
#define INDEX_BYTES 6

struct BerthVideoDecoder {
    uint8_t codec_id;
    int width, height;
    int n_threads;
    vpx_codec_ctx_t codec;
    bool is_open;       /* a key frame was taken and nothing has failed since */
    vpx_image_t *image; /* of the codec: valid until the next packet; NULL if there is none */
    uint8_t *packet;    /* with its index */
    size_t packet_bytes;
    uint8_t *row; /* one row of BGRX */
};

BerthVideoDecoder *
berth_video_decoder_new(uint8_t codec, int width, int height, int n_threads)
{
    if (codec < BERTH_VIDEO_VP9_420 || codec > BERTH_VIDEO_VP8 || width < MIN_SIDE_PX ||
        height < MIN_SIDE_PX || width > (int)BERTH_LIMIT_HEAD_SIDE_PX ||
        height > (int)BERTH_LIMIT_HEAD_SIDE_PX ||
        (int64_t)width * height > (int64_t)BERTH_LIMIT_VIDEO_AREA_PX) {
        return NULL;
    }
    BerthVideoDecoder *self = g_try_new0(BerthVideoDecoder, 1);
    uint8_t *row = g_try_malloc((size_t)width * BERTH_PIXEL_BYTES);
    if (self == NULL || row == NULL) {
        g_free(self);
        g_free(row);
        return NULL;
    }
    self->codec_id = codec;
    self->width = width;
    self->height = height;
    self->n_threads = CLAMP(n_threads, 1, MAX_THREADS);
    self->row = row;
    return self;
}

static void
close_codec(BerthVideoDecoder *self)
{
    if (self->is_open) {
        vpx_codec_destroy(&self->codec);
    }
    self->is_open = false;
    self->image = NULL;
}

void
berth_video_decoder_free(BerthVideoDecoder *self)
{
    if (self != NULL) {
        close_codec(self);
        g_free(self->packet);
        g_free(self->row);
        g_free(self);
    }
}

int
berth_video_decoder_get_width(const BerthVideoDecoder *self)
{
    return self->width;
}

int
berth_video_decoder_get_height(const BerthVideoDecoder *self)
{
    return self->height;
}

static bool
open_codec(BerthVideoDecoder *self)
{
    vpx_codec_iface_t *interface =
        self->codec_id == BERTH_VIDEO_VP8 ? vpx_codec_vp8_dx() : vpx_codec_vp9_dx();
    vpx_codec_dec_cfg_t settings = { (unsigned)self->n_threads, (unsigned)self->width,
                                     (unsigned)self->height };
    self->is_open = vpx_codec_dec_init(&self->codec, interface, &settings, 0) == VPX_CODEC_OK;
    return self->is_open;
}

/* The bytes of a VP9 frame with an index behind them. */
static bool
wrap_packet(BerthVideoDecoder *self, const uint8_t *data, size_t len)
{
    if (self->packet_bytes < len + INDEX_BYTES) {
        g_free(self->packet);
        self->packet_bytes = 0;
        self->packet = g_try_malloc(len + INDEX_BYTES);
        if (self->packet == NULL) {
            return false;
        }
        self->packet_bytes = len + INDEX_BYTES;
    }
    memcpy(self->packet, data, len);
    uint8_t *index = self->packet + len;
    index[0] = INDEX_MARKER;
    for (int i = 0; i < 4; i++) {
        index[1 + i] = (uint8_t)(len >> (8 * i));
    }
    index[5] = INDEX_MARKER;
    return true;
}

static bool
run_codec(BerthVideoDecoder *self, const uint8_t *data, size_t len)
{
    size_t total = len;
    if (self->codec_id != BERTH_VIDEO_VP8) {
        if (!wrap_packet(self, data, len)) {
            return false;
        }
        data = self->packet;
        total = len + INDEX_BYTES;
    }
    return vpx_codec_decode(&self->codec, data, (unsigned)total, NULL, 0) == VPX_CODEC_OK;
}

/* Takes the one picture that a packet gives. */
static bool
take_image(BerthVideoDecoder *self)
{
    vpx_codec_iter_t iterator = NULL;
    vpx_image_t *image = vpx_codec_get_frame(&self->codec, &iterator);
    vpx_img_fmt_t format =
        self->codec_id == BERTH_VIDEO_VP9_444 ? VPX_IMG_FMT_I444 : VPX_IMG_FMT_I420;
    if (image == NULL || image->fmt != format || image->d_w != (unsigned)self->width ||
        image->d_h != (unsigned)self->height || image->bit_depth != 8) {
        return false;
    }
    self->image = image;
    return true;
}

int
berth_video_decoder_decode(BerthVideoDecoder *self, const uint8_t *data, size_t len)
{
    bool is_key = false;
    if (len > BERTH_LIMIT_VIDEO_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    int error =
        berth_video_header_check(self->codec_id, self->width, self->height, data, len, &is_key);
    self->image = NULL;
    if (error != BERTH_OK || (!self->is_open && (!is_key || !open_codec(self))) ||
        !run_codec(self, data, len) || !take_image(self)) {
        close_codec(self);
        return BERTH_ERR_CORRUPT;
    }
    return BERTH_OK;
}

/* Converts some rows; the first must be even if there are more than one. */
static void
convert_rows(const BerthVideoDecoder *self, int first, int n_rows, uint8_t *bgrx, int stride)
{
    const vpx_image_t *image = self->image;
    int half = image->y_chroma_shift != 0 ? 1 : 0;
    const uint8_t *planes[3];
    for (int i = 0; i < 3; i++) {
        planes[i] =
            image->planes[i] + (ptrdiff_t)(i == 0 ? first : first >> half) * image->stride[i];
    }
    if (half == 0) {
        J444ToARGB(planes[0], image->stride[0], planes[1], image->stride[1], planes[2],
                   image->stride[2], bgrx, stride, self->width, n_rows);
    } else {
        J420ToARGB(planes[0], image->stride[0], planes[1], image->stride[1], planes[2],
                   image->stride[2], bgrx, stride, self->width, n_rows);
    }
}

/* Copies a converted row but for what is kept. */
static void
paint_row(BerthVideoDecoder *self, BerthFrame *canvas, int x, int y, const BerthRect *keep,
          size_t n_keep)
{
    int end = x + self->width;
    for (int at = x; at < end;) {
        int visible_end = end;
        int next = at;
        for (size_t i = 0; i < n_keep; i++) {
            BerthRect part = berth_rect_intersect(keep[i], (BerthRect){ at, y, end - at, 1 });
            if (berth_rect_is_empty(part)) {
                continue;
            }
            visible_end = MIN(visible_end, part.x);
            next = part.x == at ? MAX(next, part.x + part.w) : next;
        }
        if (next > at) {
            at = next;
            continue;
        }
        memcpy(berth_frame_pixel(canvas, at, y), self->row + (size_t)(at - x) * BERTH_PIXEL_BYTES,
               (size_t)(visible_end - at) * BERTH_PIXEL_BYTES);
        at = visible_end;
    }
}

/* How many rows from y on are treated alike, and whether something is kept in them. */
static int
find_band(const BerthRect *keep, size_t n_keep, BerthRect rect, int y, bool *ret_is_kept)
{
    int end = rect.y + rect.h;
    *ret_is_kept = false;
    for (size_t i = 0; i < n_keep; i++) {
        BerthRect part = berth_rect_intersect(keep[i], rect);
        if (berth_rect_is_empty(part) || part.y + part.h <= y) {
            continue;
        }
        if (part.y > y) {
            end = MIN(end, part.y);
        } else {
            *ret_is_kept = true;
            end = MIN(end, part.y + part.h);
        }
    }
    return end - y;
}

/* Rows without anything kept, straight into the canvas. */
static void
paint_band(const BerthVideoDecoder *self, BerthFrame *canvas, int x, int y, int first, int n_rows)
{
    int n_single = first & 1 ? 1 : 0;
    int stride = (int)canvas->stride_bytes;
    if (n_single > 0) {
        convert_rows(self, first, 1, berth_frame_pixel(canvas, x, y + first), stride);
    }
    if (n_rows > n_single) {
        convert_rows(self, first + n_single, n_rows - n_single,
                     berth_frame_pixel(canvas, x, y + first + n_single), stride);
    }
}

int
berth_video_decoder_paint(BerthVideoDecoder *self, BerthFrame *canvas, int x, int y,
                          const BerthRect *keep, size_t n_keep)
{
    BerthRect rect = { x, y, self->width, self->height };
    if (!berth_rect_is_inside(rect, canvas->width, canvas->height)) {
        return BERTH_ERR_INVALID;
    }
    if (self->image == NULL) {
        return BERTH_ERR_STATE;
    }
    for (int row = 0; row < self->height;) {
        bool is_kept;
        int n_rows = find_band(keep, n_keep, rect, y + row, &is_kept);
        if (!is_kept) {
            paint_band(self, canvas, x, y, row, n_rows);
        }
        for (int i = row; is_kept && i < row + n_rows; i++) {
            convert_rows(self, i, 1, self->row, self->width * BERTH_PIXEL_BYTES);
            paint_row(self, canvas, x, y + i, keep, n_keep);
        }
        row += n_rows;
    }
    return BERTH_OK;
}

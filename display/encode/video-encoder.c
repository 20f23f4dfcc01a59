/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libvpx in its real-time modes, told by us what did not change.
 *
 * The planes that the codec reads are kept from call to call; only the damaged boxes are converted,
 * and each 16x16 block of them is compared with what the planes hold, so that the codec's active
 * map is exact.  A block that was last coded coarsely, at a scene cut or on a slow link, stays
 * active until it was coded well.
 *
 * Quantisers were chosen on recorded films: 16 where little moves (49 dB and more), 26 where nearly
 * everything does, which saves a quarter of the time and half of the bytes of 16 and is still above
 * 42 dB.  VP8 needs finer ones for the same.
 */
#include "display/encode/video-encoder.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/encode/refiner.h"

#include <glib.h>
#include <libyuv.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#define BLOCK_PX 16
/* A tile's box, made even at both ends. */
#define BOX_PX ((int)BERTH_LIMIT_TILE_PX + 2)
/* Fast enough for 1080p on one core; slower settings gain little (measured). */
#define VP9_SPEED 9
#define VP8_SPEED (-12)
/* Quantisers of libvpx, 0..63. */
#define MAX_QUANTIZER 56
#define STILL_QUANTIZER 16
#define MOVING_QUANTIZER 26
#define FULL_EFFORT 2
#define VP8_STILL_QUANTIZER 14
#define VP8_MOVING_QUANTIZER 22
/* Errors of a block that the codec lets pass: in a moving VP8 film it saves a tenth of the time. */
#define STILL_THRESHOLD 1
#define VP8_MOVING_THRESHOLD 700
#define QUANTIZER_PER_EFFORT 4
/* Up to here a picture is no worse than a photo of high quality. */
#define GOOD_QUANTIZER 32
/* A block coded this much coarser than the aim is coded again, within so many packets. */
#define COARSE_STEP 6
#define HEAL_PACKETS 4
/* Key frames on slow paths: a third of the bytes, and the next packets make them good. */
#define SLOW_KEY_QUANTIZER 36
/* The share of moving blocks, in 1/256 and smoothed, that makes a picture "moving", and ends it. */
#define MOVING_ENTER 140
#define MOVING_LEAVE 90
/* Above this share of active blocks, in 1/256, the map costs more than it saves. */
#define MAP_USELESS 180
/* With less to spend, VP9's fewer bytes are worth more than VP8's time and memory. */
#define SLOW_PATH_KBPS 12000u
/* Stands for "no ceiling". */
#define UNLIMITED_KBPS 200000u
#define MIN_KBPS 100u
/* Of blue and red against green, 0..1020: a coloured line on a grey ground. */
#define EDGE_DISTANCE 48
#define MAX_FRAME_US 500000
#define MAX_THREADS 4

struct BerthVideoEncoder {
    BerthVideoEncoderConfig config;
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t settings;
    bool is_codec_open;
    bool is_settings_new;
    vpx_image_t *image;
    bool is_image_valid; /* the planes hold a picture */
    bool has_packet;     /* a key frame was made */
    int columns, rows;   /* of blocks */
    uint8_t *is_active;  /* a block changed since the last packet */
    uint8_t *map;        /* what the codec is told */
    uint8_t *quantizers; /* with which a block was coded last */
    unsigned moving;     /* share of active blocks, smoothed, in 1/256 */
    bool is_moving;
    bool is_coarse_key; /* the codec is set for a key frame on a slow path */
    unsigned n_packets;
    int64_t first_us, last_us;
};

/* Planes of one box, before they are compared with the picture. */
typedef struct {
    uint8_t y[BOX_PX * BOX_PX];
    uint8_t u[BOX_PX * BOX_PX];
    uint8_t v[BOX_PX * BOX_PX];
} Scratch;

static bool
is_444(const BerthVideoEncoder *self)
{
    return self->config.codec == BERTH_VIDEO_VP9_444;
}

static bool
is_config_allowed(const BerthVideoEncoderConfig *config)
{
    int64_t area_px = (int64_t)config->width * config->height;
    return config->codec >= BERTH_VIDEO_VP9_420 && config->codec <= BERTH_VIDEO_VP8 &&
           config->width >= BERTH_VIDEO_MIN_SIDE_PX && config->height >= BERTH_VIDEO_MIN_SIDE_PX &&
           config->width <= (int)BERTH_LIMIT_HEAD_SIDE_PX &&
           config->height <= (int)BERTH_LIMIT_HEAD_SIDE_PX &&
           area_px <= (int64_t)BERTH_LIMIT_VIDEO_AREA_PX;
}

static bool
is_vp8(const BerthVideoEncoder *self)
{
    return self->config.codec == BERTH_VIDEO_VP8;
}

/* The best quantiser that the picture gets. */
static unsigned
choose_quantizer(const BerthVideoEncoder *self)
{
    unsigned still = is_vp8(self) ? VP8_STILL_QUANTIZER : STILL_QUANTIZER;
    unsigned moving = is_vp8(self) ? VP8_MOVING_QUANTIZER : MOVING_QUANTIZER;
    unsigned base = self->is_moving ? moving : still;
    return base + (unsigned)(FULL_EFFORT - CLAMP(self->config.effort, 0, FULL_EFFORT)) *
                      QUANTIZER_PER_EFFORT;
}

static void
fill_settings(BerthVideoEncoder *self)
{
    vpx_codec_enc_cfg_t *settings = &self->settings;
    unsigned kbps = self->config.kbps;
    settings->rc_target_bitrate =
        kbps == 0 ? UNLIMITED_KBPS : CLAMP(kbps, MIN_KBPS, UNLIMITED_KBPS);
    settings->rc_min_quantizer = self->is_coarse_key ? SLOW_KEY_QUANTIZER : choose_quantizer(self);
    settings->rc_max_quantizer = MAX_QUANTIZER;
}

static void
fill_fixed_settings(BerthVideoEncoder *self)
{
    vpx_codec_enc_cfg_t *settings = &self->settings;
    settings->g_w = (unsigned)self->config.width;
    settings->g_h = (unsigned)self->config.height;
    settings->g_profile = is_444(self) ? 1 : 0;
    settings->g_threads = (unsigned)CLAMP(self->config.n_threads, 1, MAX_THREADS);
    settings->g_lag_in_frames = 0;
    settings->g_timebase = (vpx_rational_t){ 1, 1000000 };
    settings->g_error_resilient = 1;
    settings->kf_mode = VPX_KF_DISABLED;
    settings->rc_end_usage = VPX_CBR;
    settings->rc_dropframe_thresh = 0;
    settings->rc_buf_sz = 600;
    settings->rc_buf_initial_sz = 400;
    settings->rc_buf_optimal_sz = 500;
    settings->rc_undershoot_pct = 50;
    settings->rc_overshoot_pct = 50;
}

static bool
set_controls(BerthVideoEncoder *self)
{
    vpx_codec_ctx_t *codec = &self->codec;
    if (is_vp8(self)) {
        return vpx_codec_control(codec, VP8E_SET_CPUUSED, VP8_SPEED) == VPX_CODEC_OK &&
               vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, STILL_THRESHOLD) == VPX_CODEC_OK;
    }
    int is_threaded = self->settings.g_threads > 1;
    return vpx_codec_control(codec, VP8E_SET_CPUUSED, VP9_SPEED) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, STILL_THRESHOLD) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP9E_SET_AQ_MODE, 0) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP9E_SET_ROW_MT, is_threaded) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP9E_SET_TILE_COLUMNS, is_threaded) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP9E_SET_FRAME_PARALLEL_DECODING, 1) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP9E_SET_COLOR_RANGE, 1) == VPX_CODEC_OK;
}

static bool
open_codec(BerthVideoEncoder *self)
{
    vpx_codec_iface_t *interface = is_vp8(self) ? vpx_codec_vp8_cx() : vpx_codec_vp9_cx();
    if (vpx_codec_enc_config_default(interface, &self->settings, 0) != VPX_CODEC_OK) {
        return false;
    }
    fill_fixed_settings(self);
    fill_settings(self);
    if (vpx_codec_enc_init(&self->codec, interface, &self->settings, 0) != VPX_CODEC_OK) {
        return false;
    }
    self->is_codec_open = true;
    return set_controls(self);
}

static bool
make_planes(BerthVideoEncoder *self)
{
    self->columns = (self->config.width + BLOCK_PX - 1) / BLOCK_PX;
    self->rows = (self->config.height + BLOCK_PX - 1) / BLOCK_PX;
    size_t n_blocks = (size_t)self->columns * (size_t)self->rows;
    vpx_img_fmt_t format = is_444(self) ? VPX_IMG_FMT_I444 : VPX_IMG_FMT_I420;
    self->image = vpx_img_alloc(NULL, format, (unsigned)self->config.width,
                                (unsigned)self->config.height, 32);
    self->is_active = g_try_malloc0(n_blocks);
    self->map = g_try_malloc0(n_blocks);
    self->quantizers = g_try_malloc0(n_blocks);
    if (self->image == NULL || self->is_active == NULL || self->map == NULL ||
        self->quantizers == NULL) {
        return false;
    }
    self->image->range = VPX_CR_FULL_RANGE;
    self->image->cs = VPX_CS_BT_601;
    return true;
}

BerthVideoEncoder *
berth_video_encoder_new(const BerthVideoEncoderConfig *config)
{
    BerthVideoEncoder *self = is_config_allowed(config) ? g_try_new0(BerthVideoEncoder, 1) : NULL;
    if (self == NULL) {
        return NULL;
    }
    self->config = *config;
    if (!make_planes(self) || !open_codec(self)) {
        berth_video_encoder_free(self);
        return NULL;
    }
    return self;
}

void
berth_video_encoder_free(BerthVideoEncoder *self)
{
    if (self == NULL) {
        return;
    }
    if (self->is_codec_open) {
        vpx_codec_destroy(&self->codec);
    }
    vpx_img_free(self->image);
    g_free(self->is_active);
    g_free(self->map);
    g_free(self->quantizers);
    g_free(self);
}

void
berth_video_encoder_set_kbps(BerthVideoEncoder *self, unsigned kbps)
{
    self->is_settings_new = self->is_settings_new || kbps != self->config.kbps;
    self->config.kbps = kbps;
}

void
berth_video_encoder_set_effort(BerthVideoEncoder *self, int effort)
{
    self->is_settings_new = self->is_settings_new || effort != self->config.effort;
    self->config.effort = effort;
}

/* The colours of one row at full resolution: libyuv's arithmetic for BT.601 full range. */
static void
convert_chroma_row(const uint8_t *bgrx, uint8_t *u, uint8_t *v, int n)
{
    for (int i = 0; i < n; i++) {
        int blue = bgrx[i * 4];
        int green = bgrx[i * 4 + 1];
        int red = bgrx[i * 4 + 2];
        u[i] = (uint8_t)((127 * blue - 84 * green - 43 * red + 0x8080) >> 8);
        v[i] = (uint8_t)((127 * red - 107 * green - 20 * blue + 0x8080) >> 8);
    }
}

/* Converts w x h pixels into planes with these strides. */
static void
convert(const BerthVideoEncoder *self, const uint8_t *bgrx, size_t stride_bytes,
        uint8_t *const planes[3], const int strides[3], int w, int h)
{
    if (!is_444(self)) {
        ARGBToJ420(bgrx, (int)stride_bytes, planes[0], strides[0], planes[1], strides[1], planes[2],
                   strides[2], w, h);
        return;
    }
    ARGBToJ400(bgrx, (int)stride_bytes, planes[0], strides[0], w, h);
    for (int y = 0; y < h; y++) {
        convert_chroma_row(bgrx + (size_t)y * stride_bytes, planes[1] + y * strides[1],
                           planes[2] + y * strides[2], w);
    }
}

static void
convert_all(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y)
{
    uint8_t *const planes[3] = { self->image->planes[0], self->image->planes[1],
                                 self->image->planes[2] };
    convert(self, berth_frame_pixel(frame, x, y), frame->stride_bytes, planes, self->image->stride,
            self->config.width, self->config.height);
    memset(self->is_active, 1, (size_t)self->columns * (size_t)self->rows);
    self->is_image_valid = true;
}

/* Copies a rectangle of one plane if it differs; returns whether it did. */
static bool
update_plane(uint8_t *dst, int dst_stride, const uint8_t *src, int src_stride, int w, int h)
{
    bool has_changed = false;
    for (int row = 0; row < h; row++) {
        if (has_changed || memcmp(dst, src, (size_t)w) != 0) {
            memcpy(dst, src, (size_t)w);
            has_changed = true;
        }
        dst += dst_stride;
        src += src_stride;
    }
    return has_changed;
}

/* Brings the part of a block that lies in the converted box into the picture. */
static void
update_block(BerthVideoEncoder *self, const Scratch *scratch, BerthRect box, int column, int row)
{
    BerthRect block = { column * BLOCK_PX, row * BLOCK_PX, BLOCK_PX, BLOCK_PX };
    BerthRect part = berth_rect_intersect(block, box);
    const uint8_t *sources[3] = { scratch->y, scratch->u, scratch->v };
    bool has_changed = false;
    for (int i = 0; i < 3; i++) {
        int half = i > 0 && !is_444(self) ? 1 : 0;
        int stride = self->image->stride[i];
        uint8_t *dst = self->image->planes[i] + (part.y >> half) * stride + (part.x >> half);
        const uint8_t *src =
            sources[i] + ((part.y - box.y) >> half) * BOX_PX + ((part.x - box.x) >> half);
        has_changed |= update_plane(dst, stride, src, BOX_PX, (part.w + half) >> half,
                                    (part.h + half) >> half);
    }
    if (has_changed) {
        self->is_active[row * self->columns + column] = 1;
    }
}

/* Takes in one box, at most a tile, in coordinates of the rectangle. */
static void
update_box(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y, BerthRect box)
{
    Scratch scratch;
    uint8_t *const planes[3] = { scratch.y, scratch.u, scratch.v };
    const int strides[3] = { BOX_PX, BOX_PX, BOX_PX };
    /* Colours are shared by pairs of pixels. */
    int right = MIN((box.x + box.w + 1) & ~1, self->config.width);
    int bottom = MIN((box.y + box.h + 1) & ~1, self->config.height);
    box.x &= ~1;
    box.y &= ~1;
    box.w = right - box.x;
    box.h = bottom - box.y;
    convert(self, berth_frame_pixel(frame, x + box.x, y + box.y), frame->stride_bytes, planes,
            strides, box.w, box.h);
    for (int row = box.y / BLOCK_PX; row * BLOCK_PX < bottom; row++) {
        for (int column = box.x / BLOCK_PX; column * BLOCK_PX < right; column++) {
            update_block(self, &scratch, box, column, row);
        }
    }
}

/* Takes in the damaged boxes of all tiles that the rectangle touches. */
static void
update_boxes(BerthVideoEncoder *self, const BerthFrame *frame, BerthRect rect,
             const BerthDamage *damage)
{
    const int tile_px = (int)BERTH_LIMIT_TILE_PX;
    for (int row = rect.y / tile_px; row * tile_px < rect.y + rect.h; row++) {
        for (int column = rect.x / tile_px; column * tile_px < rect.x + rect.w; column++) {
            BerthRect box = berth_rect_intersect(berth_damage_get_tile(damage, column, row), rect);
            if (!berth_rect_is_empty(box)) {
                box.x -= rect.x;
                box.y -= rect.y;
                update_box(self, frame, rect.x, rect.y, box);
            }
        }
    }
}

/* The damaged share of the rectangle in 1/256. */
static unsigned
measure_damage(BerthRect rect, const BerthDamage *damage)
{
    const int tile_px = (int)BERTH_LIMIT_TILE_PX;
    int64_t area_px = 0;
    for (int row = rect.y / tile_px; row * tile_px < rect.y + rect.h; row++) {
        for (int column = rect.x / tile_px; column * tile_px < rect.x + rect.w; column++) {
            area_px += berth_rect_area_px(
                berth_rect_intersect(berth_damage_get_tile(damage, column, row), rect));
        }
    }
    return (unsigned)(area_px * 256 / berth_rect_area_px(rect));
}

int
berth_video_encoder_see(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y,
                        const BerthDamage *damage)
{
    BerthRect rect = { x, y, self->config.width, self->config.height };
    if (!berth_rect_is_inside(rect, frame->width, frame->height)) {
        return BERTH_ERR_INVALID;
    }
    /* Where nearly all of it moves anyway, looking for blocks that do not is a waste. */
    if (damage == NULL || !self->is_image_valid ||
        (self->is_moving && measure_damage(rect, damage) > MAP_USELESS)) {
        convert_all(self, frame, x, y);
    } else {
        update_boxes(self, frame, rect, damage);
    }
    return BERTH_OK;
}

/* Makes the codec's map: what changed, and what is too coarse.  Returns its share in 1/256. */
static unsigned
make_map(BerthVideoEncoder *self)
{
    unsigned n_blocks = (unsigned)(self->columns * self->rows);
    unsigned n_changed = 0;
    unsigned n_active = 0;
    unsigned coarse = choose_quantizer(self) + COARSE_STEP;
    for (unsigned i = 0; i < n_blocks; i++) {
        bool is_turn = (i + self->n_packets) % HEAL_PACKETS == 0;
        self->map[i] = self->is_active[i] || (is_turn && self->quantizers[i] > coarse);
        n_changed += self->is_active[i];
        n_active += self->map[i];
    }
    self->moving = (self->moving * 7 + n_changed * 256 / n_blocks) / 8;
    return n_active * 256 / n_blocks;
}

static void
adapt_quality(BerthVideoEncoder *self)
{
    bool is_moving = self->moving >= (self->is_moving ? MOVING_LEAVE : MOVING_ENTER);
    self->is_settings_new = self->is_settings_new || is_moving != self->is_moving;
    self->is_moving = is_moving;
}

/* Key frames of a slow path are coarse. */
static void
prepare_key(BerthVideoEncoder *self, bool is_key)
{
    bool is_coarse_key = is_key && berth_video_is_slow_path(self->config.kbps);
    self->is_settings_new = self->is_settings_new || is_coarse_key != self->is_coarse_key;
    self->is_coarse_key = is_coarse_key;
}

/* Tells the codec what has become of ceiling, effort and motion. */
static bool
apply_settings(BerthVideoEncoder *self)
{
    if (!self->is_settings_new) {
        return true;
    }
    unsigned threshold = is_vp8(self) && self->is_moving ? VP8_MOVING_THRESHOLD : STILL_THRESHOLD;
    self->is_settings_new = false;
    fill_settings(self);
    return vpx_codec_enc_config_set(&self->codec, &self->settings) == VPX_CODEC_OK &&
           vpx_codec_control(&self->codec, VP8E_SET_STATIC_THRESHOLD, threshold) == VPX_CODEC_OK;
}

/* No map at all is quicker than one that says yes everywhere. */
static bool
apply_map(BerthVideoEncoder *self, bool is_whole)
{
    vpx_active_map_t map = { is_whole ? NULL : self->map, (unsigned)self->rows,
                             (unsigned)self->columns };
    if (is_whole) {
        memset(self->map, 1, (size_t)self->columns * (size_t)self->rows);
    }
    return vpx_codec_control(&self->codec, VP8E_SET_ACTIVEMAP, &map) == VPX_CODEC_OK;
}

/* Remembers how well each block was coded; returns the quality of the packet. */
static uint8_t
note_quantizer(BerthVideoEncoder *self)
{
    int quantizer = 0;
    size_t n_blocks = (size_t)self->columns * (size_t)self->rows;
    if (vpx_codec_control(&self->codec, VP8E_GET_LAST_QUANTIZER_64, &quantizer) != VPX_CODEC_OK) {
        return BERTH_QUALITY_VIDEO;
    }
    for (size_t i = 0; i < n_blocks; i++) {
        if (self->map[i]) {
            self->quantizers[i] = (uint8_t)quantizer;
        }
    }
    memset(self->is_active, 0, n_blocks);
    return quantizer <= GOOD_QUANTIZER ? BERTH_QUALITY_HIGH : BERTH_QUALITY_VIDEO;
}

static void
take_packet(BerthVideoEncoder *self, BerthVideoPacket *ret_packet)
{
    vpx_codec_iter_t iterator = NULL;
    const vpx_codec_cx_pkt_t *packet;
    memset(ret_packet, 0, sizeof *ret_packet);
    while ((packet = vpx_codec_get_cx_data(&self->codec, &iterator)) != NULL) {
        if (packet->kind == VPX_CODEC_CX_FRAME_PKT && ret_packet->data == NULL) {
            ret_packet->data = packet->data.frame.buf;
            ret_packet->len = packet->data.frame.sz;
            ret_packet->is_key = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
        }
    }
}

/* Gives the picture to the codec at its time. */
static bool
run_codec(BerthVideoEncoder *self, int64_t now_us, bool is_key)
{
    if (!self->has_packet) {
        self->first_us = now_us;
        self->last_us = now_us - 1;
    }
    int64_t at_us = MAX(now_us, self->last_us + 1);
    int64_t duration_us = CLAMP(at_us - self->last_us, 1000, MAX_FRAME_US);
    self->last_us = at_us;
    return vpx_codec_encode(&self->codec, self->image, at_us - self->first_us,
                            (unsigned long)duration_us, is_key ? VPX_EFLAG_FORCE_KF : 0,
                            VPX_DL_REALTIME) == VPX_CODEC_OK;
}

int
berth_video_encoder_encode(BerthVideoEncoder *self, const BerthFrame *frame, int x, int y,
                           const BerthDamage *damage, int64_t now_us, bool is_key_wanted,
                           BerthVideoPacket *ret_packet)
{
    int error = berth_video_encoder_see(self, frame, x, y, damage);
    if (error != BERTH_OK) {
        return error;
    }
    bool is_key = is_key_wanted || !self->has_packet;
    unsigned share = make_map(self);
    adapt_quality(self);
    prepare_key(self, is_key);
    if (!apply_settings(self) || !apply_map(self, is_key || share > MAP_USELESS) ||
        !run_codec(self, now_us, is_key)) {
        return BERTH_ERR_INTERNAL;
    }
    self->has_packet = true;
    self->n_packets++;
    take_packet(self, ret_packet);
    if (ret_packet->data != NULL) {
        ret_packet->quality = note_quantizer(self);
    }
    return BERTH_OK;
}

bool
berth_video_is_slow_path(unsigned kbps)
{
    return kbps > 0 && kbps < SLOW_PATH_KBPS;
}

/* How far the colours, without brightness, of two pixels are apart. */
static int
chroma_distance(const uint8_t *a, const uint8_t *b)
{
    int u = (a[0] - a[1]) - (b[0] - b[1]);
    int v = (a[2] - a[1]) - (b[2] - b[1]);
    return ABS(u) + ABS(v);
}

/* True if of the sampled pairs that would share a colour more than a fiftieth differ in it. */
static bool
has_coloured_edges(const BerthFrame *frame, BerthRect rect)
{
    int n_sampled = 0;
    int n_edges = 0;
    for (int y = 0; y + 1 < rect.h; y += 6) {
        for (int x = 0; x + 1 < rect.w; x += 2) {
            const uint8_t *pixel = berth_frame_pixel(frame, rect.x + x, rect.y + y);
            const uint8_t *below = pixel + frame->stride_bytes;
            n_edges += chroma_distance(pixel, pixel + BERTH_PIXEL_BYTES) > EDGE_DISTANCE ||
                       chroma_distance(pixel, below) > EDGE_DISTANCE;
            n_sampled++;
        }
    }
    return n_edges * 50 > n_sampled;
}

uint8_t
berth_video_encoder_choose_codec(const BerthFrame *frame, BerthRect rect, uint8_t mask,
                                 unsigned kbps)
{
    bool has_420 = (mask & BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420)) != 0;
    bool has_444 = (mask & BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444)) != 0;
    bool has_vp8 = (mask & BERTH_VIDEO_BIT(BERTH_VIDEO_VP8)) != 0;
    if (has_444 && ((!has_420 && !has_vp8) || has_coloured_edges(frame, rect))) {
        return BERTH_VIDEO_VP9_444;
    }
    if (has_vp8 && (!has_420 || !berth_video_is_slow_path(kbps))) {
        return BERTH_VIDEO_VP8;
    }
    return has_420 ? BERTH_VIDEO_VP9_420 : 0;
}

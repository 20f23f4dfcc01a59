/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/frame-decoder.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/decode/exact-unpacker.h"
#include "display/decode/photo-decoder.h"
#include "display/decode/tile-store.h"
#include "display/decode/video-decoder.h"
#include "display/pixels/copy.h"
#include "display/pixels/region.h"
#include "display/pixels/tile-hash.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-exact.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-tiles.h"
#include "display/wire/msg-video.h"

#include <glib.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
#define MIN_WINDOW_LOG 10
/* Rectangles that a finished frame reports. */
#define DAMAGE_BUDGET 64

_Static_assert(DAMAGE_BUDGET <= BERTH_REGION_MAX_RECTS, "the region can hold the budget");

struct BerthFrameDecoder {
    int error;
    int max_width;
    int max_height;
    BerthChooseCanvas choose; /* NULL: every head keeps its own */
    void *choose_data;
    BerthFrame *canvases[BERTH_LIMIT_HEADS];
    BerthExactUnpacker *unpackers[BERTH_N_EXACT_STREAMS]; /* NULL: not offered */
    BerthTileStore *tiles;
    BerthPhotoDecoder *photos; /* NULL: not offered */
    BerthPhotoBatch *batch;    /* NULL: photos are decoded one by one */
    int batch_error;           /* of a photo that was to be painted before */
    uint8_t video_mask;
    int n_threads;
    BerthVideoDecoder *videos[BERTH_LIMIT_VIDEO_STREAMS]; /* NULL: not open */
    /* The frame between FRAME_BEGIN and FRAME_END. */
    bool is_in_frame;
    BerthMsgFrameBegin frame;
    BerthFrame *canvas; /* borrowed: that of the frame's head */
    BerthCatchUp catch_up;
    uint64_t frame_bytes;
    BerthRegion changed;
};

/* Handles one checked type; ret_event is BERTH_DECODED_NOTHING at the start. */
typedef int (*Handler)(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                       BerthDecodedEvent *ret_event);

static bool
caps_are_allowed(const BerthFrameDecoderCaps *caps)
{
    /* Side by side: a session may offer either orientation, the area is checked per head. */
    return caps->max_width > 0 && caps->max_height > 0 &&
           caps->max_width <= (int)BERTH_LIMIT_HEAD_SIDE_PX &&
           caps->max_height <= (int)BERTH_LIMIT_HEAD_SIDE_PX &&
           caps->window_log >= MIN_WINDOW_LOG && caps->window_log <= BERTH_LIMIT_ZSTD_WINDOW_LOG &&
           (caps->gradient_window_log == 0 ||
            (caps->gradient_window_log >= MIN_WINDOW_LOG &&
             caps->gradient_window_log <= BERTH_LIMIT_GRADIENT_WINDOW_LOG));
}

static bool
make_parts(BerthFrameDecoder *self, const BerthFrameDecoderCaps *caps)
{
    self->unpackers[BERTH_EXACT_PLAIN] =
        berth_exact_unpacker_new(BERTH_EXACT_PLAIN, caps->window_log);
    if (caps->gradient_window_log > 0) {
        self->unpackers[BERTH_EXACT_GRADIENT] =
            berth_exact_unpacker_new(BERTH_EXACT_GRADIENT, caps->gradient_window_log);
    }
    self->tiles = berth_tile_store_new(caps->n_cache_tiles);
    if (caps->photo_mask & BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG)) {
        self->photos = berth_photo_decoder_new();
        if (self->photos == NULL) {
            return false;
        }
    }
    return self->unpackers[BERTH_EXACT_PLAIN] != NULL && self->tiles != NULL &&
           (caps->gradient_window_log == 0 || self->unpackers[BERTH_EXACT_GRADIENT] != NULL);
}

BerthFrameDecoder *
berth_frame_decoder_new(const BerthFrameDecoderCaps *caps)
{
    if (!caps_are_allowed(caps)) {
        return NULL;
    }
    BerthFrameDecoder *self = g_try_new0(BerthFrameDecoder, 1);
    if (self == NULL) {
        return NULL;
    }
    self->max_width = caps->max_width;
    self->max_height = caps->max_height;
    self->video_mask = caps->video_mask;
    self->n_threads = MAX(caps->n_threads, 1);
    berth_region_init(&self->changed, DAMAGE_BUDGET);
    if (!make_parts(self, caps)) {
        berth_frame_decoder_free(self);
        return NULL;
    }
    return self;
}

void
berth_frame_decoder_free(BerthFrameDecoder *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_frame_unref(self->canvases[i]);
    }
    berth_catch_up_clear(&self->catch_up);
    for (size_t i = 0; i < BERTH_N_EXACT_STREAMS; i++) {
        berth_exact_unpacker_free(self->unpackers[i]);
    }
    berth_tile_store_free(self->tiles);
    berth_photo_decoder_free(self->photos);
    berth_photo_batch_free(self->batch);
    for (size_t i = 0; i < BERTH_LIMIT_VIDEO_STREAMS; i++) {
        berth_video_decoder_free(self->videos[i]);
    }
    g_free(self);
}

/* Pixels of all heads but one. */
static int64_t
other_heads_px(const BerthFrameDecoder *self, uint16_t head)
{
    int64_t area_px = 0;
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        if (i != head && self->canvases[i] != NULL) {
            area_px += berth_rect_area_px(berth_frame_get_rect(self->canvases[i]));
        }
    }
    return area_px;
}

static int
handle_head_config(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                   BerthDecodedEvent *ret_event)
{
    BerthMsgHeadConfig config;
    int error = berth_msg_head_config_decode(payload, len, &config);
    if (error != BERTH_OK) {
        return error;
    }
    if (self->is_in_frame) {
        return BERTH_ERR_STATE;
    }
    if (config.head >= BERTH_LIMIT_HEADS || config.w > self->max_width ||
        config.h > self->max_height || !berth_frame_size_is_allowed(config.w, config.h) ||
        other_heads_px(self, config.head) + (int64_t)config.w * config.h >
            BERTH_LIMIT_HEAD_AREA_PX) {
        return BERTH_ERR_TOO_LARGE;
    }
    BerthFrame *canvas = berth_frame_new(config.w, config.h);
    if (canvas == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    berth_frame_unref(self->canvases[config.head]);
    self->canvases[config.head] = canvas;
    ret_event->kind = BERTH_DECODED_HEAD;
    ret_event->head = config.head;
    return BERTH_OK;
}

void
berth_frame_decoder_set_choose_canvas(BerthFrameDecoder *self, BerthChooseCanvas choose,
                                      void *user_data)
{
    self->choose = choose;
    self->choose_data = user_data;
}

static void
choose_canvas(BerthFrameDecoder *self, uint16_t head)
{
    BerthFrame *old = self->canvases[head];
    if (self->choose != NULL) {
        self->canvases[head] = self->choose(head, old, &self->catch_up, self->choose_data);
        berth_frame_unref(old);
    }
    self->canvas = self->canvases[head];
}

static int
handle_frame_begin(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                   BerthDecodedEvent *ret_event)
{
    BerthMsgFrameBegin begin;
    int error = berth_msg_frame_begin_decode(payload, len, &begin);
    if (error != BERTH_OK) {
        return error;
    }
    if (self->is_in_frame || begin.head >= BERTH_LIMIT_HEADS ||
        self->canvases[begin.head] == NULL) {
        return BERTH_ERR_STATE;
    }
    self->is_in_frame = true;
    self->frame = begin;
    choose_canvas(self, begin.head);
    self->frame_bytes = len;
    berth_region_clear(&self->changed);
    return BERTH_OK;
}

int
berth_frame_decoder_set_runner(BerthFrameDecoder *self, BerthRunParts run, void *runner)
{
    if (self->photos != NULL && self->batch == NULL) {
        self->batch = berth_photo_batch_new(run, runner);
    }
    return self->photos == NULL || self->batch != NULL ? BERTH_OK : BERTH_ERR_NO_MEMORY;
}

/* Paints the photos that wait. */
static void
settle_photos(BerthFrameDecoder *self)
{
    if (self->batch != NULL && self->batch_error == BERTH_OK) {
        self->batch_error = berth_photo_batch_run(self->batch, self->canvas);
    }
}

/*
 * Accepts a target rectangle of the frame, all of which is written then; what is to be below it is
 * painted first.
 */
static bool
take_target(BerthFrameDecoder *self, BerthRect rect)
{
    if (!berth_rect_is_inside(rect, self->canvas->width, self->canvas->height)) {
        return false;
    }
    if (self->batch != NULL && berth_photo_batch_touches(self->batch, rect)) {
        settle_photos(self);
    }
    berth_catch_up_write(&self->catch_up, rect);
    berth_region_add(&self->changed, rect);
    return true;
}

/* Accepts what is read of the picture. */
static bool
take_source(BerthFrameDecoder *self, BerthRect rect)
{
    if (!berth_rect_is_inside(rect, self->canvas->width, self->canvas->height)) {
        return false;
    }
    berth_catch_up_read(&self->catch_up, rect);
    return true;
}

/* Checks the copies of a message; moves has room for all of them. */
static int
check_copies(BerthFrameDecoder *self, const BerthMsgCopy *copy, BerthMove *moves)
{
    int64_t area_px = 0;
    for (unsigned i = 0; i < copy->n; i++) {
        BerthWireCopy item = berth_msg_copy_get(copy, i);
        moves[i] = (BerthMove){ { item.sx, item.sy, item.w, item.h }, item.dx, item.dy };
        if (!take_source(self, moves[i].source)) {
            return BERTH_ERR_INVALID;
        }
        area_px += berth_rect_area_px(moves[i].source);
    }
    /* After all sources: what is written may be read by another one. */
    for (unsigned i = 0; i < copy->n; i++) {
        BerthRect source = moves[i].source;
        if (!take_target(self, (BerthRect){ moves[i].x, moves[i].y, source.w, source.h })) {
            return BERTH_ERR_INVALID;
        }
    }
    /* Targets that do not overlap are never more than the picture. */
    int64_t canvas_px = berth_rect_area_px(berth_frame_get_rect(self->canvas));
    return area_px <= canvas_px ? BERTH_OK : BERTH_ERR_TOO_LARGE;
}

static int
handle_copy(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
            BerthDecodedEvent *ret_event)
{
    BerthMsgCopy copy;
    int error = berth_msg_copy_decode(payload, len, &copy);
    if (error != BERTH_OK) {
        return error;
    }
    g_autofree BerthMove *moves = g_try_new(BerthMove, copy.n);
    if (moves == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    error = check_copies(self, &copy, moves);
    return error != BERTH_OK ? error : berth_copy_apply(self->canvas, moves, copy.n);
}

static int
handle_fill(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
            BerthDecodedEvent *ret_event)
{
    BerthMsgFill fill;
    int error = berth_msg_fill_decode(payload, len, &fill);
    if (error != BERTH_OK) {
        return error;
    }
    int64_t left_px = berth_rect_area_px(berth_frame_get_rect(self->canvas));
    for (unsigned i = 0; i < fill.n; i++) {
        BerthWireFill item = berth_msg_fill_get(&fill, i);
        BerthRect rect = { item.x, item.y, item.w, item.h };
        if (!take_target(self, rect)) {
            return BERTH_ERR_INVALID;
        }
        /* Or a small message could keep the decoder busy for hours. */
        left_px -= berth_rect_area_px(rect);
        if (left_px < 0) {
            return BERTH_ERR_TOO_LARGE;
        }
        berth_frame_fill(self->canvas, rect, item.xrgb);
    }
    return BERTH_OK;
}

static int
handle_exact(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
             BerthDecodedEvent *ret_event)
{
    BerthMsgExact exact;
    int error = berth_msg_exact_decode(payload, len, &exact);
    if (error != BERTH_OK) {
        return error;
    }
    BerthExactUnpacker *unpacker =
        exact.stream < BERTH_N_EXACT_STREAMS ? self->unpackers[exact.stream] : NULL;
    if (unpacker == NULL) {
        return BERTH_ERR_UNSUPPORTED;
    }
    const BerthWireRect *rects;
    error = berth_exact_unpacker_begin(unpacker, &exact, &rects);
    if (error != BERTH_OK) {
        return error;
    }
    for (unsigned i = 0; i < exact.n; i++) {
        if (!take_target(self, (BerthRect){ rects[i].x, rects[i].y, rects[i].w, rects[i].h })) {
            return BERTH_ERR_INVALID;
        }
    }
    return berth_exact_unpacker_draw(unpacker, self->canvas);
}

/* The rectangle of a tile of the frame's head, cropped; an empty one if there is no such tile. */
static BerthRect
get_tile(const BerthFrame *canvas, unsigned index)
{
    unsigned n_columns = ((unsigned)canvas->width + BERTH_LIMIT_TILE_PX - 1) / BERTH_LIMIT_TILE_PX;
    BerthRect tile = { (int)(index % n_columns) * TILE, (int)(index / n_columns) * TILE, TILE,
                       TILE };
    return berth_rect_intersect(tile, berth_frame_get_rect(canvas));
}

static unsigned
count_tiles(const BerthFrame *canvas)
{
    return (unsigned)((canvas->width + TILE - 1) / TILE) *
           (unsigned)((canvas->height + TILE - 1) / TILE);
}

static int
handle_tiles(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
             int (*take)(BerthFrameDecoder *self, unsigned slot, BerthRect tile))
{
    BerthMsgTiles tiles;
    int error = berth_msg_tiles_decode(payload, len, &tiles);
    if (error != BERTH_OK) {
        return error;
    }
    if (tiles.n > count_tiles(self->canvas)) {
        return BERTH_ERR_TOO_LARGE;
    }
    for (unsigned i = 0; error == BERTH_OK && i < tiles.n; i++) {
        BerthWireTile item = berth_msg_tiles_get(&tiles, i);
        if (item.tile >= count_tiles(self->canvas)) {
            return BERTH_ERR_INVALID;
        }
        error = take(self, item.slot, get_tile(self->canvas, item.tile));
    }
    return error;
}

static int
draw_tile(BerthFrameDecoder *self, unsigned slot, BerthRect tile)
{
    return take_target(self, tile) ? berth_tile_store_draw(self->tiles, slot, self->canvas, tile)
                                   : BERTH_ERR_INVALID;
}

static int
keep_tile(BerthFrameDecoder *self, unsigned slot, BerthRect tile)
{
    return take_source(self, tile) ? berth_tile_store_put(self->tiles, slot, self->canvas, tile)
                                   : BERTH_ERR_INVALID;
}

static int
handle_cached(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
              BerthDecodedEvent *ret_event)
{
    return handle_tiles(self, payload, len, draw_tile);
}

static int
handle_photo(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
             BerthDecodedEvent *ret_event)
{
    BerthMsgPhoto photo;
    int error = berth_msg_photo_decode(payload, len, &photo);
    if (error != BERTH_OK) {
        return error;
    }
    if (self->photos == NULL || photo.codec != BERTH_PHOTO_JPEG) {
        return BERTH_ERR_UNSUPPORTED;
    }
    BerthRect rect = { photo.rect.x, photo.rect.y, photo.rect.w, photo.rect.h };
    if (!take_target(self, rect)) {
        return BERTH_ERR_INVALID;
    }
    if (self->batch == NULL) {
        return berth_photo_decoder_decode(self->photos, photo.data, photo.data_len, self->canvas,
                                          rect);
    }
    if (berth_photo_batch_is_full(self->batch)) {
        settle_photos(self);
    }
    return berth_photo_batch_add(self->batch, photo.data, photo.data_len, rect);
}

static int
handle_tile_store(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                  BerthDecodedEvent *ret_event)
{
    return handle_tiles(self, payload, len, keep_tile);
}

/* Pixels of all videos that are open. */
static int64_t
open_videos_px(const BerthFrameDecoder *self)
{
    int64_t area_px = 0;
    for (size_t i = 0; i < BERTH_LIMIT_VIDEO_STREAMS; i++) {
        if (self->videos[i] != NULL) {
            area_px += (int64_t)berth_video_decoder_get_width(self->videos[i]) *
                       berth_video_decoder_get_height(self->videos[i]);
        }
    }
    return area_px;
}

static int
handle_video_open(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                  BerthDecodedEvent *ret_event)
{
    BerthMsgVideoOpen open;
    int error = berth_msg_video_open_decode(payload, len, &open);
    if (error != BERTH_OK) {
        return error;
    }
    if (!(self->video_mask & BERTH_VIDEO_BIT(open.codec))) {
        return BERTH_ERR_UNSUPPORTED;
    }
    if (self->videos[open.stream] != NULL) {
        return BERTH_ERR_STATE;
    }
    if (open.w > self->canvas->width || open.h > self->canvas->height ||
        open_videos_px(self) + (int64_t)open.w * open.h > BERTH_LIMIT_VIDEO_AREA_PX) {
        return BERTH_ERR_TOO_LARGE;
    }
    self->videos[open.stream] =
        berth_video_decoder_new(open.codec, open.w, open.h, self->n_threads);
    return self->videos[open.stream] != NULL ? BERTH_OK : BERTH_ERR_NO_MEMORY;
}

static int
handle_video_close(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                   BerthDecodedEvent *ret_event)
{
    BerthMsgVideoClose close;
    int error = berth_msg_video_close_decode(payload, len, &close);
    if (error != BERTH_OK) {
        return error;
    }
    if (self->videos[close.stream] == NULL) {
        return BERTH_ERR_STATE;
    }
    berth_video_decoder_free(self->videos[close.stream]);
    self->videos[close.stream] = NULL;
    return BERTH_OK;
}

static int
handle_video(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
             BerthDecodedEvent *ret_event)
{
    BerthMsgVideo video;
    BerthRect keep[BERTH_LIMIT_VIDEO_KEEP_RECTS];
    int error = berth_msg_video_decode(payload, len, &video);
    if (error != BERTH_OK) {
        return error;
    }
    BerthVideoDecoder *decoder = self->videos[video.stream];
    if (decoder == NULL) {
        return BERTH_ERR_STATE;
    }
    BerthRect rect = { video.x, video.y, berth_video_decoder_get_width(decoder),
                       berth_video_decoder_get_height(decoder) };
    if ((video.n_keep > 0 && !take_source(self, rect)) || !take_target(self, rect)) {
        return BERTH_ERR_INVALID;
    }
    for (unsigned i = 0; i < video.n_keep; i++) {
        BerthWireRect item = berth_msg_video_get_keep(&video, i);
        keep[i] = (BerthRect){ item.x, item.y, item.w, item.h };
    }
    error = berth_video_decoder_decode(decoder, video.data, video.data_len);
    return error != BERTH_OK ? error
                             : berth_video_decoder_paint(decoder, self->canvas, rect.x, rect.y,
                                                         keep, video.n_keep);
}

static int
handle_picture_check(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                     BerthDecodedEvent *ret_event)
{
    BerthMsgPictureCheck check;
    int error = berth_msg_picture_check_decode(payload, len, &check);
    if (error != BERTH_OK) {
        return error;
    }
    if (self->is_in_frame || check.head >= BERTH_LIMIT_HEADS ||
        self->canvases[check.head] == NULL) {
        return BERTH_ERR_STATE;
    }
    if (check.frame != self->frame.frame) {
        return BERTH_ERR_PROTOCOL;
    }
    uint64_t hash =
        berth_tile_hash_picture(self->canvases[check.head], check.bitmap, check.n_bytes);
    if (hash != check.hash) {
        ret_event->kind = BERTH_DECODED_WRONG;
        ret_event->head = check.head;
    }
    return BERTH_OK;
}

static int
handle_frame_end(BerthFrameDecoder *self, const uint8_t *payload, size_t len,
                 BerthDecodedEvent *ret_event)
{
    BerthMsgFrameEnd end;
    int error = berth_msg_frame_end_decode(payload, len, &end);
    if (error != BERTH_OK) {
        return error;
    }
    if (end.frame != self->frame.frame || end.n_bytes != (uint32_t)self->frame_bytes) {
        return BERTH_ERR_PROTOCOL;
    }
    berth_catch_up_finish(&self->catch_up);
    self->is_in_frame = false;
    self->canvas = NULL;
    *ret_event = (BerthDecodedEvent){
        .kind = BERTH_DECODED_FRAME,
        .head = self->frame.head,
        .frame_id = self->frame.frame,
        .input_serial = self->frame.input_serial,
        .capture_us = self->frame.capture_us,
        .encode_us = end.encode_us,
        .is_exact = end.is_exact,
        .n_bytes = self->frame_bytes,
        .rects = self->changed.rects,
        .n_rects = self->changed.n_rects,
    };
    return BERTH_OK;
}

static const struct {
    uint8_t type;
    bool needs_frame;
    bool needs_photos; /* reads the picture, or ends it */
    Handler handle;
} handlers[] = {
    { BERTH_MSG_HEAD_CONFIG, false, false, handle_head_config },
    { BERTH_MSG_FRAME_BEGIN, false, false, handle_frame_begin },
    { BERTH_MSG_COPY, true, true, handle_copy },
    { BERTH_MSG_FILL, true, false, handle_fill },
    { BERTH_MSG_CACHED, true, false, handle_cached },
    { BERTH_MSG_EXACT, true, false, handle_exact },
    { BERTH_MSG_PHOTO, true, false, handle_photo },
    { BERTH_MSG_TILE_STORE, true, true, handle_tile_store },
    { BERTH_MSG_VIDEO, true, true, handle_video },
    { BERTH_MSG_VIDEO_OPEN, true, false, handle_video_open },
    { BERTH_MSG_VIDEO_CLOSE, true, false, handle_video_close },
    { BERTH_MSG_PICTURE_CHECK, false, false, handle_picture_check },
    { BERTH_MSG_FRAME_END, true, true, handle_frame_end },
};

static int
dispatch(BerthFrameDecoder *self, uint8_t type, const uint8_t *payload, size_t len,
         BerthDecodedEvent *ret_event)
{
    for (size_t i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (handlers[i].type != type) {
            continue;
        }
        if (handlers[i].needs_frame) {
            if (!self->is_in_frame) {
                return BERTH_ERR_STATE;
            }
            self->frame_bytes += type == BERTH_MSG_FRAME_END ? 0 : len;
        }
        if (handlers[i].needs_photos) {
            settle_photos(self);
            if (self->batch_error != BERTH_OK) {
                return self->batch_error;
            }
        }
        int error = handlers[i].handle(self, payload, len, ret_event);
        return error != BERTH_OK ? error : self->batch_error;
    }
    return BERTH_ERR_UNSUPPORTED;
}

int
berth_frame_decoder_handle(BerthFrameDecoder *self, uint8_t type, const uint8_t *payload,
                           size_t len, BerthDecodedEvent *ret_event)
{
    *ret_event = (BerthDecodedEvent){ .kind = BERTH_DECODED_NOTHING };
    if (self->error == BERTH_OK) {
        self->error = dispatch(self, type, payload, len, ret_event);
    }
    return self->error;
}

BerthFrame *
berth_frame_decoder_get_canvas(const BerthFrameDecoder *self, uint16_t head)
{
    return head < BERTH_LIMIT_HEADS ? self->canvases[head] : NULL;
}

bool
berth_frame_decoder_is_in_frame(const BerthFrameDecoder *self)
{
    return self->is_in_frame;
}

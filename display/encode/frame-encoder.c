/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damage of some size is first searched for motion.  The motion found is applied to the client's
 * picture just as the client will do it.  Then the damaged tiles, and the targets of the motion,
 * are compared with what the client shows, and what differs is taken over and sent: so the client's
 * picture equals the source after every frame, whatever the search proposed.
 */
#include "display/encode/frame-encoder.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/encode/exact-stream.h"
#include "display/encode/scroll-finder.h"
#include "display/pixels/copy.h"
#include "display/pixels/diff.h"
#include "display/wire/msg-display.h"

#include <glib.h>
#include <string.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* Pixels of one EXACT message; larger frames are cut so that the client decodes as it receives. */
#define EXACT_MESSAGE_PX (160 * 1024)
/* Fewer changed tiles than this are cheaper to send than to search for motion. */
#define MIN_SEARCH_TILES 4
#define MAX_COPIES 256
/*
 * A film changes much and never scrolls: after so many searches for nothing only each eighth frame
 * is searched.  A pause ends that, so what a user begins to scroll is searched from its first
 * frame.
 */
#define MAX_FRUITLESS 6
#define SEARCH_EVERY 8
#define PAUSE_US 100000
/* How far back a rectangle of the same colour is looked for, in fills. */
#define FILL_JOIN_DEPTH 64
#define MIN_WINDOW_LOG 10
#define MAX_LEVEL 9

typedef struct {
    BerthFrame *picture; /* what the client shows; NULL if the head is not configured */
    BerthDamage *work;   /* where to compare with the picture */
    bool is_refresh_due;
    unsigned n_fruitless; /* large frames since motion was found, or since a pause */
    int64_t large_us;     /* when the last of them was captured */
} Head;

struct BerthFrameEncoder {
    int error;
    bool is_in_frame;
    uint32_t frame_id;
    size_t frame_bytes;
    Head heads[BERTH_LIMIT_HEADS];
    BerthExactStream *stream;
    BerthScrollFinder *scrolls;
    BerthWriter message;
    /* Lists of the frame at work, each with room for one entry a tile of the largest head. */
    size_t n_tiles;
    BerthRect *crops;
    BerthWireFill *fills;
    BerthWireRect *exacts;
};

/* One call of berth_frame_encoder_encode(). */
typedef struct {
    BerthFrameEncoder *self;
    Head *head;
    const BerthFrame *frame;
    const BerthDamage *damage;
    int64_t capture_us;
    BerthMessageFunc emit;
    void *user_data;
    BerthFrameStats stats;
    size_t n_crops;
    size_t n_fills;
    size_t n_exacts;
} Job;

static size_t
count_tiles(int width, int height)
{
    return (size_t)((width + TILE - 1) / TILE) * (size_t)((height + TILE - 1) / TILE);
}

BerthFrameEncoder *
berth_frame_encoder_new(int window_log, int level)
{
    if (window_log < MIN_WINDOW_LOG || level < 1 || level > MAX_LEVEL) {
        return NULL;
    }
    BerthFrameEncoder *self = g_try_new0(BerthFrameEncoder, 1);
    if (self == NULL) {
        return NULL;
    }
    berth_writer_init(&self->message, BERTH_LIMIT_MESSAGE_BYTES);
    self->stream = berth_exact_stream_new(MIN(window_log, BERTH_LIMIT_ZSTD_WINDOW_LOG), level);
    self->scrolls = berth_scroll_finder_new();
    if (self->stream == NULL || self->scrolls == NULL) {
        berth_frame_encoder_free(self);
        return NULL;
    }
    return self;
}

void
berth_frame_encoder_free(BerthFrameEncoder *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_frame_unref(self->heads[i].picture);
        berth_damage_free(self->heads[i].work);
    }
    berth_exact_stream_free(self->stream);
    berth_scroll_finder_free(self->scrolls);
    berth_writer_clear(&self->message);
    g_free(self->crops);
    g_free(self->fills);
    g_free(self->exacts);
    g_free(self);
}

static bool
ensure_lists(BerthFrameEncoder *self, size_t n_tiles)
{
    if (n_tiles <= self->n_tiles) {
        return true;
    }
    BerthRect *crops = g_try_new(BerthRect, n_tiles);
    BerthWireFill *fills = g_try_new(BerthWireFill, n_tiles);
    BerthWireRect *exacts = g_try_new(BerthWireRect, n_tiles);
    if (crops == NULL || fills == NULL || exacts == NULL) {
        g_free(crops);
        g_free(fills);
        g_free(exacts);
        return false;
    }
    g_free(self->crops);
    g_free(self->fills);
    g_free(self->exacts);
    self->crops = crops;
    self->fills = fills;
    self->exacts = exacts;
    self->n_tiles = n_tiles;
    return true;
}

/* Gives out what the writer holds, after an encoder that returned error. */
static int
emit_message(BerthFrameEncoder *self, int error, uint8_t type, BerthMessageFunc emit,
             void *user_data)
{
    if (error == BERTH_OK) {
        error = emit(BERTH_CHANNEL_DISPLAY, type, self->message.data, self->message.len, user_data);
    }
    if (error != BERTH_OK) {
        self->error = error;
    }
    self->frame_bytes += self->message.len;
    berth_writer_reset(&self->message);
    return error;
}

static int
emit_part(Job *job, int error, uint8_t type)
{
    job->stats.n_messages++;
    return emit_message(job->self, error, type, job->emit, job->user_data);
}

int
berth_frame_encoder_configure_head(BerthFrameEncoder *self, uint16_t head, int width, int height,
                                   BerthMessageFunc emit, void *user_data)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->is_in_frame) {
        return BERTH_ERR_STATE;
    }
    if (head >= BERTH_LIMIT_HEADS || !berth_frame_size_is_allowed(width, height)) {
        return BERTH_ERR_INVALID;
    }
    BerthFrame *picture = berth_frame_new(width, height);
    BerthDamage *work = berth_damage_new(width, height);
    if (picture == NULL || work == NULL || !ensure_lists(self, count_tiles(width, height))) {
        berth_frame_unref(picture);
        berth_damage_free(work);
        return BERTH_ERR_NO_MEMORY;
    }
    berth_frame_unref(self->heads[head].picture);
    berth_damage_free(self->heads[head].work);
    self->heads[head] = (Head){ .picture = picture, .work = work };
    BerthMsgHeadConfig config = { head, (uint16_t)width, (uint16_t)height };
    int error = berth_msg_head_config_encode(&self->message, &config);
    return emit_message(self, error, BERTH_MSG_HEAD_CONFIG, emit, user_data);
}

/* Calls take for every damaged tile; what it returns becomes the list of crops. */
static void
collect_crops(Job *job, const BerthDamage *damage,
              BerthRect (*take)(BerthFrame *picture, const BerthFrame *frame, BerthRect rect))
{
    int n_columns = (job->frame->width + TILE - 1) / TILE;
    int n_rows = (job->frame->height + TILE - 1) / TILE;
    job->n_crops = 0;
    for (int row = 0; row < n_rows; row++) {
        for (int column = 0; column < n_columns; column++) {
            BerthRect tile = berth_damage_get_tile(damage, column, row);
            if (berth_rect_is_empty(tile)) {
                continue;
            }
            BerthRect crop = take(job->head->picture, job->frame, tile);
            if (!berth_rect_is_empty(crop)) {
                job->self->crops[job->n_crops++] = crop;
            }
        }
    }
}

static BerthRect
take_everything(BerthFrame *picture, const BerthFrame *frame, BerthRect rect)
{
    berth_frame_copy_rect(picture, frame, rect);
    return rect;
}

/* Does to the client's picture what the COPY message will do. */
static int
apply_copies(Job *job, const BerthWireCopy *copies, size_t n_copies)
{
    BerthMove moves[MAX_COPIES];
    for (size_t i = 0; i < n_copies; i++) {
        const BerthWireCopy *copy = &copies[i];
        moves[i] = (BerthMove){ { copy->sx, copy->sy, copy->w, copy->h }, copy->dx, copy->dy };
        BerthRect target = { copy->dx, copy->dy, copy->w, copy->h };
        berth_damage_add_rect(job->head->work, target);
        job->stats.copied_px += berth_rect_area_px(target);
    }
    job->stats.n_copies = n_copies;
    return berth_copy_apply(job->head->picture, moves, n_copies);
}

/* Whether a search in a large frame is worth its time, as far as the last ones tell. */
static bool
is_search_due(Head *head, int64_t capture_us)
{
    unsigned n = capture_us - head->large_us > PAUSE_US ? 0 : head->n_fruitless;
    head->large_us = capture_us;
    head->n_fruitless = n + 1;
    return n < MAX_FRUITLESS || (n - MAX_FRUITLESS) % SEARCH_EVERY == SEARCH_EVERY - 1;
}

static int
send_copies(Job *job)
{
    BerthFrameEncoder *self = job->self;
    BerthWireCopy copies[MAX_COPIES];
    if (berth_damage_get_n_tiles(job->damage) < MIN_SEARCH_TILES ||
        !is_search_due(job->head, job->capture_us)) {
        return BERTH_OK;
    }
    size_t n_copies = berth_scroll_finder_find(self->scrolls, job->head->picture, job->frame,
                                               job->damage, copies, MAX_COPIES);
    if (n_copies == 0) {
        return BERTH_OK;
    }
    job->head->n_fruitless = 0;
    int error = apply_copies(job, copies, n_copies);
    if (error == BERTH_OK) {
        error = berth_msg_copy_encode(&self->message, copies, n_copies);
    }
    return emit_part(job, error, BERTH_MSG_COPY);
}

/* Adds a box of one colour, joined to the last one if it goes on to the right. */
static void
add_fill(Job *job, BerthRect crop, uint32_t xrgb)
{
    BerthWireFill *fills = job->self->fills;
    if (job->n_fills > 0) {
        BerthWireFill *last = &fills[job->n_fills - 1];
        if (last->xrgb == xrgb && last->y == crop.y && last->h == crop.h &&
            last->x + last->w == crop.x) {
            last->w = (uint16_t)(last->w + crop.w);
            return;
        }
    }
    fills[job->n_fills++] = (BerthWireFill){ (uint16_t)crop.x, (uint16_t)crop.y, (uint16_t)crop.w,
                                             (uint16_t)crop.h, xrgb };
}

/* The one of the last n fills that this one continues downwards; NULL if there is none. */
static BerthWireFill *
find_fill_above(BerthWireFill *fills, size_t n, const BerthWireFill *below)
{
    size_t depth = MIN(n, FILL_JOIN_DEPTH);
    for (size_t i = n; i-- > n - depth;) {
        BerthWireFill *fill = &fills[i];
        if (fill->xrgb == below->xrgb && fill->x == below->x && fill->w == below->w &&
            fill->y + fill->h == below->y) {
            return fill;
        }
    }
    return NULL;
}

static void
join_fills_downwards(Job *job)
{
    BerthWireFill *fills = job->self->fills;
    size_t n_kept = 0;
    for (size_t i = 0; i < job->n_fills; i++) {
        BerthWireFill *above = find_fill_above(fills, n_kept, &fills[i]);
        if (above != NULL) {
            above->h = (uint16_t)(above->h + fills[i].h);
        } else {
            fills[n_kept++] = fills[i];
        }
    }
    job->n_fills = n_kept;
}

/* Adds a box of pixels, joined to the last one if it goes on to the right. */
static void
add_exact(Job *job, BerthRect crop)
{
    BerthWireRect *exacts = job->self->exacts;
    if (job->n_exacts > 0) {
        BerthWireRect *last = &exacts[job->n_exacts - 1];
        if (last->y == crop.y && last->h == crop.h && last->x + last->w == crop.x) {
            last->w = (uint16_t)(last->w + crop.w);
            return;
        }
    }
    exacts[job->n_exacts++] =
        (BerthWireRect){ (uint16_t)crop.x, (uint16_t)crop.y, (uint16_t)crop.w, (uint16_t)crop.h };
}

static void
classify_crops(Job *job)
{
    for (size_t i = 0; i < job->n_crops; i++) {
        BerthRect crop = job->self->crops[i];
        uint32_t xrgb;
        if (berth_frame_get_solid(job->frame, crop, &xrgb)) {
            add_fill(job, crop, xrgb);
            job->stats.filled_px += berth_rect_area_px(crop);
        } else {
            add_exact(job, crop);
            job->stats.exact_px += berth_rect_area_px(crop);
        }
    }
    join_fills_downwards(job);
    job->stats.n_fills = job->n_fills;
    job->stats.n_exact = job->n_exacts;
}

static int
send_fills(Job *job)
{
    if (job->n_fills == 0) {
        return BERTH_OK;
    }
    int error = berth_msg_fill_encode(&job->self->message, job->self->fills, job->n_fills);
    return emit_part(job, error, BERTH_MSG_FILL);
}

static int
send_exacts(Job *job)
{
    BerthFrameEncoder *self = job->self;
    for (size_t first = 0; first < job->n_exacts;) {
        size_t n_rects = 0;
        int64_t area_px = 0;
        while (first + n_rects < job->n_exacts && area_px < EXACT_MESSAGE_PX) {
            const BerthWireRect *rect = &self->exacts[first + n_rects++];
            area_px += (int64_t)rect->w * rect->h;
        }
        int error = berth_exact_stream_encode(self->stream, job->frame, self->exacts + first,
                                              n_rects, &self->message);
        error = emit_part(job, error, BERTH_MSG_EXACT);
        if (error != BERTH_OK) {
            return error;
        }
        first += n_rects;
    }
    return BERTH_OK;
}

static int
send_begin(Job *job, const BerthFrameInfo *info)
{
    BerthMsgFrameBegin begin = {
        .frame = info->frame_id,
        .head = info->head,
        .flags = job->head->is_refresh_due ? BERTH_FRAME_WHOLE : 0,
        .input_serial = info->input_serial,
        .capture_us = info->capture_us,
    };
    job->self->frame_bytes = 0;
    job->self->frame_id = info->frame_id;
    job->self->is_in_frame = true;
    int error = berth_msg_frame_begin_encode(&job->self->message, &begin);
    return emit_part(job, error, BERTH_MSG_FRAME_BEGIN);
}

/* Finds what to send and brings the client's picture up to date. */
static int
plan_frame(Job *job)
{
    Head *head = job->head;
    if (head->is_refresh_due) {
        berth_damage_add_all(head->work);
        collect_crops(job, head->work, take_everything);
    } else {
        berth_damage_merge(head->work, job->damage);
        int error = send_copies(job);
        if (error != BERTH_OK) {
            return error;
        }
        collect_crops(job, head->work, berth_diff_take);
    }
    berth_damage_clear(head->work);
    head->is_refresh_due = false;
    classify_crops(job);
    return BERTH_OK;
}

static int
check_arguments(const BerthFrameEncoder *self, const BerthFrame *frame, const BerthDamage *damage,
                const BerthFrameInfo *info)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->is_in_frame) {
        return BERTH_ERR_STATE;
    }
    if (info->head >= BERTH_LIMIT_HEADS || self->heads[info->head].picture == NULL) {
        return BERTH_ERR_INVALID;
    }
    const BerthFrame *picture = self->heads[info->head].picture;
    bool is_same_size = frame->width == picture->width && frame->height == picture->height &&
                        berth_damage_get_width(damage) == picture->width &&
                        berth_damage_get_height(damage) == picture->height;
    return is_same_size ? BERTH_OK : BERTH_ERR_INVALID;
}

int
berth_frame_encoder_encode(BerthFrameEncoder *self, const BerthFrame *frame,
                           const BerthDamage *damage, const BerthFrameInfo *info,
                           BerthMessageFunc emit, void *user_data, BerthFrameStats *ret_stats)
{
    int error = check_arguments(self, frame, damage, info);
    if (error != BERTH_OK) {
        return error;
    }
    Job job = {
        .self = self,
        .head = &self->heads[info->head],
        .frame = frame,
        .damage = damage,
        .capture_us = info->capture_us,
        .emit = emit,
        .user_data = user_data,
    };
    error = send_begin(&job, info);
    if (error == BERTH_OK) {
        error = plan_frame(&job);
    }
    if (error == BERTH_OK) {
        error = send_fills(&job);
    }
    if (error == BERTH_OK) {
        error = send_exacts(&job);
    }
    job.stats.n_bytes = self->frame_bytes;
    if (ret_stats != NULL) {
        *ret_stats = job.stats;
    }
    return error;
}

int
berth_frame_encoder_end(BerthFrameEncoder *self, uint32_t encode_us, BerthMessageFunc emit,
                        void *user_data)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (!self->is_in_frame) {
        return BERTH_ERR_STATE;
    }
    self->is_in_frame = false;
    BerthMsgFrameEnd end = { self->frame_id, (uint32_t)self->frame_bytes, encode_us };
    int error = berth_msg_frame_end_encode(&self->message, &end);
    return emit_message(self, error, BERTH_MSG_FRAME_END, emit, user_data);
}

int
berth_frame_encoder_refresh(BerthFrameEncoder *self, uint16_t head)
{
    if (head >= BERTH_LIMIT_HEADS || self->heads[head].picture == NULL) {
        return BERTH_ERR_INVALID;
    }
    self->heads[head].is_refresh_due = true;
    return BERTH_OK;
}

const BerthFrame *
berth_frame_encoder_get_picture(const BerthFrameEncoder *self, uint16_t head)
{
    return head < BERTH_LIMIT_HEADS ? self->heads[head].picture : NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream.h"

#include "berth/errors.h"
#include "berth/limits.h"
#include "display/encode/exact-stream.h"
#include "display/encode/fill-list.h"
#include "display/encode/tile-cache.h"
#include "display/wire/msg-tiles.h"

#include <glib.h>

#define TILE ((int)BERTH_LIMIT_TILE_PX)
/* Pixels of one EXACT message; larger frames are cut so that the client decodes as it receives. */
#define EXACT_MESSAGE_PX (160 * 1024)
#define MIN_WINDOW_LOG 10
#define MAX_LEVEL 9

typedef struct {
    int width; /* 0 if the head is not configured */
    int height;
    uint32_t serial;      /* of the last plan taken or skipped; 0: the client's picture is black */
    bool is_refresh_due;  /* the client is believed to show nothing right */
    BerthDamage *pending; /* missed, so that it may differ from the planner's picture */
} Head;

typedef struct {
    BerthWireRect *rects;
    size_t n;
} RectList;

struct BerthClientStream {
    int error;
    bool is_in_frame;
    uint32_t frame_id;
    size_t frame_bytes;
    Head heads[BERTH_LIMIT_HEADS];
    BerthExactStream *streams[BERTH_N_EXACT_STREAMS]; /* NULL: the client has none */
    BerthTileCache *cache;                            /* NULL: the client keeps no tiles */
    BerthWriter message;
    /* Lists of the frame at work, each with room for one entry a tile of the largest head. */
    size_t n_tiles;
    BerthFillList fills;
    RectList exacts[BERTH_N_EXACT_STREAMS];
    BerthWireTile *tiles;
    size_t n_listed; /* in tiles */
};

/* One call that writes a frame. */
typedef struct {
    BerthClientStream *self;
    Head *head;
    const BerthPlan *plan;
    BerthMessageFunc emit;
    void *user_data;
    BerthFrameStats stats;
} Job;

/* Makes what the client can decode; false if memory ran out. */
static bool
make_parts(BerthClientStream *self, const BerthClientCaps *caps, int level)
{
    self->streams[BERTH_EXACT_PLAIN] = berth_exact_stream_new(
        BERTH_EXACT_PLAIN, MIN(caps->window_log, BERTH_LIMIT_ZSTD_WINDOW_LOG), level);
    if (self->streams[BERTH_EXACT_PLAIN] == NULL) {
        return false;
    }
    if (caps->gradient_window_log > 0) {
        self->streams[BERTH_EXACT_GRADIENT] = berth_exact_stream_new(
            BERTH_EXACT_GRADIENT, MIN(caps->gradient_window_log, BERTH_LIMIT_GRADIENT_WINDOW_LOG),
            level);
        if (self->streams[BERTH_EXACT_GRADIENT] == NULL) {
            return false;
        }
    }
    if (caps->n_cache_tiles > 0) {
        self->cache = berth_tile_cache_new(MIN(caps->n_cache_tiles, BERTH_LIMIT_CACHE_TILES));
        return self->cache != NULL;
    }
    return true;
}

BerthClientStream *
berth_client_stream_new(const BerthClientCaps *caps, int level)
{
    if (caps->window_log < MIN_WINDOW_LOG || level < 1 || level > MAX_LEVEL ||
        (caps->gradient_window_log != 0 && caps->gradient_window_log < MIN_WINDOW_LOG)) {
        return NULL;
    }
    BerthClientStream *self = g_try_new0(BerthClientStream, 1);
    if (self == NULL) {
        return NULL;
    }
    berth_writer_init(&self->message, BERTH_LIMIT_MESSAGE_BYTES);
    if (!make_parts(self, caps, level)) {
        berth_client_stream_free(self);
        return NULL;
    }
    return self;
}

void
berth_client_stream_free(BerthClientStream *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_damage_free(self->heads[i].pending);
    }
    for (size_t i = 0; i < BERTH_N_EXACT_STREAMS; i++) {
        berth_exact_stream_free(self->streams[i]);
        g_free(self->exacts[i].rects);
    }
    berth_tile_cache_free(self->cache);
    berth_writer_clear(&self->message);
    g_free(self->fills.fills);
    g_free(self->tiles);
    g_free(self);
}

static bool
ensure_list(void **list, size_t n, size_t item_bytes)
{
    g_free(*list);
    *list = g_try_malloc(n * item_bytes);
    return *list != NULL;
}

static bool
ensure_lists(BerthClientStream *self, size_t n_tiles)
{
    if (n_tiles <= self->n_tiles) {
        return true;
    }
    self->n_tiles = 0;
    bool is_ok = ensure_list((void **)&self->fills.fills, n_tiles, sizeof *self->fills.fills) &&
                 ensure_list((void **)&self->tiles, n_tiles, sizeof *self->tiles);
    for (size_t i = 0; is_ok && i < BERTH_N_EXACT_STREAMS; i++) {
        is_ok = ensure_list((void **)&self->exacts[i].rects, n_tiles, sizeof(BerthWireRect));
    }
    self->n_tiles = is_ok ? n_tiles : 0;
    return is_ok;
}

/* Gives out what the writer holds, after an encoder that returned error. */
static int
emit_message(BerthClientStream *self, int error, uint8_t type, BerthMessageFunc emit,
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

static size_t
count_tiles(int width, int height)
{
    return (size_t)((width + TILE - 1) / TILE) * (size_t)((height + TILE - 1) / TILE);
}

int
berth_client_stream_configure_head(BerthClientStream *self, uint16_t head, int width, int height,
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
    BerthDamage *pending = berth_damage_new(width, height);
    if (pending == NULL || !ensure_lists(self, count_tiles(width, height))) {
        berth_damage_free(pending);
        return BERTH_ERR_NO_MEMORY;
    }
    berth_damage_free(self->heads[head].pending);
    self->heads[head] = (Head){ .width = width, .height = height, .pending = pending };
    BerthMsgHeadConfig config = { head, (uint16_t)width, (uint16_t)height };
    int error = berth_msg_head_config_encode(&self->message, &config);
    return emit_message(self, error, BERTH_MSG_HEAD_CONFIG, emit, user_data);
}

/* --- parts of a frame --- */

static int
send_begin(Job *job, const BerthFrameInfo *info, uint16_t flags)
{
    BerthMsgFrameBegin begin = {
        .frame = info->frame_id,
        .head = info->head,
        .flags = flags,
        .input_serial = info->input_serial,
        .capture_us = info->capture_us,
    };
    job->self->frame_bytes = 0;
    job->self->frame_id = info->frame_id;
    job->self->is_in_frame = true;
    int error = berth_msg_frame_begin_encode(&job->self->message, &begin);
    return emit_part(job, error, BERTH_MSG_FRAME_BEGIN);
}

static int
send_copies(Job *job)
{
    const BerthPlan *plan = job->plan;
    if (plan->n_copies == 0) {
        return BERTH_OK;
    }
    for (size_t i = 0; i < plan->n_copies; i++) {
        job->stats.copied_px += (int64_t)plan->copies[i].w * plan->copies[i].h;
    }
    job->stats.n_copies = plan->n_copies;
    int error = berth_msg_copy_encode(&job->self->message, plan->copies, plan->n_copies);
    return emit_part(job, error, BERTH_MSG_COPY);
}

static int
send_fills(Job *job, const BerthWireFill *fills, size_t n_fills)
{
    if (n_fills == 0) {
        return BERTH_OK;
    }
    for (size_t i = 0; i < n_fills; i++) {
        job->stats.filled_px += (int64_t)fills[i].w * fills[i].h;
    }
    job->stats.n_fills = n_fills;
    int error = berth_msg_fill_encode(&job->self->message, fills, n_fills);
    return emit_part(job, error, BERTH_MSG_FILL);
}

/* Adds a box of pixels, joined to the last one if it goes on to the right. */
static void
add_exact(BerthClientStream *self, BerthTileClass tile_class, BerthRect crop)
{
    bool is_gradient =
        tile_class != BERTH_TILE_PLAIN && self->streams[BERTH_EXACT_GRADIENT] != NULL;
    RectList *list = &self->exacts[is_gradient ? BERTH_EXACT_GRADIENT : BERTH_EXACT_PLAIN];
    if (list->n > 0) {
        BerthWireRect *last = &list->rects[list->n - 1];
        if (last->y == crop.y && last->h == crop.h && last->x + last->w == crop.x) {
            last->w = (uint16_t)(last->w + crop.w);
            return;
        }
    }
    list->rects[list->n++] =
        (BerthWireRect){ (uint16_t)crop.x, (uint16_t)crop.y, (uint16_t)crop.w, (uint16_t)crop.h };
}

static void
clear_lists(BerthClientStream *self)
{
    self->fills.n = 0;
    self->n_listed = 0;
    for (size_t i = 0; i < BERTH_N_EXACT_STREAMS; i++) {
        self->exacts[i].n = 0;
    }
}

static int
send_exacts_of(Job *job, BerthExactStreamKind kind)
{
    BerthClientStream *self = job->self;
    const RectList *list = &self->exacts[kind];
    for (size_t first = 0; first < list->n;) {
        size_t n_rects = 0;
        int64_t area_px = 0;
        while (first + n_rects < list->n && area_px < EXACT_MESSAGE_PX) {
            const BerthWireRect *rect = &list->rects[first + n_rects++];
            area_px += (int64_t)rect->w * rect->h;
        }
        int error = berth_exact_stream_encode(self->streams[kind], job->plan->picture,
                                              list->rects + first, n_rects, &self->message);
        error = emit_part(job, error, BERTH_MSG_EXACT);
        if (error != BERTH_OK) {
            return error;
        }
        job->stats.exact_px += area_px;
        first += n_rects;
    }
    job->stats.n_exact += list->n;
    return BERTH_OK;
}

/* What has few colours first: it is what the user reads. */
static int
send_exacts(Job *job)
{
    int error = send_exacts_of(job, BERTH_EXACT_PLAIN);
    return error == BERTH_OK ? send_exacts_of(job, BERTH_EXACT_GRADIENT) : error;
}

/* Sends the list of tiles. */
static int
send_tiles(Job *job, uint8_t type)
{
    BerthClientStream *self = job->self;
    if (self->n_listed == 0) {
        return BERTH_OK;
    }
    int error = berth_msg_tiles_encode(&self->message, self->tiles, self->n_listed);
    self->n_listed = 0;
    return emit_part(job, error, type);
}

/* --- a viewer in step, and one that is not --- */

static int
send_stores(Job *job)
{
    BerthClientStream *self = job->self;
    for (size_t i = 0; self->cache != NULL && i < job->plan->n_stores; i++) {
        const BerthPlanStore *store = &job->plan->stores[i];
        uint16_t slot;
        if (!berth_tile_cache_find(self->cache, store->hash, &slot)) {
            slot = berth_tile_cache_store(self->cache, store->hash);
            self->tiles[self->n_listed++] = (BerthWireTile){ store->tile, slot };
        }
    }
    job->stats.n_stored = self->n_listed;
    return send_tiles(job, BERTH_MSG_TILE_STORE);
}

/* Draws a crop by the whole tile that it is part of, if the client has that tile. */
static bool
add_cached(Job *job, const BerthPlanCrop *crop)
{
    BerthClientStream *self = job->self;
    uint16_t slot;
    if (self->cache == NULL || !crop->has_hash ||
        !berth_tile_cache_find(self->cache, crop->hash, &slot)) {
        return false;
    }
    int n_columns = (job->head->width + TILE - 1) / TILE;
    int tile = crop->rect.y / TILE * n_columns + crop->rect.x / TILE;
    self->tiles[self->n_listed++] = (BerthWireTile){ (uint16_t)tile, slot };
    job->stats.n_cached++;
    return true;
}

static int
send_plan(Job *job)
{
    const BerthPlan *plan = job->plan;
    clear_lists(job->self);
    int error = send_stores(job);
    if (error == BERTH_OK) {
        error = send_copies(job);
    }
    if (error == BERTH_OK) {
        error = send_fills(job, plan->fills, plan->n_fills);
    }
    for (size_t i = 0; i < plan->n_crops; i++) {
        if (!add_cached(job, &plan->crops[i])) {
            add_exact(job->self, plan->crops[i].tile_class, plan->crops[i].rect);
        }
    }
    if (error == BERTH_OK) {
        error = send_tiles(job, BERTH_MSG_CACHED);
    }
    return error == BERTH_OK ? send_exacts(job) : error;
}

/* Looks at every tile that may differ and notes how it is sent. */
static void
collect_pending(Job *job)
{
    BerthClientStream *self = job->self;
    const BerthFrame *picture = job->plan->picture;
    const uint8_t *tile_class = job->plan->tile_classes;
    clear_lists(self);
    for (int y = 0; y < job->head->height; y += TILE) {
        for (int x = 0; x < job->head->width; x += TILE, tile_class++) {
            BerthRect rect = berth_damage_get_tile(job->head->pending, x / TILE, y / TILE);
            uint32_t xrgb;
            if (berth_rect_is_empty(rect)) {
                continue;
            }
            if (berth_frame_get_solid(picture, rect, &xrgb)) {
                berth_fill_list_add(&self->fills, rect, xrgb);
            } else {
                add_exact(self, (BerthTileClass)*tile_class, rect);
            }
        }
    }
    berth_fill_list_join(&self->fills);
}

static int
send_catch_up(Job *job)
{
    Head *head = job->head;
    if (head->is_refresh_due || head->serial + 1 != job->plan->serial) {
        berth_damage_add_all(head->pending);
    } else {
        berth_damage_merge(head->pending, job->plan->changed);
    }
    if (head->is_refresh_due && job->self->cache != NULL) {
        /* Whatever went wrong, it must not come back from there. */
        berth_tile_cache_clear(job->self->cache);
    }
    collect_pending(job);
    berth_damage_clear(head->pending);
    int error = send_fills(job, job->self->fills.fills, job->self->fills.n);
    return error == BERTH_OK ? send_exacts(job) : error;
}

static int
check_arguments(const BerthClientStream *self, const BerthPlan *plan, const BerthFrameInfo *info)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->is_in_frame) {
        return BERTH_ERR_STATE;
    }
    if (info->head >= BERTH_LIMIT_HEADS) {
        return BERTH_ERR_INVALID;
    }
    const Head *head = &self->heads[info->head];
    bool is_same_size =
        plan->picture->width == head->width && plan->picture->height == head->height;
    return is_same_size ? BERTH_OK : BERTH_ERR_INVALID;
}

int
berth_client_stream_encode(BerthClientStream *self, const BerthPlan *plan,
                           const BerthFrameInfo *info, BerthMessageFunc emit, void *user_data,
                           BerthFrameStats *ret_stats)
{
    int error = check_arguments(self, plan, info);
    if (error != BERTH_OK) {
        return error;
    }
    Head *head = &self->heads[info->head];
    Job job = { .self = self, .head = head, .plan = plan, .emit = emit, .user_data = user_data };
    bool is_in_step = !head->is_refresh_due && head->serial + 1 == plan->serial &&
                      berth_damage_is_empty(head->pending);
    error = send_begin(&job, info, head->is_refresh_due ? BERTH_FRAME_WHOLE : 0);
    if (error == BERTH_OK) {
        error = is_in_step ? send_plan(&job) : send_catch_up(&job);
    }
    head->is_refresh_due = false;
    head->serial = plan->serial;
    job.stats.n_bytes = self->frame_bytes;
    if (ret_stats != NULL) {
        *ret_stats = job.stats;
    }
    return error;
}

void
berth_client_stream_skip(BerthClientStream *self, uint16_t head_index, const BerthPlan *plan)
{
    if (head_index >= BERTH_LIMIT_HEADS || self->heads[head_index].pending == NULL) {
        return;
    }
    Head *head = &self->heads[head_index];
    if (head->serial + 1 != plan->serial ||
        berth_damage_merge(head->pending, plan->changed) != BERTH_OK) {
        berth_damage_add_all(head->pending);
    }
    head->serial = plan->serial;
}

int
berth_client_stream_end(BerthClientStream *self, uint32_t encode_us, BerthMessageFunc emit,
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
berth_client_stream_refresh(BerthClientStream *self, uint16_t head)
{
    if (head >= BERTH_LIMIT_HEADS || self->heads[head].pending == NULL) {
        return BERTH_ERR_INVALID;
    }
    self->heads[head].is_refresh_due = true;
    return BERTH_OK;
}

bool
berth_client_stream_needs_key(const BerthClientStream *self, uint16_t head)
{
    return false;
}

bool
berth_client_stream_get_refine_due(const BerthClientStream *self, uint16_t head, int64_t now_us,
                                   int64_t *ret_due_us)
{
    return false;
}

int
berth_client_stream_refine(BerthClientStream *self, const BerthPlan *plan,
                           const BerthFrameInfo *info, int64_t now_us, int x, int y,
                           size_t budget_bytes, BerthMessageFunc emit, void *user_data,
                           BerthFrameStats *ret_stats, bool *ret_is_begun)
{
    *ret_is_begun = false;
    return self->error;
}

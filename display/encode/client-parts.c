/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream-private.h"

#include "berth/errors.h"
#include "display/encode/photo-groups.h"
#include "display/wire/msg-photo.h"

#define TILE BERTH_CLIENT_TILE
/* Pixels of one EXACT message; larger frames are cut so that the client decodes as it receives. */
#define EXACT_MESSAGE_PX (160 * 1024)
/* The same if a budget is to be kept: what cannot be packed then is three quarters of it. */
#define BUDGET_BYTES_PER_PX 4
#define BUDGET_MIN_MESSAGE_PX (8 * 1024)
/* A photo of this quality is not sent again before it becomes exact. */
#define GOOD_QUALITY 75

int
berth_client_emit(BerthClientStream *self, int error, uint8_t type, BerthMessageFunc emit,
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

int
berth_client_emit_part(BerthClientJob *job, int error, uint8_t type)
{
    job->stats.n_messages++;
    return berth_client_emit(job->self, error, type, job->emit, job->user_data);
}

bool
berth_client_is_over_budget(const BerthClientJob *job)
{
    return job->self->frame_bytes >= job->budget_bytes;
}

/* Notes what the client shows after a part of the frame. */
static void
note_paint(BerthClientJob *job, BerthRect rect, uint8_t quality)
{
    berth_damage_cut_rect(job->head->backlog, rect);
    berth_refiner_paint(job->head->refiner, rect, quality, job->is_change, job->now_us);
}

int
berth_client_send_begin(BerthClientJob *job, const BerthFrameInfo *info, uint16_t flags)
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
    job->self->frame_head = info->head;
    job->self->is_in_frame = true;
    int error = berth_msg_frame_begin_encode(&job->self->message, &begin);
    return berth_client_emit_part(job, error, BERTH_MSG_FRAME_BEGIN);
}

/* Sends the list of tiles and empties it. */
static int
send_tiles(BerthClientJob *job, uint8_t type)
{
    GArray *tiles = job->self->tiles;
    if (tiles->len == 0) {
        return BERTH_OK;
    }
    int error = berth_msg_tiles_encode(&job->self->message,
                                       (const BerthWireTile *)(void *)tiles->data, tiles->len);
    g_array_set_size(tiles, 0);
    return berth_client_emit_part(job, error, type);
}

static BerthRect
get_tile_rect(const BerthClientHead *head, unsigned tile)
{
    int n_columns = (head->width + TILE - 1) / TILE;
    BerthRect rect = { (int)tile % n_columns * TILE, (int)tile / n_columns * TILE, TILE, TILE };
    return berth_rect_intersect(rect, (BerthRect){ 0, 0, head->width, head->height });
}

int
berth_client_send_stores(BerthClientJob *job)
{
    BerthClientStream *self = job->self;
    for (size_t i = 0; self->cache != NULL && i < job->plan->n_stores; i++) {
        const BerthPlanStore *store = &job->plan->stores[i];
        uint16_t slot;
        BerthRect rect = get_tile_rect(job->head, store->tile);
        /* What is kept must be what its hash says. */
        if (berth_refiner_is_exact(job->head->refiner, rect) &&
            !berth_damage_touches(job->head->backlog, rect) &&
            !berth_tile_cache_find(self->cache, store->hash, &slot)) {
            slot = berth_tile_cache_store(self->cache, store->hash);
            BerthWireTile tile = { store->tile, slot };
            g_array_append_val(self->tiles, tile);
        }
    }
    job->stats.n_stored = self->tiles->len;
    return send_tiles(job, BERTH_MSG_TILE_STORE);
}

static int
send_copies(BerthClientJob *job, const BerthWireCopy *copies, const BerthMove *moves, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        BerthRect target = { copies[i].dx, copies[i].dy, copies[i].w, copies[i].h };
        berth_damage_cut_rect(job->head->backlog, target);
    }
    berth_damage_merge(job->head->backlog, job->head->left);
    berth_damage_clear(job->head->left);
    if (n == 0) {
        return BERTH_OK;
    }
    job->stats.n_copies = n;
    int error = berth_refiner_copy(job->head->refiner, moves, n, job->now_us);
    if (error == BERTH_OK) {
        error = berth_msg_copy_encode(&job->self->message, copies, n);
    }
    return berth_client_emit_part(job, error, BERTH_MSG_COPY);
}

int
berth_client_send_copies(BerthClientJob *job)
{
    const BerthPlan *plan = job->plan;
    g_autofree BerthMove *moves = g_new(BerthMove, plan->n_copies + 1);
    g_autofree BerthWireCopy *copies = g_new(BerthWireCopy, plan->n_copies + 1);
    size_t n = 0;
    for (size_t i = 0; i < plan->n_copies; i++) {
        const BerthWireCopy *copy = &plan->copies[i];
        BerthMove move = { { copy->sx, copy->sy, copy->w, copy->h }, copy->dx, copy->dy };
        BerthRect target = { copy->dx, copy->dy, copy->w, copy->h };
        if (berth_damage_touches(job->head->backlog, move.source)) {
            /* Aside: what is backlog must not grow before all sources are looked at. */
            berth_damage_add_rect(job->head->left, target);
            continue;
        }
        moves[n] = move;
        copies[n++] = *copy;
        job->stats.copied_px += berth_rect_area_px(target);
    }
    return send_copies(job, copies, moves, n);
}

int
berth_client_send_fills(BerthClientJob *job, const BerthWireFill *fills, size_t n_fills)
{
    if (n_fills == 0) {
        return BERTH_OK;
    }
    for (size_t i = 0; i < n_fills; i++) {
        BerthRect rect = { fills[i].x, fills[i].y, fills[i].w, fills[i].h };
        job->stats.filled_px += berth_rect_area_px(rect);
        note_paint(job, rect, BERTH_QUALITY_EXACT);
    }
    job->stats.n_fills += n_fills;
    int error = berth_msg_fill_encode(&job->self->message, fills, n_fills);
    return berth_client_emit_part(job, error, BERTH_MSG_FILL);
}

int
berth_client_send_photo(BerthClientJob *job, BerthRect rect, uint8_t quality, const uint8_t *data,
                        size_t len)
{
    if (len == 0) {
        berth_client_add_exact(job, BERTH_TILE_GRADIENT, rect);
        return BERTH_OK;
    }
    if (berth_client_is_over_budget(job)) {
        berth_damage_add_rect(job->head->left, rect);
        return BERTH_OK;
    }
    BerthMsgPhoto photo = {
        .rect = { (uint16_t)rect.x, (uint16_t)rect.y, (uint16_t)rect.w, (uint16_t)rect.h },
        .codec = BERTH_PHOTO_JPEG,
        .quality = quality,
        .data = data,
        .data_len = len,
    };
    note_paint(job, rect, quality >= GOOD_QUALITY ? BERTH_QUALITY_HIGH : quality);
    job->stats.n_photos++;
    job->stats.photo_px += berth_rect_area_px(rect);
    int error = berth_msg_photo_encode(&job->self->message, &photo);
    return berth_client_emit_part(job, error, BERTH_MSG_PHOTO);
}

int
berth_client_send_own_photos(BerthClientJob *job, uint8_t quality)
{
    BerthClientStream *self = job->self;
    BerthRect *rects = (BerthRect *)(void *)self->photo_rects->data;
    size_t n = berth_photo_groups_join(rects, self->photo_rects->len);
    if (self->photos == NULL) {
        self->photos = berth_photo_encoder_new();
    }
    if (self->photos == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    int error = BERTH_OK;
    for (size_t i = 0; error == BERTH_OK && i < n; i++) {
        g_autofree uint8_t *data = NULL;
        size_t len = 0;
        if (!berth_client_is_over_budget(job)) {
            /* On error there is no data, and the rectangle is sent exactly. */
            berth_photo_encoder_encode(self->photos, job->plan->picture, rects[i], quality, &data,
                                       &len);
        }
        error = berth_client_send_photo(job, rects[i], quality, data, len);
    }
    g_array_set_size(self->photo_rects, 0);
    return error;
}

void
berth_client_clear_lists(BerthClientStream *self)
{
    self->fills.n = 0;
    g_array_set_size(self->tiles, 0);
    g_array_set_size(self->photo_rects, 0);
    for (size_t i = 0; i < BERTH_N_EXACT_STREAMS; i++) {
        g_array_set_size(self->exacts[i], 0);
    }
}

/* Pixels of one EXACT message. */
static int64_t
get_message_px(const BerthClientJob *job)
{
    size_t px = job->budget_bytes / BUDGET_BYTES_PER_PX;
    return (int64_t)CLAMP(px, BUDGET_MIN_MESSAGE_PX, EXACT_MESSAGE_PX);
}

/* Joined to the last one if it goes on to the right. */
void
berth_client_add_exact(BerthClientJob *job, BerthTileClass tile_class, BerthRect rect)
{
    BerthClientStream *self = job->self;
    bool is_gradient =
        tile_class != BERTH_TILE_PLAIN && self->streams[BERTH_EXACT_GRADIENT] != NULL;
    GArray *list = self->exacts[is_gradient ? BERTH_EXACT_GRADIENT : BERTH_EXACT_PLAIN];
    if (list->len > 0) {
        BerthWireRect *last = &g_array_index(list, BerthWireRect, list->len - 1);
        bool is_full = (int64_t)last->w * last->h >= get_message_px(job);
        if (!is_full && last->y == rect.y && last->h == rect.h && last->x + last->w == rect.x) {
            last->w = (uint16_t)(last->w + rect.w);
            return;
        }
    }
    BerthWireRect item = { (uint16_t)rect.x, (uint16_t)rect.y, (uint16_t)rect.w, (uint16_t)rect.h };
    g_array_append_val(list, item);
}

/* Draws a crop by the whole tile that it is part of, if the client has that tile. */
bool
berth_client_add_cached(BerthClientJob *job, const BerthPlanCrop *crop)
{
    BerthClientStream *self = job->self;
    BerthWireTile item;
    if (self->cache == NULL || !crop->has_hash ||
        !berth_tile_cache_find(self->cache, crop->hash, &item.slot)) {
        return false;
    }
    int n_columns = (job->head->width + TILE - 1) / TILE;
    item.tile = (uint16_t)(crop->rect.y / TILE * n_columns + crop->rect.x / TILE);
    g_array_append_val(self->tiles, item);
    note_paint(job, get_tile_rect(job->head, item.tile), BERTH_QUALITY_EXACT);
    job->stats.n_cached++;
    return true;
}

int
berth_client_send_cached(BerthClientJob *job)
{
    return send_tiles(job, BERTH_MSG_CACHED);
}

static BerthRect
get_rect(const BerthWireRect *rect)
{
    return (BerthRect){ rect->x, rect->y, rect->w, rect->h };
}

static int
send_exacts_of(BerthClientJob *job, BerthExactStreamKind kind)
{
    BerthClientStream *self = job->self;
    const BerthWireRect *rects = (const BerthWireRect *)(void *)self->exacts[kind]->data;
    size_t n = self->exacts[kind]->len;
    int64_t max_px = get_message_px(job);
    size_t first = 0;
    while (first < n && !berth_client_is_over_budget(job)) {
        size_t n_rects = 0;
        int64_t area_px = 0;
        while (first + n_rects < n && area_px < max_px) {
            BerthRect rect = get_rect(&rects[first + n_rects++]);
            note_paint(job, rect, BERTH_QUALITY_EXACT);
            area_px += berth_rect_area_px(rect);
        }
        int error = berth_exact_stream_encode(self->streams[kind], job->plan->picture,
                                              rects + first, n_rects, &self->message);
        error = berth_client_emit_part(job, error, BERTH_MSG_EXACT);
        if (error != BERTH_OK) {
            return error;
        }
        job->stats.exact_px += area_px;
        first += n_rects;
    }
    job->stats.n_exact += first;
    for (; first < n; first++) {
        berth_damage_add_rect(job->head->left, get_rect(&rects[first]));
    }
    g_array_set_size(self->exacts[kind], 0);
    return BERTH_OK;
}

/* What has few colours first: it is what the user reads. */
int
berth_client_send_exacts(BerthClientJob *job)
{
    int error = send_exacts_of(job, BERTH_EXACT_PLAIN);
    return error == BERTH_OK ? send_exacts_of(job, BERTH_EXACT_GRADIENT) : error;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream-private.h"

#include "berth/errors.h"
#include "display/encode/photo-groups.h"

#define TILE BERTH_CLIENT_TILE
/* Tiles that are refined in one frame at most. */
#define MAX_STEPS 1024

/* --- what a viewer missed --- */

/* Looks at every tile that may differ and notes how it is sent. */
static void
collect_pending(BerthClientJob *job)
{
    const BerthFrame *picture = job->plan->picture;
    const uint8_t *tile_class = job->plan->tile_classes;
    for (int y = 0; y < job->head->height; y += TILE) {
        for (int x = 0; x < job->head->width; x += TILE, tile_class++) {
            BerthRect rect = berth_damage_get_tile(job->head->pending, x / TILE, y / TILE);
            uint32_t xrgb;
            if (berth_rect_is_empty(rect)) {
                continue;
            }
            if (berth_frame_get_solid(picture, rect, &xrgb)) {
                berth_fill_list_add(&job->self->fills, rect, xrgb);
            } else {
                berth_client_add_exact(job, (BerthTileClass)*tile_class, rect);
            }
        }
    }
    berth_fill_list_join(&job->self->fills);
}

int
berth_client_send_catch_up(BerthClientJob *job)
{
    BerthClientHead *head = job->head;
    if (head->is_refresh_due || head->serial + 1 != job->plan->serial) {
        berth_damage_add_all(head->pending);
    } else {
        berth_damage_merge(head->pending, job->plan->changed);
    }
    if (head->is_refresh_due && job->self->cache != NULL) {
        /* Whatever went wrong, it must not come back from there. */
        berth_tile_cache_clear(job->self->cache);
    }
    berth_client_clear_lists(job->self);
    collect_pending(job);
    berth_damage_clear(head->pending);
    int error = berth_client_send_fills(job, job->self->fills.fills, job->self->fills.n);
    return error == BERTH_OK ? berth_client_send_exacts(job) : error;
}

/* --- what gets better --- */

static int
compare_steps(const void *a, const void *b)
{
    const BerthRect *left = &((const BerthRefineStep *)a)->rect;
    const BerthRect *right = &((const BerthRefineStep *)b)->rect;
    if (left->y / TILE != right->y / TILE) {
        return left->y / TILE - right->y / TILE;
    }
    return left->x - right->x;
}

static uint8_t
get_tile_class(const BerthClientJob *job, BerthRect rect)
{
    int n_columns = (job->head->width + TILE - 1) / TILE;
    return job->plan->tile_classes[rect.y / TILE * n_columns + rect.x / TILE];
}

/* Sends rectangles as photos of high quality. */
static int
send_high(BerthClientJob *job, BerthRect *rects, size_t n_rects)
{
    BerthClientStream *self = job->self;
    if (self->photos == NULL) {
        self->photos = berth_photo_encoder_new();
    }
    if (self->photos == NULL) {
        return BERTH_ERR_NO_MEMORY;
    }
    size_t n = berth_photo_groups_join(rects, n_rects);
    int error = BERTH_OK;
    for (size_t i = 0; error == BERTH_OK && i < n; i++) {
        g_autofree uint8_t *data = NULL;
        size_t len = 0;
        berth_photo_encoder_encode(self->photos, job->plan->picture, rects[i], BERTH_QUALITY_HIGH,
                                   &data, &len);
        error = berth_client_send_photo(job, rects[i], BERTH_QUALITY_HIGH, data, len);
    }
    return error;
}

/* Carries out steps, which come in the order of tiles. */
static int
send_steps(BerthClientJob *job, const BerthRefineStep *steps, size_t n_steps)
{
    BerthRect high[MAX_STEPS];
    size_t n_high = 0;
    berth_client_clear_lists(job->self);
    for (size_t i = 0; i < n_steps; i++) {
        if (steps[i].quality == BERTH_QUALITY_HIGH && job->self->photo_mask != 0) {
            high[n_high++] = steps[i].rect;
        } else {
            berth_client_add_exact(job, (BerthTileClass)get_tile_class(job, steps[i].rect),
                                   steps[i].rect);
        }
    }
    int error = n_high > 0 ? send_high(job, high, n_high) : BERTH_OK;
    return error == BERTH_OK ? berth_client_send_exacts(job) : error;
}

static bool
is_in_step(const BerthClientHead *head, const BerthPlan *plan)
{
    return head->width == plan->picture->width && head->height == plan->picture->height &&
           head->serial == plan->serial && !head->is_refresh_due &&
           berth_damage_is_empty(head->pending);
}

bool
berth_client_stream_get_refine_due(const BerthClientStream *self, uint16_t head_index,
                                   int64_t now_us, int64_t *ret_due_us)
{
    if (head_index >= BERTH_LIMIT_HEADS || self->heads[head_index].pending == NULL) {
        return false;
    }
    const BerthClientHead *head = &self->heads[head_index];
    return !head->is_refresh_due && berth_damage_is_empty(head->pending) &&
           berth_refiner_get_due(head->refiner, ret_due_us);
}

int
berth_client_stream_refine(BerthClientStream *self, const BerthPlan *plan,
                           const BerthFrameInfo *info, int64_t now_us, int x, int y,
                           size_t budget_bytes, BerthMessageFunc emit, void *user_data,
                           BerthFrameStats *ret_stats, bool *ret_is_begun)
{
    *ret_is_begun = false;
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->is_in_frame || info->head >= BERTH_LIMIT_HEADS ||
        self->heads[info->head].pending == NULL || !is_in_step(&self->heads[info->head], plan)) {
        return BERTH_ERR_STATE;
    }
    BerthClientJob job = { .self = self,
                           .head = &self->heads[info->head],
                           .plan = plan,
                           .now_us = now_us,
                           .emit = emit,
                           .user_data = user_data };
    BerthRefineStep steps[MAX_STEPS];
    size_t n_steps =
        berth_refiner_plan(job.head->refiner, now_us, x, y, budget_bytes, steps, MAX_STEPS);
    if (n_steps == 0) {
        return BERTH_OK;
    }
    qsort(steps, n_steps, sizeof steps[0], compare_steps);
    *ret_is_begun = true;
    int error = berth_client_send_begin(&job, info, BERTH_FRAME_REFINEMENT);
    if (error == BERTH_OK) {
        error = send_steps(&job, steps, n_steps);
    }
    job.stats.n_bytes = self->frame_bytes;
    if (ret_stats != NULL) {
        *ret_stats = job.stats;
    }
    return error;
}

/* --- what is there --- */

int
berth_client_stream_check(BerthClientStream *self, const BerthPlan *plan, uint16_t head_index,
                          BerthMessageFunc emit, void *user_data)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->is_in_frame || head_index >= BERTH_LIMIT_HEADS ||
        self->heads[head_index].pending == NULL || !is_in_step(&self->heads[head_index], plan)) {
        return BERTH_ERR_STATE;
    }
    const BerthClientHead *head = &self->heads[head_index];
    uint8_t bitmap[BERTH_LIMIT_HEAD_TILES / 8] = { 0 };
    unsigned n_columns = (unsigned)(head->width + TILE - 1) / TILE;
    unsigned n_tiles = n_columns * ((unsigned)(head->height + TILE - 1) / TILE);
    for (unsigned i = 0; i < n_tiles; i++) {
        BerthRect rect = { (int)(i % n_columns) * TILE, (int)(i / n_columns) * TILE, TILE, TILE };
        if (berth_refiner_is_exact(head->refiner, rect)) {
            bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << i % 8);
        }
    }
    BerthMsgPictureCheck check = {
        .head = head_index,
        .frame = self->frame_id,
        .n_bytes = (uint16_t)((n_tiles + 7) / 8),
        .bitmap = bitmap,
    };
    check.hash = berth_tile_hash_picture(plan->picture, bitmap, check.n_bytes);
    int error = berth_msg_picture_check_encode(&self->message, &check);
    return berth_client_emit(self, error, BERTH_MSG_PICTURE_CHECK, emit, user_data);
}

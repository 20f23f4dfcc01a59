/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream-private.h"

#include "berth/errors.h"

#include <stdlib.h>

#define TILE BERTH_CLIENT_TILE
/* Tiles that are refined in one frame at most. */
#define MAX_STEPS 1024

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

/* Carries out steps, which come in the order of tiles. */
static int
send_steps(BerthClientJob *job, const BerthRefineStep *steps, size_t n_steps)
{
    BerthClientStream *self = job->self;
    berth_client_clear_lists(self);
    for (size_t i = 0; i < n_steps; i++) {
        if (steps[i].quality == BERTH_QUALITY_HIGH && self->photo_mask != 0) {
            g_array_append_val(self->photo_rects, steps[i].rect);
        } else {
            berth_client_add_exact(job, (BerthTileClass)get_tile_class(job, steps[i].rect),
                                   steps[i].rect);
        }
    }
    int error = BERTH_OK;
    if (self->photo_rects->len > 0) {
        error = berth_client_send_own_photos(job, BERTH_QUALITY_HIGH);
    }
    return error == BERTH_OK ? berth_client_send_exacts(job) : error;
}

static bool
is_in_step(const BerthClientHead *head, const BerthPlan *plan)
{
    return head->width == plan->picture->width && head->height == plan->picture->height &&
           head->serial == plan->serial && !head->is_refresh_due &&
           berth_damage_is_empty(head->backlog);
}

bool
berth_client_stream_get_refine_due(const BerthClientStream *self, uint16_t head_index,
                                   int64_t now_us, int64_t *ret_due_us)
{
    if (head_index >= BERTH_LIMIT_HEADS || self->heads[head_index].backlog == NULL) {
        return false;
    }
    const BerthClientHead *head = &self->heads[head_index];
    return !head->is_refresh_due && berth_damage_is_empty(head->backlog) &&
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
        self->heads[info->head].backlog == NULL || !is_in_step(&self->heads[info->head], plan)) {
        return BERTH_ERR_STATE;
    }
    BerthClientJob job = { .self = self,
                           .head = &self->heads[info->head],
                           .head_index = info->head,
                           .plan = plan,
                           .now_us = now_us,
                           .budget_bytes = SIZE_MAX,
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

int
berth_client_stream_check(BerthClientStream *self, const BerthPlan *plan, uint16_t head_index,
                          BerthMessageFunc emit, void *user_data)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->is_in_frame || head_index >= BERTH_LIMIT_HEADS ||
        self->heads[head_index].backlog == NULL || !is_in_step(&self->heads[head_index], plan)) {
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

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream-private.h"

#include "berth/errors.h"

#define MIN_WINDOW_LOG 10
#define MAX_LEVEL 9

/* Makes what the client can decode; false if memory ran out. */
static bool
make_parts(BerthClientStream *self, const BerthClientCaps *caps, int level)
{
    self->photo_mask = caps->photo_mask;
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
    self->tiles = g_array_new(FALSE, FALSE, sizeof(BerthWireTile));
    self->photo_rects = g_array_new(FALSE, FALSE, sizeof(BerthRect));
    for (size_t i = 0; i < BERTH_N_EXACT_STREAMS; i++) {
        self->exacts[i] = g_array_new(FALSE, FALSE, sizeof(BerthWireRect));
    }
    if (!make_parts(self, caps, level)) {
        berth_client_stream_free(self);
        return NULL;
    }
    return self;
}

static void
clear_head(BerthClientHead *head)
{
    berth_damage_free(head->backlog);
    berth_damage_free(head->left);
    berth_refiner_free(head->refiner);
}

void
berth_client_stream_free(BerthClientStream *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        clear_head(&self->heads[i]);
    }
    for (size_t i = 0; i < BERTH_N_EXACT_STREAMS; i++) {
        berth_exact_stream_free(self->streams[i]);
        g_array_unref(self->exacts[i]);
    }
    berth_tile_cache_free(self->cache);
    berth_photo_encoder_free(self->photos);
    berth_writer_clear(&self->message);
    berth_fill_list_clear(&self->fills);
    g_array_unref(self->tiles);
    g_array_unref(self->photo_rects);
    g_free(self);
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
    BerthClientHead new_head = {
        .width = width,
        .height = height,
        .backlog = berth_damage_new(width, height),
        .left = berth_damage_new(width, height),
        .refiner = berth_refiner_new(),
    };
    if (new_head.backlog == NULL || new_head.left == NULL || new_head.refiner == NULL ||
        berth_refiner_configure(new_head.refiner, width, height) != BERTH_OK) {
        clear_head(&new_head);
        return BERTH_ERR_NO_MEMORY;
    }
    clear_head(&self->heads[head]);
    self->heads[head] = new_head;
    BerthMsgHeadConfig config = { head, (uint16_t)width, (uint16_t)height };
    int error = berth_msg_head_config_encode(&self->message, &config);
    return berth_client_emit(self, error, BERTH_MSG_HEAD_CONFIG, emit, user_data);
}

/* Crops and photos, within the budget. */
static int
send_pixels(BerthClientJob *job)
{
    const BerthPlan *plan = job->plan;
    berth_client_clear_lists(job->self);
    for (size_t i = 0; i < plan->n_crops; i++) {
        const BerthPlanCrop *crop = &plan->crops[i];
        if (!berth_client_add_cached(job, crop)) {
            berth_client_add_exact(job, crop->tile_class, crop->rect);
        }
    }
    int error = berth_client_send_cached(job);
    if (error == BERTH_OK) {
        error = berth_client_send_exacts(job);
    }
    for (size_t i = 0; error == BERTH_OK && i < plan->n_photos; i++) {
        const BerthPlanPhoto *photo = &plan->photos[i];
        error = berth_client_send_photo(job, photo->rect, photo->quality, photo->data, photo->len);
    }
    /* Photos that could not be made. */
    return error == BERTH_OK ? berth_client_send_exacts(job) : error;
}

/* What the plan says. */
static int
send_plan(BerthClientJob *job)
{
    int error = berth_client_send_stores(job);
    if (error == BERTH_OK) {
        error = berth_client_send_copies(job);
    }
    if (error == BERTH_OK) {
        error = berth_client_send_fills(job, job->plan->fills, job->plan->n_fills);
    }
    return error == BERTH_OK ? send_pixels(job) : error;
}

/* Everything, because nothing is known of what the client shows. */
static int
forget_picture(BerthClientJob *job)
{
    berth_damage_add_all(job->head->backlog);
    if (job->self->cache != NULL && job->head->is_refresh_due) {
        /* Whatever went wrong, it must not come back from there. */
        berth_tile_cache_clear(job->self->cache);
    }
    return berth_client_close_videos(job);
}

static int
send_frame(BerthClientJob *job)
{
    BerthClientHead *head = job->head;
    bool is_known = !head->is_refresh_due && head->serial + 1 == job->plan->serial;
    int error = is_known ? send_plan(job) : forget_picture(job);
    if (error == BERTH_OK) {
        error = berth_client_open_videos(job);
    }
    if (error == BERTH_OK) {
        error = berth_client_send_videos(job);
    }
    if (error == BERTH_OK) {
        error = berth_client_send_backlog(job);
    }
    berth_damage_merge(head->backlog, head->left);
    berth_damage_clear(head->left);
    head->is_refresh_due = false;
    head->serial = job->plan->serial;
    return error;
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
    const BerthClientHead *head = &self->heads[info->head];
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
    BerthClientHead *head = &self->heads[info->head];
    BerthClientJob job = {
        .self = self,
        .head = head,
        .head_index = info->head,
        .plan = plan,
        .now_us = plan->now_us,
        .budget_bytes = info->budget_bytes > 0 ? info->budget_bytes : SIZE_MAX,
        .is_change = true,
        .emit = emit,
        .user_data = user_data,
    };
    bool is_whole = head->is_refresh_due && info->budget_bytes == 0 && plan->n_videos == 0;
    error = berth_client_send_begin(&job, info, is_whole ? BERTH_FRAME_WHOLE : 0);
    if (error == BERTH_OK) {
        error = send_frame(&job);
    }
    job.stats.n_bytes = self->frame_bytes;
    if (ret_stats != NULL) {
        *ret_stats = job.stats;
    }
    return error;
}

bool
berth_client_stream_has_backlog(const BerthClientStream *self, uint16_t head)
{
    return head < BERTH_LIMIT_HEADS && self->heads[head].backlog != NULL &&
           (self->heads[head].is_refresh_due || !berth_damage_is_empty(self->heads[head].backlog));
}

void
berth_client_stream_skip(BerthClientStream *self, uint16_t head_index, const BerthPlan *plan)
{
    if (head_index >= BERTH_LIMIT_HEADS || self->heads[head_index].backlog == NULL) {
        return;
    }
    BerthClientHead *head = &self->heads[head_index];
    if (head->serial + 1 != plan->serial ||
        berth_damage_merge(head->backlog, plan->changed) != BERTH_OK) {
        berth_damage_add_all(head->backlog);
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
    const BerthClientHead *head = &self->heads[self->frame_head];
    BerthMsgFrameEnd end = {
        .frame = self->frame_id,
        .n_bytes = (uint32_t)self->frame_bytes,
        .encode_us = encode_us,
        .is_exact =
            berth_refiner_is_all_exact(head->refiner) && berth_damage_is_empty(head->backlog),
    };
    int error = berth_msg_frame_end_encode(&self->message, &end);
    return berth_client_emit(self, error, BERTH_MSG_FRAME_END, emit, user_data);
}

int
berth_client_stream_refresh(BerthClientStream *self, uint16_t head)
{
    if (head >= BERTH_LIMIT_HEADS || self->heads[head].backlog == NULL) {
        return BERTH_ERR_INVALID;
    }
    self->heads[head].is_refresh_due = true;
    return BERTH_OK;
}

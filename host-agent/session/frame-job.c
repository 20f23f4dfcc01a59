/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/frame-job.h"

#include "base/clock.h"
#include "berth/errors.h"

static void
free_messages(GArray *messages)
{
    for (guint i = 0; i < messages->len; i++) {
        g_free(g_array_index(messages, BerthSeatMessage, i).payload);
    }
    g_array_unref(messages);
}

BerthFrameJob *
berth_frame_job_new(size_t n_items)
{
    BerthFrameJob *self = g_new0(BerthFrameJob, 1);

    self->items = g_new0(BerthFrameJobItem, n_items);
    self->n_items = n_items;
    for (size_t i = 0; i < n_items; i++) {
        self->items[i].messages = g_array_new(FALSE, FALSE, sizeof(BerthSeatMessage));
    }
    return self;
}

void
berth_frame_job_free(BerthFrameJob *self)
{
    for (size_t i = 0; i < self->n_items; i++) {
        free_messages(self->items[i].messages);
    }
    berth_screen_unref(self->screen);
    berth_watermark_unref(self->watermark);
    g_free(self->items);
    g_free(self);
}

void
berth_frame_desk_clear(BerthFrameDesk *self)
{
    berth_plan_free(self->plan);
    berth_planner_free(self->planner);
    berth_damage_free(self->no_damage);
    berth_marked_picture_clear(&self->marked);
    *self = (BerthFrameDesk){ 0 };
}

static int
keep_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
             void *user_data)
{
    BerthFrameJobItem *item = user_data;
    BerthSeatMessage message = { channel, type, g_memdup2(payload, len), len };

    g_array_append_val(item->messages, message);
    return BERTH_OK;
}

/* --- the plan --- */

/* Makes the planner begin with the picture as it is now. */
static int
follow_mode(BerthFrameDesk *desk, const BerthFrame *picture)
{
    int r;

    g_clear_pointer(&desk->plan, berth_plan_free);
    g_clear_pointer(&desk->no_damage, berth_damage_free);
    if (!desk->planner) {
        desk->planner = berth_planner_new();
    }
    desk->no_damage = berth_damage_new(picture->width, picture->height);
    if (!desk->planner || !desk->no_damage) {
        return BERTH_ERR_NO_MEMORY;
    }
    r = berth_planner_configure(desk->planner, picture->width, picture->height);
    if (r == BERTH_OK) {
        desk->width = picture->width;
        desk->height = picture->height;
    }
    return r;
}

/* Whether the planner cannot go on from what it knows. */
static bool
begins_anew(const BerthFrameJob *self, unsigned changes)
{
    return (changes & BERTH_SCREEN_MODE) || self->desk->is_broken || self->desk->width == 0;
}

/* Plans from damage of which nothing is known but that it may be everywhere. */
static int
plan_all(BerthFrameJob *self, const BerthFrame *picture, bool is_new_mode, BerthPlan **ret)
{
    BerthDamage *damage = berth_damage_new(picture->width, picture->height);
    int r = damage ? BERTH_OK : BERTH_ERR_NO_MEMORY;

    if (r == BERTH_OK && is_new_mode) {
        r = follow_mode(self->desk, picture);
    }
    if (r == BERTH_OK) {
        berth_damage_add_all(damage);
        r = berth_planner_plan(self->desk->planner, picture, damage, &self->input, ret);
    }
    berth_damage_free(damage);
    return r;
}

static int
make_plan(BerthFrameJob *self)
{
    BerthFrameDesk *desk = self->desk;
    unsigned changes = self->kind == BERTH_FRAME_NEW ? berth_screen_take_picture(self->screen) : 0;
    const BerthFrame *picture = berth_screen_get_picture(self->screen);
    const BerthDamage *damage =
        changes & BERTH_SCREEN_DAMAGE ? berth_screen_get_damage(self->screen) : NULL;
    BerthPlan *plan = NULL;
    bool is_all = false;
    int r;

    if (!picture) {
        return BERTH_ERR_STATE; /* no mode yet, or no memory for it */
    }
    r = berth_marked_picture_follow(&desk->marked, self->watermark, picture, damage, &picture,
                                    &is_all);
    if (r == BERTH_OK && (is_all || begins_anew(self, changes))) {
        r = plan_all(self, picture, begins_anew(self, changes), &plan);
    } else if (r == BERTH_OK) {
        r = berth_planner_plan(desk->planner, picture, damage ? damage : desk->no_damage,
                               &self->input, &plan);
    }
    desk->is_broken = r < 0;
    if (r == BERTH_OK) {
        berth_plan_free(desk->plan);
        desk->plan = plan;
    }
    return r;
}

static void
run_plan_job(size_t part, void *user_data)
{
    berth_plan_run_job(user_data, part);
}

static bool
needs_key(const BerthFrameJob *self)
{
    for (size_t i = 0; i < self->n_items; i++) {
        if (self->items[i].takes_part &&
            berth_client_stream_needs_key(self->items[i].seat->stream, (uint16_t)self->head)) {
            return true;
        }
    }
    return false;
}

static int
plan_turn(BerthFrameJob *self)
{
    int r;

    self->input.now_us = self->start_us;
    self->input.needs_key = needs_key(self);
    r = make_plan(self);
    if (r == BERTH_OK) {
        berth_fork_join_run(self->workers, berth_plan_get_n_jobs(self->desk->plan), run_plan_job,
                            self->desk->plan);
    }
    return r;
}

/* --- the seats --- */

static BerthFrameInfo
get_info(const BerthFrameJob *self, const BerthFrameJobItem *item)
{
    return (BerthFrameInfo){
        .frame_id = item->seat->frame_id + 1,
        .head = (uint16_t)self->head,
        .input_serial =
            berth_serial_trail_find(&item->trail, berth_screen_get_input_stamp(self->screen)),
        .capture_us = berth_screen_get_capture_us(self->screen),
        .budget_bytes = item->budget_bytes,
    };
}

/* HEAD_CONFIG comes with the first frame of its size, so that the client never shows black. */
static int
maybe_configure(const BerthFrameJob *self, BerthFrameJobItem *item)
{
    BerthSeatHead *head = &item->seat->heads[self->head];
    int r = BERTH_OK;

    if (head->width != self->desk->width || head->height != self->desk->height) {
        r = berth_client_stream_configure_head(item->seat->stream, (uint16_t)self->head,
                                               self->desk->width, self->desk->height, keep_message,
                                               item);
        head->width = self->desk->width;
        head->height = self->desk->height;
    } else if (item->wants_refresh) {
        r = berth_client_stream_refresh(item->seat->stream, (uint16_t)self->head);
    }
    return r;
}

static int
end_frame(BerthFrameJobItem *item, const BerthFrameInfo *info, const BerthFrameStats *stats,
          int64_t encode_us)
{
    item->seat->frame_id = info->frame_id;
    item->seat->input_serial = info->input_serial;
    item->delivery.has_frame = true;
    item->delivery.frame_id = info->frame_id;
    item->delivery.n_bytes = stats->n_bytes;
    item->delivery.input_serial = info->input_serial;
    item->delivery.capture_us = info->capture_us;
    return berth_client_stream_end(item->seat->stream, (uint32_t)encode_us, keep_message, item);
}

/* The plan passes by a seat, which may thereby miss something. */
static void
skip_plan(const BerthFrameJob *self, BerthFrameJobItem *item)
{
    const BerthSeatHead *head = &item->seat->heads[self->head];
    const BerthPlan *plan = self->desk->plan;

    if (head->width == self->desk->width && head->height == self->desk->height) {
        berth_client_stream_skip(item->seat->stream, (uint16_t)self->head, plan);
        item->is_behind = berth_client_stream_has_backlog(item->seat->stream, (uint16_t)self->head);
    } else {
        item->is_behind = true;
    }
}

/* Nothing to show, and nothing to say: what was to be seen came with the turn before. */
static bool
is_empty(const BerthFrameJob *self, const BerthFrameJobItem *item, const BerthFrameInfo *info)
{
    return !item->is_behind && !item->wants_refresh &&
           item->seat->input_serial == info->input_serial &&
           berth_damage_is_empty(self->desk->plan->changed);
}

static int
write_plan(const BerthFrameJob *self, BerthFrameJobItem *item)
{
    BerthFrameInfo info = get_info(self, item);
    BerthFrameStats stats;
    int r;

    if (is_empty(self, item, &info)) {
        skip_plan(self, item);
        return BERTH_OK;
    }
    r = maybe_configure(self, item);
    if (r == BERTH_OK) {
        r = berth_client_stream_encode(item->seat->stream, self->desk->plan, &info, keep_message,
                                       item, &stats);
    }
    item->delivery.is_changed = !berth_damage_is_empty(self->desk->plan->changed);
    if (r == BERTH_OK) {
        /* What did not fit comes with the next frames. */
        item->is_behind = berth_client_stream_has_backlog(item->seat->stream, (uint16_t)self->head);
        r = end_frame(item, &info, &stats, berth_monotonic_us() - self->start_us);
    }
    return r;
}

static int
write_refinement(const BerthFrameJob *self, BerthFrameJobItem *item)
{
    BerthFrameInfo info = get_info(self, item);
    BerthFrameStats stats;
    bool is_begun = false;
    int r = berth_client_stream_refine(item->seat->stream, self->desk->plan, &info, self->start_us,
                                       self->input.pointer_x, self->input.pointer_y,
                                       item->refine_bytes, keep_message, item, &stats, &is_begun);

    if (r == BERTH_OK && is_begun) {
        r = end_frame(item, &info, &stats, berth_monotonic_us() - self->start_us);
    }
    return r;
}

static int
write_check(const BerthFrameJob *self, BerthFrameJobItem *item)
{
    int r = berth_client_stream_check(item->seat->stream, self->desk->plan, (uint16_t)self->head,
                                      keep_message, item);

    return r == BERTH_ERR_STATE ? BERTH_OK : r; /* out of step: the next frame is checked */
}

static int
serve(const BerthFrameJob *self, BerthFrameJobItem *item)
{
    switch (self->kind) {
    case BERTH_FRAME_NEW:
    case BERTH_FRAME_CATCH_UP:
        if (item->takes_part) {
            return write_plan(self, item);
        }
        skip_plan(self, item);
        return BERTH_OK;
    case BERTH_FRAME_REFINE:
        return item->takes_part ? write_refinement(self, item) : BERTH_OK;
    case BERTH_FRAME_CHECK:
        return item->takes_part ? write_check(self, item) : BERTH_OK;
    case BERTH_FRAME_NONE:
        break;
    }
    return BERTH_OK;
}

static void
run_item(size_t part, void *user_data)
{
    BerthFrameJob *self = user_data;
    BerthFrameJobItem *item = &self->items[part];
    BerthSeatDelivery *delivery = &item->delivery;

    delivery->error = serve(self, item);
    if (!berth_client_stream_get_refine_due(item->seat->stream, (uint16_t)self->head,
                                            self->start_us, &item->refine_due_us)) {
        item->refine_due_us = INT64_MAX;
    }
    delivery->head = self->head;
    delivery->kind = self->kind;
    delivery->begun_us = self->start_us;
    delivery->effort = (uint8_t)self->input.effort;
    delivery->encode_us = berth_monotonic_us() - self->start_us;
    delivery->messages = (BerthSeatMessage *)(void *)item->messages->data;
    delivery->n_messages = item->messages->len;
}

void
berth_frame_job_run(void *job)
{
    BerthFrameJob *self = job;

    self->late_us = berth_monotonic_us() - self->start_us;
    self->plan_due_us = INT64_MAX;
    if (self->kind == BERTH_FRAME_NEW || self->kind == BERTH_FRAME_CATCH_UP) {
        self->error = plan_turn(self);
    }
    if (self->error == BERTH_OK) {
        berth_fork_join_run(self->workers, self->n_items, run_item, self);
    }
    if (!self->desk->planner || self->desk->is_broken ||
        !berth_planner_get_due(self->desk->planner, &self->plan_due_us)) {
        self->plan_due_us = INT64_MAX;
    }
    self->end_us = berth_monotonic_us();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/frame-room.h"

#include "host-agent/session/frame-job.h"
#include "host-agent/session/seat-private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/worker-pool.h"
#include "display/encode/governor.h"

#define SCOPE "frames"
/*
 * What main does itself, by the time that the last turns took for so many pixels: a letter, a
 * caret.  It costs less than waking the plan thread and being woken.
 */
#define SMALL_TURN_US 1000.0
/* What is known of the cost of a turn fades by this with each new one. */
#define COST_FADE 0.75
/* Every turn looks at about as many, for its fixed cost. */
#define LEAST_TURN_PX 1024
/* Whatever was due and brought nothing is looked at again not before. */
#define RELOOK_US (16 * 1000)
/* Between two tries after a plan could not be made. */
#define RETRY_US (1000 * 1000)

/* How long a source may need to fetch pixels; while something has moved so lately, there are some.
 */
#define SOURCE_US (8LL * 1000)
#define MOVING_US (250LL * 1000)

typedef struct {
    bool has_changes;    /* the screen has pixels that were not taken */
    int64_t changed_us;  /* when there last were some */
    int64_t asked_us;    /* since when the source is asked for some; 0: it is not */
    int64_t plan_due_us; /* a plan is worth making even so */
    int64_t retry_us;    /* no plan before */
    bool is_gone;        /* forget it when no job runs */
    double us_per_px;    /* of the last turns of new pixels; 0: none yet */
    BerthFrameDesk desk;
} Head;

struct BerthFrameRoom {
    BerthHeads *heads;
    BerthWorkerPool *plan_thread;
    BerthForkJoin *workers;
    GSource *timer;
    BerthWatermark *watermark; /* NULL: none */
    GPtrArray *seats;          /* the driver first, then the oldest */
    bool has_driver;
    BerthFrameJob *job; /* at work; NULL if none is */
    bool is_closing;
    BerthGovernor governor;
    int last_head; /* of the last turn: others go first */
    Head states[BERTH_LIMIT_HEADS];
    bool has_told_error; /* that a plan could not be made */
};

static gboolean
dispatch_timer(GSource *source, GSourceFunc callback, gpointer user_data)
{
    g_source_set_ready_time(source, -1);
    berth_frame_room_look(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
callback_unused(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = { .dispatch = dispatch_timer };

BerthFrameRoom *
berth_frame_room_new(GMainContext *context, BerthHeads *heads)
{
    BerthFrameRoom *self = g_new0(BerthFrameRoom, 1);

    self->heads = heads;
    self->plan_thread = berth_worker_pool_new(context, 1, 1);
    self->workers = berth_fork_join_new(berth_fork_join_count_helpers());
    self->seats = g_ptr_array_new();
    self->timer = g_source_new(&timer_funcs, sizeof(GSource));
    g_source_set_callback(self->timer, callback_unused, self, NULL);
    g_source_attach(self->timer, context);
    berth_governor_init(&self->governor, berth_monotonic_us());
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        self->states[i].plan_due_us = INT64_MAX;
    }
    return self;
}

void
berth_frame_room_free(BerthFrameRoom *self)
{
    if (!self) {
        return;
    }
    self->is_closing = true;
    while (self->seats->len > 0) {
        berth_frame_room_remove_seat(self, g_ptr_array_index(self->seats, 0));
    }
    berth_worker_pool_free(self->plan_thread);
    berth_fork_join_free(self->workers);
    g_source_destroy(self->timer);
    g_source_unref(self->timer);
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_frame_desk_clear(&self->states[i].desk);
    }
    g_ptr_array_unref(self->seats);
    berth_watermark_unref(self->watermark);
    g_free(self);
}

static void
forget_head(BerthFrameRoom *self, int head)
{
    berth_frame_desk_clear(&self->states[head].desk);
    self->states[head] = (Head){ .plan_due_us = INT64_MAX };
    for (guint i = 0; i < self->seats->len; i++) {
        berth_seat_forget_head(g_ptr_array_index(self->seats, i), head);
    }
}

void
berth_frame_room_note_head(BerthFrameRoom *self, int head, unsigned changes)
{
    Head *state = &self->states[head];

    if (!berth_heads_get(self->heads, head)) {
        state->is_gone = true;
        if (!self->job) {
            forget_head(self, head);
        }
        return;
    }
    state->is_gone = false;
    if (changes & (BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE)) {
        state->has_changes = true;
        state->changed_us = berth_monotonic_us();
        berth_frame_room_look(self);
    }
}

void
berth_frame_room_set_watermark(BerthFrameRoom *self, BerthWatermark *watermark)
{
    berth_watermark_unref(self->watermark);
    self->watermark = berth_watermark_ref(watermark);
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        self->states[i].has_changes |= berth_heads_get(self->heads, (int)i) != NULL;
    }
    berth_frame_room_look(self);
}

BerthSeat *
berth_frame_room_add_seat(BerthFrameRoom *self, const BerthClientCaps *caps, bool is_driver,
                          const BerthSeatCallbacks *callbacks, void *user_data)
{
    BerthSeat *seat = self->seats->len < BERTH_SCHEDULE_MAX_SEATS
                          ? berth_seat_new(caps, callbacks, user_data)
                          : NULL;

    if (!seat) {
        return NULL;
    }
    g_ptr_array_insert(self->seats, is_driver ? 0 : -1, seat);
    return seat;
}

void
berth_frame_room_remove_seat(BerthFrameRoom *self, BerthSeat *seat)
{
    if (!seat || !g_ptr_array_remove(self->seats, seat)) {
        return;
    }
    if (self->job) {
        seat->is_gone = true; /* its stream may be in use; the end of the job frees it */
    } else {
        berth_seat_free(seat);
        berth_frame_room_look(self); /* another one may drive now, or nobody looks */
    }
}

/* --- the choice --- */

static BerthSeatFlow
get_flow(const BerthFrameRoom *self, const BerthSeat *seat, int64_t now_us)
{
    BerthSeatFlow flow = { .pointer_head = -1 };

    seat->callbacks->get_flow(&flow, now_us, seat->user_data);
    flow.interval_us = MAX(flow.interval_us, berth_governor_get_min_interval_us(&self->governor));
    return flow;
}

/* What all viewers can decode: photos and videos are made once for all. */
static void
limit_codecs(const BerthFrameRoom *self, BerthPlanInput *input)
{
    input->photo_mask = UINT8_MAX;
    input->video_mask = UINT8_MAX;
    for (guint i = 0; i < self->seats->len; i++) {
        const BerthSeat *seat = g_ptr_array_index(self->seats, i);

        input->photo_mask &= seat->caps.photo_mask;
        input->video_mask &= seat->caps.video_mask;
    }
}

static BerthPlanInput
get_plan_input(const BerthFrameRoom *self, int head, const BerthSeatFlow *driver)
{
    bool has_pointer = driver->pointer_head == head;
    BerthPlanInput input = {
        .pointer_x = has_pointer ? driver->pointer_x : -1,
        .pointer_y = has_pointer ? driver->pointer_y : -1,
        .effort = (int)berth_governor_get_effort(&self->governor),
        .photo_quality = driver->photo_quality,
        .budget_bytes = driver->fresh_bytes,
        .video_kbps = driver->video_kbps,
    };

    limit_codecs(self, &input);
    return input;
}

typedef struct {
    BerthFrameRoom *room;
    BerthFrameJob *job;
} Turn;

static void
run_turn(void *data)
{
    berth_frame_job_run(((Turn *)data)->job);
}

static void end_turn(BerthFrameRoom *self);

static void
on_turn_done(void *data)
{
    BerthFrameRoom *self = ((Turn *)data)->room;

    g_free(data);
    end_turn(self);
    berth_frame_room_look(self);
}

/* Whether main is quicker alone. */
static bool
is_small(const BerthFrameRoom *self, const BerthFrameJob *job)
{
    double us_per_px = self->states[job->head].us_per_px;

    return job->kind == BERTH_FRAME_NEW && us_per_px > 0 &&
           us_per_px * (double)job->waiting_px <= SMALL_TURN_US;
}

/* Dear turns count at once, cheap ones with time. */
static void
note_cost(BerthFrameRoom *self, const BerthFrameJob *job)
{
    Head *state = &self->states[job->head];
    double us_per_px =
        (double)(job->end_us - job->start_us - job->late_us) / (double)job->waiting_px;

    if (job->kind == BERTH_FRAME_NEW) {
        state->us_per_px = MAX(us_per_px, state->us_per_px * COST_FADE);
    }
}

static void
run_job(BerthFrameRoom *self, BerthFrameJob *job)
{
    Turn *turn;

    self->job = job;
    if (is_small(self, job)) {
        berth_frame_job_run(job);
        end_turn(self);
        return;
    }
    turn = g_new(Turn, 1);
    *turn = (Turn){ self, job };
    (void)berth_worker_pool_submit(self->plan_thread, run_turn, on_turn_done, turn);
}

static void
start_job(BerthFrameRoom *self, int head, const BerthScheduleChoice *choice,
          const BerthSeatFlow *flows, int64_t now_us)
{
    BerthFrameJob *job = berth_frame_job_new(self->seats->len);

    job->kind = choice->kind;
    job->head = head;
    job->screen = berth_screen_ref(berth_heads_get(self->heads, head));
    job->desk = &self->states[head].desk;
    job->workers = self->workers;
    job->watermark = berth_watermark_ref(self->watermark);
    job->input = get_plan_input(self, head, &flows[0]);
    job->start_us = now_us;
    job->waiting_px = MAX(berth_screen_get_waiting_px(job->screen), LEAST_TURN_PX);
    for (size_t i = 0; i < job->n_items; i++) {
        BerthSeat *seat = g_ptr_array_index(self->seats, i);
        BerthFrameJobItem *item = &job->items[i];

        item->seat = seat;
        item->takes_part = choice->seats >> i & 1;
        item->wants_refresh = berth_seat_get_refresh_due_us(seat, head) <= now_us;
        item->is_behind = seat->heads[head].is_behind;
        item->trail = seat->trail;
        item->refine_bytes = flows[i].refine_bytes;
        item->budget_bytes =
            choice->kind == BERTH_FRAME_NEW ? flows[i].fresh_bytes : flows[i].bulk_bytes;
    }
    if (choice->kind == BERTH_FRAME_NEW) {
        self->states[head].has_changes = false;
    }
    berth_screen_set_wanted(job->screen, INT64_MAX); /* it would be old when its turn comes */
    self->states[head].asked_us = 0;
    self->last_head = head;
    run_job(self, job);
}

/* Lets the source fetch pixels from a time on; INT64_MAX: never. */
static void
ask_source(BerthFrameRoom *self, int head, int64_t from_us, int64_t now_us)
{
    Head *state = &self->states[head];

    berth_screen_set_wanted(berth_heads_get(self->heads, head), from_us);
    if (from_us == INT64_MAX) {
        state->asked_us = 0;
    } else if (state->asked_us == 0) {
        state->asked_us = MAX(from_us, now_us);
    }
}

/*
 * Whether new pixels are worth waiting for: the window has just opened, so the source could not
 * fetch any before, and something moves.  What is old would fill the window again.
 */
static bool
is_worth_waiting(BerthFrameRoom *self, int head, const BerthScheduleSeat *seats, int64_t now_us,
                 int64_t *next_us)
{
    const Head *state = &self->states[head];
    int64_t from_us = berth_frame_schedule_get_wanted_us(seats, self->seats->len, now_us, next_us);
    int64_t until_us = (state->asked_us > 0 ? state->asked_us : now_us) + SOURCE_US;

    if (state->has_changes || now_us - state->changed_us > MOVING_US || until_us <= now_us ||
        from_us > now_us) {
        return false;
    }
    ask_source(self, head, from_us, now_us);
    *next_us = MIN(*next_us, until_us);
    return true;
}

/* Chooses for one head; true if a turn was started. */
static bool
maybe_start_turn(BerthFrameRoom *self, int head, const BerthSeatFlow *flows, int64_t now_us,
                 int64_t *next_us)
{
    const Head *state = &self->states[head];
    BerthScheduleSeat seats[BERTH_SCHEDULE_MAX_SEATS];
    BerthScheduleChoice choice;

    if (state->retry_us > now_us) {
        *next_us = MIN(*next_us, state->retry_us);
        return false;
    }
    for (guint i = 0; i < self->seats->len; i++) {
        seats[i] = berth_seat_get_schedule(g_ptr_array_index(self->seats, i), head, &flows[i],
                                           state->desk.plan != NULL);
    }
    choice = berth_frame_schedule_choose(state->has_changes || state->plan_due_us <= now_us, seats,
                                         self->seats->len, now_us);
    if (choice.kind == BERTH_FRAME_CATCH_UP &&
        is_worth_waiting(self, head, seats, now_us, next_us)) {
        return false;
    }
    if (choice.kind != BERTH_FRAME_NONE) {
        start_job(self, head, &choice, flows, now_us);
        return true;
    }
    *next_us = MIN(*next_us, choice.due_us);
    if (state->plan_due_us > now_us) {
        *next_us = MIN(*next_us, state->plan_due_us);
    }
    ask_source(self, head,
               berth_frame_schedule_get_wanted_us(seats, self->seats->len, now_us, next_us),
               now_us);
    return false;
}

/* Looks at all heads once; true if a turn was started. */
static bool
look_once(BerthFrameRoom *self)
{
    BerthSeatFlow flows[BERTH_SCHEDULE_MAX_SEATS];
    int64_t now_us = berth_monotonic_us();
    int64_t next_us = INT64_MAX;

    for (guint i = 0; i < self->seats->len; i++) {
        flows[i] = get_flow(self, g_ptr_array_index(self->seats, i), now_us);
    }
    for (int i = 1; i <= (int)BERTH_LIMIT_HEADS; i++) {
        int head = (self->last_head + i) % (int)BERTH_LIMIT_HEADS;

        if (berth_heads_get(self->heads, head) &&
            maybe_start_turn(self, head, flows, now_us, &next_us)) {
            return true;
        }
    }
    g_source_set_ready_time(self->timer, next_us == INT64_MAX ? -1 : next_us);
    return false;
}

void
berth_frame_room_look(BerthFrameRoom *self)
{
    /* The end of a turn in the plan thread comes back here. */
    while (!self->job && !self->is_closing && look_once(self)) {
    }
}

/* --- the end of a turn --- */

/* Main's own view of the seat after the turn. */
static void
note_item(BerthFrameJobItem *item, const BerthFrameJob *job)
{
    BerthSeatHead *head = &item->seat->heads[job->head];

    head->is_behind = item->is_behind;
    if (item->wants_refresh && item->delivery.has_frame) {
        head->wants_refresh = false; /* a wish that came meanwhile is met as well */
        head->last_refresh_us = job->start_us;
    }
    head->refine_due_us = item->refine_due_us;
    if (!item->delivery.has_frame) {
        head->refine_due_us = MAX(head->refine_due_us, job->start_us + RELOOK_US);
    }
    if (item->delivery.has_frame) {
        head->unchecked.last_frame_us = job->start_us;
        head->unchecked.first_unchecked_us = MIN(head->unchecked.first_unchecked_us, job->start_us);
        head->unchecked.unchecked_bytes += item->delivery.n_bytes;
    }
    if (job->kind == BERTH_FRAME_CHECK && item->takes_part) {
        head->unchecked.last_check_us = job->start_us;
        head->unchecked.first_unchecked_us = INT64_MAX;
        head->unchecked.unchecked_bytes = 0;
    }
}

static void
hand_out(BerthFrameJob *job)
{
    for (size_t i = 0; i < job->n_items; i++) {
        BerthFrameJobItem *item = &job->items[i];

        if (item->seat->is_gone) {
            continue;
        }
        note_item(item, job);
        if (item->delivery.n_messages > 0 || item->delivery.error < 0) {
            item->seat->callbacks->deliver(&item->delivery, item->seat->user_data);
        }
    }
}

static void
note_plan_error(BerthFrameRoom *self, const BerthFrameJob *job)
{
    Head *state = &self->states[job->head];

    state->has_changes = true; /* what was taken has to be planned yet */
    state->retry_us = job->end_us + RETRY_US;
    if (!self->has_told_error) {
        self->has_told_error = true;
        berth_log_warning(SCOPE, "no frame could be made: %s", berth_error_sentence(job->error));
    }
}

static void
free_gone(BerthFrameRoom *self, BerthFrameJob *job)
{
    for (size_t i = 0; i < job->n_items; i++) {
        if (job->items[i].seat->is_gone) {
            berth_seat_free(job->items[i].seat);
        }
    }
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        if (self->states[i].is_gone) {
            forget_head(self, i);
        }
    }
}

static void
end_turn(BerthFrameRoom *self)
{
    BerthFrameJob *job = self->job;

    note_cost(self, job);
    berth_governor_note(&self->governor, job->late_us, job->end_us - job->start_us, job->end_us);
    self->states[job->head].plan_due_us = MAX(job->plan_due_us, job->start_us + RELOOK_US);
    if (job->error == BERTH_OK) {
        hand_out(job);
    } else if (job->error != BERTH_ERR_STATE) {
        note_plan_error(self, job);
    }
    free_gone(self, job);
    self->job = NULL;
    berth_frame_job_free(job);
}

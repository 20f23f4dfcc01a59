/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/beat.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/broker.h"
#include "broker/jobs.h"
#include "broker/site-clock.h"
#include "broker/tick.h"

#define THOROUGH_S 30
/* A tick of a large site takes its time from the writer: it rests so many times as long. */
#define REST 5
/* After one that found nothing to do: most changes are of no interest to it. */
#define IDLE_REST_US (100LL * 1000)

struct BerthBeat {
    BerthBroker *broker; /* NULL: freed, the last done function frees it */
    BerthStore *store;
    int64_t keep_us;
    int64_t n_seconds;
    int n_running;
    guint pace_source;
    int64_t began_us; /* the last tick, monotonic */
    int64_t next_us;  /* none before, but for the one of each second */
    bool is_ticking;
    bool is_tick_wanted;
    bool is_firing;
};

/* One piece of work in the writer. */
typedef struct {
    BerthBeat *beat;
    BerthCause cause;
    BerthTick tick;
    int n_changes;
    GArray *jobs;
} Work;

static void
work_free(Work *work)
{
    if (work->jobs != NULL) {
        g_array_unref(work->jobs);
    }
    g_free(work);
}

static Work *
begin(BerthBeat *beat, const char *actor)
{
    Work *work = g_new0(Work, 1);
    work->beat = beat;
    work->cause = (BerthCause){ .now_us = berth_site_clock_now_us(), .actor = actor };
    work->tick.holder = beat->broker->holder;
    work->tick.keep_us = beat->keep_us;
    work->tick.signing_key = beat->broker->signing_key;
    beat->n_running++;
    return work;
}

/* Returns NULL if the beat was freed meanwhile. */
static BerthBroker *
end(BerthBeat *beat)
{
    BerthBroker *broker = beat->broker;
    beat->n_running--;
    if (broker == NULL && beat->n_running == 0) {
        g_free(beat);
    }
    return broker;
}

static int
run_tick(BerthTx *tx, void *data)
{
    Work *work = data;
    int error = berth_tick(tx, &work->cause, &work->tick, &work->n_changes);
    if (error == BERTH_ERR_AGAIN) {
        (void)berth_site_clock_keep(tx, false);
        return error;
    }
    return error == BERTH_OK ? berth_site_clock_keep(tx, true) : error;
}

static void tick(BerthBeat *beat, bool is_thorough);
static void pace(BerthBeat *beat);

static void
tick_done(int error, void *data)
{
    Work *work = data;
    BerthBeat *beat = work->beat;
    bool is_wanted = beat->is_tick_wanted;
    int64_t now_us = berth_monotonic_us();
    beat->is_ticking = false;
    int64_t least_us = work->n_changes > 0 ? 0 : IDLE_REST_US;
    beat->next_us = now_us + MAX(REST * (now_us - beat->began_us), least_us);
    BerthBroker *broker = end(beat);
    if (error != BERTH_OK && error != BERTH_ERR_AGAIN) {
        berth_log_error("tick", "nothing was planned: %s", berth_error_sentence(error));
    } else if (error == BERTH_OK && work->n_changes > 0 && broker != NULL) {
        berth_broker_changed(broker);
    }
    work_free(work);
    if (broker != NULL && is_wanted) {
        pace(beat);
    }
}

static void
tick(BerthBeat *beat, bool is_thorough)
{
    if (beat->is_ticking) {
        beat->is_tick_wanted = true;
        return;
    }
    Work *work = begin(beat, "planner");
    work->tick.is_thorough = is_thorough;
    beat->is_tick_wanted = false;
    beat->is_ticking = true;
    beat->began_us = berth_monotonic_us();
    int error = berth_store_submit(beat->store, run_tick, tick_done, work);
    if (error != BERTH_OK) {
        tick_done(error, work);
    }
}

static gboolean
on_pace(gpointer data)
{
    BerthBeat *beat = data;
    beat->pace_source = 0;
    tick(beat, false);
    return G_SOURCE_REMOVE;
}

/* Ticks as soon as the last one is long enough ago for what it cost. */
static void
pace(BerthBeat *beat)
{
    int64_t wait_us = beat->next_us - berth_monotonic_us();
    if (beat->is_ticking || wait_us <= 0) {
        tick(beat, false);
    } else if (beat->pace_source == 0) {
        beat->pace_source = g_timeout_add((guint)(wait_us / 1000) + 1, on_pace, beat);
    }
}

static int
run_lease(BerthTx *tx, void *data)
{
    Work *work = data;
    if (work->jobs != NULL) {
        g_array_unref(g_steal_pointer(&work->jobs));
    }
    return berth_jobs_lease(tx, &work->cause, work->tick.holder, &work->jobs);
}

static int
run_fire(BerthTx *tx, void *data)
{
    Work *work = data;
    return berth_jobs_run(tx, &work->cause, work->tick.holder, work->jobs);
}

static void
fire_done(int error, void *data)
{
    Work *work = data;
    work->beat->is_firing = false;
    BerthBroker *broker = end(work->beat);
    if (error != BERTH_OK) {
        berth_log_error("tick", "timers wait: %s", berth_error_sentence(error));
    } else if (broker != NULL) {
        berth_broker_changed(broker);
    }
    work_free(work);
}

static void
lease_done(int error, void *data)
{
    Work *work = data;
    BerthBeat *beat = work->beat;
    if (error == BERTH_OK && work->jobs->len > 0 && beat->broker != NULL) {
        error = berth_store_submit(beat->store, run_fire, fire_done, work);
        if (error == BERTH_OK) {
            return;
        }
    }
    beat->is_firing = false;
    (void)end(beat);
    work_free(work);
}

static void
fire(BerthBeat *beat)
{
    if (beat->is_firing) {
        return;
    }
    Work *work = begin(beat, "timer");
    beat->is_firing = true;
    int error = berth_store_submit(beat->store, run_lease, lease_done, work);
    if (error != BERTH_OK) {
        lease_done(error, work);
    }
}

BerthBeat *
berth_beat_new(BerthBroker *broker, int64_t keep_us)
{
    BerthBeat *beat = g_new0(BerthBeat, 1);
    beat->broker = broker;
    beat->store = broker->store;
    beat->keep_us = keep_us;
    return beat;
}

void
berth_beat_free(BerthBeat *beat)
{
    if (beat == NULL) {
        return;
    }
    if (beat->pace_source != 0) {
        g_source_remove(beat->pace_source);
    }
    beat->broker = NULL;
    if (beat->n_running == 0) {
        g_free(beat);
    }
}

void
berth_beat_hurry(BerthBeat *beat)
{
    pace(beat);
}

void
berth_beat_second(BerthBeat *beat)
{
    tick(beat, beat->n_seconds % THOROUGH_S == 0);
    fire(beat);
    beat->n_seconds++;
}

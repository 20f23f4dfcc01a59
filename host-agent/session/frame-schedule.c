/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/frame-schedule.h"

#include <glib.h>

/* The seat that new pixels wait for; n_seats if nobody can take any. */
static size_t
find_driver(const BerthScheduleSeat *seats, size_t n_seats)
{
    if (n_seats == 0 || seats[0].has_room || seats[0].waiting_us < BERTH_SCHEDULE_STALL_US) {
        return 0;
    }
    for (size_t i = 1; i < n_seats; i++) {
        if (seats[i].has_room) {
            return i;
        }
    }
    return n_seats;
}

static int64_t
get_frame_due_us(const BerthScheduleSeat *seat)
{
    return seat->last_frame_us + seat->interval_us;
}

/* Whether a seat gets something of a kind that is due at a time; notes the time if it is later. */
static bool
is_due(int64_t due_us, int64_t now_us, int64_t *next_us)
{
    if (due_us <= now_us) {
        return true;
    }
    *next_us = MIN(*next_us, due_us);
    return false;
}

int64_t
berth_frame_schedule_get_wanted_us(const BerthScheduleSeat *seats, size_t n_seats, int64_t now_us,
                                   int64_t *next_us)
{
    size_t driver = find_driver(seats, n_seats);

    if (driver >= n_seats) {
        return INT64_MAX;
    }
    if (!seats[driver].has_room) {
        int64_t stall_us = now_us - seats[driver].waiting_us + BERTH_SCHEDULE_STALL_US;

        *next_us = n_seats > 1 ? MIN(*next_us, stall_us) : *next_us;
        return INT64_MAX;
    }
    return get_frame_due_us(&seats[driver]);
}

static uint32_t
choose_new(const BerthScheduleSeat *seats, size_t n_seats, int64_t now_us, int64_t *next_us)
{
    int64_t due_us = berth_frame_schedule_get_wanted_us(seats, n_seats, now_us, next_us);
    uint32_t chosen = 0;

    if (!is_due(due_us, now_us, next_us)) {
        return 0;
    }
    for (size_t i = 0; i < n_seats; i++) {
        if (seats[i].has_room && get_frame_due_us(&seats[i]) <= now_us) {
            chosen |= 1u << i;
        }
    }
    return chosen;
}

static bool
is_chosen(const BerthScheduleSeat *seat, BerthFrameKind kind, int64_t now_us, int64_t *next_us)
{
    if (!seat->has_room) {
        return false;
    }
    switch (kind) {
    case BERTH_FRAME_CATCH_UP:
        return seat->has_bulk_room &&
               is_due(MAX(get_frame_due_us(seat), seat->catch_up_due_us), now_us, next_us);
    case BERTH_FRAME_REFINE:
        return seat->is_quiet && seat->catch_up_due_us > now_us &&
               is_due(seat->refine_due_us, now_us, next_us);
    case BERTH_FRAME_CHECK:
        return seat->catch_up_due_us > now_us && is_due(seat->check_due_us, now_us, next_us);
    case BERTH_FRAME_NONE:
    case BERTH_FRAME_NEW:
        break;
    }
    return false;
}

BerthScheduleChoice
berth_frame_schedule_choose(bool has_changes, const BerthScheduleSeat *seats, size_t n_seats,
                            int64_t now_us)
{
    static const BerthFrameKind kinds[] = { BERTH_FRAME_CATCH_UP, BERTH_FRAME_REFINE,
                                            BERTH_FRAME_CHECK };
    BerthScheduleChoice choice = { BERTH_FRAME_NONE, 0, INT64_MAX };

    if (has_changes) {
        choice.seats = choose_new(seats, n_seats, now_us, &choice.due_us);
        choice.kind = choice.seats ? BERTH_FRAME_NEW : BERTH_FRAME_NONE;
    }
    for (size_t k = 0; k < G_N_ELEMENTS(kinds) && choice.kind == BERTH_FRAME_NONE; k++) {
        for (size_t i = 0; i < n_seats; i++) {
            if (is_chosen(&seats[i], kinds[k], now_us, &choice.due_us)) {
                choice.seats |= 1u << i;
                choice.kind = kinds[k];
            }
        }
    }
    return choice;
}

int64_t
berth_frame_schedule_get_check_due_us(const BerthScheduleUnchecked *unchecked)
{
    int64_t interval_us = unchecked->unchecked_bytes > BERTH_SCHEDULE_RARE_BYTES
                              ? BERTH_SCHEDULE_CHECK_US
                              : BERTH_SCHEDULE_RARE_CHECK_US;

    if (unchecked->first_unchecked_us == INT64_MAX) {
        return INT64_MAX;
    }
    return MIN(unchecked->first_unchecked_us + interval_us,
               MAX(unchecked->last_check_us + interval_us,
                   unchecked->last_frame_us + BERTH_SCHEDULE_REST_US));
}

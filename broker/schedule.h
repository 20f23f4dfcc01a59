/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows of a week in a named time zone: when an entitlement counts and how many spares a pool
 * keeps.
 *
 * Rules are a JSON array of {"days": [1..7], "from": "08:00", "to": "18:00"}; Monday is 1.  A
 * window whose end is not after its begin reaches into the next day.  Times are those of the clock
 * on the wall: a window opens when the clock first reaches its begin and closes when the clock last
 * reaches its end, so an hour that comes twice neither closes a window twice nor opens it twice,
 * and an hour that is left out moves what begins or ends in it to the moment of the jump.
 *
 * Pure but for the time zone database, which is read once a zone.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthSchedule BerthSchedule;

/*
 * Checks and reads a schedule.
 *
 * timezone:    "UTC" or a name of the IANA database with its area: "Europe/Berlin"
 * rules_json:  see above; at most BERTH_LIMIT_SCHEDULE_RULES windows
 *
 * Errors: BERTH_ERR_INVALID with a sentence that quotes the value.  Returns NULL on error.
 */
BerthSchedule *berth_schedule_parse(const char *timezone, const char *rules_json, GError **error);

/* NULL is allowed. */
void berth_schedule_free(BerthSchedule *schedule);

/* Whether a window is open. */
bool berth_schedule_contains(const BerthSchedule *schedule, int64_t now_us);

/* The next moment after now at which a window opens or the last one closes; 0 if there is none. */
int64_t berth_schedule_next_change_us(const BerthSchedule *schedule, int64_t now_us);

/* berth_schedule_parse() and berth_schedule_contains(): closed, with an error, if it cannot be
 * read.
 */
bool berth_schedule_is_open(const char *timezone, const char *rules_json, int64_t now_us,
                            GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthSchedule, berth_schedule_free)

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One task that the broker gave to this host, and how far it is: what the journal keeps of it.
 *
 * A record is written to <folder>/<id>.json before the work begins, whenever the work reached a
 * point from which it can go on, and when it has ended.  An agent that was killed reads it again.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum {
    BERTH_TASK_RUNNING,
    BERTH_TASK_DONE,
    BERTH_TASK_FAILED,
} BerthTaskState;

typedef struct {
    BerthId id;
    char *kind;
    BerthId machine; /* zero: of none */
    json_t *args;    /* object */

    BerthTaskState state;
    int n_starts;       /* how often the work was begun or taken up */
    json_t *checkpoint; /* object that the kind wrote down to go on from; NULL: from the start */
    int progress_pct;
    char *detail;   /* what is being done, or why it failed */
    int code;       /* BERTH_OK unless it failed */
    json_t *result; /* object; NULL while it runs */
} BerthTaskRecord;

/*
 * Reads a task of the broker's desired state into a clear record, set on success only.
 *
 * Errors: BERTH_ERR_INVALID.
 */
bool berth_task_record_from_wish(const json_t *wish, BerthTaskRecord *ret, GError **error);

/* The record as the journal keeps it, a new reference; and back.  Errors: BERTH_ERR_INVALID. */
json_t *berth_task_record_to_json(const BerthTaskRecord *self);
bool berth_task_record_from_json(const json_t *object, BerthTaskRecord *ret, GError **error);

/* The record as the inventory tells it; a new reference. */
json_t *berth_task_record_report(const BerthTaskRecord *self);

/*
 * Ends it.
 *
 * detail:  copied; cut to BERTH_LIMIT_TASK_DETAIL_BYTES
 * result:  taken; NULL: none.  One that is over its limit fails the task.
 */
void berth_task_record_end(BerthTaskRecord *self, int code, const char *detail, json_t *result);

/* Says how far it is; detail is copied and cut to its limit. */
void berth_task_record_set_progress(BerthTaskRecord *self, int pct, const char *detail);

/* Frees what it owns and zeroes it. */
void berth_task_record_clear(BerthTaskRecord *self);

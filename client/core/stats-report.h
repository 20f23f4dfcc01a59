/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a user is shown of the numbers: rates between two looks at them, and what they mean.
 *
 * Pure; a value without allocation.
 */
#pragma once

#include "client/core/slow-reason.h"
#include "client/core/stats.h"

#include <stdbool.h>
#include <stdint.h>

/* Classes of what comes over the network. */
typedef enum {
    BERTH_RATE_EXACT, /* pixels as they were captured */
    BERTH_RATE_PHOTO,
    BERTH_RATE_VIDEO,
    BERTH_RATE_OTHER, /* sound, clipboard, files, the pointer and the rest */
    BERTH_N_RATES,
} BerthRateClass;

/* A look at the numbers. */
typedef struct {
    int64_t now_us;    /* monotonic */
    uint64_t bytes_in; /* of all connections so far */
    BerthStats stats;
} BerthStatsLook;

typedef struct {
    unsigned frames_per_s;
    uint64_t kbps[BERTH_N_RATES];
    uint64_t all_kbps;
    unsigned exact_permille; /* of the pixels painted meanwhile; of all if there were none */
    bool has_parts;          /* a press was answered, and the session told of it */
    BerthHealth health;
    BerthMsgHostState host;
} BerthStatsReport;

/*
 * Compares two looks; before is the older one.
 *
 * n_resumes: of the last minute
 */
void berth_stats_report_make(const BerthStatsLook *before, const BerthStatsLook *now,
                             unsigned n_resumes, BerthStatsReport *ret);

/* Lines for people, in their language, the last one without an end.  Owned. */
char *berth_stats_report_format(const BerthStatsReport *self);

/*
 * Why it is slow: {"reason", "sentence"}; null if it is not.  Ownership: new reference.
 */
json_t *berth_stats_report_slow_to_json(const BerthStatsReport *self);

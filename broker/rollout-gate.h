/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a new version is as good as the old one: measured numbers in, a verdict and a sentence
 * out.
 *
 * What is clearly bad fails at once; what is good passes when there were enough boots and enough
 * users.  Times are compared by their 95th percentile, and a difference that nobody notices never
 * fails.  Pure; thread: any.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

/* What desktops of one version did in one pool. */
typedef struct {
    int64_t n_boots, n_boots_ok;
    int64_t n_ready, ready_p95_ms;               /* from the start of a VM to ready */
    int64_t n_logons, n_logons_ok, logon_p95_ms; /* from the grant to the connection */
    int64_t n_frames, first_frame_p95_ms;        /* from the connection to the first picture */
    int64_t n_crashes;                           /* of desktops that had been ready */
} BerthGateNumbers;

typedef struct {
    int64_t min_boots;    /* 0: as many as there are canaries */
    int64_t min_sessions; /* logons that worked */
    int64_t max_crashes;
    double boot_success_pct;
    double ready_p95_factor; /* new may be so many times old; 0: is not looked at */
    double logon_p95_factor;
    double first_frame_factor;
} BerthGateLimits;

typedef enum {
    BERTH_GATE_WAIT, /* nothing is wrong, and too little was seen */
    BERTH_GATE_PASS,
    BERTH_GATE_FAIL,
} BerthGateVerdict;

/* What is asked for if nothing is said. */
extern const BerthGateLimits berth_gate_defaults;

/*
 * Judges.
 *
 * ret_sentence:  why, to be freed with g_free()
 */
BerthGateVerdict berth_gate_judge(const BerthGateNumbers *old_version,
                                  const BerthGateNumbers *new_version,
                                  const BerthGateLimits *limits, char **ret_sentence);

/* "wait", "pass", "fail". */
const char *berth_gate_verdict_name(BerthGateVerdict verdict);

/* Numbers as JSON for the API.  Ownership: new reference. */
json_t *berth_gate_numbers_to_json(const BerthGateNumbers *numbers);

/*
 * The 95th percentile (nearest rank) of values, which it sorts; 0 for none.
 */
int64_t berth_gate_p95(int64_t *values, size_t n_values);

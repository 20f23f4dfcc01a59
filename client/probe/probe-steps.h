/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a probe prints for monitors and scripts: lines of JSON on standard output.
 *
 * A step is login, list, open, an action or leave: it begins, and prints a line when it is done.
 * What has begun and is not done at the end is what failed.  Thread: main.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool is_wanted;       /* else steps print nothing */
    const char *name;     /* static; NULL between two steps */
    int64_t began_us;     /* of the step, monotonic */
    int64_t all_began_us; /* of the probe */
} BerthProbeSteps;

/* Prints one line, at once. */
void berth_probe_print(json_t *object);

/* A step begins, the one before is forgotten.  name: static */
void berth_probe_steps_begin(BerthProbeSteps *self, const char *name, int64_t now_us);

/* The step is done; prints counters with its name, success and time.  counters: taken over. */
void berth_probe_steps_end(BerthProbeSteps *self, json_t *counters, int64_t now_us);

/* An action is done; prints its answer.  answer: borrowed */
void berth_probe_steps_end_action(BerthProbeSteps *self, json_t *answer);

/* The probe is over.  reason: NULL if it is fine */
void berth_probe_steps_close(const BerthProbeSteps *self, int status, const char *reason,
                             int64_t now_us);

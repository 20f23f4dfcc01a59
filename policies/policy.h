/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a user may do in a session, as one value.
 *
 * Policies come from several levels (site, pool, ...) and are merged so that the most restrictive
 * wins.  Pure; thread: any.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest time that a dropped connection may resume without the broker, in seconds. */
#define BERTH_POLICY_MAX_RESUME_WINDOW_S 900

/* Whether an administrator may watch a session; in order from the most restrictive. */
typedef enum {
    BERTH_POLICY_OBSERVE_NEVER = 0,
    BERTH_POLICY_OBSERVE_ASK = 1,    /* its user decides */
    BERTH_POLICY_OBSERVE_ALWAYS = 2, /* its user is told */
    BERTH_N_POLICY_OBSERVES = 3,
} BerthPolicyObserve;

typedef struct {
    int64_t resume_window_s; /* 0..BERTH_POLICY_MAX_RESUME_WINDOW_S; 0: never */
    bool allow_input;        /* keys and pointer reach the desktop */
    bool allow_resize;       /* the client may choose the size of the screen */
    BerthPolicyObserve observe;
} BerthPolicy;

/* What applies where nobody said anything. */
BerthPolicy berth_policy_default(void);

/* The more restrictive of the two in every member. */
BerthPolicy berth_policy_merge(const BerthPolicy *a, const BerthPolicy *b);

/*
 * Reads {"resume_window_s": n, "input": bool, "resize": bool, "observe": "ask"}; what is missing
 * keeps its default.
 *
 * json:  borrowed
 * ret:   set on success only
 *
 * Errors: BERTH_ERR_INVALID for an unknown key, a wrong type or a number out of range.
 */
bool berth_policy_from_json(const json_t *json, BerthPolicy *ret, GError **error);

/*
 * The policy of a pool: the default, made narrower by what the pool says; who may watch is the
 * pool's alone to say.
 *
 * text: JSON as the store keeps it; NULL, or what is no policy, says nothing
 */
BerthPolicy berth_policy_of_pool(const char *text);

/* As berth_policy_from_json(), from text. */
bool berth_policy_from_text(const char *text, BerthPolicy *ret, GError **error);

/* The whole policy as JSON.  Ownership: new reference. */
json_t *berth_policy_to_json(const BerthPolicy *policy);

/* The BERTH_RIGHT_* bits of a ticket. */
uint32_t berth_policy_rights(const BerthPolicy *policy);

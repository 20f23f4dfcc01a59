/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a user may do in a session, as one value.
 *
 * One const table names every key, its type, its range, what it is where nobody said anything and
 * which of two values is the narrower one.  How several levels (site, pool, group, user, device)
 * make one policy is policy-decision.h.  Pure; thread: any.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest time that a dropped connection may resume without the broker, in seconds. */
#define BERTH_POLICY_MAX_RESUME_WINDOW_S 900
/* Bytes of a text in a policy. */
#define BERTH_POLICY_TEXT_BYTES 255

typedef enum {
    /* Texts come first: their number is their place in BerthPolicy.texts. */
    BERTH_POLICY_USB_FILTER,
    BERTH_POLICY_WATERMARK,
    BERTH_N_POLICY_TEXTS,

    BERTH_POLICY_INPUT = BERTH_N_POLICY_TEXTS,
    BERTH_POLICY_RESIZE,
    BERTH_POLICY_RESUME_WINDOW_S,
    BERTH_POLICY_TAKEOVER,
    BERTH_POLICY_OBSERVE,
    BERTH_POLICY_CLIPBOARD_TO_GUEST,
    BERTH_POLICY_CLIPBOARD_FROM_GUEST,
    BERTH_POLICY_CLIPBOARD_TYPES,
    BERTH_POLICY_CLIPBOARD_MAX_KIB,
    BERTH_POLICY_FILES_TO_GUEST,
    BERTH_POLICY_FILES_FROM_GUEST,
    BERTH_POLICY_FILES_MAX_MIB,
    BERTH_POLICY_USB,
    BERTH_POLICY_AUDIO_OUT,
    BERTH_POLICY_AUDIO_IN,
    BERTH_POLICY_PRINTING,
    BERTH_POLICY_SCREENSHOT,
    BERTH_POLICY_RFB_ACCESS,
    BERTH_POLICY_RESTART,
    BERTH_POLICY_REPORT,
    BERTH_POLICY_IDLE_DISCONNECT_S,
    BERTH_POLICY_DISCONNECTED_LOGOFF_S,
    BERTH_POLICY_SESSION_MAX_S,
    BERTH_POLICY_BANDWIDTH_MAX_KBPS,
    BERTH_POLICY_PHOTO_QUALITY_MIN,
    BERTH_N_POLICY_KEYS
} BerthPolicyKey;

/* Whether an administrator may watch a session; in order from the most restrictive. */
typedef enum {
    BERTH_POLICY_OBSERVE_NEVER = 0,
    BERTH_POLICY_OBSERVE_ASK = 1,    /* its user decides */
    BERTH_POLICY_OBSERVE_ALWAYS = 2, /* its user is told */
} BerthPolicyObserve;

typedef enum {
    BERTH_POLICY_TYPE_TEXT,   /* at most BERTH_POLICY_TEXT_BYTES of UTF-8 */
    BERTH_POLICY_TYPE_FLAG,   /* true or false */
    BERTH_POLICY_TYPE_NUMBER, /* min..max */
    BERTH_POLICY_TYPE_CHOICE, /* one of the names; the number is its place */
    BERTH_POLICY_TYPE_SET,    /* an array of the names; the number has a bit for each */
} BerthPolicyType;

/* Which of two values allows less. */
typedef enum {
    BERTH_POLICY_LESS_IS_NARROWER,
    BERTH_POLICY_MORE_IS_NARROWER,
    BERTH_POLICY_SOONER_IS_NARROWER, /* as LESS, and 0 means never */
    BERTH_POLICY_FEWER_IS_NARROWER,  /* of sets: what both allow */
    BERTH_POLICY_TEXT_IS_NARROWER,   /* of texts: one that says something */
} BerthPolicyOrder;

typedef struct {
    const char *name;
    BerthPolicyType type;
    BerthPolicyOrder order;
    int64_t min;
    int64_t max;
    int64_t otherwise;        /* where nobody said anything */
    const char *const *names; /* of CHOICE and SET, NULL-terminated */
    bool is_in_force;         /* this version acts on it; else it waits for what it is about */
    const char *doc;
} BerthPolicyField;

/* One row a key, in the order of BerthPolicyKey. */
extern const BerthPolicyField berth_policy_fields[BERTH_N_POLICY_KEYS];

typedef struct {
    int64_t numbers[BERTH_N_POLICY_KEYS]; /* unused for texts */
    char texts[BERTH_N_POLICY_TEXTS][BERTH_POLICY_TEXT_BYTES + 1];
} BerthPolicy;

/* What applies where nobody said anything. */
BerthPolicy berth_policy_default(void);

/* The number of a key; of a flag 0 or 1. */
static inline int64_t
berth_policy_number(const BerthPolicy *policy, BerthPolicyKey key)
{
    return policy->numbers[key];
}

/* Whether a flag is set. */
static inline bool
berth_policy_allows(const BerthPolicy *policy, BerthPolicyKey key)
{
    return policy->numbers[key] != 0;
}

/* The key of that name, -1 if there is none. */
int berth_policy_find_key(const char *name);

/*
 * Reads one value into a policy.
 *
 * value:  borrowed
 *
 * Errors: BERTH_ERR_INVALID with a sentence that names the key and what it may be.
 */
bool berth_policy_read_value(BerthPolicy *policy, BerthPolicyKey key, const json_t *value,
                             GError **error);

/* One value as JSON.  Ownership: new reference. */
json_t *berth_policy_value_to_json(const BerthPolicy *policy, BerthPolicyKey key);

/*
 * Reads an object of keys and values; what is missing keeps its default.
 *
 * json:  borrowed
 * ret:   set on success only
 *
 * Errors: BERTH_ERR_INVALID for an unknown key, a wrong type or a number out of range.
 */
bool berth_policy_from_json(const json_t *json, BerthPolicy *ret, GError **error);

/* The whole policy as JSON.  Ownership: new reference. */
json_t *berth_policy_to_json(const BerthPolicy *policy);

/* The BERTH_RIGHT_* bits of a ticket. */
uint32_t berth_policy_rights(const BerthPolicy *policy);

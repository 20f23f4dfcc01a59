/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The questions to the user whether somebody may watch, and what becomes of those who wait.
 *
 * Nobody watches unasked unless the policy says so; no answer in time is a no, and so is a desktop
 * where nobody is there to be asked.
 *
 * A value; pure.  Thread: main.
 */
#pragma once

#include "policies/policy.h"
#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

/* Questions that may be open at once; further observers are refused. */
#define BERTH_CONSENT_MAX_QUESTIONS 4
/* Microseconds that the user has for an answer. */
#define BERTH_CONSENT_TIMEOUT_US (30LL * 1000 * 1000)

typedef enum {
    BERTH_CONSENT_ADMIT = 0,
    BERTH_CONSENT_REFUSE = 1,
    BERTH_CONSENT_ASK = 2,
} BerthConsentStep;

typedef struct {
    struct {
        uint32_t id;
        void *observer; /* NULL: free */
        int64_t end_us;
    } questions[BERTH_CONSENT_MAX_QUESTIONS];

    uint32_t last_id;
} BerthConsent;

/*
 * Decides on an observer that has come.
 *
 * observer: stands for it, not NULL;  has_user: somebody is there to be asked
 * ret_id:   of the question to be put; set for ASK only
 */
BerthConsentStep berth_consent_begin(BerthConsent *self, BerthPolicyObserve policy, bool has_user,
                                     void *observer, int64_t now_us, uint32_t *ret_id);

/* Takes the observer of a question that was answered; NULL if there is none of that id. */
void *berth_consent_take(BerthConsent *self, uint32_t id);

/* Takes an observer whose time is over; NULL if there is none. */
void *berth_consent_take_expired(BerthConsent *self, int64_t now_us);

/* Takes any observer that waits, because nobody is left to answer; NULL if there is none. */
void *berth_consent_take_any(BerthConsent *self);

/* An observer has gone. */
void berth_consent_forget(BerthConsent *self, const void *observer);

/* When the next question expires; INT64_MAX if none is open. */
int64_t berth_consent_get_due_us(const BerthConsent *self);

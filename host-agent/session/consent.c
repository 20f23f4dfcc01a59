/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/consent.h"

#define N_QUESTIONS ((size_t)BERTH_CONSENT_MAX_QUESTIONS)

BerthConsentStep
berth_consent_begin(BerthConsent *self, BerthPolicyObserve policy, bool has_user, void *observer,
                    int64_t now_us, uint32_t *ret_id)
{
    if (policy == BERTH_POLICY_OBSERVE_ALWAYS) {
        return BERTH_CONSENT_ADMIT;
    }
    if (policy == BERTH_POLICY_OBSERVE_NEVER || !has_user) {
        return BERTH_CONSENT_REFUSE;
    }
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        if (!self->questions[i].observer) {
            self->questions[i].id = ++self->last_id;
            self->questions[i].observer = observer;
            self->questions[i].end_us = now_us + BERTH_CONSENT_TIMEOUT_US;
            *ret_id = self->last_id;
            return BERTH_CONSENT_ASK;
        }
    }
    return BERTH_CONSENT_REFUSE;
}

static void *
take(BerthConsent *self, size_t i)
{
    void *observer = self->questions[i].observer;

    self->questions[i].observer = NULL;
    return observer;
}

void *
berth_consent_take(BerthConsent *self, uint32_t id)
{
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        if (self->questions[i].observer && self->questions[i].id == id) {
            return take(self, i);
        }
    }
    return NULL;
}

void *
berth_consent_take_expired(BerthConsent *self, int64_t now_us)
{
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        if (self->questions[i].observer && self->questions[i].end_us <= now_us) {
            return take(self, i);
        }
    }
    return NULL;
}

void *
berth_consent_take_any(BerthConsent *self)
{
    return berth_consent_take_expired(self, INT64_MAX);
}

void
berth_consent_forget(BerthConsent *self, const void *observer)
{
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        if (self->questions[i].observer == observer) {
            self->questions[i].observer = NULL;
        }
    }
}

int64_t
berth_consent_get_due_us(const BerthConsent *self)
{
    int64_t due_us = INT64_MAX;

    for (size_t i = 0; i < N_QUESTIONS; i++) {
        if (self->questions[i].observer && self->questions[i].end_us < due_us) {
            due_us = self->questions[i].end_us;
        }
    }
    return due_us;
}

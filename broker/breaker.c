/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/breaker.h"

#include <glib.h>

#define SECOND_US (1000LL * 1000)
/* 60 s doubled more often is over the longest wait. */
#define MAX_DOUBLINGS 5

BerthBreakerState
berth_breaker_state(const BerthBreaker *breaker, int64_t now_us)
{
    if (breaker->n_failures < BERTH_BREAKER_FAILURES) {
        return BERTH_BREAKER_CLOSED;
    }
    return now_us < breaker->open_until_us ? BERTH_BREAKER_OPEN : BERTH_BREAKER_HALF_OPEN;
}

const char *
berth_breaker_state_name(BerthBreakerState state)
{
    static const char *const names[] = {
        [BERTH_BREAKER_CLOSED] = "closed",
        [BERTH_BREAKER_OPEN] = "open",
        [BERTH_BREAKER_HALF_OPEN] = "half-open",
    };
    return names[state];
}

bool
berth_breaker_fail(BerthBreaker *breaker, int64_t now_us)
{
    BerthBreakerState state = berth_breaker_state(breaker, now_us);
    bool is_forgotten =
        state == BERTH_BREAKER_CLOSED && now_us - breaker->first_us > BERTH_BREAKER_WINDOW_US;
    if (breaker->n_failures == 0 || is_forgotten) {
        breaker->n_failures = 0;
        breaker->first_us = now_us;
        breaker->open_until_us = 0;
    }
    if (state == BERTH_BREAKER_OPEN) {
        /* It was under way when the breaker opened: no news. */
        return false;
    }
    breaker->n_failures++;
    if (breaker->n_failures < BERTH_BREAKER_FAILURES) {
        return false;
    }
    int64_t n_doublings = MIN(breaker->n_failures - BERTH_BREAKER_FAILURES, MAX_DOUBLINGS);
    breaker->open_until_us =
        now_us + MIN(BERTH_BREAKER_FIRST_US << n_doublings, BERTH_BREAKER_LAST_US);
    return true;
}

bool
berth_breaker_succeed(BerthBreaker *breaker, int64_t now_us)
{
    if (berth_breaker_state(breaker, now_us) != BERTH_BREAKER_HALF_OPEN) {
        return false;
    }
    *breaker = (BerthBreaker){ 0 };
    return true;
}

bool
berth_breaker_lets(const BerthBreaker *breaker, int64_t n_tries, int64_t now_us)
{
    BerthBreakerState state = berth_breaker_state(breaker, now_us);
    return state == BERTH_BREAKER_CLOSED || (state == BERTH_BREAKER_HALF_OPEN && n_tries == 0);
}

char *
berth_breaker_explain(const BerthBreaker *breaker, const char *host, int64_t now_us)
{
    const char *reason =
        breaker->reason != NULL && breaker->reason[0] != '\0' ? breaker->reason : "unknown";
    int n_failures = (int)breaker->n_failures;
    int64_t wait_s = (breaker->open_until_us - now_us + SECOND_US - 1) / SECOND_US;
    switch (berth_breaker_state(breaker, now_us)) {
    case BERTH_BREAKER_CLOSED:
        return n_failures == 0 ? g_strdup_printf("nothing failed on host \"%s\" of late", host)
                               : g_strdup_printf("%d of %d failures on host \"%s\", the last: %s",
                                                 n_failures, BERTH_BREAKER_FAILURES, host, reason);
    case BERTH_BREAKER_OPEN:
        return g_strdup_printf("%d machines failed on host \"%s\", the last: %s; one more is tried "
                               "in %" G_GINT64_FORMAT " s",
                               n_failures, host, reason, wait_s);
    case BERTH_BREAKER_HALF_OPEN:
        return g_strdup_printf("%d machines failed on host \"%s\", the last: %s; one at a time may "
                               "try now",
                               n_failures, host, reason);
    }
    return NULL;
}

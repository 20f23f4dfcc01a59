/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The circuit breaker of one pool, host and image.
 *
 * Three failures within ten minutes open it: nothing of that pool and image is placed on that host
 * for a while, other hosts go on.  Then one machine at a time may try; if it becomes ready the
 * breaker closes, if it fails the next try is twice as far away.  Pure value.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BERTH_BREAKER_FAILURES 3
#define BERTH_BREAKER_WINDOW_US (600LL * 1000 * 1000)
#define BERTH_BREAKER_FIRST_US (60LL * 1000 * 1000)
#define BERTH_BREAKER_LAST_US (1800LL * 1000 * 1000)

typedef enum {
    BERTH_BREAKER_CLOSED,
    BERTH_BREAKER_OPEN,
    BERTH_BREAKER_HALF_OPEN, /* one may try */
} BerthBreakerState;

typedef struct {
    int64_t n_failures; /* 0: nothing ever failed, the rest means nothing */
    int64_t first_us;   /* the first of these failures */
    int64_t open_until_us;
    const char *reason; /* of the last failure; borrowed, may be NULL */
} BerthBreaker;

/* Open, closed, or ready for one try. */
BerthBreakerState berth_breaker_state(const BerthBreaker *breaker, int64_t now_us);

/* "closed", "open", "half-open". */
const char *berth_breaker_state_name(BerthBreakerState state);

/*
 * Counts a failure.
 *
 * Returns whether it opened now.
 */
bool berth_breaker_fail(BerthBreaker *breaker, int64_t now_us);

/*
 * A machine became ready.
 *
 * Returns whether it closed now: a success while it is open was under way before and says nothing.
 */
bool berth_breaker_succeed(BerthBreaker *breaker, int64_t now_us);

/* Whether one more machine may be placed while n_tries are starting. */
bool berth_breaker_lets(const BerthBreaker *breaker, int64_t n_tries, int64_t now_us);

/* Its state in words, to be freed with g_free(). */
char *berth_breaker_explain(const BerthBreaker *breaker, const char *host, int64_t now_us);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose fault silence is: docs/adr/0026-silence-of-many-is-our-own.md.
 *
 * A host that fails is silent alone.  When most hosts fall silent within BERTH_STAMPEDE_WINDOW_US,
 * what failed is on this broker's side, and no host may be called lost for it.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_STAMPEDE_WINDOW_US (30LL * 1000 * 1000)
/* Fewer silent hosts are hosts that failed: more than half of one or two is a single one. */
#define BERTH_STAMPEDE_MIN_HOSTS 3

/* The engine; all zero is calm. */
typedef struct {
    int64_t since_us;  /* when it began; 0: calm */
    bool is_overruled; /* an administrator said that these hosts are gone */
    size_t n_silent;   /* at the last look */
    size_t n_hosts;
} BerthStampede;

typedef enum {
    BERTH_STAMPEDE_CALM,
    BERTH_STAMPEDE_BEGINS,
    BERTH_STAMPEDE_GOES_ON,
    BERTH_STAMPEDE_ENDS,
} BerthStampedeChange;

/*
 * Looks at all hosts whose silence this broker can judge.
 *
 * silent_us:  when each of the n_silent silent ones was heard last; sorted by this function
 * n_hosts:    all of them, silent or not; those that were lost before do not count
 * now_us:     > 0, on the same clock
 */
BerthStampedeChange berth_stampede_look(BerthStampede *self, int64_t *silent_us, size_t n_silent,
                                        size_t n_hosts, int64_t now_us);

/* An administrator says that the hosts are gone: they may be lost. */
void berth_stampede_overrule(BerthStampede *self);

/* Whether hosts may be called lost. */
bool berth_stampede_may_lose(const BerthStampede *self);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/stampede.h"

#include <stdlib.h>

static int
compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The most times of a sorted list that fit into one window. */
static size_t
count_densest(const int64_t *times, size_t n)
{
    size_t first = 0;
    size_t best = 0;
    for (size_t last = 0; last < n; last++) {
        while (times[last] - times[first] > BERTH_STAMPEDE_WINDOW_US) {
            first++;
        }
        if (last - first + 1 > best) {
            best = last - first + 1;
        }
    }
    return best;
}

static bool
is_most(size_t n, size_t n_hosts)
{
    return n >= BERTH_STAMPEDE_MIN_HOSTS && 2 * n > n_hosts;
}

BerthStampedeChange
berth_stampede_look(BerthStampede *self, int64_t *silent_us, size_t n_silent, size_t n_hosts,
                    int64_t now_us)
{
    self->n_silent = n_silent;
    self->n_hosts = n_hosts;
    if (!is_most(n_silent, n_hosts)) {
        bool was_on = self->since_us != 0;
        self->since_us = 0;
        self->is_overruled = false;
        return was_on ? BERTH_STAMPEDE_ENDS : BERTH_STAMPEDE_CALM;
    }
    if (self->since_us != 0) {
        return BERTH_STAMPEDE_GOES_ON;
    }
    qsort(silent_us, n_silent, sizeof *silent_us, compare_times);
    if (!is_most(count_densest(silent_us, n_silent), n_hosts)) {
        return BERTH_STAMPEDE_CALM;
    }
    self->since_us = now_us;
    return BERTH_STAMPEDE_BEGINS;
}

void
berth_stampede_overrule(BerthStampede *self)
{
    self->is_overruled = self->since_us != 0;
}

bool
berth_stampede_may_lose(const BerthStampede *self)
{
    return self->since_us == 0 || self->is_overruled;
}

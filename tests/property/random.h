/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random numbers of a property test: the seed is printed, BERTH_SEED repeats a run.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    uint64_t state;
} Random;

/* From BERTH_SEED, else from the clock. */
static inline uint64_t
random_choose_seed(void)
{
    const char *text = getenv("BERTH_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0)
                                 : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    fprintf(stderr, "# BERTH_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* splitmix64 */
static inline uint64_t
random_next(Random *self)
{
    uint64_t z = self->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* first..last, both included. */
static inline int
random_int(Random *self, int first, int last)
{
    return first + (int)(random_next(self) % (uint64_t)((int64_t)last - first + 1));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who has to wait before the next login attempt, decided before anything is hashed.
 *
 * A key is a source address or a user name.  BERTH_THROTTLE_FREE failures cost nothing; each later
 * one doubles the wait, from 2 s to 15 min.  Failures are forgotten BERTH_THROTTLE_MEMORY_US after
 * the last one.  The table is bounded; when it is full, the key with the fewest failures makes room
 * for a new one, so that no flood of names frees a key that is being guessed.  Pure: reads no
 * clock. Thread: its owner's.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct BerthThrottle BerthThrottle;

#define BERTH_THROTTLE_FREE 5
#define BERTH_THROTTLE_MAX_WAIT_US (900LL * 1000 * 1000)
#define BERTH_THROTTLE_MEMORY_US (900LL * 1000 * 1000)

/* New throttle that remembers at most max_keys keys. */
BerthThrottle *berth_throttle_new(guint max_keys);

/* Frees a throttle; NULL is allowed. */
void berth_throttle_free(BerthThrottle *throttle);

/* Microseconds that the key has to wait; 0 if it may try now. */
int64_t berth_throttle_wait_us(BerthThrottle *throttle, const char *key, int64_t now_us);

/* Counts an attempt as a failure; take it back with berth_throttle_forgive() if it succeeds. */
void berth_throttle_fail(BerthThrottle *throttle, const char *key, int64_t now_us);

/* Takes the last failure of a key back: the attempt was not made after all. */
void berth_throttle_take_back(BerthThrottle *throttle, const char *key);

/* Microseconds to wait after so many failures; 0 while they are free.  Pure. */
int64_t berth_throttle_wait_after_us(int n_failures);

/* Forgets all failures of a key. */
void berth_throttle_forgive(BerthThrottle *throttle, const char *key);

/* Keys that are remembered. */
guint berth_throttle_n_keys(const BerthThrottle *throttle);

/* The key of a source address for g_free(): an IPv6 address counts as its /64, which has one owner.
 */
char *berth_throttle_dup_source_key(const char *source);

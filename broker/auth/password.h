/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passwords as argon2id: "pepper=<id>$argon2id$v=19$m=19456,t=2,p=1$salt$hash".
 *
 * What is hashed is HMAC-SHA-256(pepper, password in NFKC), so that a copy of the store without
 * the pepper file cannot be guessed at.  A PHC string without "pepper=" was made elsewhere: it
 * verifies the bare password and is made anew at the next login.
 *
 * Each call takes the cost's memory and about 0.1 s of one core: worker threads only.
 */
#pragma once

#include "base/secret.h"
#include "broker/auth/pepper.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t memory_kib;
    uint32_t n_passes;
    uint32_t n_lanes;
} BerthPasswordCost;

/* 19 MiB, 2 passes, 1 lane (OWASP's minimum). */
extern const BerthPasswordCost berth_password_cost_default;

/*
 * Hashes with a fresh random salt and the pepper of today.
 *
 * Returns NULL if there is no memory; free with g_free().
 */
char *berth_password_hash(const BerthPepper *pepper, const char *password,
                          const BerthPasswordCost *cost);

/* Whether the password is the one of the text; false also for a damaged text or a lost pepper. */
bool berth_password_verify(const BerthPepper *pepper, const char *stored, const char *password);

/* Whether the text has another cost or an older pepper and should be made anew after a login. */
bool berth_password_needs_rehash(const BerthPepper *pepper, const char *stored,
                                 const BerthPasswordCost *cost);

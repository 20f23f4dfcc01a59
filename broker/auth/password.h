/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passwords as argon2id in PHC strings ("$argon2id$v=19$m=19456,t=2,p=1$salt$hash").
 *
 * Each call takes the cost's memory and about 0.1 s of one core: worker threads only.
 */
#pragma once

#include "base/secret.h"

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

/* What a new password must have: 8..BERTH_LIMIT_PASSWORD_BYTES bytes of UTF-8. */
#define BERTH_PASSWORD_MIN_BYTES 8

/*
 * Checks a new password against the rules.  Errors: BERTH_ERR_INVALID, BERTH_ERR_TOO_LARGE.
 */
bool berth_password_check(const char *password, GError **error);

/* Hashes with a fresh random salt.  Returns NULL if there is no memory; free with g_free(). */
char *berth_password_hash(const void *password, size_t len, const BerthPasswordCost *cost);

/* Whether the password is the one of the PHC string; false also for a damaged string. */
bool berth_password_verify(const char *phc, const void *password, size_t len);

/* Whether the string was made with another cost and should be made anew after a login. */
bool berth_password_needs_rehash(const char *phc, const BerthPasswordCost *cost);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/password.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <argon2.h>
#include <stdio.h>
#include <string.h>

#define SALT_BYTES 16
#define HASH_BYTES 32

const BerthPasswordCost berth_password_cost_default = { .memory_kib = 19 * 1024,
                                                        .n_passes = 2,
                                                        .n_lanes = 1 };

bool
berth_password_check(const char *password, GError **error)
{
    size_t len = strlen(password);
    if (len < BERTH_PASSWORD_MIN_BYTES) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "the password has %zu bytes, at least %d are needed", len,
                               BERTH_PASSWORD_MIN_BYTES);
    }
    if (len > BERTH_LIMIT_PASSWORD_BYTES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                               "the password has %zu bytes, at most %u are allowed", len,
                               BERTH_LIMIT_PASSWORD_BYTES);
    }
    return true;
}

char *
berth_password_hash(const void *password, size_t len, const BerthPasswordCost *cost)
{
    uint8_t salt[SALT_BYTES];
    berth_random_bytes(salt, sizeof salt);
    size_t size = argon2_encodedlen(cost->n_passes, cost->memory_kib, cost->n_lanes, SALT_BYTES,
                                    HASH_BYTES, Argon2_id);
    char *phc = g_malloc0(size);
    if (argon2id_hash_encoded(cost->n_passes, cost->memory_kib, cost->n_lanes, password, len, salt,
                              sizeof salt, HASH_BYTES, phc, size) != ARGON2_OK) {
        g_free(phc);
        return NULL;
    }
    return phc;
}

bool
berth_password_verify(const char *phc, const void *password, size_t len)
{
    return argon2id_verify(phc, password, len) == ARGON2_OK;
}

bool
berth_password_needs_rehash(const char *phc, const BerthPasswordCost *cost)
{
    char prefix[80];
    g_snprintf(prefix, sizeof prefix, "$argon2id$v=%d$m=%u,t=%u,p=%u$", ARGON2_VERSION_NUMBER,
               cost->memory_kib, cost->n_passes, cost->n_lanes);
    return strncmp(phc, prefix, strlen(prefix)) != 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/password.h"

#include "base/error.h"
#include "base/id.h"

#include <argon2.h>
#include <string.h>

#define SALT_BYTES 16
#define HASH_BYTES 32
#define PEPPER_PREFIX "pepper="
#define PREFIX_CHARS (sizeof PEPPER_PREFIX - 1 + BERTH_PEPPER_ID_CHARS)

const BerthPasswordCost berth_password_cost_default = { .memory_kib = 19 * 1024,
                                                        .n_passes = 2,
                                                        .n_lanes = 1 };

/* The same text typed on two systems may come composed or decomposed. */
static char *
normalize(const char *password)
{
    char *normal = g_utf8_normalize(password, -1, G_NORMALIZE_NFKC);
    return normal != NULL ? normal : g_strdup(password);
}

static int
mix(const BerthPepper *pepper, const char *id, const char *password, uint8_t ret_mixed[32])
{
    char *normal = normalize(password);
    int error =
        berth_pepper_mac(pepper, id, BERTH_PEPPER_PASSWORD, normal, strlen(normal), ret_mixed);
    berth_wipe(normal, strlen(normal));
    g_free(normal);
    return error;
}

char *
berth_password_hash(const BerthPepper *pepper, const char *password, const BerthPasswordCost *cost)
{
    uint8_t salt[SALT_BYTES];
    uint8_t mixed[32];
    berth_random_bytes(salt, sizeof salt);
    if (mix(pepper, NULL, password, mixed) != BERTH_OK) {
        return NULL;
    }
    size_t size = argon2_encodedlen(cost->n_passes, cost->memory_kib, cost->n_lanes, SALT_BYTES,
                                    HASH_BYTES, Argon2_id);
    g_autofree char *phc = g_malloc0(size);
    int result = argon2id_hash_encoded(cost->n_passes, cost->memory_kib, cost->n_lanes, mixed,
                                       sizeof mixed, salt, sizeof salt, HASH_BYTES, phc, size);
    berth_wipe(mixed, sizeof mixed);
    return result == ARGON2_OK ? g_strconcat(PEPPER_PREFIX, berth_pepper_get_id(pepper), phc, NULL)
                               : NULL;
}

/* Takes "pepper=<id>" apart; false for a text that has none. */
static bool
split(const char *stored, char ret_id[BERTH_PEPPER_ID_CHARS + 1], const char **ret_phc)
{
    if (!g_str_has_prefix(stored, PEPPER_PREFIX) || strlen(stored) < PREFIX_CHARS) {
        return false;
    }
    g_strlcpy(ret_id, stored + strlen(PEPPER_PREFIX), BERTH_PEPPER_ID_CHARS + 1);
    *ret_phc = stored + PREFIX_CHARS;
    return true;
}

bool
berth_password_verify(const BerthPepper *pepper, const char *stored, const char *password)
{
    char id[BERTH_PEPPER_ID_CHARS + 1];
    const char *phc = NULL;
    uint8_t mixed[32];
    if (!split(stored, id, &phc)) {
        return argon2id_verify(stored, password, strlen(password)) == ARGON2_OK;
    }
    if (mix(pepper, id, password, mixed) != BERTH_OK) {
        return false;
    }
    bool is_same = argon2id_verify(phc, mixed, sizeof mixed) == ARGON2_OK;
    berth_wipe(mixed, sizeof mixed);
    return is_same;
}

bool
berth_password_needs_rehash(const BerthPepper *pepper, const char *stored,
                            const BerthPasswordCost *cost)
{
    char prefix[120];
    g_snprintf(prefix, sizeof prefix, PEPPER_PREFIX "%s$argon2id$v=%d$m=%u,t=%u,p=%u$",
               berth_pepper_get_id(pepper), ARGON2_VERSION_NUMBER, cost->memory_kib, cost->n_passes,
               cost->n_lanes);
    return !g_str_has_prefix(stored, prefix);
}

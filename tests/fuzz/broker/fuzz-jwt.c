/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First line: an ID token.  Rest: the provider's key set.  Nothing signed by keys that nobody has
 * may open; claims are checked whatever they are.
 */
#include "base/error.h"
#include "broker/auth/jwt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const BerthClaimRules rules = {
        .issuer = "https://id.example", .audience = "berth", .nonce = "n", .now_us = 1
    };
    g_autofree char *text = g_strndup((const char *)data, size);
    char *keys_text = strchr(text, '\n');
    if (keys_text != NULL) {
        *keys_text++ = '\0';
    }
    json_auto_t *set =
        json_loads(keys_text != NULL ? keys_text : "{}", JSON_REJECT_DUPLICATES, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthKeySet) keys = berth_key_set_new(set, &error);
    if ((keys == NULL) != (error != NULL)) {
        abort();
    }
    if (keys != NULL) {
        g_autoptr(GError) why = NULL;
        json_auto_t *claims = berth_jwt_open(text, keys, &why);
        if ((claims == NULL) != (why != NULL)) {
            abort();
        }
    }
    json_auto_t *claims = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (berth_claims_check(claims, &rules, NULL) && !json_is_object(claims)) {
        abort();
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/token.h"

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"

#define TOKEN_BYTES (BERTH_TOKEN_CHARS / 2)

void
berth_token_new(char ret_token[BERTH_TOKEN_CHARS + 1])
{
    uint8_t bytes[TOKEN_BYTES];
    berth_random_bytes(bytes, sizeof bytes);
    berth_hex_format(bytes, sizeof bytes, ret_token);
    berth_wipe(bytes, sizeof bytes);
}

int
berth_token_hash(const char *token, char ret_hash[BERTH_TOKEN_CHARS + 1])
{
    uint8_t bytes[TOKEN_BYTES];
    if (berth_hex_parse(token, bytes, sizeof bytes) != BERTH_OK) {
        return BERTH_ERR_INVALID;
    }
    g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, sizeof bytes);
    g_strlcpy(ret_hash, hash, BERTH_TOKEN_CHARS + 1);
    berth_wipe(bytes, sizeof bytes);
    return BERTH_OK;
}

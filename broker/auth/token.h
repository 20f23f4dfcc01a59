/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login tokens: 32 random bytes as 64 hexadecimal digits, of which the store has the SHA-256.
 */
#pragma once

#include "berth/ids.h"

#include <stdint.h>

#define BERTH_TOKEN_CHARS 64

/* Makes a new token; the caller wipes it. */
void berth_token_new(char ret_token[BERTH_TOKEN_CHARS + 1]);

/*
 * What the store keeps of a token.
 *
 * Errors: BERTH_ERR_INVALID if token is not 64 lower-case hexadecimal digits.
 */
int berth_token_hash(const char *token, char ret_hash[BERTH_TOKEN_CHARS + 1]);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Request headers with a grammar of their own.  Pure; thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Bytes of an Idempotency-Key. */
#define BERTH_HEADER_KEY_MAX_BYTES 128

/*
 * Reads If-Match or If-None-Match: one entity tag of ours, "\"12\"", or "*".
 *
 * ret_version:  the number; 0 for "*"; set on success only
 *
 * Errors: BERTH_ERR_INVALID, for lists and weak tags, too.
 */
int berth_header_parse_tag(const char *value, int64_t *ret_version);

/* Whether a text may be an Idempotency-Key: 1 to 128 printable ASCII characters, no spaces. */
bool berth_header_is_key(const char *value);

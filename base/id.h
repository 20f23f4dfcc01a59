/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Functions on public identifiers (berth/ids.h), hexadecimal text and random bytes.
 *
 * Hexadecimal text is lower case both ways: one spelling per value, so that text can be compared.
 * Thread: any.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a new random id; never the zero id. */
void berth_id_random(BerthId *ret_id);

/* A new random id as its hexadecimal digits. */
void berth_id_random_hex(char ret_hex[BERTH_ID_HEX_CHARS + 1]);

/* Whether all bytes are zero, which means "none". */
bool berth_id_is_zero(const BerthId *id);

/* Whether both ids are the same. */
bool berth_id_equal(const BerthId *a, const BerthId *b);

/* Writes 32 lower-case digits and a terminator. */
void berth_id_format(const BerthId *id, char out[BERTH_ID_HEX_CHARS + 1]);

/*
 * Reads exactly 32 lower-case hexadecimal digits and nothing after them.
 *
 * hex:     may be NULL, which is invalid
 * ret_id:  set on success only
 *
 * Errors: BERTH_ERR_INVALID.
 */
int berth_id_parse(const char *hex, BerthId *ret_id);

/* Writes n bytes as 2n lower-case digits and a terminator; out holds 2n + 1 chars. */
void berth_hex_format(const uint8_t *data, size_t n, char *out);

/*
 * Reads exactly 2n lower-case hexadecimal digits and nothing after them.
 *
 * hex:  may be NULL, which is invalid
 * ret:  n bytes; set on success only
 *
 * Errors: BERTH_ERR_INVALID.
 */
int berth_hex_parse(const char *hex, uint8_t *ret, size_t n);

/* GHashFunc for tables keyed by const BerthId *. */
guint berth_id_hash(gconstpointer id);

/* GEqualFunc for tables keyed by const BerthId *. */
gboolean berth_id_equal_func(gconstpointer a, gconstpointer b);

/* Fills out with n bytes of the kernel's generator; aborts if the kernel has none. */
void berth_random_bytes(void *out, size_t n);

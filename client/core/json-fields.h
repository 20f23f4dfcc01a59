/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading one member of a broker's answer: checked, cut, and safe to be shown.
 *
 * Engine: no I/O.  Thread: any.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef json_t BerthJson;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthJson, json_decref)

/*
 * An answer of at most BERTH_LIMIT_HTTP_RESPONSE_BYTES as an object.  Owned.
 *
 * Returns NULL with BERTH_ERR_PROTOCOL and a sentence.
 */
BerthJson *berth_json_parse(const char *text, size_t len, GError **error);

/* Sets BERTH_ERR_PROTOCOL with the sentence for a member that is missing or wrong; false. */
bool berth_json_wrong_key(const char *key, GError **error);

/* Text for people: cut to max bytes, one line, nothing that turns its direction.  Owned. */
char *berth_json_clean_text(const char *text, size_t max);

/* A name that is not empty, cleaned and cut to BERTH_LIMIT_NAME_BYTES; NULL without.  Owned. */
char *berth_json_dup_name(json_t *object, const char *key);

/* A number that may be missing or null; anything out of 0..max counts as its nearest bound. */
int64_t berth_json_number(json_t *object, const char *key, int64_t max);

/* An id of 32 hexadecimal digits. */
bool berth_json_id(json_t *object, const char *key, BerthId *ret_id);

/* A truth; fallback if it is missing or something else. */
bool berth_json_flag(json_t *object, const char *key, bool fallback);

/*
 * A secret of exactly n_chars hexadecimal digits, small or large.
 *
 * ret: n_chars + 1 bytes; set on success only
 */
bool berth_json_hex(json_t *object, const char *key, size_t n_chars, char *ret);

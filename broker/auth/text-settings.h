/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings that are texts, as a table: which key stands in which field of a struct.
 *
 * Every field of a table owns its string.  Thread: any, the struct is the caller's.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *key;
    size_t offset; /* of a char * */
    const char *default_value;
} BerthTextSetting;

/* Gives every field its default; they must be clear. */
void berth_text_settings_init(const BerthTextSetting *rows, size_t n_rows, void *object);

/*
 * Sets the field of a key.
 *
 * what:  for the sentence: "a directory", "a provider"
 *
 * Errors: BERTH_ERR_INVALID for a key that no row has, and for a value that is no text of at most
 * BERTH_LIMIT_DIRECTORY_DN_BYTES.
 */
bool berth_text_settings_set(const BerthTextSetting *rows, size_t n_rows, void *object,
                             const char *what, const char *key, const json_t *value,
                             GError **error);

/* Frees every field. */
void berth_text_settings_clear(const BerthTextSetting *rows, size_t n_rows, void *object);

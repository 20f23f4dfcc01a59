/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict reading of one JSON object from a peer or from our own state folder.
 *
 * Every getter names the key, its type and its bounds; the first mistake sticks, later getters
 * give zero values, and finish() tells it in one sentence.  A key that no getter asked for is a
 * mistake too.  The object is borrowed and must outlive the reader and the strings taken from it.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define BERTH_JSON_FIELDS_MAX 48

typedef struct {
    const json_t *object;
    const char *what;
    const char *keys[BERTH_JSON_FIELDS_MAX];
    int n_keys;
    GError *error;
} BerthJsonFields;

/* Parses text as one JSON object; duplicate keys are refused.  Returns a new reference or NULL. */
json_t *berth_json_parse_object(const char *text, size_t len, const char *what, GError **error);

/* Starts reading; what names the object in error sentences and must be a static string. */
void berth_json_fields_init(BerthJsonFields *self, const json_t *object, const char *what);

/* Ends reading: true, or false with the first mistake (also an unknown key). */
bool berth_json_fields_finish(BerthJsonFields *self, GError **error);

/* Records a mistake found by the caller; the first one wins. */
void berth_json_fields_fail(BerthJsonFields *self, const char *key, const char *problem);

/* A string of 0..max_bytes without control characters; borrowed.  "" after an error. */
const char *berth_json_fields_string(BerthJsonFields *self, const char *key, size_t max_bytes);

/* The same, but a missing key or null gives NULL. */
const char *berth_json_fields_optional_string(BerthJsonFields *self, const char *key,
                                              size_t max_bytes);

/* An integer within bounds, both included. */
int64_t berth_json_fields_int(BerthJsonFields *self, const char *key, int64_t min, int64_t max);

/* The same, but a missing key gives the fallback. */
int64_t berth_json_fields_optional_int(BerthJsonFields *self, const char *key, int64_t min,
                                       int64_t max, int64_t fallback);

/* A boolean; a missing key gives the fallback. */
bool berth_json_fields_optional_bool(BerthJsonFields *self, const char *key, bool fallback);

/* An id of 32 hexadecimal digits. */
void berth_json_fields_id(BerthJsonFields *self, const char *key, BerthId *ret);

/* The same, but a missing key or null gives the zero id. */
void berth_json_fields_optional_id(BerthJsonFields *self, const char *key, BerthId *ret);

/* An object; borrowed, NULL after an error. */
json_t *berth_json_fields_object(BerthJsonFields *self, const char *key);

/* The same, but a missing key or null gives NULL without an error. */
json_t *berth_json_fields_optional_object(BerthJsonFields *self, const char *key);

/* A value of any type, which the caller checks; borrowed, NULL if it is missing. */
json_t *berth_json_fields_any(BerthJsonFields *self, const char *key);

/* An array of at most max_items; borrowed, NULL after an error. */
json_t *berth_json_fields_array(BerthJsonFields *self, const char *key, size_t max_items);

/* The same, but a missing key or null gives NULL without an error. */
json_t *berth_json_fields_optional_array(BerthJsonFields *self, const char *key, size_t max_items);

/* Whether the name is a plain file or image name: letters, digits and . _ - +, no dot in front. */
bool berth_name_is_plain(const char *name);

/* Sets key to the 32 hexadecimal digits of the id. */
void berth_json_set_id(json_t *object, const char *key, const BerthId *id);

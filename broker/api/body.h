/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON request bodies and query strings, checked by const tables of fields.
 *
 * Strict: an unknown key, a double key, a wrong type, a number out of range, a control character in
 * a text, nesting deeper than BERTH_BODY_MAX_DEPTH and anything after the object are errors that
 * name the key.  What a handler reads afterwards has the type that its table says.  Pure; thread:
 * any.
 */
#pragma once

#include "berth/ids.h"
#include "berth/limits.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_BODY_MAX_DEPTH 16

/* Size of a machine of which neither pool nor image says it. */
#define BERTH_DEFAULT_VCPUS 1
#define BERTH_DEFAULT_MEMORY_MIB 1024

typedef enum {
    BERTH_BODY_TEXT,   /* min..max bytes, no control characters */
    BERTH_BODY_HEX,    /* exactly max lower-case hexadecimal digits */
    BERTH_BODY_INT,    /* min..max */
    BERTH_BODY_BOOL,   /* true or false */
    BERTH_BODY_ENUM,   /* one of values */
    BERTH_BODY_OBJECT, /* any JSON object; its reader checks what is inside */
    BERTH_BODY_ARRAY,  /* any JSON array of min..max elements */
} BerthBodyType;

typedef struct {
    const char *key;
    BerthBodyType type;
    bool is_needed;
    int64_t min;
    int64_t max;
    const char *const *values; /* of ENUM: ends with NULL */
    const char *doc;           /* half a sentence for docs/openapi.json */
} BerthBodyField;

/* A query parameter has a type, too: TEXT, HEX, INT, BOOL or ENUM. */
typedef BerthBodyField BerthQueryField;

#define BERTH_FIELD_TEXT(key, is_needed, min, max, doc)                \
    {                                                                  \
        (key), BERTH_BODY_TEXT, (is_needed), (min), (max), NULL, (doc) \
    }
#define BERTH_FIELD_HEX(key, is_needed, n_digits, doc)                          \
    {                                                                           \
        (key), BERTH_BODY_HEX, (is_needed), (n_digits), (n_digits), NULL, (doc) \
    }
#define BERTH_FIELD_INT(key, is_needed, min, max, doc)                \
    {                                                                 \
        (key), BERTH_BODY_INT, (is_needed), (min), (max), NULL, (doc) \
    }
#define BERTH_FIELD_BOOL(key, is_needed, doc)                  \
    {                                                          \
        (key), BERTH_BODY_BOOL, (is_needed), 0, 1, NULL, (doc) \
    }
#define BERTH_FIELD_ENUM(key, is_needed, values, doc)              \
    {                                                              \
        (key), BERTH_BODY_ENUM, (is_needed), 0, 0, (values), (doc) \
    }
#define BERTH_FIELD_OBJECT(key, is_needed, doc)                  \
    {                                                            \
        (key), BERTH_BODY_OBJECT, (is_needed), 0, 0, NULL, (doc) \
    }
#define BERTH_FIELD_ARRAY(key, is_needed, min, max, doc)                \
    {                                                                   \
        (key), BERTH_BODY_ARRAY, (is_needed), (min), (max), NULL, (doc) \
    }

/*
 * Decodes a body.
 *
 * data:  len bytes, borrowed
 *
 * Ownership: new reference, to be ended with berth_body_free(); NULL on error.
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_TOO_LARGE.
 */
json_t *berth_body_decode(const char *data, size_t len, const BerthBodyField *fields,
                          size_t n_fields, GError **error);

/*
 * Checks an object that is JSON already: one inside a body.
 *
 * Errors: BERTH_ERR_INVALID.
 */
bool berth_body_check(json_t *object, const BerthBodyField *fields, size_t n_fields,
                      GError **error);

/*
 * Adds one parameter of a query string, percent-decoded, to an object.
 *
 * query:  what was found so far; a second value for a key is an error
 * value:  NULL and "" are the same
 *
 * Errors: BERTH_ERR_INVALID.
 */
bool berth_query_add(json_t *query, const char *key, const char *value,
                     const BerthQueryField *fields, size_t n_fields, GError **error);

/* The parameters that a query must have are there.  Errors: BERTH_ERR_INVALID. */
bool berth_query_check(const json_t *query, const BerthQueryField *fields, size_t n_fields,
                       GError **error);

/* Text of a key, borrowed; NULL if it was not given or body is NULL. */
const char *berth_body_text(const json_t *body, const char *key);

/* Number of a key, or otherwise if it was not given. */
int64_t berth_body_int(const json_t *body, const char *key, int64_t otherwise);

/* Truth of a key, or otherwise if it was not given. */
bool berth_body_bool(const json_t *body, const char *key, bool otherwise);

/* Any value of a key, borrowed; NULL if it was not given. */
json_t *berth_body_json(const json_t *body, const char *key);

/* Wipes the texts of a body, which may be passwords, and gives it back.  NULL is allowed. */
void berth_body_free(json_t *body);

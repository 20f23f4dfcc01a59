/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON request bodies, decoded by const tables of fields into one flat struct.
 *
 * Strict: an unknown key, a double key, a wrong type, a number out of range, a control character in
 * a text, nesting deeper than BERTH_BODY_MAX_DEPTH and anything after the object are errors that
 * name the key.  Pure; thread: any.
 */
#pragma once

#include "berth/ids.h"
#include "berth/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_BODY_MAX_DEPTH 16

/* Everything that any endpoint takes. */
/* Size of a machine that a pool may ask for; what neither pool nor image says. */
#define BERTH_MAX_VCPUS 64
#define BERTH_MIN_MEMORY_MIB 64
#define BERTH_MAX_MEMORY_MIB (1024 * 1024)
#define BERTH_DEFAULT_VCPUS 1
#define BERTH_DEFAULT_MEMORY_MIB 1024

typedef struct {
    char user[BERTH_LIMIT_NAME_BYTES + 1];
    char password[BERTH_LIMIT_PASSWORD_BYTES + 1];
    char name[BERTH_LIMIT_NAME_BYTES + 1];
    char image[BERTH_LIMIT_NAME_BYTES + 1];
    char client[BERTH_LIMIT_NAME_BYTES + 1];
    char client_key[2 * BERTH_KEY_HASH_BYTES + 1];
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t size;
    int64_t spares_hot;
    int64_t vcpus;
    int64_t memory_mib;
    int64_t logoff_after_s;
    bool is_admin;
    bool is_template;
    bool is_enabled;
    bool wants_control;
    char *manifest; /* JSON text, owned; NULL if not given */
    char *policy;   /* JSON text, owned; NULL if not given */
} BerthBody;

typedef enum {
    BERTH_BODY_TEXT,   /* min..max bytes into a char array of max + 1 */
    BERTH_BODY_HEX,    /* exactly max lower-case hexadecimal digits */
    BERTH_BODY_INT,    /* min..max */
    BERTH_BODY_BOOL,   /* true or false */
    BERTH_BODY_OBJECT, /* any JSON object, as text into a char * */
} BerthBodyType;

typedef struct {
    const char *key;
    BerthBodyType type;
    bool is_needed;
    int64_t min;
    int64_t max;
    int64_t default_value; /* of INT and BOOL */
    size_t offset;         /* in BerthBody */
} BerthBodyField;

/*
 * Decodes a body.
 *
 * data:  len bytes, borrowed
 * ret:   zeroed by the caller; berth_body_clear() it also after an error
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_TOO_LARGE.
 */
bool berth_body_decode(const char *data, size_t len, const BerthBodyField *fields, size_t n_fields,
                       BerthBody *ret, GError **error);

/* Wipes and frees what a body holds. */
void berth_body_clear(BerthBody *body);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * INI files checked against a const schema: one table makes parser, defaults, checks and help.
 *
 *   # comment, or ; comment
 *   [group]
 *   key = value
 *
 * A key that the schema does not know, a key given twice and a value out of range are errors that
 * name file, line and the nearest known key.  A configuration does not change after loading.
 * Thread: any after loading.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthConfig BerthConfig;

typedef enum {
    BERTH_CONFIG_STRING, /* min and max are lengths in bytes; max 0 is 4096 */
    BERTH_CONFIG_INT,    /* decimal, min <= value <= max */
    BERTH_CONFIG_BOOL,   /* true, false, yes, no, on, off */
    BERTH_CONFIG_PATH,   /* absolute, or relative to the folder of the file */
    BERTH_CONFIG_SIZE,   /* bytes with an optional K, M, G or T (powers of 1024) */
} BerthConfigType;

typedef struct {
    const char *group;
    const char *key;
    BerthConfigType type;
    int64_t min;
    int64_t max;
    const char *default_value; /* text as in the file; NULL: the key must be given */
    const char *doc;           /* one sentence for --help-config */
} BerthConfigRow;

/*
 * Reads a file.  Errors: BERTH_ERR_CONFIG for its contents, the code of the errno for the file.
 *
 * schema:  n rows, borrowed for the life of the result
 *
 * Returns NULL on error.  Free with berth_config_free().
 */
BerthConfig *berth_config_load(const BerthConfigRow *schema, size_t n, const char *path,
                               GError **error);

/* As berth_config_load() from len bytes of text; relative paths stay as they are. */
BerthConfig *berth_config_load_data(const BerthConfigRow *schema, size_t n, const char *text,
                                    size_t len, GError **error);

/* Frees a configuration; NULL is allowed. */
void berth_config_free(BerthConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthConfig, berth_config_free)

/* Value of a STRING or PATH row, borrowed, never NULL ("" if its default is ""). */
const char *berth_config_get_string(const BerthConfig *config, const char *group, const char *key);

/* Value of an INT or SIZE row; bytes for SIZE. */
int64_t berth_config_get_int(const BerthConfig *config, const char *group, const char *key);

/* Value of a BOOL row. */
bool berth_config_get_bool(const BerthConfig *config, const char *group, const char *key);

/* Whether the file gave the key (false: the value is the default). */
bool berth_config_is_set(const BerthConfig *config, const char *group, const char *key);

/* The schema as an annotated sample file; free with g_free(). */
char *berth_config_describe(const BerthConfigRow *schema, size_t n);

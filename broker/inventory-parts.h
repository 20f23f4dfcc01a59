/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, RAM templates, tasks and disks of an inventory, checked and made into values.
 *
 * Lists that are left out are empty.  Pure; thread: any.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of a text of one item, and of the key of a RAM template. */
#define BERTH_PART_TEXT_BYTES 512
#define BERTH_PART_KEY_BYTES 128

/* Texts are those of the GStringChunk, "" if there is none; states are names of the protocol. */
typedef struct {
    char version[BERTH_ID_HEX_CHARS + 1];
    const char *state;
    int64_t bytes, total_bytes;
    const char *code;
    const char *detail;
} BerthImageReport;

typedef struct {
    const char *key;
    char version[BERTH_ID_HEX_CHARS + 1];
    int64_t vcpus, memory_mib;
    const char *state;
    int64_t n_forks;
    const char *detail;
} BerthTemplateReport;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    const char *state;
    int64_t progress_pct; /* 0 to 100 */
    const char *code;
    const char *detail;
    const char *result; /* text of a JSON object */
} BerthTaskReport;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch;
    const char *state;
    int64_t used_mib;
    char machine[BERTH_ID_HEX_CHARS + 1]; /* "" if none has it */
    const char *code;
    const char *detail;
} BerthDiskReport;

/* Embedded value; zero it, then clear it with berth_inventory_parts_clear(). */
typedef struct {
    GArray *images;     /* of BerthImageReport */
    GArray *templates;  /* of BerthTemplateReport */
    GArray *tasks;      /* of BerthTaskReport */
    GArray *disks;      /* of BerthDiskReport */
    const char *memory; /* text of a JSON object of what the host says of its memory */
} BerthInventoryParts;

/*
 * Reads the lists of an inventory message.
 *
 * texts:  keeps the texts; must live as long as the parts
 * ret:    to be cleared on error, too
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_TOO_LARGE.
 */
bool berth_inventory_parts_read(const json_t *message, GStringChunk *texts,
                                BerthInventoryParts *ret, GError **error);

/* Whether two tell the same, numbers of progress among it. */
bool berth_inventory_parts_equal(const BerthInventoryParts *a, const BerthInventoryParts *b);

void berth_inventory_parts_clear(BerthInventoryParts *parts);

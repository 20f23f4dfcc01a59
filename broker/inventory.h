/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host says that it runs: an inventory message, checked and made into values.
 *
 * A host is trusted to run desktops, not to be free of bugs: sizes, names, numbers and doubles are
 * checked here.  Members that this version does not know are skipped, so that a newer agent can
 * tell more.  Pure; thread: any.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Machines or sessions in one inventory. */
#define BERTH_INVENTORY_MAX_ITEMS 4096
#define BERTH_INVENTORY_TEXT_BYTES 256
#define BERTH_INVENTORY_KEY_CHARS 64

typedef enum {
    BERTH_REPORT_CREATING,
    BERTH_REPORT_STARTING,
    BERTH_REPORT_READY,
    BERTH_REPORT_FAILED,
    BERTH_REPORT_ABSENT,
    BERTH_N_MACHINE_REPORTS
} BerthMachineReportState;

typedef enum {
    BERTH_REPORT_SESSION_STARTING,
    BERTH_REPORT_SESSION_LISTENING,
    BERTH_REPORT_SESSION_CONNECTED,
    BERTH_REPORT_SESSION_ENDED,
    BERTH_N_SESSION_REPORTS
} BerthSessionReportState;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch;
    BerthMachineReportState state;
    char overlay[BERTH_INVENTORY_TEXT_BYTES + 1];
    char condition[BERTH_INVENTORY_TEXT_BYTES + 1];
    char code[BERTH_INVENTORY_TEXT_BYTES + 1];
    char detail[BERTH_INVENTORY_TEXT_BYTES + 1];
} BerthMachineReport;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch;
    BerthSessionReportState state;
    char session_key[BERTH_INVENTORY_KEY_CHARS + 1]; /* "" if there is none */
    char code[BERTH_INVENTORY_TEXT_BYTES + 1];
} BerthSessionReport;

typedef struct {
    GArray *machines; /* of BerthMachineReport */
    GArray *sessions; /* of BerthSessionReport */
} BerthInventory;

/*
 * Reads an inventory message.
 *
 * message:  JSON object with "machines" and "sessions", borrowed
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_TOO_LARGE.  Returns NULL on error.
 */
BerthInventory *berth_inventory_new_from_json(const json_t *message, GError **error);

/* Frees an inventory; NULL is allowed. */
void berth_inventory_free(BerthInventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthInventory, berth_inventory_free)

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host says that it runs: an inventory message, checked and made into values.
 *
 * A host is trusted to run desktops, not to be free of bugs: sizes, names, numbers and doubles are
 * checked here.  Members that this version does not know are skipped, so that a newer agent can
 * tell more.  Pure; thread: any.
 */
#pragma once

#include "broker/inventory-parts.h"

#include "berth/ids.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Machines or sessions in one inventory. */
#define BERTH_INVENTORY_MAX_ITEMS 4096
#define BERTH_INVENTORY_TEXT_BYTES 256
#define BERTH_INVENTORY_KEY_CHARS 64
/* What is wrong with a host. */
#define BERTH_INVENTORY_MAX_CONDITIONS 16
#define BERTH_INVENTORY_CONDITION_CHARS 64

typedef enum {
    BERTH_REPORT_CREATING,
    BERTH_REPORT_STARTING,
    BERTH_REPORT_READY,
    BERTH_REPORT_STOPPED,
    BERTH_REPORT_FROZEN,
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

/* What a machine has used since it was started, and holds now; 0 for what was not told. */
typedef struct {
    int64_t cpu_ms;
    int64_t memory_mib;
    int64_t disk_mib;
    int64_t net_rx_mib;
    int64_t net_tx_mib;
} BerthMachineUsage;

typedef struct {
    int64_t cpu_pct; /* of all processors together */
    int64_t memory_used_mib;
    int64_t disk_free_mib;
} BerthHostUsage;

/* Texts are the inventory's, at most BERTH_INVENTORY_TEXT_BYTES each, "" if there is none. */
typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch;
    BerthMachineReportState state;
    const char *overlay;
    const char *condition;
    const char *code;
    const char *detail;
    BerthMachineUsage usage;
} BerthMachineReport;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    int64_t epoch;
    BerthSessionReportState state;
    char session_key[BERTH_INVENTORY_KEY_CHARS + 1]; /* "" if there is none */
    const char *code;
    int64_t idle_s;         /* since the last input */
    int64_t first_frame_ms; /* from capture to socket, of the first picture; 0 before */
} BerthSessionReport;

typedef struct {
    int n_refs;
    GArray *machines; /* of BerthMachineReport */
    GArray *sessions; /* of BerthSessionReport */
    int64_t serial;   /* 0 if it has none */
    char *conditions; /* names with commas between them, "" if all is well */
    bool has_usage;
    BerthHostUsage usage;
    BerthInventoryParts parts;
    GStringChunk *texts;
} BerthInventory;

/*
 * Reads an inventory message.
 *
 * message:  JSON object with "machines" and "sessions", borrowed
 *
 * State: about 130 bytes a machine and 170 a session.
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_TOO_LARGE.  Returns NULL on error.
 */
BerthInventory *berth_inventory_new_from_json(const json_t *message, GError **error);

/* Another reference to what is not changed any more.  Thread: any. */
BerthInventory *berth_inventory_ref(BerthInventory *inventory);

/* Gives a reference back; NULL is allowed.  Thread: any. */
void berth_inventory_unref(BerthInventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthInventory, berth_inventory_unref)

/*
 * Whether two inventories tell the same of machines, sessions and the host but for numbers of
 * usage; either may be NULL.  Parts are compared by berth_inventory_parts_equal().
 */
bool berth_inventory_is_same(const BerthInventory *a, const BerthInventory *b);

/* The report of a machine, NULL if there is none; borrowed. */
const BerthMachineReport *berth_inventory_find(const BerthInventory *inventory, const char *id);

/* Name of a state, as an inventory spells it. */
const char *berth_machine_report_name(BerthMachineReportState state);

/* Reads the usage of a host, if the message has it; false: it has none. */
bool berth_host_usage_from_json(const json_t *message, BerthHostUsage *ret);

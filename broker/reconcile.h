/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows against an inventory: which steps bring the store in line with what a host reports.
 *
 * The row is the truth about what should be, the inventory about what is.  A report of an older
 * epoch tells about an earlier owner and changes nothing.  Pure; thread: any.
 */
#pragma once

#include "broker/fsm/machine.h"
#include "broker/fsm/session.h"
#include "broker/inventory.h"

/* How long a machine with an owner must be missing from inventories before it is given up. */
#define BERTH_RECONCILE_ABSENT_US (10LL * 1000 * 1000)
/* The same if it was not made yet. */
#define BERTH_RECONCILE_UNMADE_US (120LL * 1000 * 1000)
/* Idle times that differ by less are the same one. */
#define BERTH_RECONCILE_IDLE_SLACK_US (5LL * 1000 * 1000)

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    BerthMachineState state;
    int64_t epoch;
    bool is_dirty;
    bool is_owned;
    bool is_kept; /* holds somebody's data */
    char overlay[BERTH_INVENTORY_TEXT_BYTES + 1];
    char scrub_overlay[BERTH_INVENTORY_TEXT_BYTES + 1];
    char condition[BERTH_INVENTORY_TEXT_BYTES + 1];
    char code[BERTH_INVENTORY_TEXT_BYTES + 1];
    char detail[BERTH_INVENTORY_TEXT_BYTES + 1];
    int64_t absent_us; /* first missing at; 0: it was there */
} BerthMachineRow;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    BerthSessionState state;
    int64_t epoch;
    char session_key[BERTH_INVENTORY_KEY_CHARS + 1];
    int64_t idle_since_us; /* 0: not idle */
    bool is_measured;      /* its first picture need not be told (any more) */
} BerthSessionRow;

typedef enum {
    BERTH_RECONCILE_MACHINE_EVENT, /* step machine `row` by `event`; report may be NULL */
    BERTH_RECONCILE_SCRUBBED,      /* `report` is the scrub receipt of `row` */
    BERTH_RECONCILE_INFO,          /* copy overlay, condition, code and detail of `report` */
    BERTH_RECONCILE_ABSENT,        /* missing since `time_us`; 0: it is back */
    BERTH_RECONCILE_MISSING,       /* lost, and its disk holds data: nothing is made anew */
    BERTH_RECONCILE_SESSION_EVENT, /* step session `row` by `event`; report may be NULL */
    BERTH_RECONCILE_SESSION_KEY,   /* copy the key of `session_report`, none if it is NULL */
    BERTH_RECONCILE_SESSION_IDLE,  /* without input since `time_us`; 0: there is input */
    BERTH_RECONCILE_SESSION_FRAME, /* its first picture came: `session_report` says when */
} BerthReconcileKind;

typedef struct {
    BerthReconcileKind kind;
    int event;
    int64_t time_us;
    const char *id; /* of the row, borrowed from the input */
    const BerthMachineReport *report;
    const BerthSessionReport *session_report;
} BerthReconcileStep;

typedef struct {
    GArray *steps;   /* of BerthReconcileStep, which borrow from the input */
    bool is_pending; /* time alone, or the agent's answer, may lead to more: look again */
    int n_strangers; /* machines that the host has and no row knows */
} BerthReconcilePlan;

/*
 * Plans the steps.
 *
 * machines:   rows of this host that are not deleted
 * sessions:   rows of this host that are not ended
 * living:     set of ids of machines that the agent may be about to make; NULL: none
 */
BerthReconcilePlan berth_reconcile(const BerthMachineRow *machines, size_t n_machines,
                                   const BerthSessionRow *sessions, size_t n_sessions,
                                   const BerthInventory *inventory, GHashTable *living,
                                   int64_t now_us);

/* Frees what a plan holds. */
void berth_reconcile_plan_clear(BerthReconcilePlan *plan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthReconcilePlan, berth_reconcile_plan_clear)

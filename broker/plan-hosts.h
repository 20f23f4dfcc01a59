/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hosts as a plan sees them: read once, kept up to date while machines are placed.
 *
 * What is reserved is reserved in the store by guarded UPDATEs; this is the picture that chooses.
 * Errors: those of berth_tx_run().  Thread: writer, or a read for explanations.
 */
#pragma once

#include "broker/audit.h"
#include "broker/fsm/machine.h"
#include "broker/placement.h"

#include <glib.h>

typedef struct BerthPlanHosts BerthPlanHosts;

/* What a pool asks of a host. */
typedef struct {
    const char *pool;
    const char *image;   /* NULL: none */
    const char *version; /* of the image; NULL: it has none */
    bool lacks_version;  /* the image has versions, but none for this pool */
    int64_t memory_mib;
    int64_t vcpus;
    bool is_template;
    bool is_packed;
    const json_t *labels;
    const char *host; /* NULL: any */
} BerthPlanNeed;

/* Reads all hosts.  Returns NULL on error. */
BerthPlanHosts *berth_plan_hosts_load(BerthTx *tx, int *ret_error);

/* NULL is allowed. */
void berth_plan_hosts_free(BerthPlanHosts *hosts);

/* Turns to another pool: its breakers, templates and tries.  need stays borrowed until the next. */
int berth_plan_hosts_turn(BerthPlanHosts *hosts, BerthTx *tx, const BerthCause *cause,
                          const BerthPlanNeed *need);

/*
 * Finds the best host for one more machine of the pool and reserves memory and processors there.
 *
 * ret_host:   id, borrowed
 * ret_score:  why there
 *
 * Errors: also BERTH_ERR_NOT_FOUND if no host fits.
 */
int berth_plan_hosts_reserve(BerthPlanHosts *hosts, BerthTx *tx, const char **ret_host,
                             int64_t *ret_score);

/* Takes a start slot of a host; false if none is free or the host does not start anything now. */
bool berth_plan_hosts_take_slot(BerthPlanHosts *hosts, const char *host);

/* Whether a machine in this state is of no use there any more. */
bool berth_plan_hosts_is_unfit(const BerthPlanHosts *hosts, const char *host,
                               BerthMachineState state);

/*
 * Every host's verdict on one more machine of the pool: an array of {"host", "name", "reason",
 * "detail", "score"}, best first.  Ownership: new reference.
 */
json_t *berth_plan_hosts_explain(const BerthPlanHosts *hosts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthPlanHosts, berth_plan_hosts_free)

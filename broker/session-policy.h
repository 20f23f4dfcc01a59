/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy that applies to one user's session: the rules of the store, decided by policies/.
 */
#pragma once

#include "broker/audit.h"
#include "broker/store/tx.h"
#include "policies/policy-decision.h"

typedef struct {
    GArray *sources;     /* of BerthPolicySource */
    GStringChunk *names; /* owns their names */
} BerthPolicySources;

/*
 * Reads the rules that apply to a user in a pool on a device.
 *
 * device:       id of a kiosk or other known device, "" for none
 * ret_sources:  set on success only; free with berth_policy_sources_clear()
 *
 * Errors: those of tx.h; BERTH_ERR_CORRUPT for a rule that cannot be read: nobody gets more because
 * a rule is broken.
 */
int berth_session_policy_sources(BerthTx *tx, const char *account, const char *pool,
                                 const char *device, BerthPolicySources *ret_sources);

/* Frees what sources hold. */
void berth_policy_sources_clear(BerthPolicySources *sources);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthPolicySources, berth_policy_sources_clear)

/*
 * The policy as JSON text with every key; free with free().
 *
 * Errors: as berth_session_policy_sources().
 */
int berth_session_policy(BerthTx *tx, const char *account, const char *pool, const char *device,
                         char **ret_json);

/*
 * Works the policy of live sessions out again after a rule, a pool or a membership has changed;
 * hosts hear of what differs.
 *
 * pool:    id, "" for all pools
 * account: id, "" for everybody
 *
 * Cost: one query a session.  Errors: as berth_session_policy_sources().
 */
int berth_session_policies_refresh(BerthTx *tx, const BerthCause *cause, const char *pool,
                                   const char *account);

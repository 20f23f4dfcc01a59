/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What follows from who is in which group.
 */
#pragma once

#include "broker/audit.h"
#include "broker/store/tx.h"

/*
 * To be called in the transaction in which memberships were changed, after that was written: live
 * sessions get the policy that applies now, and those to whose pool nothing entitles any more are
 * disconnected.
 *
 * account:  id; "" when a whole group went
 *
 * Errors: those of tx.h.
 */
int berth_membership_changed(BerthTx *tx, const BerthCause *cause, const char *account);

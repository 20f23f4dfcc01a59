/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/membership.h"

#include "base/error.h"
#include "broker/session-policy.h"
#include "broker/steps.h"

int
berth_membership_changed(BerthTx *tx, const BerthCause *cause, const char *account)
{
    int error = berth_session_policies_refresh(tx, cause, "", account);
    return error == BERTH_OK ? berth_session_revoke_unentitled(tx, cause, "", account, "revoked")
                             : error;
}

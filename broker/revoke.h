/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logins and users that end, and their desktops' connections with them.
 *
 * A revoked login's sessions are told to disconnect in the same transaction; hosts hear of it as
 * soon as it is committed, since every write of the API wakes the agents' links.  The desktop
 * itself stays its user's: who may log in again finds it as it was.
 *
 * Errors of each: those of berth_tx_run().  Thread: writer.
 */
#pragma once

#include "broker/audit.h"

/*
 * Ends logins of an account.
 *
 * id:    of the one login, "" for all
 * kind:  "login", "api", "" for both
 * but:   hash of a login that stays, "" for none
 *
 * ret_n:  how many there were; may be NULL
 */
int berth_revoke_logins(BerthTx *tx, const BerthCause *cause, const char *account, const char *id,
                        const char *kind, const char *but, int *ret_n);

/* Ends the logins of an account that were made by one method, "device". */
int berth_revoke_method(BerthTx *tx, const BerthCause *cause, const char *account,
                        const char *method);

/* Ends all logins of an account and disconnects all of its sessions. */
int berth_revoke_account(BerthTx *tx, const BerthCause *cause, const char *account);

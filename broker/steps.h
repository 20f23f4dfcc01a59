/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every state change in the store: one step of a const table, its action and its audit row, all in
 * the caller's transaction.
 *
 * Errors of each: BERTH_ERR_STATE if the table has no such step, BERTH_ERR_NOT_FOUND, and those of
 * berth_tx_run().  Thread: writer.
 */
#pragma once

#include "berth/ids.h"
#include "broker/audit.h"
#include "broker/fsm/host.h"
#include "broker/fsm/machine.h"
#include "broker/fsm/session.h"

/*
 * Steps a machine.  One that holds its user's data (keep) is never recycled nor deleted by this:
 * missing, it is lost; an order to recycle, release or delete it is refused.
 *
 * owner:   assignment that claims it, for BERTH_MACHINE_EVENT_CLAIM; NULL otherwise
 * reason:  why, for the audit log and for a user who is put out; "" if there is nothing to say
 */
int berth_machine_step(BerthTx *tx, const BerthCause *cause, const char *machine,
                       BerthMachineEvent event, const char *owner, const char *reason);

/*
 * Finds the best ready machine of a pool that is nobody's and claims it, in one statement; one that
 * another transaction looks at is skipped.
 *
 * owner:  id of the assignment
 * host:   where it must be, "" anywhere
 *
 * Errors: BERTH_ERR_NOT_FOUND if there is none.
 */
int berth_machine_claim_ready(BerthTx *tx, const BerthCause *cause, const char *pool,
                              const char *owner, const char *host,
                              char ret_machine[BERTH_ID_HEX_CHARS + 1],
                              char ret_host[BERTH_ID_HEX_CHARS + 1], int64_t *ret_epoch);

/*
 * Says whether the VM should run, for BERTH_MACHINE_EVENT_START and BERTH_MACHINE_EVENT_STOP.
 *
 * power:  "on"; "off", the disk stays; "frozen", off with a RAM template to wake it from
 *
 * Errors: also BERTH_ERR_INVALID for another word.
 */
int berth_machine_set_power(BerthTx *tx, const BerthCause *cause, const char *machine,
                            const char *power, const char *reason);

/*
 * As berth_machine_step() with BERTH_MACHINE_EVENT_RECYCLE, _DELETE or _FORGET, also for
 * a machine that holds its user's data: an administrator said that the data may go.
 */
int berth_machine_discard(BerthTx *tx, const BerthCause *cause, const char *machine,
                          BerthMachineEvent event, const char *reason);

/*
 * A scrub receipt: the machine runs on a new overlay, so it is clean.
 *
 * overlay:  id of the new overlay; it must not be empty nor the one to be scrubbed
 *
 * Errors: also BERTH_ERR_INVALID for an overlay that proves nothing.
 */
int berth_machine_scrubbed(BerthTx *tx, const BerthCause *cause, const char *machine,
                           const char *overlay);

/* Steps a session; sets and cancels the pool's timers (session-timers.h). */
int berth_session_step(BerthTx *tx, const BerthCause *cause, const char *session,
                       BerthSessionEvent event, const char *reason);

/* Steps a host; losing it takes its machines and sessions along. */
int berth_host_step(BerthTx *tx, const BerthCause *cause, const char *host, BerthHostEvent event);

/*
 * Ends an assignment with its sessions, and sends its machine through recycling.
 *
 * Errors: BERTH_ERR_STATE also if the machine holds its user's data.
 */
int berth_assignment_release(BerthTx *tx, const BerthCause *cause, const char *assignment,
                             const char *reason);

/* Shows a text to the user of a session, after at most a second or two. */
int berth_session_notify(BerthTx *tx, const BerthCause *cause, const char *session,
                         const char *text);

/*
 * Cuts the connections of those who lost a right: their live sessions are disconnected by order
 * with this reason, and tickets that are out are void.  What is on the desktop stays, for the
 * pool's timers.  Call it in the transaction that takes the right away, after that was written.
 *
 * account:  id of an account that was disabled or deleted
 * login:    id of a login token that was revoked, not its hash
 * pool:     id, "" for all; account "" looks at everybody who has a session there
 */
int berth_session_revoke_account(BerthTx *tx, const BerthCause *cause, const char *account,
                                 const char *reason);
int berth_session_revoke_login(BerthTx *tx, const BerthCause *cause, const char *login,
                               const char *reason);
int berth_session_revoke_unentitled(BerthTx *tx, const BerthCause *cause, const char *pool,
                                    const char *account, const char *reason);

/* Marks a session for disconnection by order; the host carries it out. */
int berth_session_disconnect(BerthTx *tx, const BerthCause *cause, const char *session);

/*
 * Logs a session off: ends it.  What becomes of its desktop is the pool's on_logoff: it is given
 * back to be recycled, stays its user's, or stays and is switched off.
 */
int berth_session_logoff(BerthTx *tx, const BerthCause *cause, const char *session,
                         const char *reason);

/* Deadline of a state that was just entered; 0 for a state that may rest.  Pure. */
int64_t berth_machine_deadline_us(BerthMachineState state, int64_t n_failures, int64_t now_us);

/* As berth_machine_deadline_us(), for sessions. */
int64_t berth_session_deadline_us(BerthSessionState state, int64_t now_us);

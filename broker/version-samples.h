/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What desktops of a version do, measured where it happens: the steps of machines and sessions.
 *
 * Machines of images without versions leave no samples.  Errors of each: those of tx.h.  Thread:
 * writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/fsm/machine.h"

/* A machine as it was before its step. */
typedef struct {
    const char *id;
    const char *version; /* NULL: none */
    const char *pool, *host;
    BerthMachineState state;
    int64_t since_us;
} BerthSampleMachine;

/* What a step of a machine tells about its version. */
typedef enum {
    BERTH_SAMPLE_NOTHING,
    BERTH_SAMPLE_READY, /* it booted, and took so long */
    BERTH_SAMPLE_BOOT_FAILED,
    BERTH_SAMPLE_CRASH, /* it ran, and is gone by itself */
} BerthSampleKind;

/* Pure. */
BerthSampleKind berth_sample_of_step(BerthMachineState from, BerthMachineEvent event,
                                     BerthMachineState to);

/* A machine steps by this event to this state. */
int berth_sample_machine(BerthTx *tx, const BerthCause *cause, const BerthSampleMachine *machine,
                         BerthMachineEvent event, BerthMachineState to);

/* The user of a session is connected; call it before the session is told so.  Only the first time
 * counts. */
int berth_sample_logon(BerthTx *tx, const BerthCause *cause, const char *session);

/* The desktop of a session that nobody saw yet is gone. */
int berth_sample_logon_failed(BerthTx *tx, const BerthCause *cause, const char *session);

/* The first picture of a session took so long; only the first time counts. */
int berth_sample_first_frame(BerthTx *tx, const BerthCause *cause, const char *session,
                             int64_t first_frame_ms);

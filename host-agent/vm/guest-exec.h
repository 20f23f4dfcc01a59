/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a POSIX shell script in a guest through its agent, and brings its output back.
 *
 * The script goes in by the shell's standard input, so no quoting is in the way and the guest needs
 * no program of ours.  Output is the guest's word: bounded, and never trusted.  Thread: main.
 */
#pragma once

#include "host-agent/vm/guest-agent.h"

typedef struct BerthGuestExec BerthGuestExec;

typedef struct {
    int code;         /* BERTH_OK: the script ran to its end; else as in BerthGuestReply */
    const char *text; /* a sentence on error, else NULL */
    int status;       /* of the shell; 128 + the signal that ended it */
    const char *out;  /* standard output, terminated; it may hold zeros and any other byte */
    size_t out_bytes;
    const char *err; /* standard error, likewise */
    size_t err_bytes;
    bool is_cut; /* the agent has not kept all of it */
} BerthGuestExecResult;

/* The job is over and freed: do not cancel it any more.  result is borrowed. */
typedef void (*BerthGuestExecDone)(const BerthGuestExecResult *result, void *user_data);

/*
 * Starts a script.
 *
 * script:      up to BERTH_LIMIT_GUEST_SCRIPT_BYTES, or the job fails with BERTH_ERR_TOO_LARGE
 * timeout_ms:  from now to the script's end; it is killed then
 * done:        never called from inside this function
 *
 * Output of more than BERTH_LIMIT_GUEST_OUTPUT_BYTES in all fails with BERTH_ERR_TOO_LARGE.
 * The machine's end is one of the job, too: BERTH_ERR_CLOSED.
 */
BerthGuestExec *berth_guest_exec(BerthGuestAgent *agent, const char *script, int timeout_ms,
                                 BerthGuestExecDone done, void *user_data);

/* Forgets the job; the script is killed if it runs.  NULL is allowed. */
void berth_guest_exec_cancel(BerthGuestExec *self);

/*
 * Reads what guest-exec-status returned.  Pure.
 *
 * ret_out, ret_err:  decoded, for g_free(); set on BERTH_OK only
 * ret:               filled on BERTH_OK only, its strings are those
 *
 * Errors: BERTH_ERR_AGAIN while it runs, BERTH_ERR_PROTOCOL, BERTH_ERR_TOO_LARGE.
 */
int berth_guest_exec_read_status(const json_t *status, BerthGuestExecResult *ret, char **ret_out,
                                 char **ret_err);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A script in a guest as a step of a task: waits until the guest answers, and tries again when the
 * connection to it breaks.  The script must be safe to be done twice.  Thread: main.
 */
#pragma once

#include "host-agent/vm/guest-exec.h"
#include "host-agent/vm/vm.h"

typedef struct BerthTaskGuest BerthTaskGuest;

/* The machine at this moment; NULL while there is none. */
typedef BerthVm *(*BerthTaskGuestFind)(void *user_data);

/* The script ended (code BERTH_OK, whatever its status), or cannot be done; the job is freed. */
typedef void (*BerthTaskGuestDone)(const BerthGuestExecResult *result, void *user_data);

/*
 * Runs a script.
 *
 * script:      copied
 * wait_ms:     until the guest must answer
 * timeout_ms:  of the script
 * done:        called from the loop, once
 */
BerthTaskGuest *berth_task_guest_run(BerthTaskGuestFind find, const char *script, int wait_ms,
                                     int timeout_ms, BerthTaskGuestDone done, void *user_data);

/* Forgets the job; done is not called.  NULL is allowed. */
void berth_task_guest_cancel(BerthTaskGuest *self);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A helper program that runs beside the main loop and ends: qemu-img and the accelerator probe.
 *
 * It dies with the agent.  Its output (both streams) is kept up to 16 KiB.  Thread: main.
 */
#pragma once

#include "base/poller.h"

#include <glib.h>
#include <stdint.h>

typedef struct BerthChild BerthChild;

/*
 * The program ended.
 *
 * status:  exit status, minus the signal that killed it, or BERTH_CHILD_TIMEOUT
 * output:  what it wrote, borrowed
 */
typedef void (*BerthChildDone)(int status, const char *output, void *user_data);

#define BERTH_CHILD_TIMEOUT (-1000)

/*
 * Starts argv without a shell.  The result frees itself after done; done is called from the loop.
 *
 * Returns NULL if it could not be started.  Errors: those of berth_spawn().
 */
BerthChild *berth_child_run(BerthPoller *poller, const char *const *argv, int timeout_ms,
                            BerthChildDone done, void *user_data, GError **error);

/* Kills it and frees; done is not called.  NULL is allowed. */
void berth_child_cancel(BerthChild *self);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scope-bound ownership of file descriptors, next to GLib's g_autofree and g_autoptr.
 *
 *   berth_autofd int fd = open(...);
 *   ...
 *   return berth_steal_fd(&fd);
 *
 * -1 means "no descriptor" everywhere.  Thread: any.
 */
#pragma once

/* Closes *fd if it is >= 0 and sets it to -1; errno is left as it was. */
void berth_clear_fd(int *fd);

/* Hands the descriptor over: returns *fd and sets it to -1. */
int berth_steal_fd(int *fd);

/* Put before an int variable: closed when the variable goes out of scope.  Initialise it. */
#define berth_autofd __attribute__((cleanup(berth_clear_fd)))

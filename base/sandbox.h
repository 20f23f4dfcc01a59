/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives away what a process will not need: no_new_privs, Landlock for files, seccomp for calls.
 *
 * Deny by default.  Every profile has the calls that a GLib loop with memory, clocks, threads'
 * locks and open descriptors needs; flags and a list add to them.  A forbidden call kills the
 * process, except that opening or looking up a path fails with EACCES: libraries do it lazily
 * (time zones, locales) and must not take the session down.  No memory becomes executable unless
 * the profile may start processes.  Where the kernel has no Landlock, a warning is logged and
 * seccomp stands alone.
 *
 * BERTH_SANDBOX=log makes forbidden calls go through with a kernel log line: for development only.
 *
 * Enter before other threads are started: Landlock restricts the calling thread and those that it
 * starts later; seccomp is applied to all.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_SANDBOX_FILES = 1u << 0,     /* may open and stat paths; Landlock says which */
    BERTH_SANDBOX_THREADS = 1u << 1,   /* may start threads (GLib does, for signals) */
    BERTH_SANDBOX_SOCKETS = 1u << 2,   /* may make, bind, listen and connect sockets */
    BERTH_SANDBOX_MEMFD = 1u << 3,     /* may make memfds and map shared memory */
    BERTH_SANDBOX_PROCESSES = 1u << 4, /* may fork, exec, wait and signal */
} BerthSandboxFlags;

typedef struct {
    const char *name;            /* for logs and errors */
    uint32_t flags;              /* BERTH_SANDBOX_* */
    const char *const *ro_paths; /* NULL-terminated files or folders to read; NULL: none */
    const char *const *rw_paths; /* NULL-terminated files or folders to change; NULL: none */
    const char *const *syscalls; /* NULL-terminated names of further calls; NULL: none */
    const char *const *refused;  /* NULL-terminated names of calls that fail with EPERM instead of
                                  * ending the process: libraries try them; NULL: none */
} BerthSandboxProfile;

/*
 * Enters the sandbox for ever.
 *
 * A path that does not exist is left out.  Errors: BERTH_ERR_INVALID for a call name that the
 * architecture lacks, BERTH_ERR_UNSUPPORTED if the kernel has no seccomp, BERTH_ERR_IO.  After an
 * error part of the sandbox may be in force; the caller should end.
 */
bool berth_sandbox_enter(const BerthSandboxProfile *profile, GError **error);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/session-sandbox.h"

#include "base/sandbox.h"

/*
 * GDBus needs a socket pair for the display listener and identifies us with our user id; GLib's
 * thread pool gives new threads the scheduling of the first one.  The segment that an X server
 * writes pixels into is a memfd.
 */
static const char *const calls[] = {
    "socketpair", "getresuid", "getresgid", "sched_getattr", "sched_setattr", "memfd_create", NULL,
};

bool
berth_session_sandbox_enter(GError **error)
{
    const BerthSandboxProfile profile = {
        .name = "berth-session",
        .flags = BERTH_SANDBOX_THREADS,
        .syscalls = calls,
    };

    return berth_sandbox_enter(&profile, error);
}

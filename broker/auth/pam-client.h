/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks PAM through berth-auth-helper: one process a question, at the other end of a packet socket.
 *
 * The helper is either started from a program file, as the broker's own user, or listens as another
 * user (berth-auth-helper.socket, Accept=yes), which most PAM modules need.  Blocks: worker
 * threads only.
 */
#pragma once

#include "broker/auth/identity.h"

typedef struct {
    const char *socket_path; /* of a listening helper; "" starts program */
    const char *program;     /* file of the helper; "" for none */
    const char *confdir;     /* folder of PAM service files for tests; "" is the system's */
    int timeout_s;
} BerthPamHelper;

/*
 * Asks whether this is the user's password.
 *
 * source:  address of the client, for PAM_RHOST
 *
 * Returns NULL on error: BERTH_ERR_BAD_CREDENTIALS, also for an account that PAM calls expired or
 * locked; BERTH_ERR_SOURCE_DOWN for a helper that cannot be started, ends early, says nonsense or
 * takes too long.
 */
BerthIdentity *berth_pam_login(const BerthPamHelper *helper, const char *user, const char *password,
                               const char *source, GError **error);

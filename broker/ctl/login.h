/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging in: password, second factor, and what is kept of it in files.
 *
 * Beside the token file "T" stands "T.device": a token that says that this device logged its user
 * in before, so that strangers who guess passwords do not lock the user out here.
 */
#pragma once

#include "broker/ctl/client.h"

/* How somebody logs in. */
typedef struct {
    const char *user;       /* NULL: by the token file */
    int password_fd;        /* -1: none */
    int code_fd;            /* of the second factor; -1: ask at the terminal */
    const char *token_file; /* NULL: none */
} BerthCtlLogin;

/*
 * Logs in by user and password and gives the token to the client.
 *
 * is_kept:  writes the token file and the device token, both readable by their owner only; prints
 *           the token if there is no token file
 *
 * Reads the descriptors; asks for a code, and shows what a user needs who has no second factor yet,
 * at the terminal.  Errors: BERTH_ERR_CONFIG if something is missing on the command line; the
 * server's.
 */
bool berth_ctl_log_in(BerthCtlClient *client, const BerthCtlLogin *login, bool is_kept,
                      GError **error);

/* Gives the client the token of the file.  Errors: BERTH_ERR_CONFIG without one; the file's. */
bool berth_ctl_load_token(BerthCtlClient *client, const BerthCtlLogin *login, GError **error);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shares one display without broker and agent: "berth-session --share".
 *
 * This process is the agent of one session: it opens the display, starts the session process proper
 * (the same program, in its sandbox), listens, and hands connections over.  Clients are let in by
 * a token, which lies in a connection file of mode 0600 together with address, server name and the
 * hash of the session's key.  The file is written last and removed at the end.
 *
 * Thread: main.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct BerthShare BerthShare;

typedef struct {
    const char *target; /* as share-target.h has it */
    const char *listen; /* numeric address and port; NULL: 127.0.0.1, any port */
    const char *file;   /* connection file; NULL: berth-share.json in the user's runtime folder */
    const char *record; /* file to record into, which must not exist; NULL: none */
    bool is_view_only;
    bool is_once; /* ends when the first client has left */
} BerthShareConfig;

/*
 * Opens the display, listens and starts the session process.
 *
 * config: borrowed until free; loop: quit when the session has ended by itself, borrowed
 */
BerthShare *berth_share_new(const BerthShareConfig *config, GMainLoop *loop, GError **error);

/* Says goodbye to clients (at most 2 s) and removes the connection file. */
void berth_share_finish(BerthShare *self);

/* Status for exit(): 0 after a wanted end, 1 after a failure. */
int berth_share_get_exit_status(const BerthShare *self);

/* NULL is allowed. */
void berth_share_free(BerthShare *self);

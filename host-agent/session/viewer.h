/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One client connection of a session: from the first TLS byte to BYE.
 *
 * It takes what the client may see from the screen's picture: damage that cannot leave yet waits
 * merged (the latest frame wins), nothing is queued but the frames in the client's window.  It
 * gives the client's input to the guest through an input sink.  A viewer that stalls costs one
 * picture and one zstd window, and nobody waits for it.
 *
 * Callbacks come from the main context.  Thread: main.
 */
#pragma once

#include "host-agent/session/capture.h"
#include "host-agent/session/screen.h"

#include "display/transport/link.h"
#include "display/wire/msg-display.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthViewer BerthViewer;

typedef struct {
    /*
     * Decides on the client; see BerthLinkCallbacks.authorize.  Fills all of welcome but version
     * and heads.
     */
    int (*authorize)(BerthViewer *viewer, const BerthMsgAuth *auth,
                     const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                     BerthMsgWelcome *ret_welcome, void *user_data);
    /* WELCOME was sent; the desktop is this viewer's. */
    void (*opened)(BerthViewer *viewer, void *user_data);
    /* A permitted and sane HEAD_REQUEST. */
    void (*resize)(BerthViewer *viewer, const BerthMsgHeadRequest *request, void *user_data);
    /* It is over; the callee frees the viewer.  Keys are released already. */
    void (*closed)(BerthViewer *viewer, int code, const char *text, void *user_data);
} BerthViewerCallbacks;

typedef struct {
    uint64_t n_frames;
    uint64_t bytes_out;
    uint64_t n_input, n_input_refused;
} BerthViewerStats;

/*
 * Starts TLS on a client's socket.
 *
 * fd: taken, also on error; callbacks: borrowed, must outlive the viewer
 *
 * Returns NULL with error set.
 */
BerthViewer *berth_viewer_new(BerthTlsContext *tls, int fd, BerthScreen *screen,
                              const BerthViewerCallbacks *callbacks, void *user_data,
                              GError **error);

/* Drops the connection without BYE; releases keys.  NULL is allowed. */
void berth_viewer_free(BerthViewer *self);

/* Where input goes; NULL is nowhere.  The old source must still live: keys are released on it. */
void berth_viewer_set_capture(BerthViewer *self, BerthCapture *capture);

/* The screen was taken: changes is what berth_screen_take() returned. */
void berth_viewer_note_changes(BerthViewer *self, unsigned changes);

/* Releases keys, says BYE and closes; `closed` comes later. */
void berth_viewer_close(BerthViewer *self, int code, const char *text);

void berth_viewer_get_stats(const BerthViewer *self, BerthViewerStats *ret);

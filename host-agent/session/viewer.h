/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One client connection of a session: from the first TLS byte to BYE.
 *
 * Once admitted it sits in the frame room, which makes its frames while its window has room; what
 * cannot leave yet waits merged there, so a viewer that stalls costs one zstd window and nobody
 * waits for it.  It gives the client's input to the guest through an input sink.
 *
 * An observer is a viewer that takes nobody's place: it sees nothing before it is admitted.
 *
 * Callbacks come from the main context.  Thread: main.
 */
#pragma once

#include "host-agent/session/capture.h"
#include "host-agent/session/frame-room.h"
#include "host-agent/session/guest-typing.h"
#include "host-agent/session/heads.h"
#include "host-agent/session/sound-room.h"

#include "display/transport/link.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-viewers.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthViewer BerthViewer;

typedef struct {
    /*
     * Decides on the client; see BerthLinkCallbacks.authorize.  Fills all of welcome but version
     * and heads.  The right OBSERVE makes the viewer an observer.
     */
    int (*authorize)(BerthViewer *viewer, const BerthMsgAuth *auth,
                     const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                     BerthMsgWelcome *ret_welcome, void *user_data);
    /* WELCOME was sent; berth_viewer_admit() may be called now or later. */
    void (*opened)(BerthViewer *viewer, void *user_data);
    /* A permitted and sane HEAD_REQUEST. */
    void (*resize)(BerthViewer *viewer, const BerthMsgHeadRequest *request, void *user_data);
    /*
     * A message of an admitted client on a channel that the viewer does not know itself.  Return an
     * error to end the connection with it.
     */
    int (*service)(BerthViewer *viewer, BerthChannel channel, uint8_t type, const uint8_t *payload,
                   size_t len, void *user_data);
    /* What was sent to an admitted client has left. */
    void (*writable)(BerthViewer *viewer, void *user_data);
    /* The answer of an admitted client to berth_viewer_ask(). */
    void (*answered)(BerthViewer *viewer, const BerthMsgShadowAnswer *answer, void *user_data);
    /* It is over; the callee frees the viewer.  Keys are released already. */
    void (*closed)(BerthViewer *viewer, int code, const char *text, void *user_data);
} BerthViewerCallbacks;

typedef struct {
    uint64_t n_frames;
    uint64_t bytes_out;
    uint64_t n_input, n_input_refused;
    uint64_t n_checks_failed; /* pictures that the client found to differ */
    int64_t input_us;         /* monotonic time of the last input that reached the guest; 0: none */
    int64_t first_frame_us;   /* capture to socket of the last frame after a pause; 0 before */
} BerthViewerStats;

/* What it needs; all borrowed, must outlive it. */
typedef struct {
    BerthTlsContext *tls;
    BerthHeads *heads;
    BerthFrameRoom *room;
    BerthSoundRoom *sound;
    BerthGuestTyping *typing; /* NULL: no agent of ours will type */
} BerthViewerParts;

/*
 * Starts TLS on a client's socket.
 *
 * fd: taken, also on error; callbacks: borrowed, must outlive the viewer
 *
 * Returns NULL with error set.
 */
BerthViewer *berth_viewer_new(const BerthViewerParts *parts, int fd,
                              const BerthViewerCallbacks *callbacks, void *user_data,
                              GError **error);

/* The agent has typed: input that waited for that goes on. */
void berth_viewer_go_on(BerthViewer *self);

/* Drops the connection without BYE; releases keys.  NULL is allowed. */
void berth_viewer_free(BerthViewer *self);

/* Shows it the desktop from now on.  capture: where its input goes; NULL is nowhere. */
void berth_viewer_admit(BerthViewer *self, BerthCapture *capture);

bool berth_viewer_is_observer(const BerthViewer *self);
bool berth_viewer_is_admitted(const BerthViewer *self);

/* The rights of WELCOME; 0 before. */
uint32_t berth_viewer_get_rights(const BerthViewer *self);

/* Who the client says it is; "" if it does not.  Borrowed. */
const char *berth_viewer_get_name(const BerthViewer *self);

/* The connection, to be looked at; borrowed. */
const BerthLink *berth_viewer_get_link(const BerthViewer *self);

/* Sends a message of such a channel to an admitted client; an error ends the connection. */
void berth_viewer_send_service(BerthViewer *self, BerthChannel channel, uint8_t type,
                               const uint8_t *payload, size_t len);

/*
 * Leaves it these rights, of those that it came with, and tells the client if that is a change.
 * Keys that it may not press any more are released.
 */
void berth_viewer_limit(BerthViewer *self, uint32_t rights);

/* Says something to the user, if the client takes notices. */
void berth_viewer_notify(BerthViewer *self, uint32_t number, const char *text);

/* Where input goes; NULL is nowhere.  The old source must still live: keys are released on it. */
void berth_viewer_set_capture(BerthViewer *self, BerthCapture *capture);

/* A head's screen was taken: changes is what berth_screen_take() returned; 0 if it is gone. */
void berth_viewer_note_changes(BerthViewer *self, int head, unsigned changes);

/* Asks the user whether somebody may watch.  Errors: those of berth_link_send(). */
int berth_viewer_ask(BerthViewer *self, const BerthMsgShadowAsk *ask);

/* Tells the user who watches. */
void berth_viewer_tell_viewers(BerthViewer *self, const BerthMsgViewers *viewers);

/* Releases keys, says BYE and closes; `closed` comes later. */
void berth_viewer_close(BerthViewer *self, int code, const char *text);

void berth_viewer_get_stats(const BerthViewer *self, BerthViewerStats *ret);

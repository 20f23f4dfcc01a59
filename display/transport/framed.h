/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole frames over one TLS stream in a main context: the control link between broker and agent.
 *
 * A frame is u32 little-endian length, then that many bytes.  Callbacks come from the main context
 * only, never from inside a call of the owner, and none comes after berth_framed_free().  `closed`
 * comes exactly once, last.  Every function, berth_framed_free() too, may be called from inside a
 * callback.  Thread: the one of the context.
 */
#pragma once

#include "display/transport/socket-hub.h"
#include "display/transport/tls.h"

#include <glib.h>

typedef struct BerthFramed BerthFramed;

typedef struct {
    /* TLS is up; ask the stream who the peer is.  Frames may be sent before this too. */
    void (*open)(BerthFramed *framed, BerthTlsStream *stream, void *user_data);
    /*
     * A frame; data is borrowed until return and followed by a zero byte that len does not count.
     * Return an error to end the connection with it.
     */
    int (*frame)(BerthFramed *framed, const uint8_t *data, size_t len, void *user_data);
    /* It is over; code: BERTH_OK after our own berth_framed_close(), or an error. */
    void (*closed)(BerthFramed *framed, int code, const char *text, void *user_data);
} BerthFramedCallbacks;

/*
 * Takes a stream whose handshake has not begun, and starts.  A client may pass a stream on a socket
 * that is still connecting.
 *
 * context:          NULL is the default one
 * stream:           taken
 * max_frame_bytes:  a longer frame ends the connection, before anything is allocated for it
 * silence_us:       end with BERTH_ERR_TIMEOUT when nothing arrives for so long; 0 is never.  The
 *                   handshake has BERTH_LIMIT_TLS_HANDSHAKE_US in any case
 */
BerthFramed *berth_framed_new(GMainContext *context, BerthTlsStream *stream, size_t max_frame_bytes,
                              int64_t silence_us, const BerthFramedCallbacks *callbacks,
                              void *user_data);

/* The same behind a hub, for programs with many connections. */
BerthFramed *berth_framed_new_in_hub(BerthSocketHub *hub, BerthTlsStream *stream,
                                     size_t max_frame_bytes, int64_t silence_us,
                                     const BerthFramedCallbacks *callbacks, void *user_data);

/* Drops the connection at once.  NULL is allowed. */
void berth_framed_free(BerthFramed *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthFramed, berth_framed_free)

/*
 * Queues a frame; data is copied.
 * Errors: BERTH_ERR_TOO_LARGE (over max_frame_bytes, or four such frames wait: the peer is
 *         stalled), BERTH_ERR_CLOSED.
 */
int berth_framed_send(BerthFramed *self, const void *data, size_t len);

/* Sends what waits for at most a second, says goodbye and closes; `closed` comes after it. */
void berth_framed_close(BerthFramed *self);

bool berth_framed_is_open(const BerthFramed *self);

/* Returns the stream; borrowed, for questions about the peer. */
BerthTlsStream *berth_framed_get_stream(const BerthFramed *self);

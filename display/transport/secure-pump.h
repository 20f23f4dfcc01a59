/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of one TLS connection in a main context: handshake, reading, writing, deadlines, a
 * proper goodbye, the end.  What the bytes mean is the owner's; BerthFramed and BerthLink are
 * its owners.
 *
 * All reading, and every callback, happens in the source's callback, never inside a call of the
 * owner.  `ended` comes exactly once, last, and not after berth_secure_pump_free().  Every
 * function, berth_secure_pump_free() too, may be called from inside a callback; the memory of the
 * owner is kept for that time by the pump: `destroy` is called when nobody uses it any more.
 *
 * State: one TLS stream and under 200 bytes.  Thread: the one of the context.
 */
#pragma once

#include "display/transport/socket-hub.h"
#include "display/transport/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthSecurePump BerthSecurePump;

/* What the owner does; all but `destroy` are never called after berth_secure_pump_free(). */
typedef struct {
    /* TLS is up. */
    void (*secured)(void *owner);
    /*
     * Bytes have arrived.  Returns false to read no more in this turn; the owner has then ended,
     * closed or freed the connection, or wants to be called again.
     */
    bool (*received)(const uint8_t *data, size_t len, void *owner);
    /* What waits to be sent, borrowed until the next call; returns 0 if nothing does. */
    size_t (*peek_output)(const uint8_t **ret_data, void *owner);
    void (*consume_output)(size_t n, void *owner);
    /* While open: when `tick` must be called at the latest; INT64_MAX is never. */
    int64_t (*get_deadline_us)(void *owner);
    /* While open, at every turn. */
    void (*tick)(int64_t now_us, void *owner);
    /* While open: everything that was sent since the last call is in the kernel.  May be NULL. */
    void (*drained)(void *owner);
    /* It is over; text is borrowed and never NULL.  BERTH_OK after berth_secure_pump_close(). */
    void (*ended)(int code, const char *text, void *owner);
    /* Frees the owner's memory. */
    void (*destroy)(void *owner);
} BerthSecurePumpOps;

/*
 * Takes a stream whose handshake has not begun, and starts.
 *
 * context:  NULL is the default one
 * hub:      NULL, or the hub behind which the socket waits; it is in a context of its own choice
 * stream:   taken
 */
BerthSecurePump *berth_secure_pump_new(GMainContext *context, BerthSocketHub *hub,
                                       BerthTlsStream *stream, const BerthSecurePumpOps *ops,
                                       void *owner);

/* Drops the connection at once; destroys the owner now, or after the callback at work. */
void berth_secure_pump_free(BerthSecurePump *self);

/* Sees to it that what waits is sent and deadlines are asked for again, at the next turn. */
void berth_secure_pump_wake(BerthSecurePump *self);

/* Writes what the socket takes, now; what goes wrong is told at the next turn. */
void berth_secure_pump_flush(BerthSecurePump *self);

/*
 * Sends what waits for at most a second, says goodbye, waits for the peer's and ends.
 *
 * is_peer_gone: the peer has said that it goes: nobody is waited for
 */
void berth_secure_pump_close(BerthSecurePump *self, bool is_peer_gone);

/* Ends at once, from inside a callback: `ended` is called with this code and text. */
void berth_secure_pump_end(BerthSecurePump *self, int code, const char *text);

/* TLS is not up yet. */
bool berth_secure_pump_is_starting(const BerthSecurePump *self);

/* TLS is up, and nobody has begun to close. */
bool berth_secure_pump_is_open(const BerthSecurePump *self);

/* True after berth_secure_pump_free(), while a callback is still at work. */
bool berth_secure_pump_is_freed(const BerthSecurePump *self);

/* Borrowed. */
BerthTlsStream *berth_secure_pump_get_stream(const BerthSecurePump *self);

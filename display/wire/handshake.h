/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control channel of one connection: HELLO, AUTH, WELCOME, then PING/PONG until BYE.
 *
 * An engine beside a BerthWire: the owner of the wire passes every control message here and sends
 * what the wire then has to send.  It drives the state of the wire.  Its own steps are the const
 * table berth_handshake_fsm.
 *
 *   client:  start -> HELLO sent -> HELLO received, AUTH sent -> WELCOME received -> open
 *   session: start -> HELLO received, HELLO sent -> AUTH received, decided, WELCOME sent -> open
 *
 * Thread: the one of the wire.  Source: docs/PROTOCOL.md, "Handshake".
 */
#pragma once

#include "base/fsm.h"
#include "display/wire/msg-control.h"
#include "display/wire/wire.h"

#include <glib.h>

typedef struct BerthHandshake BerthHandshake;

/* Microseconds between PINGs on an open connection, and of silence until it is dead. */
#define BERTH_HANDSHAKE_PING_US (5LL * 1000 * 1000)
#define BERTH_HANDSHAKE_SILENCE_US (15LL * 1000 * 1000)
/* The same for a client, which has a way back and a user who waits. */
#define BERTH_HANDSHAKE_CLIENT_PING_US (2LL * 1000 * 1000)
#define BERTH_HANDSHAKE_CLIENT_SILENCE_US (6LL * 1000 * 1000)

typedef struct {
    /*
     * Session only: decide on the client's AUTH.  client is what it can do.  Fill *ret_welcome
     * (everything but version, which is filled in already) and return BERTH_OK, or return an error:
     * the client gets it in a BYE and the connection ends.
     */
    int (*authorize)(const BerthMsgHello *client, const BerthMsgAuth *auth,
                     BerthMsgWelcome *ret_welcome, void *user_data);
    /* The connection is open; welcome is what was sent or received.  May be NULL. */
    void (*open)(const BerthMsgWelcome *welcome, void *user_data);
    /* The peer said BYE.  May be NULL. */
    void (*bye)(const BerthMsgBye *bye, void *user_data);
} BerthHandshakeCallbacks;

/*
 * wire: borrowed, must outlive the handshake.  hello: what we can do (copied).
 * auth: client: what to present (copied, wiped after use); session: NULL.
 */
BerthHandshake *berth_handshake_new(BerthWire *wire, const BerthMsgHello *hello,
                                    const BerthMsgAuth *auth,
                                    const BerthHandshakeCallbacks *callbacks, void *user_data);

/* Frees it.  NULL is allowed. */
void berth_handshake_free(BerthHandshake *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthHandshake, berth_handshake_free)

/*
 * Begins; the client sends its HELLO.  Call once, when TLS is up.
 */
int berth_handshake_start(BerthHandshake *self, int64_t now_us);

/*
 * Takes one message of the control channel.
 *
 * Errors: BERTH_ERR_PROTOCOL and the other decoder errors, BERTH_ERR_VERSION (no common version),
 *         BERTH_ERR_CLOSED (BYE received), and what authorize returned.  For all but CLOSED a BYE
 *         with the code is queued before the return; send it, then end the connection.
 */
int berth_handshake_handle(BerthHandshake *self, uint8_t type, const uint8_t *payload, size_t len,
                           int64_t now_us);

/* Notes that bytes of any kind came from the peer: it is alive. */
void berth_handshake_note_received(BerthHandshake *self, int64_t now_us);

/*
 * Does what time asks for: sends a PING, or gives up.
 *
 * Errors: BERTH_ERR_TIMEOUT: not open BERTH_LIMIT_AUTH_US after the start, or nothing received for
 * BERTH_HANDSHAKE_SILENCE_US (a client: _CLIENT_SILENCE_US).  A BYE is queued.
 */
int berth_handshake_tick(BerthHandshake *self, int64_t now_us);

/* Returns when berth_handshake_tick() is due next, in the clock of now_us; INT64_MAX for never. */
int64_t berth_handshake_get_deadline_us(const BerthHandshake *self);

/*
 * Queues a BYE and closes the wire for everything after it.  text may be NULL (the sentence of the
 * code).  Does nothing the second time.
 */
int berth_handshake_send_bye(BerthHandshake *self, int code, const char *text);

bool berth_handshake_is_open(const BerthHandshake *self);

/* Returns the peer's HELLO, NULL before it came; borrowed. */
const BerthMsgHello *berth_handshake_get_peer_hello(const BerthHandshake *self);

/* Returns the last round trip measured by PING in microseconds, -1 if none yet. */
int64_t berth_handshake_get_rtt_us(const BerthHandshake *self);

/* The steps of both roles, for documents and tests. */
extern const BerthFsmTable berth_handshake_client_fsm;
extern const BerthFsmTable berth_handshake_session_fsm;

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One display connection in a main context: TLS, wire engine and handshake joined and pumped.
 *
 * The link answers PING, measures the round trip, gives up on silent peers and keeps its output
 * short: it writes while the socket takes it and asks for more with `writable`.  It owns socket,
 * stream and engines.
 *
 * Callbacks come from the main context only, never from inside a call of the owner, and none comes
 * after berth_link_free().  `closed` comes exactly once, last.  Every function, berth_link_free()
 * too, may be called from inside a callback.  Thread: the one of the context.
 */
#pragma once

#include "display/transport/tls.h"
#include "display/wire/handshake.h"
#include "display/wire/wire.h"

#include <glib.h>

typedef struct BerthLink BerthLink;

typedef struct {
    /* TLS is up and the peer's key is known.  May be NULL. */
    void (*secured)(BerthLink *link, const uint8_t peer_key_hash[BERTH_KEY_HASH_BYTES],
                    void *user_data);
    /* Session only: see BerthHandshakeCallbacks.authorize. */
    int (*authorize)(BerthLink *link, const BerthMsgHello *client, const BerthMsgAuth *auth,
                     BerthMsgWelcome *ret_welcome, void *user_data);
    /* WELCOME was sent or received: messages may be sent from here on. */
    void (*open)(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data);
    /*
     * A message, table-checked, but for those of the handshake (control, HELLO to BYE).  payload is
     * borrowed until return.
     * Return an error to end the connection with a BYE of that code.
     */
    int (*message)(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload,
                   size_t len, void *user_data);
    /*
     * Everything that was sent is in the kernel; a good moment for the next frame.  May be NULL.
     */
    void (*writable)(BerthLink *link, void *user_data);
    /*
     * It is over.  code: 0 after our own berth_link_close(), the code of the peer's BYE, or an
     * error: BERTH_ERR_CLOSED, _IO, _TLS, _UNTRUSTED, _TIMEOUT, _PROTOCOL, ...
     * text: a sentence for people and logs; from the peer if is_bye.
     */
    void (*closed)(BerthLink *link, int code, const char *text, bool is_bye, void *user_data);
} BerthLinkCallbacks;

/*
 * Takes a stream whose handshake has not begun, and starts.
 *
 * context:  NULL is the default one
 * stream:   taken; its socket is tuned (berth_tcp_tune())
 * hello:    what we can do (copied)
 * auth:     client: what to present (copied); session: NULL
 */
BerthLink *berth_link_new(GMainContext *context, BerthTlsStream *stream, BerthWireRole role,
                          const BerthMsgHello *hello, const BerthMsgAuth *auth,
                          const BerthLinkCallbacks *callbacks, void *user_data);

/* Drops the connection at once, without BYE.  NULL is allowed. */
void berth_link_free(BerthLink *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthLink, berth_link_free)

/*
 * Queues a message and sees to it that it leaves.  Errors as berth_wire_send(); BERTH_ERR_CLOSED
 * when the connection is over.
 */
int berth_link_send(BerthLink *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                    size_t len);

/* The same, and writes what the socket takes now: for what is small and must not wait. */
int berth_link_send_now(BerthLink *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                        size_t len);

/* The same without a copy.  payload: g_malloc() memory, taken always. */
int berth_link_send_owned(BerthLink *self, BerthChannel channel, uint8_t type, uint8_t *payload,
                          size_t len);

/* Writes what the socket takes now, instead of at the next turn of the loop. */
void berth_link_flush(BerthLink *self);

/*
 * Says BYE (code, and text or NULL for the sentence of the code), sends what it can for at most a
 * second and closes; `closed` comes after it.  Nothing can be sent any more.
 */
void berth_link_close(BerthLink *self, int code, const char *text);

bool berth_link_is_open(const BerthLink *self);

/* Returns bytes that wait on a channel, or BERTH_ALL_CHANNELS. */
size_t berth_link_get_queued_bytes(const BerthLink *self, int channel);

/* Returns the last round trip in microseconds, -1 if unknown. */
int64_t berth_link_get_rtt_us(const BerthLink *self);

uint64_t berth_link_get_bytes_in(const BerthLink *self);
uint64_t berth_link_get_bytes_out(const BerthLink *self);

/* Returns the peer's key hash; BERTH_ERR_NOT_FOUND before TLS is up. */
int berth_link_get_peer_key_hash(const BerthLink *self, uint8_t out[BERTH_KEY_HASH_BYTES]);

/* Returns the peer's HELLO, NULL before it came; borrowed. */
const BerthMsgHello *berth_link_get_peer_hello(const BerthLink *self);

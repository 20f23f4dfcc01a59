/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wire engine: bytes to checked messages and messages to bytes, both directions of one
 * connection.
 *
 * Does no I/O and reads no clock.  Incoming bytes are cut into fragments, fragments are put
 * together per channel, and each complete message has passed the message table (direction, state,
 * length) before the callback sees it.  Outgoing messages wait in one queue a channel and leave as
 * fragments by strict priority: control, input and cursor, sound, display, bulk; channels of the
 * same priority take turns.  Fragments of different channels interleave, the messages of one
 * channel stay in order.
 *
 * The first error is sticky: after it nothing is accepted any more and the connection must end.
 * Thread: the one that created it.  Source: docs/PROTOCOL.md, "Framing".
 */
#pragma once

#include "display/wire/message-table.h"

#include <glib.h>

typedef struct BerthWire BerthWire;

/* For berth_wire_get_queued_bytes(): every channel. */
#define BERTH_ALL_CHANNELS (-1)

typedef struct {
    /*
     * A complete message.  payload is borrowed until return; it is valid (not NULL) for len 0 too.
     * May call berth_wire_send*() and berth_wire_set_state(), not berth_wire_feed() or _free().
     * Return BERTH_OK, or an error that then is the sticky error of the wire.
     */
    int (*message)(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
                   void *user_data);
} BerthWireCallbacks;

/*
 * Makes a wire in state HELLO.  callbacks must outlive it.
 */
BerthWire *berth_wire_new(BerthWireRole role, const BerthWireCallbacks *callbacks, void *user_data);

/* Frees it with everything that waits.  NULL is allowed. */
void berth_wire_free(BerthWire *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthWire, berth_wire_free)

/*
 * Takes bytes that arrived from the peer, any number of them, and calls back for each message that
 * is complete.
 *
 * Errors: BERTH_ERR_PROTOCOL (unknown message, wrong side or state, bad header, fragments mixed),
 *         BERTH_ERR_TOO_LARGE (message or bytes before authentication over the limit),
 *         BERTH_ERR_TRUNCATED (message shorter than its row), BERTH_ERR_CLOSED (after BYE),
 *         or what the callback returned.  Sticky.
 */
int berth_wire_feed(BerthWire *self, const uint8_t *data, size_t len);

/*
 * Queues a message; payload is copied.  The table applies to us too.
 *
 * Errors: BERTH_ERR_INVALID (no row, or not ours to send), BERTH_ERR_STATE (not in this state),
 *         BERTH_ERR_TOO_LARGE (length outside its row, or the output queue is over
 *         BERTH_LIMIT_OUTPUT_QUEUE_BYTES: the peer is stalled).  The wire stays usable.
 */
int berth_wire_send(BerthWire *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                    size_t len);

/*
 * The same without a copy.  payload: g_malloc() memory, taken always, also on error.
 */
int berth_wire_send_owned(BerthWire *self, BerthChannel channel, uint8_t type, uint8_t *payload,
                          size_t len);

/*
 * Looks at bytes to be sent next, at most 16 KiB (one TLS record).  Returns their number, 0 if
 * nothing waits.  ret_data is borrowed until the next call on the wire; bytes that were looked at
 * and not consumed come again, unchanged.
 */
size_t berth_wire_peek_output(BerthWire *self, const uint8_t **ret_data);

/* Drops n bytes from the front of the last peek.  n must not be larger than what peek returned. */
void berth_wire_consume_output(BerthWire *self, size_t n_bytes);

/*
 * Moves the connection on; the handshake engine does this.  BERTH_WIRE_OPEN lifts the limit of
 * bytes before authentication; after BERTH_WIRE_CLOSED only queued control messages leave.
 */
void berth_wire_set_state(BerthWire *self, BerthWireState state);

BerthWireState berth_wire_get_state(const BerthWire *self);

BerthWireRole berth_wire_get_role(const BerthWire *self);

/*
 * Returns payload bytes that wait on a channel (or BERTH_ALL_CHANNELS).  Bytes already handed out
 * in the 16 KiB stage of berth_wire_peek_output() count only for BERTH_ALL_CHANNELS.
 */
size_t berth_wire_get_queued_bytes(const BerthWire *self, int channel);

/* Returns true if berth_wire_peek_output() would return bytes. */
bool berth_wire_has_output(const BerthWire *self);

/* Returns bytes that were fed and consumed since the beginning. */
uint64_t berth_wire_get_bytes_in(const BerthWire *self);
uint64_t berth_wire_get_bytes_out(const BerthWire *self);

/*
 * Returns the sticky error (BERTH_OK if none) and a sentence that says what the peer did; the
 * text is borrowed, "" if there is none.
 */
int berth_wire_get_error(const BerthWire *self, const char **ret_text);

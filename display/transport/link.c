/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "display/transport/secure-pump.h"
#include "display/transport/tcp.h"

struct BerthLink {
    BerthSecurePump *pump;
    BerthWire *wire;
    BerthHandshake *handshake;
    const BerthLinkCallbacks *callbacks;
    void *user_data;
    /* How it ends, once that is known. */
    bool has_end;
    int end_code;
    bool is_end_bye;
    char *end_text;
};

/* Notes how the connection ends; the first reason stays. */
static void
note_end(BerthLink *self, int code, const char *text, bool is_bye)
{
    if (!self->has_end) {
        self->has_end = true;
        self->end_code = code;
        self->is_end_bye = is_bye;
        self->end_text =
            g_strdup(text != NULL && text[0] != '\0' ? text : berth_error_sentence(code));
    }
}

/* Goes on to send what control has to say, then to end. */
static void
begin_closing(BerthLink *self)
{
    berth_secure_pump_close(self->pump, self->is_end_bye);
}

/* --- callbacks of the engines --- */

static int
on_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthLink *self = user_data;
    if (berth_secure_pump_is_freed(self->pump)) {
        return BERTH_ERR_CLOSED;
    }
    if (channel == BERTH_CHANNEL_CONTROL && type <= BERTH_MSG_BYE) {
        return berth_handshake_handle(self->handshake, type, payload, len, berth_monotonic_us());
    }
    int r = self->callbacks->message(self, channel, type, payload, len, self->user_data);
    return r == BERTH_OK && !berth_secure_pump_is_open(self->pump) ? BERTH_ERR_CLOSED : r;
}

static int
on_authorize(const BerthMsgHello *client, const BerthMsgAuth *auth, BerthMsgWelcome *ret_welcome,
             void *user_data)
{
    BerthLink *self = user_data;
    int r = self->callbacks->authorize(self, client, auth, ret_welcome, self->user_data);
    return r == BERTH_OK && berth_secure_pump_is_freed(self->pump) ? BERTH_ERR_CLOSED : r;
}

static void
on_open(const BerthMsgWelcome *welcome, void *user_data)
{
    BerthLink *self = user_data;
    if (!berth_secure_pump_is_freed(self->pump) && self->callbacks->open != NULL) {
        self->callbacks->open(self, welcome, self->user_data);
    }
}

static void
on_bye(const BerthMsgBye *bye, void *user_data)
{
    note_end(user_data, bye->code, bye->text, true);
}

static const BerthWireCallbacks wire_callbacks = { .message = on_message };
static const BerthHandshakeCallbacks handshake_callbacks = {
    .authorize = on_authorize,
    .open = on_open,
    .bye = on_bye,
};

/* --- callbacks of the pump --- */

static void
on_secured(void *owner)
{
    BerthLink *self = owner;
    uint8_t hash[BERTH_KEY_HASH_BYTES] = { 0 };
    int r = berth_handshake_start(self->handshake, berth_monotonic_us());
    if (r < 0) {
        berth_secure_pump_end(self->pump, r, "the handshake could not start");
        return;
    }
    if (self->callbacks->secured != NULL && berth_link_get_peer_key_hash(self, hash) == BERTH_OK) {
        self->callbacks->secured(self, hash, self->user_data);
    }
}

/* The wire refused something: tells the peer why and ends. */
static void
end_by_wire(BerthLink *self, int code)
{
    const char *text;
    berth_wire_get_error(self->wire, &text);
    note_end(self, code, text, false);
    berth_handshake_send_bye(self->handshake, code, text);
    begin_closing(self);
}

static bool
on_received(const uint8_t *data, size_t len, void *owner)
{
    BerthLink *self = owner;
    berth_handshake_note_received(self->handshake, berth_monotonic_us());
    int r = berth_wire_feed(self->wire, data, len);
    if (!berth_secure_pump_is_open(self->pump)) {
        return false;
    }
    if (r < 0) {
        end_by_wire(self, r);
    }
    return r == BERTH_OK;
}

static size_t
peek_output(const uint8_t **ret_data, void *owner)
{
    BerthLink *self = owner;
    return berth_wire_peek_output(self->wire, ret_data);
}

static void
consume_output(size_t n, void *owner)
{
    BerthLink *self = owner;
    berth_wire_consume_output(self->wire, n);
}

static int64_t
get_deadline_us(void *owner)
{
    BerthLink *self = owner;
    return berth_handshake_get_deadline_us(self->handshake);
}

static void
on_tick(int64_t now_us, void *owner)
{
    BerthLink *self = owner;
    int r = berth_handshake_tick(self->handshake, now_us);
    if (r < 0) {
        note_end(self, r, "the peer has been silent for too long", false);
        begin_closing(self);
    }
}

static void
on_drained(void *owner)
{
    BerthLink *self = owner;
    if (berth_handshake_is_open(self->handshake)) {
        self->callbacks->writable(self, self->user_data);
    }
}

static void
on_ended(int code, const char *text, void *owner)
{
    BerthLink *self = owner;
    note_end(self, code, text, false);
    self->callbacks->closed(self, self->end_code, self->end_text, self->is_end_bye,
                            self->user_data);
}

static void
destroy(void *owner)
{
    BerthLink *self = owner;
    berth_handshake_free(self->handshake);
    berth_wire_free(self->wire);
    g_free(self->end_text);
    g_free(self);
}

/* The second one is for owners who do not want to know when everything is in the kernel. */
static const BerthSecurePumpOps pump_ops[] = {
    {
        .secured = on_secured,
        .received = on_received,
        .peek_output = peek_output,
        .consume_output = consume_output,
        .get_deadline_us = get_deadline_us,
        .tick = on_tick,
        .drained = on_drained,
        .ended = on_ended,
        .destroy = destroy,
    },
    {
        .secured = on_secured,
        .received = on_received,
        .peek_output = peek_output,
        .consume_output = consume_output,
        .get_deadline_us = get_deadline_us,
        .tick = on_tick,
        .ended = on_ended,
        .destroy = destroy,
    },
};

/* --- the owner's calls --- */

BerthLink *
berth_link_new(GMainContext *context, BerthTlsStream *stream, BerthWireRole role,
               const BerthMsgHello *hello, const BerthMsgAuth *auth,
               const BerthLinkCallbacks *callbacks, void *user_data)
{
    BerthLink *self = g_new0(BerthLink, 1);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->wire = berth_wire_new(role, &wire_callbacks, self);
    self->handshake = berth_handshake_new(self->wire, hello, auth, &handshake_callbacks, self);
    berth_tcp_tune(berth_tls_stream_get_fd(stream)); /* an untuned socket is slower, not wrong */
    self->pump = berth_secure_pump_new(
        context, NULL, stream, callbacks->writable != NULL ? &pump_ops[0] : &pump_ops[1], self);
    return self;
}

void
berth_link_free(BerthLink *self)
{
    if (self != NULL) {
        berth_secure_pump_free(self->pump);
    }
}

int
berth_link_send_owned(BerthLink *self, BerthChannel channel, uint8_t type, uint8_t *payload,
                      size_t len)
{
    if (!berth_secure_pump_is_open(self->pump) || self->has_end) {
        g_free(payload);
        return BERTH_ERR_CLOSED;
    }
    int r = berth_wire_send_owned(self->wire, channel, type, payload, len);
    if (r == BERTH_OK) {
        berth_secure_pump_wake(self->pump);
    }
    return r;
}

int
berth_link_send_now(BerthLink *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                    size_t len)
{
    if (!berth_secure_pump_is_open(self->pump) || self->has_end) {
        return BERTH_ERR_CLOSED;
    }
    int r = berth_wire_send(self->wire, channel, type, payload, len);
    if (r == BERTH_OK) {
        berth_secure_pump_flush(self->pump);
    }
    return r;
}

int
berth_link_send(BerthLink *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                size_t len)
{
    return berth_link_send_owned(self, channel, type, g_memdup2(payload, len), len);
}

void
berth_link_flush(BerthLink *self)
{
    if (!self->has_end) {
        berth_secure_pump_flush(self->pump);
    }
}

void
berth_link_close(BerthLink *self, int code, const char *text)
{
    bool is_open = berth_secure_pump_is_open(self->pump);
    if (is_open || berth_secure_pump_is_starting(self->pump)) {
        note_end(self, BERTH_OK, "the connection was closed", false);
        if (is_open) {
            berth_handshake_send_bye(self->handshake, code, text);
        }
        begin_closing(self);
    }
}

/* --- questions --- */

bool
berth_link_is_open(const BerthLink *self)
{
    return berth_secure_pump_is_open(self->pump) && berth_handshake_is_open(self->handshake);
}

size_t
berth_link_get_queued_bytes(const BerthLink *self, int channel)
{
    return berth_wire_get_queued_bytes(self->wire, channel);
}

int64_t
berth_link_get_rtt_us(const BerthLink *self)
{
    return berth_handshake_get_rtt_us(self->handshake);
}

uint64_t
berth_link_get_bytes_in(const BerthLink *self)
{
    return berth_wire_get_bytes_in(self->wire);
}

uint64_t
berth_link_get_bytes_out(const BerthLink *self)
{
    return berth_wire_get_bytes_out(self->wire);
}

int
berth_link_get_peer_key_hash(const BerthLink *self, uint8_t out[BERTH_KEY_HASH_BYTES])
{
    return berth_tls_stream_get_peer_key_hash(berth_secure_pump_get_stream(self->pump), out);
}

const BerthMsgHello *
berth_link_get_peer_hello(const BerthLink *self)
{
    return berth_handshake_get_peer_hello(self->handshake);
}

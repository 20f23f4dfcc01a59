/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All reading, and every callback, happens in the source's callback.  The owner's calls may write
 * (berth_link_flush), but what goes wrong there is only noted and told at the next turn.
 */
#include "display/transport/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/socket-source.h"
#include "display/transport/tcp.h"

#include <string.h>

#define READ_BYTES 16384
/* Reads in one turn of the loop: a quarter of a megabyte, then others have theirs. */
#define READS_PER_TURN 16
/* Records in one flush; the unsent rest waits for the socket. */
#define WRITES_PER_TURN 64
#define LINGER_US (1000LL * 1000)

typedef enum {
    STATE_TLS,     /* handshake of TLS */
    STATE_RUNNING, /* our handshake, then the desktop */
    STATE_CLOSING, /* BYE is on its way */
    STATE_CLOSED,
} LinkState;

struct BerthLink {
    int n_refs; /* the owner's, and one during a callback of the source */
    bool is_freed;
    LinkState state;
    BerthTlsStream *stream;
    BerthWire *wire;
    BerthHandshake *handshake;
    GSource *source;
    const BerthLinkCallbacks *callbacks;
    void *user_data;
    int64_t started_us, closing_us;
    bool is_secured;
    bool has_written; /* since `writable` was told last */
    /* How it ends, once that is known. */
    bool has_end;
    int end_code;
    bool is_end_bye;
    char *end_text;
};

static void
link_unref(BerthLink *self)
{
    if (--self->n_refs > 0) {
        return;
    }
    berth_handshake_free(self->handshake);
    berth_wire_free(self->wire);
    berth_tls_stream_free(self->stream);
    g_free(self->end_text);
    g_free(self);
}

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

/* Ends the connection and tells the owner; the last thing that happens to it. */
static void
finish(BerthLink *self, int code, const char *text)
{
    if (self->state == STATE_CLOSED) {
        return;
    }
    note_end(self, code, text, false);
    self->state = STATE_CLOSED;
    berth_tls_stream_shutdown(self->stream);
    g_source_destroy(self->source);
    if (!self->is_freed) {
        self->callbacks->closed(self, self->end_code, self->end_text, self->is_end_bye,
                                self->user_data);
    }
}

static void
finish_by_stream(BerthLink *self, int code)
{
    finish(self, code, berth_tls_stream_get_error_text(self->stream));
}

/* Goes on to send what control has to say, then to end. */
static void
begin_closing(BerthLink *self)
{
    if (self->state == STATE_TLS || self->state == STATE_RUNNING) {
        self->state = STATE_CLOSING;
        self->closing_us = berth_monotonic_us();
        berth_socket_source_wake(self->source);
    }
}

/* --- callbacks of the engines --- */

static int
on_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthLink *self = user_data;
    if (self->is_freed) {
        return BERTH_ERR_CLOSED;
    }
    if (channel == BERTH_CHANNEL_CONTROL) {
        return berth_handshake_handle(self->handshake, type, payload, len, berth_monotonic_us());
    }
    int r = self->callbacks->message(self, channel, type, payload, len, self->user_data);
    if (r == BERTH_OK && (self->is_freed || self->state != STATE_RUNNING)) {
        return BERTH_ERR_CLOSED;
    }
    return r;
}

static int
on_authorize(const BerthMsgHello *client, const BerthMsgAuth *auth, BerthMsgWelcome *ret_welcome,
             void *user_data)
{
    BerthLink *self = user_data;
    int r = self->callbacks->authorize(self, client, auth, ret_welcome, self->user_data);
    return r == BERTH_OK && self->is_freed ? BERTH_ERR_CLOSED : r;
}

static void
on_open(const BerthMsgWelcome *welcome, void *user_data)
{
    BerthLink *self = user_data;
    if (!self->is_freed && self->callbacks->open != NULL) {
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

/* --- pumping --- */

static void
pump_tls(BerthLink *self)
{
    uint8_t hash[BERTH_KEY_HASH_BYTES] = { 0 };
    int r = berth_tls_stream_handshake(self->stream);
    if (r == BERTH_ERR_AGAIN) {
        return;
    }
    if (r < 0) {
        finish_by_stream(self, r);
        return;
    }
    self->state = STATE_RUNNING;
    self->is_secured = true;
    r = berth_handshake_start(self->handshake, berth_monotonic_us());
    if (r < 0) {
        finish(self, r, "the handshake could not start");
        return;
    }
    if (self->callbacks->secured != NULL &&
        berth_tls_stream_get_peer_key_hash(self->stream, hash) == BERTH_OK) {
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

static void
pump_input(BerthLink *self)
{
    uint8_t buffer[READ_BYTES];
    for (int i = 0; i < READS_PER_TURN; i++) {
        size_t n;
        int r = berth_tls_stream_read(self->stream, buffer, sizeof buffer, &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            finish_by_stream(self, r);
            return;
        }
        berth_handshake_note_received(self->handshake, berth_monotonic_us());
        r = berth_wire_feed(self->wire, buffer, n);
        if (self->is_freed || self->state != STATE_RUNNING) {
            return;
        }
        if (r < 0) {
            end_by_wire(self, r);
            return;
        }
    }
    berth_socket_source_wake(self->source);
}

/* Writes what the socket takes; an error is noted. */
static void
pump_output(BerthLink *self)
{
    const uint8_t *data;
    for (int i = 0; i < WRITES_PER_TURN; i++) {
        size_t n = berth_wire_peek_output(self->wire, &data);
        if (n == 0) {
            return;
        }
        int r = berth_tls_stream_write(self->stream, data, n, &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            note_end(self, r, berth_tls_stream_get_error_text(self->stream), false);
            berth_socket_source_wake(self->source);
            return;
        }
        berth_wire_consume_output(self->wire, n);
        self->has_written = true;
    }
}

static void
tell_writable(BerthLink *self)
{
    if (self->state == STATE_RUNNING && self->has_written && !self->has_end &&
        !berth_wire_has_output(self->wire)) {
        self->has_written = false;
        if (self->callbacks->writable != NULL && berth_handshake_is_open(self->handshake)) {
            self->callbacks->writable(self, self->user_data);
        }
    }
}

static void
tick(BerthLink *self)
{
    int64_t now_us = berth_monotonic_us();
    if (self->state == STATE_TLS && now_us - self->started_us >= BERTH_LIMIT_TLS_HANDSHAKE_US) {
        finish(self, BERTH_ERR_TIMEOUT, "the TLS handshake took too long");
    } else if (self->state == STATE_CLOSING && now_us - self->closing_us >= LINGER_US) {
        finish(self, BERTH_OK, "the connection was closed");
    } else if (self->state == STATE_RUNNING) {
        int r = berth_handshake_tick(self->handshake, now_us);
        if (r < 0) {
            note_end(self, r, "the peer has been silent for too long", false);
            begin_closing(self);
        }
    }
}

/*
 * Reads and forgets what still arrives, until the peer has seen our end.  Closing a socket with
 * unread bytes would reset the connection and could destroy our BYE on its way.
 */
static void
pump_drain(BerthLink *self)
{
    uint8_t buffer[READ_BYTES];
    size_t n;
    for (int i = 0; i < READS_PER_TURN; i++) {
        int r = berth_tls_stream_read(self->stream, buffer, sizeof buffer, &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            finish(self, BERTH_OK, "the connection was closed");
            return;
        }
    }
    berth_socket_source_wake(self->source);
}

/* Sends BYE, says goodbye and waits for the peer's, if there is somebody to wait for. */
static void
pump_closing(BerthLink *self)
{
    if (self->is_secured) {
        pump_output(self);
    }
    if (!self->is_secured || self->is_end_bye) {
        finish(self, BERTH_OK, "the connection was closed");
        return;
    }
    if (!berth_wire_has_output(self->wire)) {
        berth_tls_stream_shutdown(self->stream);
    }
    pump_drain(self);
}

static int64_t
next_deadline_us(const BerthLink *self)
{
    switch (self->state) {
    case STATE_TLS:
        return self->started_us + BERTH_LIMIT_TLS_HANDSHAKE_US;
    case STATE_RUNNING:
        return berth_handshake_get_deadline_us(self->handshake);
    case STATE_CLOSING:
        return self->closing_us + LINGER_US;
    case STATE_CLOSED:
        break;
    }
    return INT64_MAX;
}

static void
update_source(BerthLink *self)
{
    if (self->state == STATE_CLOSED) {
        return;
    }
    GIOCondition events = G_IO_IN;
    if (berth_tls_stream_wants_write(self->stream) ||
        (self->state != STATE_TLS && berth_wire_has_output(self->wire))) {
        events |= G_IO_OUT;
    }
    berth_socket_source_set_events(self->source, events);
    berth_socket_source_set_deadline(self->source, next_deadline_us(self));
}

static void
pump_running(BerthLink *self)
{
    if (!self->has_end) {
        pump_input(self);
    }
    if (self->state == STATE_RUNNING && !self->has_end) {
        pump_output(self);
    }
    if (self->state == STATE_RUNNING && self->has_end) {
        /* Writing failed. */
        finish(self, self->end_code, NULL);
    }
    tell_writable(self);
}

static void
on_socket(GIOCondition events, void *user_data)
{
    BerthLink *self = user_data;
    self->n_refs++;
    if (self->state == STATE_TLS) {
        pump_tls(self);
    }
    tick(self);
    if (self->state == STATE_RUNNING) {
        pump_running(self);
    }
    if (self->state == STATE_CLOSING) {
        pump_closing(self);
    }
    update_source(self);
    link_unref(self);
}

/* --- the owner's calls --- */

BerthLink *
berth_link_new(GMainContext *context, BerthTlsStream *stream, BerthWireRole role,
               const BerthMsgHello *hello, const BerthMsgAuth *auth,
               const BerthLinkCallbacks *callbacks, void *user_data)
{
    BerthLink *self = g_new0(BerthLink, 1);
    int fd = berth_tls_stream_get_fd(stream);
    self->n_refs = 1;
    self->state = STATE_TLS;
    self->stream = stream;
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->wire = berth_wire_new(role, &wire_callbacks, self);
    self->handshake = berth_handshake_new(self->wire, hello, auth, &handshake_callbacks, self);
    self->started_us = berth_monotonic_us();
    self->source = berth_socket_source_new(context, fd, on_socket, self);
    berth_tcp_tune(fd); /* an untuned socket is slower, not wrong */
    berth_socket_source_set_deadline(self->source, next_deadline_us(self));
    berth_socket_source_wake(self->source);
    return self;
}

void
berth_link_free(BerthLink *self)
{
    if (self == NULL) {
        return;
    }
    self->is_freed = true;
    self->state = STATE_CLOSED;
    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    link_unref(self);
}

int
berth_link_send_owned(BerthLink *self, BerthChannel channel, uint8_t type, uint8_t *payload,
                      size_t len)
{
    if (self->state != STATE_RUNNING || self->has_end) {
        g_free(payload);
        return BERTH_ERR_CLOSED;
    }
    int r = berth_wire_send_owned(self->wire, channel, type, payload, len);
    if (r == BERTH_OK) {
        berth_socket_source_wake(self->source);
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
    if (self->state == STATE_RUNNING && !self->has_end) {
        pump_output(self);
        berth_socket_source_wake(self->source);
    }
}

void
berth_link_close(BerthLink *self, int code, const char *text)
{
    if (self->state == STATE_TLS || self->state == STATE_RUNNING) {
        note_end(self, BERTH_OK, "the connection was closed", false);
        if (self->state == STATE_RUNNING) {
            berth_handshake_send_bye(self->handshake, code, text);
        }
        begin_closing(self);
    }
}

/* --- questions --- */

bool
berth_link_is_open(const BerthLink *self)
{
    return self->state == STATE_RUNNING && berth_handshake_is_open(self->handshake);
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
    return berth_tls_stream_get_peer_key_hash(self->stream, out);
}

const BerthMsgHello *
berth_link_get_peer_hello(const BerthLink *self)
{
    return berth_handshake_get_peer_hello(self->handshake);
}

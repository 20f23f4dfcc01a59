/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/secure-pump.h"

#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/socket-source.h"

#define READ_BYTES 16384
/* Reads in one turn of the loop: a quarter of a megabyte, then others have theirs. */
#define READS_PER_TURN 16
/* Records in one turn; the unsent rest waits for the socket. */
#define WRITES_PER_TURN 64
#define LINGER_US (1000LL * 1000)

typedef enum {
    STATE_STARTING, /* handshake of TLS */
    STATE_OPEN,
    STATE_CLOSING, /* sends what waits, then says goodbye */
    STATE_CLOSED,
} PumpState;

struct BerthSecurePump {
    int n_refs; /* the owner's, and one during a callback of the source */
    bool is_freed;
    bool is_secured;   /* the TLS handshake is over */
    bool is_peer_gone; /* no goodbye is to be waited for */
    bool has_written;  /* since `drained` was told last */
    int write_error;   /* BERTH_OK, or what the next turn has to tell */
    PumpState state;
    BerthTlsStream *stream;
    BerthSocketSource *source;
    const BerthSecurePumpOps *ops;
    void *owner;
    int64_t started_us, closing_us;
};

static void
pump_unref(BerthSecurePump *self)
{
    if (--self->n_refs > 0) {
        return;
    }
    self->ops->destroy(self->owner);
    berth_tls_stream_free(self->stream);
    g_free(self);
}

void
berth_secure_pump_end(BerthSecurePump *self, int code, const char *text)
{
    if (self->state == STATE_CLOSED) {
        return;
    }
    self->state = STATE_CLOSED;
    berth_tls_stream_shutdown(self->stream);
    berth_socket_source_stop(self->source);
    if (!self->is_freed) {
        self->ops->ended(code, text, self->owner);
    }
}

static void
end_closed(BerthSecurePump *self)
{
    berth_secure_pump_end(self, BERTH_OK, "the connection was closed");
}

static void
end_by_stream(BerthSecurePump *self, int code)
{
    const char *text = berth_tls_stream_get_error_text(self->stream);
    if (self->state == STATE_CLOSING) {
        end_closed(self);
        return;
    }
    berth_secure_pump_end(self, code, text[0] != '\0' ? text : berth_error_sentence(code));
}

static void
pump_handshake(BerthSecurePump *self)
{
    int r = berth_tls_stream_handshake(self->stream);
    if (r == BERTH_ERR_AGAIN) {
        return;
    }
    if (r < 0) {
        end_by_stream(self, r);
        return;
    }
    self->state = STATE_OPEN;
    self->is_secured = true;
    self->ops->secured(self->owner);
}

/* Gives what arrives to the owner, or, while closing, forgets it. */
static void
pump_input(BerthSecurePump *self)
{
    uint8_t buffer[READ_BYTES];
    PumpState state = self->state;
    for (int i = 0; i < READS_PER_TURN; i++) {
        size_t n;
        int r = berth_tls_stream_read(self->stream, buffer, sizeof buffer, &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            end_by_stream(self, r);
            return;
        }
        if (state == STATE_OPEN &&
            (!self->ops->received(buffer, n, self->owner) || self->state != STATE_OPEN)) {
            return;
        }
    }
    berth_socket_source_wake(self->source);
}

/* Writes what the socket takes; an error is noted. */
static void
pump_output(BerthSecurePump *self)
{
    const uint8_t *data;
    for (int i = 0; i < WRITES_PER_TURN && self->write_error == BERTH_OK; i++) {
        size_t n = self->ops->peek_output(&data, self->owner);
        if (n == 0) {
            return;
        }
        int r = berth_tls_stream_write(self->stream, data, n, &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            self->write_error = r;
            berth_socket_source_wake(self->source);
            return;
        }
        self->ops->consume_output(n, self->owner);
        self->has_written = true;
    }
}

static bool
has_output(const BerthSecurePump *self)
{
    const uint8_t *data;
    return !self->is_freed && self->ops->peek_output(&data, self->owner) > 0;
}

static void
pump_open(BerthSecurePump *self)
{
    pump_input(self);
    if (self->state == STATE_OPEN) {
        pump_output(self);
    }
    if (self->state == STATE_OPEN && self->write_error != BERTH_OK) {
        end_by_stream(self, self->write_error);
    }
    if (self->state == STATE_OPEN && self->has_written && !has_output(self)) {
        self->has_written = false;
        if (self->ops->drained != NULL) {
            self->ops->drained(self->owner);
        }
    }
}

/*
 * Sends what waits, says goodbye and waits for the peer's, if there is somebody to wait for.
 * What arrives meanwhile is read and forgotten: closing a socket with unread bytes would reset
 * the connection and could destroy our last words on their way.
 */
static void
pump_closing(BerthSecurePump *self)
{
    if (self->is_secured) {
        pump_output(self);
    }
    if (!self->is_secured || self->is_peer_gone || self->write_error != BERTH_OK) {
        end_closed(self);
        return;
    }
    if (!has_output(self)) {
        berth_tls_stream_shutdown(self->stream);
    }
    pump_input(self);
}

static int64_t
next_deadline_us(const BerthSecurePump *self)
{
    switch (self->state) {
    case STATE_STARTING:
        return self->started_us + BERTH_LIMIT_TLS_HANDSHAKE_US;
    case STATE_OPEN:
        return self->ops->get_deadline_us(self->owner);
    case STATE_CLOSING:
        return self->closing_us + LINGER_US;
    case STATE_CLOSED:
        break;
    }
    return INT64_MAX;
}

static void
tick(BerthSecurePump *self)
{
    int64_t now_us = berth_monotonic_us();
    if (self->state == STATE_OPEN) {
        self->ops->tick(now_us, self->owner);
    } else if (self->state == STATE_CLOSED || now_us < next_deadline_us(self)) {
        return;
    } else if (self->state == STATE_STARTING) {
        berth_secure_pump_end(self, BERTH_ERR_TIMEOUT, "the TLS handshake took too long");
    } else {
        end_closed(self);
    }
}

static void
update_source(BerthSecurePump *self)
{
    GIOCondition events = G_IO_IN;
    if (self->state == STATE_CLOSED) {
        return;
    }
    if (berth_tls_stream_wants_write(self->stream) ||
        (self->state != STATE_STARTING && has_output(self))) {
        events |= G_IO_OUT;
    }
    berth_socket_source_set_events(self->source, events);
    berth_socket_source_set_deadline(self->source, next_deadline_us(self));
}

static void
on_socket(GIOCondition events, void *user_data)
{
    BerthSecurePump *self = user_data;
    self->n_refs++;
    if (self->state == STATE_STARTING) {
        pump_handshake(self);
    }
    if (self->state == STATE_OPEN) {
        pump_open(self);
    }
    tick(self); /* what had arrived counts, however long this process slept */
    if (self->state == STATE_CLOSING) {
        pump_closing(self);
    }
    update_source(self);
    pump_unref(self);
}

BerthSecurePump *
berth_secure_pump_new(GMainContext *context, BerthSocketHub *hub, BerthTlsStream *stream,
                      const BerthSecurePumpOps *ops, void *owner)
{
    int fd = berth_tls_stream_get_fd(stream);
    BerthSecurePump *self = g_new0(BerthSecurePump, 1);
    self->n_refs = 1;
    self->state = STATE_STARTING;
    self->stream = stream;
    self->ops = ops;
    self->owner = owner;
    self->started_us = berth_monotonic_us();
    self->source = hub != NULL ? berth_socket_source_new_in_hub(hub, fd, on_socket, self)
                               : berth_socket_source_new(context, fd, on_socket, self);
    berth_socket_source_set_deadline(self->source, next_deadline_us(self));
    berth_socket_source_wake(self->source);
    return self;
}

void
berth_secure_pump_free(BerthSecurePump *self)
{
    self->is_freed = true;
    self->state = STATE_CLOSED;
    berth_socket_source_stop(self->source);
    g_clear_pointer(&self->source, berth_socket_source_unref);
    pump_unref(self);
}

void
berth_secure_pump_wake(BerthSecurePump *self)
{
    if (self->state != STATE_CLOSED) {
        berth_socket_source_wake(self->source);
    }
}

void
berth_secure_pump_flush(BerthSecurePump *self)
{
    if (self->state == STATE_OPEN) {
        pump_output(self);
        if (self->write_error != BERTH_OK || has_output(self) || self->ops->drained != NULL) {
            berth_socket_source_wake(self->source);
        } else {
            berth_socket_source_calm(self->source);
        }
    }
}

void
berth_secure_pump_close(BerthSecurePump *self, bool is_peer_gone)
{
    if (self->state == STATE_STARTING || self->state == STATE_OPEN) {
        self->state = STATE_CLOSING;
        self->is_peer_gone = is_peer_gone;
        self->closing_us = berth_monotonic_us();
        berth_socket_source_wake(self->source);
    }
}

bool
berth_secure_pump_is_starting(const BerthSecurePump *self)
{
    return self->state == STATE_STARTING;
}

bool
berth_secure_pump_is_open(const BerthSecurePump *self)
{
    return self->state == STATE_OPEN;
}

bool
berth_secure_pump_is_freed(const BerthSecurePump *self)
{
    return self->is_freed;
}

BerthTlsStream *
berth_secure_pump_get_stream(const BerthSecurePump *self)
{
    return self->stream;
}

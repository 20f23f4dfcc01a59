/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All input and output happens in the source's callback; the owner's calls only queue and wake.
 * So no callback ever runs inside a call of the owner, and one place ends the connection.
 */
#include "display/transport/framed.h"

#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/socket-source.h"

#include <string.h>

#define LENGTH_BYTES 4
#define READ_BYTES 16384
/* Reads in one turn of the loop, so that one busy peer does not starve the others. */
#define READS_PER_TURN 16
#define LINGER_US (1000LL * 1000)
/* Frames of full size that may wait before the peer is called stalled. */
#define MAX_WAITING_FRAMES 4

typedef enum {
    STATE_HANDSHAKE,
    STATE_OPEN,
    STATE_CLOSING, /* sends what waits, then says goodbye */
    STATE_CLOSED,
} FramedState;

struct BerthFramed {
    int n_refs; /* the owner's, and one during a callback of the source */
    bool is_freed;
    bool is_secured; /* the TLS handshake is over */
    FramedState state;
    BerthTlsStream *stream;
    GSource *source;
    const BerthFramedCallbacks *callbacks;
    void *user_data;
    size_t max_frame_bytes;
    int64_t silence_us;
    int64_t started_us, last_received_us, closing_us;
    GByteArray *in;
    GByteArray *out;
    size_t out_pos; /* bytes at the front of out that are sent */
};

static void
framed_unref(BerthFramed *self)
{
    if (--self->n_refs > 0) {
        return;
    }
    berth_tls_stream_free(self->stream);
    g_byte_array_unref(self->in);
    g_byte_array_unref(self->out);
    g_free(self);
}

/* Ends the connection and tells the owner; the last thing that happens to it. */
static void
finish(BerthFramed *self, int code, const char *text)
{
    if (self->state == STATE_CLOSED) {
        return;
    }
    self->state = STATE_CLOSED;
    berth_tls_stream_shutdown(self->stream);
    g_source_destroy(self->source);
    if (!self->is_freed) {
        self->callbacks->closed(self, code, text, self->user_data);
    }
}

static void
finish_by_stream(BerthFramed *self, int code)
{
    const char *text = berth_tls_stream_get_error_text(self->stream);
    if (self->state == STATE_CLOSING) {
        finish(self, BERTH_OK, "the connection was closed");
        return;
    }
    finish(self, code, text[0] != '\0' ? text : berth_error_sentence(code));
}

static uint32_t
peek_length(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/*
 * Gives out the frame at pos of the input, if it is complete.
 * Errors: BERTH_ERR_AGAIN: it is not; BERTH_ERR_TOO_LARGE, BERTH_ERR_PROTOCOL; the owner's.
 */
static int
take_frame(BerthFramed *self, size_t *pos)
{
    size_t left = self->in->len - *pos;
    if (left < LENGTH_BYTES) {
        return BERTH_ERR_AGAIN;
    }
    size_t n = peek_length(self->in->data + *pos);
    if (n == 0 || n > self->max_frame_bytes) {
        return n == 0 ? BERTH_ERR_PROTOCOL : BERTH_ERR_TOO_LARGE;
    }
    if (left - LENGTH_BYTES < n) {
        return BERTH_ERR_AGAIN;
    }
    /* The byte after the frame becomes its end for the time of the call. */
    size_t start = *pos + LENGTH_BYTES;
    guint total = self->in->len;
    g_byte_array_append(self->in, (const uint8_t *)"", 1);
    uint8_t next = self->in->data[start + n];
    self->in->data[start + n] = 0;
    int r = self->callbacks->frame(self, self->in->data + start, n, self->user_data);
    self->in->data[start + n] = next;
    g_byte_array_set_size(self->in, total);
    *pos = start + n;
    return r;
}

/* Gives out every complete frame; false if the connection is over. */
static bool
take_frames(BerthFramed *self)
{
    size_t pos = 0;
    int r = BERTH_OK;
    while (r == BERTH_OK && self->state == STATE_OPEN) {
        r = take_frame(self, &pos);
    }
    if (pos > 0) {
        g_byte_array_remove_range(self->in, 0, (guint)pos);
    }
    if (r != BERTH_OK && r != BERTH_ERR_AGAIN) {
        finish(self, r, "the peer's frame was refused");
    }
    return self->state == STATE_OPEN;
}

static void
pump_input(BerthFramed *self)
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
        self->last_received_us = berth_monotonic_us();
        g_byte_array_append(self->in, buffer, (guint)n);
        if (!take_frames(self)) {
            return;
        }
    }
    berth_socket_source_wake(self->source);
}

static size_t
waiting_bytes(const BerthFramed *self)
{
    return self->out->len - self->out_pos;
}

static void
pump_output(BerthFramed *self)
{
    while (waiting_bytes(self) > 0) {
        size_t n;
        int r = berth_tls_stream_write(self->stream, self->out->data + self->out_pos,
                                       waiting_bytes(self), &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            finish_by_stream(self, r);
            return;
        }
        self->out_pos += n;
    }
    g_byte_array_set_size(self->out, 0);
    self->out_pos = 0;
}

/*
 * Sends what waits, says goodbye and waits for the peer's.  What arrives meanwhile is read and
 * forgotten: closing a socket with unread bytes would reset the connection and could destroy the
 * last frame on its way.
 */
static void
pump_closing(BerthFramed *self)
{
    uint8_t buffer[READ_BYTES];
    size_t n;
    if (!self->is_secured) {
        finish(self, BERTH_OK, "the connection was closed");
        return;
    }
    pump_output(self);
    if (self->state == STATE_CLOSING && waiting_bytes(self) == 0) {
        berth_tls_stream_shutdown(self->stream);
    }
    for (int i = 0; i < READS_PER_TURN && self->state == STATE_CLOSING; i++) {
        int r = berth_tls_stream_read(self->stream, buffer, sizeof buffer, &n);
        if (r == BERTH_ERR_AGAIN) {
            return;
        }
        if (r < 0) {
            finish(self, BERTH_OK, "the connection was closed");
        }
    }
    if (self->state == STATE_CLOSING) {
        berth_socket_source_wake(self->source);
    }
}

static void
pump_handshake(BerthFramed *self)
{
    int r = berth_tls_stream_handshake(self->stream);
    if (r == BERTH_ERR_AGAIN) {
        return;
    }
    if (r < 0) {
        finish_by_stream(self, r);
        return;
    }
    self->state = STATE_OPEN;
    self->is_secured = true;
    self->last_received_us = berth_monotonic_us();
    if (self->callbacks->open != NULL) {
        self->callbacks->open(self, self->stream, self->user_data);
    }
}

static int64_t
next_deadline_us(const BerthFramed *self)
{
    switch (self->state) {
    case STATE_HANDSHAKE:
        return self->started_us + BERTH_LIMIT_TLS_HANDSHAKE_US;
    case STATE_OPEN:
        return self->silence_us > 0 ? self->last_received_us + self->silence_us : INT64_MAX;
    case STATE_CLOSING:
        return self->closing_us + LINGER_US;
    case STATE_CLOSED:
        break;
    }
    return INT64_MAX;
}

static void
check_deadline(BerthFramed *self)
{
    if (self->state == STATE_CLOSED || berth_monotonic_us() < next_deadline_us(self)) {
        return;
    }
    switch (self->state) {
    case STATE_HANDSHAKE:
        finish(self, BERTH_ERR_TIMEOUT, "the TLS handshake took too long");
        break;
    case STATE_CLOSING:
        finish(self, BERTH_OK, "the connection was closed");
        break;
    default:
        finish(self, BERTH_ERR_TIMEOUT, "the peer has been silent for too long");
        break;
    }
}

static void
update_source(BerthFramed *self)
{
    GIOCondition events = G_IO_IN;
    if (self->state == STATE_CLOSED) {
        return;
    }
    if (berth_tls_stream_wants_write(self->stream) ||
        (self->state != STATE_HANDSHAKE && waiting_bytes(self) > 0)) {
        events |= G_IO_OUT;
    }
    berth_socket_source_set_events(self->source, events);
    berth_socket_source_set_deadline(self->source, next_deadline_us(self));
}

static void
on_socket(GIOCondition events, void *user_data)
{
    BerthFramed *self = user_data;
    self->n_refs++;
    if (self->state == STATE_HANDSHAKE) {
        pump_handshake(self);
    }
    if (self->state == STATE_OPEN) {
        pump_input(self);
    }
    if (self->state == STATE_OPEN) {
        pump_output(self);
    }
    if (self->state == STATE_CLOSING) {
        pump_closing(self);
    }
    check_deadline(self);
    update_source(self);
    framed_unref(self);
}

BerthFramed *
berth_framed_new(GMainContext *context, BerthTlsStream *stream, size_t max_frame_bytes,
                 int64_t silence_us, const BerthFramedCallbacks *callbacks, void *user_data)
{
    BerthFramed *self = g_new0(BerthFramed, 1);
    self->n_refs = 1;
    self->state = STATE_HANDSHAKE;
    self->stream = stream;
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->max_frame_bytes = max_frame_bytes;
    self->silence_us = silence_us;
    self->started_us = berth_monotonic_us();
    self->in = g_byte_array_new();
    self->out = g_byte_array_new();
    self->source =
        berth_socket_source_new(context, berth_tls_stream_get_fd(stream), on_socket, self);
    berth_socket_source_wake(self->source);
    return self;
}

void
berth_framed_free(BerthFramed *self)
{
    if (self == NULL) {
        return;
    }
    self->is_freed = true;
    self->state = STATE_CLOSED;
    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    framed_unref(self);
}

int
berth_framed_send(BerthFramed *self, const void *data, size_t len)
{
    uint8_t length[LENGTH_BYTES] = { (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                                     (uint8_t)(len >> 24) };
    if (self->state != STATE_HANDSHAKE && self->state != STATE_OPEN) {
        return BERTH_ERR_CLOSED;
    }
    if (len > self->max_frame_bytes ||
        waiting_bytes(self) + len > MAX_WAITING_FRAMES * self->max_frame_bytes) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (len == 0) {
        return BERTH_ERR_INVALID;
    }
    g_byte_array_append(self->out, length, sizeof length);
    g_byte_array_append(self->out, data, (guint)len);
    berth_socket_source_wake(self->source);
    return BERTH_OK;
}

void
berth_framed_close(BerthFramed *self)
{
    if (self->state == STATE_OPEN || self->state == STATE_HANDSHAKE) {
        self->closing_us = berth_monotonic_us();
        self->state = STATE_CLOSING;
        berth_socket_source_wake(self->source);
    }
}

bool
berth_framed_is_open(const BerthFramed *self)
{
    return self->state == STATE_OPEN;
}

BerthTlsStream *
berth_framed_get_stream(const BerthFramed *self)
{
    return self->stream;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/framed.h"

#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/transport/secure-pump.h"

#include <string.h>

#define LENGTH_BYTES 4
/* Of a buffer that is empty. */
#define KEPT_BYTES 1024u
/* Frames of full size that may wait before the peer is called stalled. */
#define MAX_WAITING_FRAMES 4

struct BerthFramed {
    BerthSecurePump *pump;
    const BerthFramedCallbacks *callbacks;
    void *user_data;
    size_t max_frame_bytes;
    int64_t silence_us;
    int64_t last_received_us;
    GByteArray *in;
    GByteArray *out;
    size_t out_pos; /* bytes at the front of out that are sent */
};

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

/* An empty buffer that was large gives its memory back: links are idle for most of their life. */
static GByteArray *
shrink(GByteArray *buffer, guint n_peak)
{
    if (buffer->len > 0 || n_peak <= KEPT_BYTES) {
        return buffer;
    }
    g_byte_array_unref(buffer);
    return g_byte_array_new();
}

/* Gives out every complete frame; false if the connection is over. */
static bool
on_received(const uint8_t *data, size_t len, void *owner)
{
    BerthFramed *self = owner;
    size_t pos = 0;
    int r = BERTH_OK;
    self->last_received_us = berth_monotonic_us();
    g_byte_array_append(self->in, data, (guint)len);
    guint n_peak = self->in->len;
    while (r == BERTH_OK && berth_secure_pump_is_open(self->pump)) {
        r = take_frame(self, &pos);
    }
    if (pos > 0) {
        g_byte_array_remove_range(self->in, 0, (guint)pos);
        self->in = shrink(self->in, n_peak);
    }
    if (r != BERTH_OK && r != BERTH_ERR_AGAIN) {
        berth_secure_pump_end(self->pump, r, "the peer's frame was refused");
    }
    return berth_secure_pump_is_open(self->pump);
}

static void
on_secured(void *owner)
{
    BerthFramed *self = owner;
    self->last_received_us = berth_monotonic_us();
    if (self->callbacks->open != NULL) {
        self->callbacks->open(self, berth_framed_get_stream(self), self->user_data);
    }
}

static size_t
peek_output(const uint8_t **ret_data, void *owner)
{
    BerthFramed *self = owner;
    *ret_data = self->out->data + self->out_pos;
    return self->out->len - self->out_pos;
}

static void
consume_output(size_t n, void *owner)
{
    BerthFramed *self = owner;
    self->out_pos += n;
    if (self->out_pos == self->out->len) {
        guint n_peak = self->out->len;
        g_byte_array_set_size(self->out, 0);
        self->out = shrink(self->out, n_peak);
        self->out_pos = 0;
    }
}

static int64_t
get_deadline_us(void *owner)
{
    const BerthFramed *self = owner;
    return self->silence_us > 0 ? self->last_received_us + self->silence_us : INT64_MAX;
}

static void
on_tick(int64_t now_us, void *owner)
{
    BerthFramed *self = owner;
    if (now_us >= get_deadline_us(self)) {
        berth_secure_pump_end(self->pump, BERTH_ERR_TIMEOUT,
                              "the peer has been silent for too long");
    }
}

static void
on_ended(int code, const char *text, void *owner)
{
    BerthFramed *self = owner;
    self->callbacks->closed(self, code, text, self->user_data);
}

static void
destroy(void *owner)
{
    BerthFramed *self = owner;
    g_byte_array_unref(self->in);
    g_byte_array_unref(self->out);
    g_free(self);
}

static const BerthSecurePumpOps pump_ops = {
    .secured = on_secured,
    .received = on_received,
    .peek_output = peek_output,
    .consume_output = consume_output,
    .get_deadline_us = get_deadline_us,
    .tick = on_tick,
    .ended = on_ended,
    .destroy = destroy,
};

static BerthFramed *
framed_new(GMainContext *context, BerthSocketHub *hub, BerthTlsStream *stream,
           size_t max_frame_bytes, int64_t silence_us, const BerthFramedCallbacks *callbacks,
           void *user_data)
{
    BerthFramed *self = g_new0(BerthFramed, 1);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->max_frame_bytes = max_frame_bytes;
    self->silence_us = silence_us;
    self->in = g_byte_array_new();
    self->out = g_byte_array_new();
    self->pump = berth_secure_pump_new(context, hub, stream, &pump_ops, self);
    return self;
}

BerthFramed *
berth_framed_new(GMainContext *context, BerthTlsStream *stream, size_t max_frame_bytes,
                 int64_t silence_us, const BerthFramedCallbacks *callbacks, void *user_data)
{
    return framed_new(context, NULL, stream, max_frame_bytes, silence_us, callbacks, user_data);
}

BerthFramed *
berth_framed_new_in_hub(BerthSocketHub *hub, BerthTlsStream *stream, size_t max_frame_bytes,
                        int64_t silence_us, const BerthFramedCallbacks *callbacks, void *user_data)
{
    return framed_new(NULL, hub, stream, max_frame_bytes, silence_us, callbacks, user_data);
}

void
berth_framed_free(BerthFramed *self)
{
    if (self != NULL) {
        berth_secure_pump_free(self->pump);
    }
}

int
berth_framed_send(BerthFramed *self, const void *data, size_t len)
{
    uint8_t length[LENGTH_BYTES] = { (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                                     (uint8_t)(len >> 24) };
    size_t n_waiting = self->out->len - self->out_pos;
    if (!berth_secure_pump_is_starting(self->pump) && !berth_secure_pump_is_open(self->pump)) {
        return BERTH_ERR_CLOSED;
    }
    if (len > self->max_frame_bytes ||
        n_waiting + len > MAX_WAITING_FRAMES * self->max_frame_bytes) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (len == 0) {
        return BERTH_ERR_INVALID;
    }
    g_byte_array_append(self->out, length, sizeof length);
    g_byte_array_append(self->out, data, (guint)len);
    berth_secure_pump_wake(self->pump);
    return BERTH_OK;
}

void
berth_framed_close(BerthFramed *self)
{
    berth_secure_pump_close(self->pump, false);
}

bool
berth_framed_is_open(const BerthFramed *self)
{
    return berth_secure_pump_is_open(self->pump);
}

BerthTlsStream *
berth_framed_get_stream(const BerthFramed *self)
{
    return berth_secure_pump_get_stream(self->pump);
}

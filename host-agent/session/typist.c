/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/typist.h"

#include "host-agent/session/keymap.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <linux/input-event-codes.h>

/* A virtio keyboard drops what the guest has no buffers for: 64 events, 8 for a capital letter. */
#define PACE_MS 8

struct BerthTypist {
    BerthInputSink *sink;
    GByteArray *waiting; /* ASCII */
    guint source;
};

BerthTypist *
berth_typist_new(BerthInputSink *sink)
{
    BerthTypist *self = g_new0(BerthTypist, 1);

    self->sink = sink;
    self->waiting = g_byte_array_new();
    return self;
}

void
berth_typist_free(BerthTypist *self)
{
    if (self != NULL) {
        g_clear_handle_id(&self->source, g_source_remove);
        g_byte_array_unref(self->waiting);
        g_free(self);
    }
}

static void
type_char(BerthTypist *self, char c)
{
    uint16_t evdev = 0;
    bool needs_shift = false;

    if (!berth_keymap_find_char(c, &evdev, &needs_shift)) {
        return;
    }
    if (needs_shift) {
        berth_input_sink_type(self->sink, KEY_LEFTSHIFT, true);
    }
    berth_input_sink_type(self->sink, evdev, true);
    berth_input_sink_type(self->sink, evdev, false);
    if (needs_shift) {
        berth_input_sink_type(self->sink, KEY_LEFTSHIFT, false);
    }
}

static gboolean
on_pace(gpointer user_data)
{
    BerthTypist *self = user_data;

    if (self->waiting->len > 0) {
        type_char(self, (char)self->waiting->data[0]);
        g_byte_array_remove_index(self->waiting, 0);
    }
    if (self->waiting->len > 0) {
        return G_SOURCE_CONTINUE;
    }
    self->source = 0;
    return G_SOURCE_REMOVE;
}

int
berth_typist_push(BerthTypist *self, const char *text, gunichar *ret_first)
{
    uint16_t evdev;
    bool needs_shift;

    *ret_first = 0;
    if (self->waiting->len + (guint)g_utf8_strlen(text, -1) > BERTH_LIMIT_TYPED_CHARS) {
        return BERTH_ERR_THROTTLED;
    }
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        guint8 byte = (guint8)c;

        if (c < 0x80 && berth_keymap_find_char((char)c, &evdev, &needs_shift)) {
            g_byte_array_append(self->waiting, &byte, 1);
        } else if (*ret_first == 0) {
            *ret_first = c;
        }
    }
    if (self->waiting->len > 0 && self->source == 0) {
        self->source = g_timeout_add(PACE_MS, on_pace, self);
    }
    return BERTH_OK;
}

void
berth_typist_flush(BerthTypist *self)
{
    for (guint i = 0; i < self->waiting->len; i++) {
        type_char(self, (char)self->waiting->data[i]);
    }
    berth_typist_forget(self);
}

void
berth_typist_forget(BerthTypist *self)
{
    g_byte_array_set_size(self->waiting, 0);
    g_clear_handle_id(&self->source, g_source_remove);
}

size_t
berth_typist_get_n_waiting(const BerthTypist *self)
{
    return self->waiting->len;
}

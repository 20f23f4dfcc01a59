/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/sound-pulse.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib.h>
#include <pulse/pulseaudio.h>

#define SCOPE "sound"
/* What lies in the server: enough for its scheduling, little enough not to be heard. */
#define PLAY_MS 30
#define PLAY_STEP_MS 10
#define RECORD_STEP_MS 10
#define TICK_BYTES (BERTH_SOUND_CHANNELS * sizeof(int16_t))
#define PIECE_TICKS 480

typedef struct {
    BerthSoundDevice base;
    char *name;
    const BerthSoundDeviceCallbacks *callbacks;
    void *user_data;
    /* All under the loop's lock: */
    pa_threaded_mainloop *loop;
    pa_context *context; /* NULL: not connected */
    pa_stream *out, *in;
    bool is_playing, is_recording;
} PulseDevice;

static const pa_sample_spec spec = { PA_SAMPLE_S16NE, BERTH_SOUND_TICKS_PER_S,
                                     BERTH_SOUND_CHANNELS };

static void
complain(PulseDevice *self, const char *what)
{
    berth_log_warning(SCOPE, "%s: %s", what, pa_strerror(pa_context_errno(self->context)));
}

/* --- libpulse's thread, or main under its lock --- */

static void
on_writable(pa_stream *stream, size_t n_bytes, void *user_data)
{
    PulseDevice *self = user_data;

    while (n_bytes >= TICK_BYTES) {
        int16_t samples[PIECE_TICKS * BERTH_SOUND_CHANNELS];
        unsigned n_ticks = (unsigned)MIN(n_bytes / TICK_BYTES, PIECE_TICKS);

        self->callbacks->pull(samples, n_ticks, berth_monotonic_us(), self->user_data);
        if (pa_stream_write(stream, samples, n_ticks * TICK_BYTES, NULL, 0, PA_SEEK_RELATIVE) < 0) {
            return;
        }
        n_bytes -= n_ticks * TICK_BYTES;
    }
}

static void
on_readable(pa_stream *stream, size_t n_bytes, void *user_data)
{
    PulseDevice *self = user_data;
    const void *data;
    size_t len;

    while (pa_stream_readable_size(stream) > 0 && pa_stream_peek(stream, &data, &len) == 0 &&
           len > 0) {
        if (data != NULL) {
            self->callbacks->give(data, (unsigned)(len / TICK_BYTES), berth_monotonic_us(),
                                  self->user_data);
        }
        pa_stream_drop(stream);
    }
}

static void
drop_stream(pa_stream **stream)
{
    if (*stream != NULL) {
        pa_stream_set_write_callback(*stream, NULL, NULL);
        pa_stream_set_read_callback(*stream, NULL, NULL);
        pa_stream_disconnect(*stream);
        pa_stream_unref(*stream);
        *stream = NULL;
    }
}

static void
begin_playing(PulseDevice *self)
{
    const pa_buffer_attr attributes = {
        .maxlength = (uint32_t)-1,
        .tlength = PLAY_MS * BERTH_SOUND_TICKS_PER_MS * TICK_BYTES,
        .prebuf = (uint32_t)-1,
        .minreq = PLAY_STEP_MS * BERTH_SOUND_TICKS_PER_MS * TICK_BYTES,
        .fragsize = (uint32_t)-1,
    };

    self->out = pa_stream_new(self->context, "desktop", &spec, NULL);
    if (self->out == NULL) {
        complain(self, "no stream to play");
        return;
    }
    pa_stream_set_write_callback(self->out, on_writable, self);
    if (pa_stream_connect_playback(self->out, NULL, &attributes, PA_STREAM_ADJUST_LATENCY, NULL,
                                   NULL) < 0) {
        complain(self, "the loudspeaker does not take sound");
        drop_stream(&self->out);
    }
}

static void
begin_recording(PulseDevice *self)
{
    const pa_buffer_attr attributes = {
        .maxlength = (uint32_t)-1,
        .tlength = (uint32_t)-1,
        .prebuf = (uint32_t)-1,
        .minreq = (uint32_t)-1,
        .fragsize = RECORD_STEP_MS * BERTH_SOUND_TICKS_PER_MS * TICK_BYTES,
    };

    self->in = pa_stream_new(self->context, "microphone for the desktop", &spec, NULL);
    if (self->in == NULL) {
        complain(self, "no stream to record");
        return;
    }
    pa_stream_set_read_callback(self->in, on_readable, self);
    if (pa_stream_connect_record(self->in, NULL, &attributes, PA_STREAM_ADJUST_LATENCY) < 0) {
        complain(self, "the microphone gives no sound");
        drop_stream(&self->in);
    }
}

/* Makes streams as they are wanted; does nothing until the server is there. */
static void
apply(PulseDevice *self)
{
    if (self->context == NULL || pa_context_get_state(self->context) != PA_CONTEXT_READY) {
        return;
    }
    if (!self->is_playing) {
        drop_stream(&self->out);
    } else if (self->out == NULL) {
        begin_playing(self);
    }
    if (!self->is_recording) {
        drop_stream(&self->in);
    } else if (self->in == NULL) {
        begin_recording(self);
    }
}

static void
drop_context(PulseDevice *self)
{
    drop_stream(&self->out);
    drop_stream(&self->in);
    if (self->context != NULL) {
        pa_context_set_state_callback(self->context, NULL, NULL);
        pa_context_disconnect(self->context);
        pa_context_unref(self->context);
        self->context = NULL;
    }
}

static void
on_state(pa_context *context, void *user_data)
{
    PulseDevice *self = user_data;

    if (pa_context_get_state(context) == PA_CONTEXT_READY) {
        apply(self);
    } else if (pa_context_get_state(context) == PA_CONTEXT_FAILED) {
        /* It is dropped, and made anew, when sound begins again. */
        complain(self, "no sound: the sound server does not answer");
    }
}

/* --- main --- */

static void
connect_server(PulseDevice *self)
{
    self->context = pa_context_new(pa_threaded_mainloop_get_api(self->loop), self->name);
    if (self->context == NULL) {
        return;
    }
    pa_context_set_state_callback(self->context, on_state, self);
    if (pa_context_connect(self->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0) {
        complain(self, "no sound: no sound server");
        drop_context(self);
    }
}

static void
ensure_server(PulseDevice *self)
{
    if (self->context != NULL && !PA_CONTEXT_IS_GOOD(pa_context_get_state(self->context))) {
        drop_context(self);
    }
    if (self->context == NULL) {
        connect_server(self);
    }
}

static void
set_wanted(PulseDevice *self, bool *wanted, bool is_on)
{
    pa_threaded_mainloop_lock(self->loop);
    *wanted = is_on;
    if (is_on) {
        ensure_server(self);
    }
    apply(self);
    pa_threaded_mainloop_unlock(self->loop);
}

static void
pulse_start(BerthSoundDevice *base, const BerthSoundDeviceCallbacks *callbacks, void *user_data)
{
    PulseDevice *self = (PulseDevice *)base;

    self->callbacks = callbacks;
    self->user_data = user_data;
    pa_threaded_mainloop_start(self->loop);
}

static void
pulse_set_playing(BerthSoundDevice *base, bool is_on)
{
    PulseDevice *self = (PulseDevice *)base;

    set_wanted(self, &self->is_playing, is_on);
}

static void
pulse_set_recording(BerthSoundDevice *base, bool is_on)
{
    PulseDevice *self = (PulseDevice *)base;

    set_wanted(self, &self->is_recording, is_on);
}

static void
pulse_free(BerthSoundDevice *base)
{
    PulseDevice *self = (PulseDevice *)base;

    pa_threaded_mainloop_lock(self->loop);
    drop_context(self);
    pa_threaded_mainloop_unlock(self->loop);
    pa_threaded_mainloop_stop(self->loop);
    pa_threaded_mainloop_free(self->loop);
    g_free(self->name);
    g_free(self);
}

static const BerthSoundDeviceOps ops = {
    .start = pulse_start,
    .set_playing = pulse_set_playing,
    .set_recording = pulse_set_recording,
    .free = pulse_free,
};

BerthSoundDevice *
berth_sound_pulse_new(const char *name)
{
    PulseDevice *self = g_new0(PulseDevice, 1);

    self->base.ops = &ops;
    self->name = g_strdup(name);
    self->loop = pa_threaded_mainloop_new();
    g_assert(self->loop != NULL); /* but for lack of memory */
    return &self->base;
}

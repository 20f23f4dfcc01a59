/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-sound.h"

#include "client/probe/wav-device.h"

struct BerthProbeSound {
    BerthSoundDevice *device; /* the client's */
    BerthSoundClient *client;
    uint64_t n_streams; /* before it began to listen, or to record */
};

BerthProbeSound *
berth_probe_sound_new(void)
{
    BerthProbeSound *self = g_new0(BerthProbeSound, 1);

    self->device = berth_wav_device_new();
    self->client = berth_sound_client_new(self->device);
    berth_sound_client_set_muted(self->client, true);
    return self;
}

void
berth_probe_sound_free(BerthProbeSound *self)
{
    if (self != NULL) {
        berth_sound_client_free(self->client);
        g_free(self);
    }
}

BerthSoundClient *
berth_probe_sound_get_client(BerthProbeSound *self)
{
    return self->client;
}

static void
note_streams(BerthProbeSound *self)
{
    BerthSoundReceiverStats stats;

    berth_sound_client_get_stats(self->client, &stats);
    self->n_streams = stats.n_streams;
}

void
berth_probe_sound_listen(BerthProbeSound *self)
{
    if (berth_sound_client_is_muted(self->client)) {
        note_streams(self);
        berth_sound_client_set_muted(self->client, false);
    }
}

bool
berth_probe_sound_is_heard(BerthProbeSound *self)
{
    BerthSoundReceiverStats stats;

    berth_sound_client_get_stats(self->client, &stats);
    return stats.is_playing || stats.n_streams > self->n_streams;
}

bool
berth_probe_sound_record(BerthProbeSound *self, const char *path, GError **error)
{
    if (!berth_wav_device_record(self->device, path, error)) {
        return false;
    }
    note_streams(self);
    berth_probe_sound_listen(self);
    return true;
}

bool
berth_probe_sound_speak(BerthProbeSound *self, const char *path, GError **error)
{
    return berth_wav_device_speak(self->device, path, error);
}

json_t *
berth_probe_sound_to_json(BerthProbeSound *self)
{
    return berth_sound_client_stats_to_json(self->client);
}

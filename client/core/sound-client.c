/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/sound-client.h"

#include "base/bytes-writer.h"
#include "base/error.h"
#include "base/mpsc-queue.h"
#include "berth/limits.h"
#include "display/audio/sound-packer.h"
#include "display/wire/msg-sound.h"

#include <string.h>

/* The device goes on for so long after the end of a stream: for its rest, and for the next one. */
#define LINGER_MS 3000
#define MIC_KBPS 64
/* A slider that moves is many levels: the desktop is told of the last one. */
#define TELL_LEVEL_MS 100

/* One event of the microphone's packer, on its way to main. */
typedef struct {
    BerthSoundEvent event;
    uint8_t data[];
} MicNews;

typedef struct {
    void (*changed)(void *user_data);
    void *user_data;
} Watcher;

struct BerthSoundClient {
    BerthSoundDevice *device;
    BerthSoundSendFunc send; /* NULL: no connection */
    void *send_data;
    bool is_known; /* SOUND_STATE came: the session knows sound */
    uint8_t flags; /* of SOUND_STATE */
    bool is_muted;
    bool is_mic_allowed;
    bool is_mic_open;
    bool has_mic_stream; /* MIC_OPEN was sent */
    bool is_device_playing;
    guint linger_source;
    guint level_source;
    bool has_level;   /* the user has chosen one */
    GSList *watchers; /* of Watcher* */
    BerthQueue *mic_news;
    int volume_percent;

    GMutex lock; /* innermost; of what the device's thread uses: */
    BerthSoundReceiver *receiver;
    BerthSoundPacker *packer;
    bool is_mic_running;
    int gain; /* 256 is as it comes */
    int level;
};

static void
tell_changed(BerthSoundClient *self)
{
    for (GSList *at = self->watchers; at != NULL; at = at->next) {
        const Watcher *watcher = at->data;

        watcher->changed(watcher->user_data);
    }
}

/* --- the device's thread --- */

static void
on_pull(int16_t *ret, unsigned n_ticks, int64_t now_us, void *user_data)
{
    BerthSoundClient *self = user_data;
    int level;

    g_mutex_lock(&self->lock);
    berth_sound_receiver_pull(self->receiver, ret, n_ticks, now_us);
    for (unsigned i = 0; self->gain != 256 && i < n_ticks * BERTH_SOUND_CHANNELS; i++) {
        ret[i] = (int16_t)(ret[i] * self->gain / 256);
    }
    level = berth_sound_peak(ret, n_ticks);
    self->level = MAX(self->level, level);
    g_mutex_unlock(&self->lock);
}

static void
on_mic_packed(const BerthSoundEvent *event, void *user_data)
{
    BerthSoundClient *self = user_data;
    MicNews *news = g_malloc0(sizeof *news + event->len);

    news->event = *event;
    if (event->len > 0) {
        memcpy(news->data, event->data, event->len);
        news->event.data = news->data;
    }
    berth_queue_push(self->mic_news, news);
}

static void
on_give(const int16_t *samples, unsigned n_ticks, int64_t now_us, void *user_data)
{
    BerthSoundClient *self = user_data;

    g_mutex_lock(&self->lock);
    if (self->is_mic_running) {
        berth_sound_packer_write(self->packer, samples, n_ticks, now_us);
    }
    g_mutex_unlock(&self->lock);
}

static const BerthSoundDeviceCallbacks device_callbacks = { .pull = on_pull, .give = on_give };

/* --- main --- */

static void
send_written(BerthSoundClient *self, int code, BerthChannel channel, uint8_t type,
             BerthWriter *writer)
{
    if (code == BERTH_OK && self->send != NULL) {
        self->send(channel, type, writer->data, writer->len, self->send_data);
    }
    berth_writer_clear(writer);
}

static void
send_mic(BerthSoundClient *self, const BerthSoundEvent *event)
{
    const BerthMsgSoundOpen open = { BERTH_SOUND_OPUS, BERTH_SOUND_CHANNELS,
                                     BERTH_SOUND_PACKET_TICKS };
    const BerthMsgMicData data = { event->position, event->data, event->len };
    BerthWriter writer;

    berth_writer_init(&writer, 2048);
    if (event->kind == BERTH_SOUND_BEGINS) {
        send_written(self, berth_msg_sound_open_encode(&writer, &open), BERTH_CHANNEL_AUDIO_IN,
                     BERTH_MSG_MIC_OPEN, &writer);
    } else if (event->kind == BERTH_SOUND_PACKET) {
        send_written(self, berth_msg_mic_data_encode(&writer, &data), BERTH_CHANNEL_AUDIO_IN,
                     BERTH_MSG_MIC_DATA, &writer);
    } else {
        send_written(self, BERTH_OK, BERTH_CHANNEL_AUDIO_IN, BERTH_MSG_MIC_CLOSE, &writer);
    }
}

/* The last packets of a stream that was stopped are dropped here, up to its end. */
static void
on_mic_news(void *item, void *user_data)
{
    BerthSoundClient *self = user_data;
    g_autofree MicNews *news = item;
    BerthSoundEventKind kind = news->event.kind;

    if (kind == BERTH_SOUND_BEGINS) {
        self->has_mic_stream = self->is_mic_open;
    }
    if (self->has_mic_stream) {
        send_mic(self, &news->event);
        self->has_mic_stream = kind != BERTH_SOUND_ENDS;
    }
}

BerthSoundClient *
berth_sound_client_new(BerthSoundDevice *device)
{
    BerthSoundClient *self = g_new0(BerthSoundClient, 1);

    self->device = device;
    self->is_mic_allowed = true;
    self->volume_percent = 100;
    self->gain = 256;
    g_mutex_init(&self->lock);
    self->receiver = berth_sound_receiver_new();
    self->packer = berth_sound_packer_new(MIC_KBPS, on_mic_packed, self);
    self->mic_news = berth_queue_new(NULL, on_mic_news, self, g_free);
    device->ops->start(device, &device_callbacks, self);
    return self;
}

void
berth_sound_client_free(BerthSoundClient *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->linger_source, g_source_remove);
    g_clear_handle_id(&self->level_source, g_source_remove);
    self->device->ops->free(self->device);
    berth_queue_free(self->mic_news);
    berth_sound_packer_free(self->packer);
    berth_sound_receiver_free(self->receiver);
    g_mutex_clear(&self->lock);
    g_slist_free_full(self->watchers, g_free);
    g_free(self);
}

uint8_t
berth_sound_client_get_audio_mask(const BerthSoundClient *self)
{
    return (uint8_t)(BERTH_AUDIO_PLAYS |
                     (self->device->ops->set_recording != NULL ? BERTH_AUDIO_RECORDS : 0));
}

static void
set_device_playing(BerthSoundClient *self, bool is_on)
{
    if (self->is_device_playing != is_on) {
        self->is_device_playing = is_on;
        self->device->ops->set_playing(self->device, is_on);
    }
}

static gboolean
on_linger(gpointer user_data)
{
    BerthSoundClient *self = user_data;

    self->linger_source = 0;
    set_device_playing(self, false);
    return G_SOURCE_REMOVE;
}

static void
begin_stream(BerthSoundClient *self, unsigned packet_ticks)
{
    g_clear_handle_id(&self->linger_source, g_source_remove);
    g_mutex_lock(&self->lock);
    berth_sound_receiver_open(self->receiver, packet_ticks);
    g_mutex_unlock(&self->lock);
    set_device_playing(self, true);
    tell_changed(self);
}

static void
end_stream(BerthSoundClient *self)
{
    g_mutex_lock(&self->lock);
    berth_sound_receiver_close(self->receiver);
    g_mutex_unlock(&self->lock);
    if (self->is_device_playing && self->linger_source == 0) {
        self->linger_source = g_timeout_add(LINGER_MS, on_linger, self);
    }
}

/* Opens or closes the microphone as everybody together wants it. */
static void
apply_mic(BerthSoundClient *self)
{
    const uint8_t needed = BERTH_SOUND_MAY_RECORD | BERTH_SOUND_RECORDS;
    bool is_on = self->send != NULL && self->is_mic_allowed && (self->flags & needed) == needed &&
                 self->device->ops->set_recording != NULL;

    if (is_on == self->is_mic_open) {
        return;
    }
    self->is_mic_open = is_on;
    g_mutex_lock(&self->lock);
    self->is_mic_running = is_on;
    berth_sound_packer_stop(self->packer);
    g_mutex_unlock(&self->lock);
    self->device->ops->set_recording(self->device, is_on);
    tell_changed(self);
}

static void
send_wanted(BerthSoundClient *self)
{
    BerthWriter writer;
    int code;

    berth_writer_init(&writer, 16);
    code = berth_msg_sound_wanted_encode(&writer, !self->is_muted);
    send_written(self, code, BERTH_CHANNEL_AUDIO_OUT, BERTH_MSG_SOUND_WANTED, &writer);
}

static gboolean
on_tell_level(gpointer user_data)
{
    BerthSoundClient *self = user_data;
    const BerthMsgSoundLevel level = { (uint8_t)self->volume_percent, self->is_muted };
    BerthWriter writer;
    int code;

    self->level_source = 0;
    if (self->is_known && self->has_level) {
        berth_writer_init(&writer, 16);
        code = berth_msg_sound_level_encode(&writer, &level);
        send_written(self, code, BERTH_CHANNEL_AUDIO_OUT, BERTH_MSG_SOUND_LEVEL, &writer);
    }
    return G_SOURCE_REMOVE;
}

/* The user has set volume or mute. */
static void
note_level(BerthSoundClient *self)
{
    self->has_level = true;
    if (self->level_source == 0) {
        self->level_source = g_timeout_add(TELL_LEVEL_MS, on_tell_level, self);
    }
}

void
berth_sound_client_attach(BerthSoundClient *self, BerthSoundSendFunc send, void *user_data)
{
    self->send = send;
    self->send_data = user_data;
    self->is_known = false;
    self->has_mic_stream = false;
}

void
berth_sound_client_detach(BerthSoundClient *self, const void *user_data)
{
    if (self->send == NULL || self->send_data != user_data) {
        return;
    }
    self->send = NULL;
    self->flags = 0;
    end_stream(self);
    apply_mic(self);
    tell_changed(self);
}

static int
take_open(BerthSoundClient *self, const uint8_t *payload, size_t len)
{
    BerthMsgSoundOpen open;
    int code = berth_msg_sound_open_decode(payload, len, &open);

    if (code == BERTH_OK) {
        begin_stream(self, open.packet_ticks);
    }
    return code;
}

static int
take_data(BerthSoundClient *self, const uint8_t *payload, size_t len, int64_t now_us)
{
    BerthMsgSoundData data;
    int code = berth_msg_sound_data_decode(payload, len, &data);

    if (code != BERTH_OK) {
        return code;
    }
    g_mutex_lock(&self->lock);
    code = berth_sound_receiver_push(self->receiver, data.position, data.capture_us, data.data,
                                     data.data_len, now_us);
    g_mutex_unlock(&self->lock);
    return code == BERTH_ERR_STATE ? BERTH_ERR_PROTOCOL : code;
}

static int
take_state(BerthSoundClient *self, const uint8_t *payload, size_t len)
{
    uint8_t flags;
    int code = berth_msg_sound_state_decode(payload, len, &flags);

    if (code == BERTH_OK && !self->is_known) {
        self->is_known = true;
        if (self->is_muted) {
            send_wanted(self);
        }
        if (self->has_level) {
            note_level(self);
        }
    }
    if (code == BERTH_OK && flags != self->flags) {
        self->flags = flags;
        apply_mic(self);
        tell_changed(self);
    }
    return code;
}

int
berth_sound_client_handle(BerthSoundClient *self, uint8_t type, const uint8_t *payload, size_t len,
                          int64_t now_us)
{
    switch (type) {
    case BERTH_MSG_SOUND_OPEN:
        return take_open(self, payload, len);
    case BERTH_MSG_SOUND_DATA:
        return take_data(self, payload, len, now_us);
    case BERTH_MSG_SOUND_CLOSE:
        end_stream(self);
        return BERTH_OK;
    case BERTH_MSG_SOUND_STATE:
        return take_state(self, payload, len);
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

/* --- what the user wants --- */

static void
apply_gain(BerthSoundClient *self)
{
    g_mutex_lock(&self->lock);
    self->gain = self->is_muted ? 0 : self->volume_percent * 256 / 100;
    g_mutex_unlock(&self->lock);
}

void
berth_sound_client_set_muted(BerthSoundClient *self, bool is_muted)
{
    if (self->is_muted != is_muted) {
        self->is_muted = is_muted;
        apply_gain(self);
        if (self->is_known) {
            send_wanted(self);
        }
        note_level(self);
        tell_changed(self);
    }
}

bool
berth_sound_client_is_muted(const BerthSoundClient *self)
{
    return self->is_muted;
}

void
berth_sound_client_set_volume(BerthSoundClient *self, int percent)
{
    self->volume_percent = CLAMP(percent, 0, 100);
    apply_gain(self);
    note_level(self);
    tell_changed(self);
}

int
berth_sound_client_get_volume(const BerthSoundClient *self)
{
    return self->volume_percent;
}

int
berth_sound_client_take_level(BerthSoundClient *self)
{
    int level;

    g_mutex_lock(&self->lock);
    level = self->level;
    self->level = 0;
    g_mutex_unlock(&self->lock);
    return level;
}

bool
berth_sound_client_is_playing(const BerthSoundClient *self)
{
    return self->is_device_playing;
}

void
berth_sound_client_set_mic_allowed(BerthSoundClient *self, bool is_allowed)
{
    self->is_mic_allowed = is_allowed;
    apply_mic(self);
    tell_changed(self);
}

bool
berth_sound_client_is_mic_allowed(const BerthSoundClient *self)
{
    return self->is_mic_allowed;
}

bool
berth_sound_client_is_mic_open(const BerthSoundClient *self)
{
    return self->is_mic_open;
}

bool
berth_sound_client_may_play(const BerthSoundClient *self)
{
    return (self->flags & BERTH_SOUND_MAY_PLAY) != 0;
}

bool
berth_sound_client_may_record(const BerthSoundClient *self)
{
    return (self->flags & BERTH_SOUND_MAY_RECORD) != 0;
}

void
berth_sound_client_watch(BerthSoundClient *self, void (*changed)(void *user_data), void *user_data)
{
    Watcher *watcher = g_new0(Watcher, 1);

    *watcher = (Watcher){ changed, user_data };
    self->watchers = g_slist_prepend(self->watchers, watcher);
}

void
berth_sound_client_unwatch(BerthSoundClient *self, const void *user_data)
{
    for (GSList *at = self->watchers; at != NULL; at = at->next) {
        if (((const Watcher *)at->data)->user_data == user_data) {
            g_free(at->data);
            self->watchers = g_slist_delete_link(self->watchers, at);
            return;
        }
    }
}

void
berth_sound_client_get_stats(BerthSoundClient *self, BerthSoundReceiverStats *ret)
{
    g_mutex_lock(&self->lock);
    berth_sound_receiver_get_stats(self->receiver, ret);
    g_mutex_unlock(&self->lock);
}

json_t *
berth_sound_client_stats_to_json(BerthSoundClient *self)
{
    BerthSoundReceiverStats stats;

    berth_sound_client_get_stats(self, &stats);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b, s:b, s:b}",
                     "packets", (json_int_t)stats.n_packets, "glitches",
                     (json_int_t)stats.n_glitches, "bad", (json_int_t)stats.n_bad, "dry",
                     (json_int_t)stats.n_dry, "gaps", (json_int_t)stats.n_gaps, "skips",
                     (json_int_t)stats.n_skips, "streams", (json_int_t)stats.n_streams, "wait_us",
                     (json_int_t)stats.wait_us, "lag_us", (json_int_t)stats.lag_us, "delay_us",
                     (json_int_t)stats.delay_us, "ppm", stats.ppm, "playing", stats.is_playing,
                     "allowed", berth_sound_client_may_play(self), "mic", self->is_mic_open);
}

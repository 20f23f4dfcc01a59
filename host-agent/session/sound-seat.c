/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/sound-seat.h"

#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/wire/msg-sound.h"

#define SCOPE "sound"
/* Bytes of sound that may wait for the link: about 200 ms. */
#define MAX_WAITING_BYTES 4096

struct BerthSoundSeat {
    BerthSoundRoom *room;
    BerthLink *link;
    uint8_t audio_mask;
    bool has_mic;           /* a stream of a microphone is open */
    int64_t mic_second_us;  /* when the present second of its rate began */
    unsigned n_mic_packets; /* in it */
    uint64_t n_dropped;     /* packets that waited too long */
};

/* Sends what a writer holds, after an encoder that returned r.  A link that is gone says so. */
static void
send_written(BerthSoundSeat *self, int r, uint8_t type, BerthWriter *writer)
{
    if (r == BERTH_OK) {
        r = berth_link_send_now(self->link, BERTH_CHANNEL_AUDIO_OUT, type, writer->data,
                                writer->len);
    }
    if (r < 0) {
        berth_log_debug(SCOPE, "a message of sound was not sent: %s", berth_error_sentence(r));
    }
    berth_writer_clear(writer);
}

static void
send_begin(BerthSoundSeat *self)
{
    const BerthMsgSoundOpen open = { BERTH_SOUND_OPUS, BERTH_SOUND_CHANNELS,
                                     BERTH_SOUND_PACKET_TICKS };
    BerthWriter writer;

    berth_writer_init(&writer, 64);
    send_written(self, berth_msg_sound_open_encode(&writer, &open), BERTH_MSG_SOUND_OPEN, &writer);
}

static void
send_packet(BerthSoundSeat *self, const BerthSoundEvent *event)
{
    const BerthMsgSoundData data = { event->position, event->capture_us, event->data, event->len };
    BerthWriter writer;

    if (berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_AUDIO_OUT) > MAX_WAITING_BYTES) {
        self->n_dropped++;
        return;
    }
    berth_writer_init(&writer, 2048);
    send_written(self, berth_msg_sound_data_encode(&writer, &data), BERTH_MSG_SOUND_DATA, &writer);
}

static void
send_end(BerthSoundSeat *self)
{
    BerthWriter writer;

    berth_writer_init(&writer, 1);
    send_written(self, BERTH_OK, BERTH_MSG_SOUND_CLOSE, &writer);
}

static void
on_event(const BerthSoundEvent *event, void *user_data)
{
    BerthSoundSeat *self = user_data;

    if (event->kind == BERTH_SOUND_BEGINS) {
        send_begin(self);
    } else if (event->kind == BERTH_SOUND_PACKET) {
        send_packet(self, event);
    } else {
        send_end(self);
    }
}

static void
on_changed(void *user_data)
{
    BerthSoundSeat *self = user_data;
    BerthWriter writer;

    berth_writer_init(&writer, 16);
    send_written(self,
                 berth_msg_sound_state_encode(&writer, berth_sound_room_get_flags(self->room)),
                 BERTH_MSG_SOUND_STATE, &writer);
}

static const BerthSoundListener listener = { .event = on_event, .changed = on_changed };

BerthSoundSeat *
berth_sound_seat_new(BerthSoundRoom *room, BerthLink *link, uint8_t audio_mask)
{
    BerthSoundSeat *self;

    if (audio_mask == 0) {
        return NULL;
    }
    self = g_new0(BerthSoundSeat, 1);
    self->room = room;
    self->link = link;
    self->audio_mask = audio_mask;
    on_changed(self);
    berth_sound_room_join(room, &listener, audio_mask & BERTH_AUDIO_RECORDS, self);
    berth_sound_room_set_wanted(room, audio_mask & BERTH_AUDIO_PLAYS);
    return self;
}

void
berth_sound_seat_free(BerthSoundSeat *self)
{
    if (self) {
        berth_sound_room_leave(self->room, self);
        if (self->n_dropped > 0) {
            berth_log_info(SCOPE, "%" G_GUINT64_FORMAT " packets of sound waited too long",
                           self->n_dropped);
        }
        g_free(self);
    }
}

static int
handle_wanted(BerthSoundSeat *self, const uint8_t *payload, size_t len)
{
    uint8_t is_wanted;
    int r = berth_msg_sound_wanted_decode(payload, len, &is_wanted);

    if (r == BERTH_OK) {
        berth_sound_room_set_wanted(self->room,
                                    is_wanted && (self->audio_mask & BERTH_AUDIO_PLAYS));
    }
    return r;
}

static int
handle_level(BerthSoundSeat *self, const uint8_t *payload, size_t len, int64_t now_us)
{
    BerthMsgSoundLevel level;
    int r = berth_msg_sound_level_decode(payload, len, &level);

    if (r == BERTH_OK && (self->audio_mask & BERTH_AUDIO_PLAYS)) {
        berth_sound_room_set_level(self->room, level.percent, level.is_muted, now_us);
    }
    return r;
}

static int
handle_mic_open(BerthSoundSeat *self, const uint8_t *payload, size_t len)
{
    BerthMsgSoundOpen open;
    int r = berth_msg_sound_open_decode(payload, len, &open);

    if (r == BERTH_OK && (berth_sound_room_get_flags(self->room) & BERTH_SOUND_MAY_RECORD)) {
        self->has_mic = true;
        berth_sound_room_open_mic(self->room, open.packet_ticks);
    }
    return r;
}

/* More than a microphone can send is dropped. */
static bool
is_within_rate(BerthSoundSeat *self, int64_t now_us)
{
    if (now_us - self->mic_second_us >= G_USEC_PER_SEC) {
        self->mic_second_us = now_us;
        self->n_mic_packets = 0;
    }
    return ++self->n_mic_packets <= BERTH_LIMIT_MIC_PACKETS_PER_S;
}

static int
handle_mic_data(BerthSoundSeat *self, const uint8_t *payload, size_t len, int64_t now_us)
{
    BerthMsgMicData data;
    int r = berth_msg_mic_data_decode(payload, len, &data);

    if (r < 0 || !self->has_mic || !is_within_rate(self, now_us)) {
        return r;
    }
    r = berth_sound_room_push_mic(self->room, data.position, data.data, data.data_len, now_us);
    return r == BERTH_ERR_STATE ? BERTH_OK : r; /* the policy closed it meanwhile */
}

static int
handle_mic(BerthSoundSeat *self, uint8_t type, const uint8_t *payload, size_t len, int64_t now_us)
{
    switch (type) {
    case BERTH_MSG_MIC_OPEN:
        return handle_mic_open(self, payload, len);
    case BERTH_MSG_MIC_DATA:
        return handle_mic_data(self, payload, len, now_us);
    case BERTH_MSG_MIC_CLOSE:
        self->has_mic = false;
        berth_sound_room_close_mic(self->room);
        return BERTH_OK;
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

int
berth_sound_seat_handle(BerthSoundSeat *self, BerthChannel channel, uint8_t type,
                        const uint8_t *payload, size_t len, int64_t now_us)
{
    if (!self) {
        return BERTH_OK;
    }
    if (channel == BERTH_CHANNEL_AUDIO_IN) {
        return handle_mic(self, type, payload, len, now_us);
    }
    if (type == BERTH_MSG_SOUND_LEVEL) {
        return handle_level(self, payload, len, now_us);
    }
    return type == BERTH_MSG_SOUND_WANTED ? handle_wanted(self, payload, len) : BERTH_ERR_PROTOCOL;
}

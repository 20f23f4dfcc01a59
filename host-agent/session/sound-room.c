/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/sound-room.h"

#include "base/log.h"
#include "base/mpsc-queue.h"
#include "berth/protocol.h"
#include "display/audio/sound-receiver.h"

#include <string.h>

#define SCOPE "sound"
/* Enough for music; letters are never hurt by it. */
#define KBPS 96
/* Pieces that may wait for the encoder: more than a second. */
#define MAX_PIECES 64
/* A volume that the desktop tells within this time after a level is that level's. */
#define ECHO_US (3 * G_USEC_PER_SEC)

/* What the thread of the encoder is to do. */
typedef enum {
    PIECE_SOUND,
    PIECE_STOP,
    PIECE_QUIT,
} PieceKind;

typedef struct {
    PieceKind kind;
    unsigned n_ticks;
    int64_t now_us;
    int16_t samples[];
} Piece;

/* What it has done. */
typedef struct {
    bool is_event; /* otherwise only flags have changed */
    BerthSoundEvent event;
    uint8_t data[];
} News;

struct BerthSoundRoom {
    gint ref_count; /* atomic */
    GThread *thread;
    GAsyncQueue *pieces; /* of Piece* */
    gint n_pieces;       /* atomic: that wait */
    gint is_heard;       /* atomic: somebody listens and may */
    gint is_recording;   /* atomic */
    gint is_ended;       /* atomic */

    GMutex mic_lock; /* innermost; receiver of the microphone */
    BerthSoundReceiver *mic;

    GMutex level_lock;   /* innermost; of the two: */
    bool has_level;      /* who listens has set one */
    int64_t level_at_us; /* when */

    GMutex news_lock; /* innermost; keeps the queue while a source pushes */
    BerthQueue *news; /* of News*; NULL after the end */

    /* Main's: */
    BerthSoundPolicy policy;
    bool is_wanted, has_mic, has_stream;
    const BerthSoundListener *listener; /* NULL: nobody */
    void *listener_data;
    BerthSoundMicFunc mic_func;
    void *mic_func_data;
    bool told_mic;
    BerthSoundLevelFunc level_func;
    void *level_func_data;
    unsigned level_percent;
    bool is_level_muted;
};

/* --- the thread --- */

static void
push_news(BerthSoundRoom *self, News *news)
{
    g_mutex_lock(&self->news_lock);
    if (self->news) {
        berth_queue_push(self->news, news);
    } else {
        g_free(news);
    }
    g_mutex_unlock(&self->news_lock);
}

static void
on_packed(const BerthSoundEvent *event, void *user_data)
{
    News *news = g_malloc0(sizeof(*news) + event->len);

    news->is_event = true;
    news->event = *event;
    if (event->len > 0) {
        memcpy(news->data, event->data, event->len);
        news->event.data = news->data;
    }
    push_news(user_data, news);
}

static gpointer
run_thread(gpointer data)
{
    BerthSoundRoom *self = data;
    g_autoptr(BerthSoundPacker) packer = berth_sound_packer_new(KBPS, on_packed, self);
    bool is_over = false;

    while (!is_over) {
        Piece *piece = g_async_queue_pop(self->pieces);

        g_atomic_int_add(&self->n_pieces, -1);
        if (piece->kind == PIECE_SOUND) {
            berth_sound_packer_write(packer, piece->samples, piece->n_ticks, piece->now_us);
        } else {
            berth_sound_packer_stop(packer);
            is_over = piece->kind == PIECE_QUIT;
        }
        g_free(piece);
    }
    return NULL;
}

static void
push_piece(BerthSoundRoom *self, PieceKind kind)
{
    Piece *piece = g_new0(Piece, 1);

    piece->kind = kind;
    g_atomic_int_inc(&self->n_pieces);
    g_async_queue_push(self->pieces, piece);
}

/* --- for a source --- */

void
berth_sound_room_write(BerthSoundRoom *self, const int16_t *samples, unsigned n_ticks,
                       int64_t now_us)
{
    size_t n_bytes = (size_t)n_ticks * BERTH_SOUND_CHANNELS * sizeof(*samples);
    Piece *piece;

    if (!g_atomic_int_get(&self->is_heard) || g_atomic_int_get(&self->is_ended) ||
        g_atomic_int_get(&self->n_pieces) >= MAX_PIECES) {
        return;
    }
    piece = g_malloc(sizeof(*piece) + n_bytes);
    piece->kind = PIECE_SOUND;
    piece->n_ticks = n_ticks;
    piece->now_us = now_us;
    memcpy(piece->samples, samples, n_bytes);
    g_atomic_int_inc(&self->n_pieces);
    g_async_queue_push(self->pieces, piece);
}

void
berth_sound_room_stop(BerthSoundRoom *self)
{
    if (!g_atomic_int_get(&self->is_ended)) {
        push_piece(self, PIECE_STOP);
    }
}

void
berth_sound_room_set_recording(BerthSoundRoom *self, bool is_recording)
{
    if (g_atomic_int_get(&self->is_recording) != (gint)is_recording) {
        g_atomic_int_set(&self->is_recording, is_recording);
        push_news(self, g_new0(News, 1));
    }
}

bool
berth_sound_room_is_echo(BerthSoundRoom *self, int64_t now_us)
{
    bool is_echo;

    g_mutex_lock(&self->level_lock);
    is_echo = self->has_level && now_us - self->level_at_us <= ECHO_US;
    g_mutex_unlock(&self->level_lock);
    return is_echo;
}

bool
berth_sound_room_has_level(BerthSoundRoom *self)
{
    bool has_level;

    g_mutex_lock(&self->level_lock);
    has_level = self->has_level;
    g_mutex_unlock(&self->level_lock);
    return has_level;
}

void
berth_sound_room_read(BerthSoundRoom *self, int16_t *ret, unsigned n_ticks, int64_t now_us)
{
    g_mutex_lock(&self->mic_lock);
    berth_sound_receiver_pull(self->mic, ret, n_ticks, now_us);
    g_mutex_unlock(&self->mic_lock);
}

/* --- main --- */

static void
on_news(void *item, void *user_data)
{
    BerthSoundRoom *self = user_data;
    g_autofree News *news = item;

    if (!self->listener) {
        return;
    }
    if (!news->is_event) {
        self->listener->changed(self->listener_data);
        return;
    }
    /* What is under way of a stream that began for somebody else means nothing to this one. */
    self->has_stream = self->has_stream || news->event.kind == BERTH_SOUND_BEGINS;
    if (self->has_stream) {
        self->has_stream = news->event.kind != BERTH_SOUND_ENDS;
        self->listener->event(&news->event, self->listener_data);
    }
}

BerthSoundRoom *
berth_sound_room_new(GMainContext *context)
{
    BerthSoundRoom *self = g_new0(BerthSoundRoom, 1);

    self->ref_count = 1;
    g_mutex_init(&self->mic_lock);
    g_mutex_init(&self->level_lock);
    g_mutex_init(&self->news_lock);
    self->mic = berth_sound_receiver_new();
    self->pieces = g_async_queue_new_full(g_free);
    self->news = berth_queue_new(context, on_news, self, g_free);
    self->thread = g_thread_new("sound", run_thread, self);
    return self;
}

BerthSoundRoom *
berth_sound_room_ref(BerthSoundRoom *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void
berth_sound_room_unref(BerthSoundRoom *self)
{
    if (!g_atomic_int_dec_and_test(&self->ref_count)) {
        return;
    }
    g_async_queue_unref(self->pieces);
    berth_sound_receiver_free(self->mic);
    g_mutex_clear(&self->mic_lock);
    g_mutex_clear(&self->level_lock);
    g_mutex_clear(&self->news_lock);
    g_free(self);
}

void
berth_sound_room_end(BerthSoundRoom *self)
{
    BerthQueue *news;

    if (!self) {
        return;
    }
    self->listener = NULL;
    self->mic_func = NULL;
    self->level_func = NULL;
    g_atomic_int_set(&self->is_ended, 1);
    push_piece(self, PIECE_QUIT);
    g_thread_join(self->thread);
    g_mutex_lock(&self->news_lock);
    news = g_steal_pointer(&self->news);
    g_mutex_unlock(&self->news_lock);
    berth_queue_free(news);
    berth_sound_room_unref(self);
}

/* Whether what the desktop plays is of use to anybody. */
static void
apply_heard(BerthSoundRoom *self)
{
    bool is_heard = self->policy.may_play && self->listener && self->is_wanted;

    if (g_atomic_int_get(&self->is_heard) != (gint)is_heard) {
        g_atomic_int_set(&self->is_heard, is_heard);
        push_piece(self, PIECE_STOP);
    }
}

static void
apply_mic(BerthSoundRoom *self)
{
    bool has_mic = self->policy.may_record && self->listener && self->has_mic;

    if (!has_mic) {
        berth_sound_room_close_mic(self);
    }
    if (self->mic_func && has_mic != self->told_mic) {
        self->told_mic = has_mic;
        self->mic_func(has_mic, self->mic_func_data);
    }
}

void
berth_sound_room_set_policy(BerthSoundRoom *self, const BerthSoundPolicy *policy)
{
    if (self->policy.may_play == policy->may_play &&
        self->policy.may_record == policy->may_record) {
        return;
    }
    self->policy = *policy;
    apply_heard(self);
    apply_mic(self);
    if (self->listener) {
        self->listener->changed(self->listener_data);
    }
}

uint8_t
berth_sound_room_get_flags(const BerthSoundRoom *self)
{
    bool is_recording = self->policy.may_record && g_atomic_int_get(&self->is_recording);

    return (uint8_t)((self->policy.may_play ? BERTH_SOUND_MAY_PLAY : 0) |
                     (self->policy.may_record ? BERTH_SOUND_MAY_RECORD : 0) |
                     (is_recording ? BERTH_SOUND_RECORDS : 0));
}

static void
tell_level(BerthSoundRoom *self, unsigned percent, bool is_muted)
{
    self->level_percent = percent;
    self->is_level_muted = is_muted;
    if (self->level_func) {
        self->level_func(percent, is_muted, self->level_func_data);
    }
}

void
berth_sound_room_set_level(BerthSoundRoom *self, unsigned percent, bool is_muted, int64_t now_us)
{
    if (!self->policy.may_play) {
        return;
    }
    g_mutex_lock(&self->level_lock);
    self->has_level = true;
    self->level_at_us = now_us;
    g_mutex_unlock(&self->level_lock);
    tell_level(self, percent, is_muted);
}

void
berth_sound_room_watch_level(BerthSoundRoom *self, BerthSoundLevelFunc func, void *user_data)
{
    self->level_func = func;
    self->level_func_data = user_data;
}

/* Volumes of the desktop count as they are; nobody finds it muted by who went. */
static void
forget_level(BerthSoundRoom *self)
{
    g_mutex_lock(&self->level_lock);
    self->has_level = false;
    g_mutex_unlock(&self->level_lock);
    if (self->is_level_muted) {
        tell_level(self, self->level_percent, false);
    }
}

void
berth_sound_room_join(BerthSoundRoom *self, const BerthSoundListener *listener, bool has_mic,
                      void *user_data)
{
    g_atomic_int_set(&self->is_heard, false);
    forget_level(self);
    self->listener = listener;
    self->listener_data = user_data;
    self->has_mic = has_mic;
    self->is_wanted = true;
    self->has_stream = false;
    berth_sound_room_close_mic(self);
    push_piece(self, PIECE_STOP); /* the stream of somebody else */
    apply_heard(self);
    apply_mic(self);
}

void
berth_sound_room_leave(BerthSoundRoom *self, const void *user_data)
{
    if (self->listener && self->listener_data == user_data) {
        self->listener = NULL;
        forget_level(self);
        apply_heard(self);
        apply_mic(self);
    }
}

void
berth_sound_room_set_wanted(BerthSoundRoom *self, bool is_wanted)
{
    self->is_wanted = is_wanted;
    apply_heard(self);
}

void
berth_sound_room_open_mic(BerthSoundRoom *self, unsigned packet_ticks)
{
    if (!self->policy.may_record || !self->has_mic) {
        return;
    }
    berth_log_info(SCOPE, "the microphone of the user is open");
    g_mutex_lock(&self->mic_lock);
    berth_sound_receiver_open(self->mic, packet_ticks);
    g_mutex_unlock(&self->mic_lock);
}

void
berth_sound_room_close_mic(BerthSoundRoom *self)
{
    g_mutex_lock(&self->mic_lock);
    berth_sound_receiver_close(self->mic);
    g_mutex_unlock(&self->mic_lock);
}

int
berth_sound_room_push_mic(BerthSoundRoom *self, uint64_t position, const uint8_t *data, size_t len,
                          int64_t now_us)
{
    int r;

    g_mutex_lock(&self->mic_lock);
    r = berth_sound_receiver_push(self->mic, position, now_us, data, len, now_us);
    g_mutex_unlock(&self->mic_lock);
    return r;
}

void
berth_sound_room_watch_mic(BerthSoundRoom *self, BerthSoundMicFunc func, void *user_data)
{
    self->mic_func = func;
    self->mic_func_data = user_data;
    self->told_mic = false;
    apply_mic(self);
}

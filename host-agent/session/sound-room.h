/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sound of one desktop: what it plays goes to the one client that listens, and what that
 * client's microphone hears goes back.
 *
 * Sound comes from the source's reader thread and is encoded in a thread of the room's own, so
 * neither waits for pixels; packets come to the listener in the main context.  While nobody
 * listens, or the policy says no, what comes is dropped before it is encoded.
 *
 * Thread: main, but for what is said to be of any thread.
 */
#pragma once

#include "display/audio/sound-packer.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthSoundRoom BerthSoundRoom;

typedef struct {
    bool may_play;   /* the user hears the desktop */
    bool may_record; /* the desktop hears the user's microphone */
} BerthSoundPolicy;

/* The one who listens; called in the main context. */
typedef struct {
    /* A stream begins, goes on or ends; the first event is a beginning. */
    void (*event)(const BerthSoundEvent *event, void *user_data);
    /* The flags of SOUND_STATE have changed. */
    void (*changed)(void *user_data);
} BerthSoundListener;

/* Whether a microphone is there for the desktop; called in the main context. */
typedef void (*BerthSoundMicFunc)(bool has_mic, void *user_data);

/* How loud the one who listens wants it, for the desktop to show; called in the main context. */
typedef void (*BerthSoundLevelFunc)(unsigned percent, bool is_muted, void *user_data);

/* A room with its thread; nobody listens, and the policy allows nothing. */
BerthSoundRoom *berth_sound_room_new(GMainContext *context);

/* Ends the thread; what a source still writes is dropped.  The reference of _new() is given up. */
void berth_sound_room_end(BerthSoundRoom *self);

/* Thread: any. */
BerthSoundRoom *berth_sound_room_ref(BerthSoundRoom *self);
void berth_sound_room_unref(BerthSoundRoom *self);

/* What the user may hear and say, from now on. */
void berth_sound_room_set_policy(BerthSoundRoom *self, const BerthSoundPolicy *policy);

/* BERTH_SOUND_* of now. */
uint8_t berth_sound_room_get_flags(const BerthSoundRoom *self);

/*
 * Another one listens from now on; who listened before hears nothing more, not even an end.
 *
 * has_mic: whether it may send what a microphone hears
 */
void berth_sound_room_join(BerthSoundRoom *self, const BerthSoundListener *listener, bool has_mic,
                           void *user_data);

/* Who joined with user_data listens no more; nothing if it is another one by now. */
void berth_sound_room_leave(BerthSoundRoom *self, const void *user_data);

/* Whether the one who listens wants to hear: true after it joined. */
void berth_sound_room_set_wanted(BerthSoundRoom *self, bool is_wanted);

/* The microphone of the one who listens; see berth_sound_receiver_*(). */
void berth_sound_room_open_mic(BerthSoundRoom *self, unsigned packet_ticks);
void berth_sound_room_close_mic(BerthSoundRoom *self);
int berth_sound_room_push_mic(BerthSoundRoom *self, uint64_t position, const uint8_t *data,
                              size_t len, int64_t now_us);

/* func is called at once and whenever it changes; NULL stops that. */
void berth_sound_room_watch_mic(BerthSoundRoom *self, BerthSoundMicFunc func, void *user_data);

/*
 * The one who listens plays it at this level.  Nothing if it may not hear anything.
 *
 * percent: 0..100
 */
void berth_sound_room_set_level(BerthSoundRoom *self, unsigned percent, bool is_muted,
                                int64_t now_us);

/* func is called for each level; who muted and goes leaves an unmuted one.  NULL stops that. */
void berth_sound_room_watch_level(BerthSoundRoom *self, BerthSoundLevelFunc func, void *user_data);

/* --- for a source; thread: any, one at a time --- */

/* The desktop has played so much; the last tick is of now_us. */
void berth_sound_room_write(BerthSoundRoom *self, const int16_t *samples, unsigned n_ticks,
                            int64_t now_us);

/* The desktop plays nothing more. */
void berth_sound_room_stop(BerthSoundRoom *self);

/* Something in the desktop listens to the microphone, or does no more. */
void berth_sound_room_set_recording(BerthSoundRoom *self, bool is_recording);

/*
 * The desktop has another volume.  Returns true if it is the echo of a level: who listens plays at
 * that already.
 */
bool berth_sound_room_is_echo(BerthSoundRoom *self, int64_t now_us);

/* Whether there is a level that echoes stand for; without one a volume counts as it is. */
bool berth_sound_room_has_level(BerthSoundRoom *self);

/* What the microphone has heard; silence if there is none. */
void berth_sound_room_read(BerthSoundRoom *self, int16_t *ret, unsigned n_ticks, int64_t now_us);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/play/player.h"

#include "base/clock.h"
#include "base/error.h"
#include "berth/limits.h"
#include "display/decode/frame-decoder.h"

#include <glib/gi18n.h>

/* Threads that a video may use. */
#define N_THREADS 2
#define SECONDS(us) ((double)(us) / G_USEC_PER_SEC)

struct BerthPlayer {
    BerthRecordingReader *reader;
    BerthFrameDecoder *frames;
    BerthCursorDecoder *cursors;
    bool has_next; /* the record that comes next was read */
    BerthRecord next;
    int error;    /* why nothing comes any more; BERTH_ERR_NOT_FOUND is the end */
    int64_t t_us; /* that is shown */
    uint64_t n_frames;
};

BerthPlayer *
berth_player_new(BerthRecordingReader *reader)
{
    BerthPlayer *self = g_new0(BerthPlayer, 1);
    self->reader = reader;
    berth_recording_reader_seek(reader, 0);
    return self;
}

void
berth_player_free(BerthPlayer *self)
{
    if (self != NULL) {
        berth_frame_decoder_free(self->frames);
        berth_cursor_decoder_free(self->cursors);
        g_free(self);
    }
}

/* Sees to it that the next record is known; false if there is none. */
static bool
ensure_next(BerthPlayer *self)
{
    if (!self->has_next && self->error == BERTH_OK) {
        self->error = berth_recording_reader_next(self->reader, &self->next);
        self->has_next = self->error == BERTH_OK;
    }
    return self->has_next;
}

/* Begins a stream: all decoders are new. */
static int
start_stream(BerthPlayer *self, const BerthRecordingCaps *caps)
{
    BerthFrameDecoderCaps wanted = {
        .max_width = BERTH_LIMIT_HEAD_SIDE_PX,
        .max_height = BERTH_LIMIT_HEAD_SIDE_PX,
        .window_log = caps->exact_window_log,
        .gradient_window_log = caps->gradient_window_log,
        .n_cache_tiles = caps->cache_tiles,
        .photo_mask = caps->photo_mask,
        .video_mask = caps->video_mask,
        .n_threads = N_THREADS,
    };
    BerthFrameDecoder *frames = berth_frame_decoder_new(&wanted);
    BerthCursorDecoder *cursors = NULL;
    if (caps->cursor_shapes > 0) {
        cursors = berth_cursor_decoder_new(MIN(caps->cursor_shapes, BERTH_LIMIT_CURSOR_SHAPES));
    }
    if (frames == NULL || (caps->cursor_shapes > 0 && cursors == NULL)) {
        berth_frame_decoder_free(frames);
        berth_cursor_decoder_free(cursors);
        return BERTH_ERR_CORRUPT;
    }
    berth_frame_decoder_free(self->frames);
    berth_cursor_decoder_free(self->cursors);
    self->frames = frames;
    self->cursors = cursors;
    return BERTH_OK;
}

static int
play_cursor(BerthPlayer *self, const BerthRecord *record)
{
    BerthCursorEvent event;
    if (self->cursors == NULL) {
        return BERTH_ERR_CORRUPT;
    }
    return berth_cursor_decoder_handle(self->cursors, record->message, record->payload, record->len,
                                       &event);
}

static int
play_display(BerthPlayer *self, const BerthRecord *record)
{
    BerthDecodedEvent event;
    if (self->frames == NULL) {
        return BERTH_ERR_CORRUPT;
    }
    int r = berth_frame_decoder_handle(self->frames, record->message, record->payload, record->len,
                                       &event);
    self->n_frames += event.kind == BERTH_DECODED_FRAME;
    return r;
}

/* Plays the record that comes next. */
static void
play_next(BerthPlayer *self)
{
    const BerthRecord *record = &self->next;
    int r = BERTH_OK;
    switch (record->type) {
    case BERTH_RECORD_STREAM:
        r = start_stream(self, &record->caps);
        break;
    case BERTH_RECORD_DISPLAY:
        r = play_display(self, record);
        break;
    case BERTH_RECORD_CURSOR:
        r = play_cursor(self, record);
        break;
    case BERTH_RECORD_INDEX:
        r = BERTH_ERR_CORRUPT;
        break;
    }
    self->has_next = false;
    self->error = r;
    if (r == BERTH_OK) {
        self->t_us = record->t_us;
    }
}

static bool
is_in_frame(const BerthPlayer *self)
{
    return self->frames != NULL && berth_frame_decoder_is_in_frame(self->frames);
}

bool
berth_player_advance(BerthPlayer *self, int64_t t_us, int64_t until_us, GError **error)
{
    bool is_late = false;
    /* A frame that was begun is finished: half a frame is nothing to show. */
    while (ensure_next(self) && ((self->next.t_us <= t_us && !is_late) || is_in_frame(self))) {
        play_next(self);
        is_late = until_us != INT64_MAX && !is_in_frame(self) && berth_monotonic_us() >= until_us;
    }
    if (self->error != BERTH_OK && self->error != BERTH_ERR_NOT_FOUND) {
        return berth_set_error(error, self->error, _("the recording is damaged after %.3f s: %s"),
                               SECONDS(self->t_us), _(berth_error_sentence(self->error)));
    }
    if (!is_late) {
        int64_t duration_us = berth_recording_reader_get_duration_us(self->reader);
        self->t_us = MAX(self->t_us, MIN(t_us, duration_us));
    }
    return true;
}

bool
berth_player_seek(BerthPlayer *self, int64_t t_us, GError **error)
{
    berth_recording_reader_seek(self->reader, t_us);
    self->has_next = false;
    self->error = BERTH_OK;
    self->t_us = 0;
    self->n_frames = 0;
    return berth_player_advance(self, MAX(t_us, 0), INT64_MAX, error);
}

int64_t
berth_player_get_time_us(const BerthPlayer *self)
{
    return self->t_us;
}

bool
berth_player_is_at_end(const BerthPlayer *self)
{
    return self->error != BERTH_OK;
}

const BerthFrame *
berth_player_get_picture(const BerthPlayer *self, uint16_t head)
{
    return self->frames != NULL ? berth_frame_decoder_get_canvas(self->frames, head) : NULL;
}

const BerthCursorImage *
berth_player_get_cursor(const BerthPlayer *self, int32_t *ret_x, int32_t *ret_y)
{
    if (self->cursors == NULL) {
        return NULL;
    }
    berth_cursor_decoder_get_position(self->cursors, ret_x, ret_y);
    return berth_cursor_decoder_get_image(self->cursors);
}

uint64_t
berth_player_get_n_frames(const BerthPlayer *self)
{
    return self->n_frames;
}

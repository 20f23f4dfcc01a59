/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/recorder.h"

#include "host-agent/session/disk-writer.h"
#include "host-agent/session/pointer-feed.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/wire/recording-writer.h"

#define SCOPE "recorder"
/* So long after the last place to start from, the next frame asks for another one. */
#define STREAM_US (10LL * 1000 * 1000)
/* What may wait for the disk before frames are skipped. */
#define MAX_QUEUED_BYTES (8u * 1024 * 1024)
#define MAX_TURN_BYTES (128u * 1024 * 1024)
/* A recording is not looked at while it is made: fewer frames, good pictures. */
#define INTERVAL_US 33000
#define PHOTO_QUALITY 85
#define VIDEO_KBPS 6000
#define REFINE_BYTES (256u * 1024)
#define WINDOW_LOG 20
#define CACHE_TILES 512
#define CURSOR_SHAPES 64

struct BerthRecorder {
    BerthHeads *heads;
    BerthFrameRoom *room;
    BerthSeat *seat; /* NULL when it has ended */
    BerthPointerFeed *pointer;
    BerthRecordingWriter *recording;
    BerthDiskWriter *disk;
    BerthWriter buffer; /* of the present turn */
    BerthRecorderEndedFunc ended;
    void *user_data;
    int64_t started_us;        /* monotonic */
    int64_t stream_started_us; /* the same */
    guint restart_source;
};

static const BerthRecordingCaps recording_caps = {
    .exact_window_log = WINDOW_LOG,
    .gradient_window_log = WINDOW_LOG,
    .cache_tiles = CACHE_TILES,
    .photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG),
    .video_mask = BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444) |
                  BERTH_VIDEO_BIT(BERTH_VIDEO_VP8),
    .cursor_shapes = CURSOR_SHAPES,
};

static void
get_flow(BerthSeatFlow *ret, int64_t now_us, void *user_data)
{
    const BerthRecorder *self = user_data;
    size_t n_queued = berth_disk_writer_get_queued_bytes(self->disk);

    *ret = (BerthSeatFlow){
        .has_room = n_queued < MAX_QUEUED_BYTES,
        .has_bulk_room = n_queued < MAX_QUEUED_BYTES,
        .is_quiet = n_queued == 0,
        .interval_us = INTERVAL_US,
        .refine_bytes = REFINE_BYTES,
        .photo_quality = PHOTO_QUALITY,
        .video_kbps = VIDEO_KBPS,
        .pointer_head = -1,
    };
}

static int64_t
get_time_us(const BerthRecorder *self)
{
    return berth_monotonic_us() - self->started_us;
}

/* Gives the disk what the turn brought. */
static void
flush(BerthRecorder *self)
{
    size_t len;
    uint8_t *data = berth_writer_steal(&self->buffer, &len);

    berth_disk_writer_put(self->disk, data, len);
    berth_writer_init(&self->buffer, MAX_TURN_BYTES);
}

/* Leaves the room; the file keeps what it has. */
static void
stop(BerthRecorder *self)
{
    if (self->restart_source) {
        g_source_remove(self->restart_source);
        self->restart_source = 0;
    }
    berth_frame_room_remove_seat(self->room, self->seat);
    self->seat = NULL;
}

static void
end_by_itself(BerthRecorder *self, const char *text)
{
    if (self->seat) {
        stop(self);
        berth_log_warning(SCOPE, "the recording ended: %s", text);
        self->ended(text, self->user_data);
    }
}

static int
put_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthRecorder *self = user_data;

    return berth_recording_writer_message(self->recording, get_time_us(self), channel, type,
                                          payload, len, &self->buffer);
}

static void deliver(BerthSeatDelivery *delivery, void *user_data);

static const BerthSeatCallbacks seat_callbacks = { .get_flow = get_flow, .deliver = deliver };

/* Sits down anew: all pictures and the pointer come whole. */
static bool
start_stream(BerthRecorder *self)
{
    const BerthClientCaps caps = {
        .window_log = recording_caps.exact_window_log,
        .gradient_window_log = recording_caps.gradient_window_log,
        .n_cache_tiles = recording_caps.cache_tiles,
        .photo_mask = recording_caps.photo_mask,
        .video_mask = recording_caps.video_mask,
    };
    int r = berth_recording_writer_stream(self->recording, get_time_us(self), &recording_caps,
                                          &self->buffer);

    berth_frame_room_remove_seat(self->room, self->seat);
    self->seat = NULL;
    berth_pointer_feed_free(self->pointer);
    self->pointer = berth_pointer_feed_new(self->heads, CURSOR_SHAPES);
    if (r < 0 || !self->pointer) {
        return false;
    }
    self->stream_started_us = berth_monotonic_us();
    self->seat = berth_frame_room_add_seat(self->room, &caps, false, &seat_callbacks, self);
    for (int head = 0; self->seat && head < (int)BERTH_LIMIT_HEADS; head++) {
        if (berth_heads_get(self->heads, head)) {
            berth_pointer_feed_note(self->pointer, head,
                                    BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER);
        }
    }
    return self->seat && berth_pointer_feed_flush(self->pointer, put_message, self) == BERTH_OK;
}

static gboolean
on_restart(gpointer user_data)
{
    BerthRecorder *self = user_data;

    self->restart_source = 0;
    if (start_stream(self)) {
        flush(self);
        berth_frame_room_look(self->room);
        return G_SOURCE_REMOVE;
    }
    berth_log_warning(SCOPE, "the recording ended: it is too long, or memory ran out");
    stop(self);
    self->ended("it is too long, or memory ran out", self->user_data);
    return G_SOURCE_REMOVE;
}

static void
deliver(BerthSeatDelivery *delivery, void *user_data)
{
    BerthRecorder *self = user_data;
    int r = delivery->error;

    for (size_t i = 0; r == BERTH_OK && i < delivery->n_messages; i++) {
        const BerthSeatMessage *message = &delivery->messages[i];

        r = put_message(message->channel, message->type, message->payload, message->len, self);
    }
    if (r < 0) {
        end_by_itself(self, berth_error_sentence(r));
        return;
    }
    flush(self);
    if (delivery->kind == BERTH_FRAME_NEW && !self->restart_source &&
        berth_monotonic_us() - self->stream_started_us >= STREAM_US) {
        self->restart_source = g_idle_add(on_restart, self);
    }
}

static void
on_disk_failed(const char *text, void *user_data)
{
    end_by_itself(user_data, text);
}

BerthRecorder *
berth_recorder_new(BerthHeads *heads, BerthFrameRoom *room, int fd, const BerthId *session,
                   BerthRecorderEndedFunc ended, void *user_data)
{
    BerthRecorder *self = g_new0(BerthRecorder, 1);
    const BerthRecordingHeader header = { berth_wall_us(), *session };

    self->heads = heads;
    self->room = room;
    self->ended = ended;
    self->user_data = user_data;
    self->started_us = berth_monotonic_us();
    self->recording = berth_recording_writer_new();
    self->disk = berth_disk_writer_new(NULL, fd, on_disk_failed, self);
    berth_writer_init(&self->buffer, MAX_TURN_BYTES);
    if (berth_recording_writer_begin(self->recording, &header, &self->buffer) < 0 ||
        !start_stream(self)) {
        berth_recorder_free(self);
        return NULL;
    }
    flush(self);
    berth_frame_room_look(self->room);
    return self;
}

void
berth_recorder_free(BerthRecorder *self)
{
    if (!self) {
        return;
    }
    stop(self);
    berth_writer_reset(&self->buffer);
    if (berth_recording_writer_end(self->recording, &self->buffer) == BERTH_OK) {
        flush(self);
    }
    berth_disk_writer_free(self->disk);
    berth_pointer_feed_free(self->pointer);
    berth_recording_writer_free(self->recording);
    berth_writer_clear(&self->buffer);
    g_free(self);
}

void
berth_recorder_note_changes(BerthRecorder *self, int head, unsigned changes)
{
    if (!self->seat || !(changes & (BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER))) {
        return;
    }
    berth_pointer_feed_note(self->pointer, head, changes);
    int r = berth_pointer_feed_flush(self->pointer, put_message, self);
    if (r < 0) {
        end_by_itself(self, berth_error_sentence(r));
    } else {
        flush(self);
    }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/client-stream-private.h"

#include "berth/errors.h"
#include "display/wire/msg-video.h"

#define NO_STREAM (-1)

static int
find_stream(const BerthClientJob *job, uint32_t generation)
{
    for (int i = 0; i < (int)BERTH_LIMIT_VIDEO_STREAMS; i++) {
        const BerthClientVideo *video = &job->self->videos[i];
        if (video->generation == generation &&
            (generation == 0 || video->head == job->head_index)) {
            return i;
        }
    }
    return NO_STREAM;
}

static int
close_stream(BerthClientJob *job, int stream)
{
    BerthMsgVideoClose message = { (uint8_t)stream };
    job->self->videos[stream] = (BerthClientVideo){ 0 };
    int error = berth_msg_video_close_encode(&job->self->message, &message);
    return berth_client_emit_part(job, error, BERTH_MSG_VIDEO_CLOSE);
}

static bool
is_planned(const BerthPlan *plan, uint32_t generation)
{
    for (size_t i = 0; i < plan->n_videos; i++) {
        if (plan->videos[i].generation == generation) {
            return true;
        }
    }
    return false;
}

static int
close_old_streams(BerthClientJob *job, bool is_all)
{
    int error = BERTH_OK;
    for (int i = 0; error == BERTH_OK && i < (int)BERTH_LIMIT_VIDEO_STREAMS; i++) {
        const BerthClientVideo *video = &job->self->videos[i];
        if (video->generation != 0 && video->head == job->head_index &&
            (is_all || !is_planned(job->plan, video->generation))) {
            error = close_stream(job, i);
        }
    }
    return error;
}

int
berth_client_close_videos(BerthClientJob *job)
{
    return close_old_streams(job, true);
}

/* Without a free stream the video's rectangle is left to photos and exact pixels. */
static int
maybe_open_stream(BerthClientJob *job, const BerthPlanVideo *video)
{
    int stream = find_stream(job, 0);
    if (stream == NO_STREAM) {
        return BERTH_OK;
    }
    BerthMsgVideoOpen message = { (uint8_t)stream, video->codec, (uint16_t)video->rect.w,
                                  (uint16_t)video->rect.h };
    job->self->videos[stream] = (BerthClientVideo){
        .generation = video->generation,
        .head = job->head_index,
    };
    int error = berth_msg_video_open_encode(&job->self->message, &message);
    return berth_client_emit_part(job, error, BERTH_MSG_VIDEO_OPEN);
}

int
berth_client_open_videos(BerthClientJob *job)
{
    int error = close_old_streams(job, false);
    for (size_t i = 0; error == BERTH_OK && i < job->plan->n_videos; i++) {
        if (find_stream(job, job->plan->videos[i].generation) == NO_STREAM) {
            error = maybe_open_stream(job, &job->plan->videos[i]);
        }
    }
    return error;
}

static bool
is_kept(const BerthPlanVideo *video, BerthRect rect)
{
    for (size_t i = 0; i < video->n_keep; i++) {
        if (berth_rect_contains(video->keep[i], rect)) {
            return true;
        }
    }
    return false;
}

/* The client shows an inexact picture there; kept tiles stay what they are, and get older. */
static void
note_picture(BerthClientJob *job, const BerthPlanVideo *video)
{
    const int tile = BERTH_CLIENT_TILE;
    BerthRect rect = video->rect;
    for (int y = rect.y - rect.y % tile; y < rect.y + rect.h; y += tile) {
        for (int x = rect.x - rect.x % tile; x < rect.x + rect.w; x += tile) {
            BerthRect part = berth_rect_intersect((BerthRect){ x, y, tile, tile }, rect);
            if (!is_kept(video, part)) {
                berth_refiner_paint(job->head->refiner, part, video->quality, true, job->now_us);
            }
        }
    }
}

static int
send_packet(BerthClientJob *job, int stream, const BerthPlanVideo *video)
{
    g_autofree BerthWireRect *keep = g_new(BerthWireRect, video->n_keep + 1);
    for (size_t i = 0; i < video->n_keep; i++) {
        const BerthRect *rect = &video->keep[i];
        keep[i] = (BerthWireRect){ (uint16_t)rect->x, (uint16_t)rect->y, (uint16_t)rect->w,
                                   (uint16_t)rect->h };
    }
    BerthMsgVideo message = {
        .stream = (uint8_t)stream,
        .flags = video->is_key ? BERTH_VIDEO_KEY : 0,
        .x = (uint16_t)video->rect.x,
        .y = (uint16_t)video->rect.y,
        .n_keep = (uint16_t)video->n_keep,
        .data = video->data,
        .data_len = video->len,
    };
    note_picture(job, video);
    job->stats.n_videos++;
    int error = berth_msg_video_encode(&job->self->message, &message, keep);
    return berth_client_emit_part(job, error, BERTH_MSG_VIDEO);
}

/* Whether the packet goes on where the stream is. */
static bool
can_decode(const BerthClientVideo *stream, const BerthPlanVideo *video)
{
    return video->is_key || (stream->is_ready && video->packet_no == stream->packet_no + 1);
}

static int
send_video(BerthClientJob *job, const BerthPlanVideo *video)
{
    int index = find_stream(job, video->generation);
    BerthClientVideo *stream = index == NO_STREAM ? NULL : &job->self->videos[index];
    if (video->len == 0) {
        if (stream != NULL && stream->packet_no != video->packet_no) {
            stream->is_ready = false;
        }
        if (video->is_stale) {
            note_picture(job, video);
        }
        return BERTH_OK;
    }
    if (stream == NULL || !can_decode(stream, video)) {
        berth_damage_add_rect(job->head->backlog, video->rect);
        if (stream != NULL) {
            stream->is_ready = false;
        }
        return BERTH_OK;
    }
    stream->is_ready = true;
    stream->packet_no = video->packet_no;
    stream->frame_id = job->self->frame_id;
    return send_packet(job, index, video);
}

int
berth_client_send_videos(BerthClientJob *job)
{
    int error = BERTH_OK;
    for (size_t i = 0; error == BERTH_OK && i < job->plan->n_videos; i++) {
        error = send_video(job, &job->plan->videos[i]);
    }
    return error;
}

static bool
covers(const BerthPlanVideo *video, BerthRect rect)
{
    bool is_painted = berth_rect_contains(video->rect, rect);
    for (size_t i = 0; is_painted && i < video->n_keep; i++) {
        is_painted = berth_rect_is_empty(berth_rect_intersect(video->keep[i], rect));
    }
    return is_painted;
}

BerthClientVideoPaint
berth_client_get_video_paint(const BerthClientJob *job, BerthRect rect)
{
    for (size_t i = 0; i < job->plan->n_videos; i++) {
        int index = find_stream(job, job->plan->videos[i].generation);
        if (index == NO_STREAM || !covers(&job->plan->videos[i], rect)) {
            continue;
        }
        const BerthClientVideo *stream = &job->self->videos[index];
        if (!stream->is_ready) {
            return BERTH_CLIENT_VIDEO_AWAITED;
        }
        if (stream->frame_id == job->self->frame_id) {
            return BERTH_CLIENT_VIDEO_PAINTED;
        }
    }
    return BERTH_CLIENT_VIDEO_NONE;
}

bool
berth_client_stream_needs_key(const BerthClientStream *self, uint16_t head)
{
    for (size_t i = 0; i < BERTH_LIMIT_VIDEO_STREAMS; i++) {
        const BerthClientVideo *video = &self->videos[i];
        if (video->generation != 0 && video->head == head && !video->is_ready) {
            return true;
        }
    }
    return false;
}

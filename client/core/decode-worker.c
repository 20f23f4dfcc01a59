/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/decode-worker.h"

#include "base/clock.h"
#include "base/fork-join.h"
#include "base/mpsc-queue.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>

#define CURSOR_PIXEL_BYTES 4
#define MAX_HELPERS 3

/* Bytes of messages that the thread is not woken for until the frame is complete. */
#define BATCH_BYTES (32u * 1024)

typedef struct Job Job;

struct Job {
    Job *next; /* of the same batch */
    BerthChannel channel;
    uint8_t type;
    int64_t received_us;
    size_t len;
    uint8_t payload[];
};

typedef enum {
    NEWS_FRAME,
    NEWS_HEAD_GONE,
    NEWS_HEAD_WRONG,
    NEWS_CURSOR,
    NEWS_FAILED,
} NewsKind;

typedef struct {
    NewsKind kind;
    size_t n_bytes; /* of memory, this included */
    int error;
    unsigned head;
    BerthFrameNews frame;
    bool has_image;
    BerthCursorImage image; /* its pixels follow */
    uint8_t pixels[];
} News;

/* What a job costs beside its payload: itself, its place in the queue, the allocator. */
#define JOB_COST_BYTES ((gssize)sizeof(Job) + 64)

struct BerthDecodeWorker {
    GThread *thread;
    GAsyncQueue *jobs; /* batches of Job, or self as the sign to stop */
    gint is_stopping;  /* atomic */
    gssize n_bytes;    /* atomic: memory of jobs and news that wait */
    gint n_frames;     /* atomic: ends of frames that wait */
    BerthQueue *news;
    Job *batch; /* not given to the thread yet */
    Job **batch_end;
    size_t batch_bytes;
    bool is_in_frame; /* as far as types tell */
    BerthDecodeCallbacks callbacks;
    void *user_data;

    /* Used by the thread alone. */
    BerthFrameDecoder *frames;
    BerthForkJoin *helpers; /* for photos of one frame */
    BerthCursorDecoder *cursors;
    BerthPicture *pictures[BERTH_LIMIT_HEADS];
    bool is_fresh[BERTH_LIMIT_HEADS]; /* the canvas is black still, not as the picture is */
    BerthTraffic traffic;
    int64_t begin_us;
    bool has_failed;
};

/* In the main context. */
static void
on_news(void *item, void *user_data)
{
    BerthDecodeWorker *self = user_data;
    g_autofree News *news = item;

    g_atomic_pointer_add(&self->n_bytes, -(gssize)news->n_bytes);
    switch (news->kind) {
    case NEWS_FRAME:
        self->callbacks.frame(&news->frame, self->user_data);
        break;
    case NEWS_HEAD_GONE:
        self->callbacks.head_gone(news->head, self->user_data);
        break;
    case NEWS_HEAD_WRONG:
        self->callbacks.head_wrong(news->head, self->user_data);
        break;
    case NEWS_CURSOR:
        self->callbacks.cursor(news->has_image ? &news->image : NULL, self->user_data);
        break;
    case NEWS_FAILED:
        self->callbacks.failed(news->error, self->user_data);
        break;
    }
}

/* From here on everything but on_news() and the public functions is in the worker. */
static News *
new_news(NewsKind kind, size_t n_pixel_bytes)
{
    size_t n_bytes = sizeof(News) + n_pixel_bytes;
    News *news = g_malloc0(n_bytes);

    news->kind = kind;
    news->n_bytes = n_bytes;
    return news;
}

static void
tell(BerthDecodeWorker *self, News *news)
{
    g_atomic_pointer_add(&self->n_bytes, (gssize)news->n_bytes);
    berth_queue_push(self->news, news);
}

static void
tell_failure(BerthDecodeWorker *self, int error)
{
    News *news = new_news(NEWS_FAILED, 0);

    news->error = error;
    self->has_failed = true;
    tell(self, news);
}

static void
tell_frame(BerthDecodeWorker *self, const Job *job, const BerthDecodedEvent *event)
{
    News *news = new_news(NEWS_FRAME, 0);
    BerthFrame *canvas = berth_frame_decoder_get_canvas(self->frames, event->head);
    BerthFrameNews *frame = &news->frame;
    BerthPictureChange change;

    frame->head = event->head;
    frame->frame_id = event->frame_id;
    frame->input_serial = event->input_serial;
    frame->encode_us = event->encode_us;
    frame->n_bytes = event->n_bytes;
    frame->received_us = job->received_us;
    frame->ready_us = berth_monotonic_us();
    if (self->is_fresh[event->head]) {
        frame->rects[0] = berth_frame_get_rect(canvas);
        frame->n_rects = 1;
        self->is_fresh[event->head] = false;
    } else {
        frame->n_rects = MIN(event->n_rects, G_N_ELEMENTS(frame->rects));
        memcpy(frame->rects, event->rects, frame->n_rects * sizeof frame->rects[0]);
    }
    change =
        berth_picture_update(self->pictures[event->head], canvas, frame->rects, frame->n_rects);
    frame->is_changed = change.is_changed;
    frame->is_exact = event->is_exact;
    frame->is_resized = change.is_resized;
    frame->decode_us = (uint32_t)CLAMP(berth_monotonic_us() - self->begin_us, 0, UINT32_MAX);
    frame->shown_us = change.is_shown ? berth_monotonic_us() : 0;
    frame->traffic = self->traffic;
    memset(self->traffic.kinds, 0, sizeof self->traffic.kinds);
    tell(self, news);
}

static void
tell_head(BerthDecodeWorker *self, NewsKind kind, unsigned head)
{
    News *news = new_news(kind, 0);

    news->head = head;
    tell(self, news);
}

/* A head that got a size keeps its picture until the first frame of it. */
static void
note_head(BerthDecodeWorker *self, unsigned head)
{
    self->is_fresh[head] = true;
    if (berth_frame_decoder_get_canvas(self->frames, (uint16_t)head) == NULL) {
        berth_picture_clear(self->pictures[head]);
        tell_head(self, NEWS_HEAD_GONE, head);
    }
}

static int
decode_display(BerthDecodeWorker *self, const Job *job)
{
    BerthDecodedEvent event;
    int code;

    if (job->type == BERTH_MSG_FRAME_BEGIN) {
        self->begin_us = job->received_us;
    }
    code = berth_frame_decoder_handle(self->frames, job->type, job->payload, job->len, &event);
    if (code != BERTH_OK) {
        return code;
    }
    berth_traffic_note(&self->traffic, job->type, job->payload, job->len);
    switch (event.kind) {
    case BERTH_DECODED_FRAME:
        tell_frame(self, job, &event);
        break;
    case BERTH_DECODED_HEAD:
        note_head(self, event.head);
        break;
    case BERTH_DECODED_WRONG:
        tell_head(self, NEWS_HEAD_WRONG, event.head);
        break;
    case BERTH_DECODED_NOTHING:
        break;
    }
    return BERTH_OK;
}

static void
tell_cursor(BerthDecodeWorker *self, const BerthCursorImage *image)
{
    size_t n_bytes =
        image != NULL ? (size_t)image->width * (size_t)image->height * CURSOR_PIXEL_BYTES : 0;
    News *news = new_news(NEWS_CURSOR, n_bytes);

    if (image != NULL) {
        news->has_image = true;
        news->image = *image;
        memcpy(news->pixels, image->pixels, n_bytes);
        news->image.pixels = news->pixels;
    }
    tell(self, news);
}

static int
decode_cursor(BerthDecodeWorker *self, const Job *job)
{
    BerthCursorEvent event = BERTH_CURSOR_NOTHING;
    int code =
        berth_cursor_decoder_handle(self->cursors, job->type, job->payload, job->len, &event);

    if (code == BERTH_OK && event == BERTH_CURSOR_SHAPE) {
        tell_cursor(self, berth_cursor_decoder_get_image(self->cursors));
    }
    return code;
}

static void
decode(BerthDecodeWorker *self, const Job *job)
{
    int code;

    if (self->has_failed) {
        return;
    }
    code =
        job->channel == BERTH_CHANNEL_CURSOR ? decode_cursor(self, job) : decode_display(self, job);
    if (code != BERTH_OK) {
        tell_failure(self, code);
    }
}

static bool
is_frame_end(BerthChannel channel, uint8_t type)
{
    return channel == BERTH_CHANNEL_DISPLAY && type == BERTH_MSG_FRAME_END;
}

static void
free_batch(Job *batch)
{
    while (batch != NULL) {
        Job *next = batch->next;

        g_free(batch);
        batch = next;
    }
}

static void
take_job(BerthDecodeWorker *self, const Job *job)
{
    if (is_frame_end(job->channel, job->type)) {
        g_atomic_int_add(&self->n_frames, -1);
    }
    if (g_atomic_int_get(&self->is_stopping) == 0) {
        decode(self, job);
    }
    g_atomic_pointer_add(&self->n_bytes, -((gssize)job->len + JOB_COST_BYTES));
}

static gpointer
run(gpointer user_data)
{
    BerthDecodeWorker *self = user_data;

    for (;;) {
        void *item = g_async_queue_pop(self->jobs);
        Job *batch = item;

        if (item == self) {
            return NULL;
        }
        for (const Job *job = batch; job != NULL; job = job->next) {
            take_job(self, job);
        }
        free_batch(batch);
    }
}

static void
run_parts(void *runner, size_t n_parts, void (*func)(size_t part, void *user_data), void *user_data)
{
    berth_fork_join_run(runner, n_parts, func, user_data);
}

/* What is drawn at once in memory of the screen need not be copied there. */
static BerthFrame *
choose_canvas(uint16_t head, BerthFrame *canvas, BerthCatchUp *catch_up, void *user_data)
{
    BerthDecodeWorker *self = user_data;

    return self->is_fresh[head] ? berth_frame_ref(canvas)
                                : berth_picture_begin(self->pictures[head], canvas, catch_up);
}

BerthDecodeWorker *
berth_decode_worker_new(BerthPicture *const *pictures, const BerthFrameDecoderCaps *caps,
                        size_t n_shapes, const BerthDecodeCallbacks *callbacks, void *user_data)
{
    BerthDecodeWorker *self = g_new0(BerthDecodeWorker, 1);

    self->frames = berth_frame_decoder_new(caps);
    self->cursors = berth_cursor_decoder_new(n_shapes);
    if (self->frames == NULL || self->cursors == NULL) {
        g_error("no decoder for %dx%d, window 2^%d, %zu shapes", caps->max_width, caps->max_height,
                caps->window_log, n_shapes);
    }
    self->helpers = berth_fork_join_new(MIN(berth_fork_join_count_helpers(), MAX_HELPERS));
    if (berth_frame_decoder_set_runner(self->frames, run_parts, self->helpers) != BERTH_OK) {
        g_error("no memory for photos");
    }
    berth_frame_decoder_set_choose_canvas(self->frames, choose_canvas, self);
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        self->pictures[i] = berth_picture_ref(pictures[i]);
    }
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->batch_end = &self->batch;
    self->jobs = g_async_queue_new();
    self->news = berth_queue_new(NULL, on_news, self, g_free);
    self->thread = g_thread_new("decode", run, self);
    return self;
}

void
berth_decode_worker_free(BerthDecodeWorker *self)
{
    if (self == NULL) {
        return;
    }
    g_atomic_int_set(&self->is_stopping, 1);
    g_async_queue_push(self->jobs, self);
    g_thread_join(self->thread);
    free_batch(self->batch);
    g_async_queue_unref(self->jobs);
    berth_queue_free(self->news);
    berth_frame_decoder_free(self->frames);
    berth_fork_join_free(self->helpers);
    berth_cursor_decoder_free(self->cursors);
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_picture_unref(self->pictures[i]);
    }
    g_free(self);
}

/* A wake of the thread for every small message would cost more than to decode it. */
static void
give_batch(BerthDecodeWorker *self)
{
    g_async_queue_push(self->jobs, self->batch);
    self->batch = NULL;
    self->batch_end = &self->batch;
    self->batch_bytes = 0;
}

/* Whether more of the frame is to come, if the session keeps to the protocol. */
static bool
note_frame(BerthDecodeWorker *self, const Job *job)
{
    if (job->channel != BERTH_CHANNEL_DISPLAY) {
        return false;
    }
    if (job->type == BERTH_MSG_FRAME_BEGIN || job->type == BERTH_MSG_FRAME_END) {
        self->is_in_frame = job->type == BERTH_MSG_FRAME_BEGIN;
    }
    return self->is_in_frame;
}

int
berth_decode_worker_push(BerthDecodeWorker *self, BerthChannel channel, uint8_t type,
                         const uint8_t *payload, size_t len, int64_t now_us)
{
    gssize n_waiting = (gssize)g_atomic_pointer_get(&self->n_bytes);
    Job *job;

    if (n_waiting + (gssize)len + JOB_COST_BYTES > BERTH_LIMIT_CLIENT_DECODE_QUEUE_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    job = g_malloc(sizeof *job + len);
    job->next = NULL;
    job->channel = channel;
    job->type = type;
    job->received_us = now_us;
    job->len = len;
    if (len > 0) {
        memcpy(job->payload, payload, len);
    }
    g_atomic_pointer_add(&self->n_bytes, (gssize)len + JOB_COST_BYTES);
    if (is_frame_end(channel, type)) {
        g_atomic_int_inc(&self->n_frames);
    }
    *self->batch_end = job;
    self->batch_end = &job->next;
    self->batch_bytes += len;
    if (!note_frame(self, job) || self->batch_bytes >= BATCH_BYTES) {
        give_batch(self);
    }
    return BERTH_OK;
}

unsigned
berth_decode_worker_get_n_waiting(const BerthDecodeWorker *self)
{
    return (unsigned)g_atomic_int_get(&self->n_frames);
}

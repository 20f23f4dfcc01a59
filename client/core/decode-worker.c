/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/decode-worker.h"

#include "base/clock.h"
#include "base/mpsc-queue.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <string.h>

typedef struct {
    uint8_t type;
    int64_t received_us;
    size_t len;
    uint8_t payload[];
} Job;

/* What a job costs beside its payload: itself, its place in the queue, the allocator. */
#define JOB_COST_BYTES ((gssize)sizeof(Job) + 64)

struct BerthDecodeWorker {
    GThread *thread;
    GAsyncQueue *jobs; /* Job, or self as the sign to stop */
    gint is_stopping;  /* atomic */
    gssize n_bytes;    /* atomic: memory of what waits */
    gint n_frames;     /* atomic: ends of frames that wait */
    BerthQueue *news;
    BerthFrameNewsFunc func;
    void *user_data;

    /* Used by the thread alone. */
    BerthFrameDecoder *decoder;
    BerthPicture *picture;
    int64_t begin_us;
    bool has_failed;
};

static void
on_news(void *item, void *user_data)
{
    BerthDecodeWorker *self = user_data;
    g_autofree BerthFrameNews *news = item;

    self->func(news, self->user_data);
}

/* In the worker. */
static void
tell_frame(BerthDecodeWorker *self, const Job *job, const BerthDecodedEvent *event)
{
    BerthFrameNews *news = g_new0(BerthFrameNews, 1);
    const BerthFrame *canvas = berth_frame_decoder_get_canvas(self->decoder, event->head);

    news->head = event->head;
    news->frame_id = event->frame_id;
    news->input_serial = event->input_serial;
    news->encode_us = event->encode_us;
    news->n_bytes = event->n_bytes;
    news->received_us = job->received_us;
    news->n_rects = MIN(event->n_rects, G_N_ELEMENTS(news->rects));
    memcpy(news->rects, event->rects, news->n_rects * sizeof news->rects[0]);
    if (event->head == 0 && canvas != NULL) {
        news->is_changed = berth_picture_update(self->picture, canvas, event->rects, event->n_rects,
                                                &news->is_resized);
    }
    news->decode_us = (uint32_t)CLAMP(berth_monotonic_us() - self->begin_us, 0, UINT32_MAX);
    berth_queue_push(self->news, news);
}

/* In the worker. */
static void
decode(BerthDecodeWorker *self, const Job *job)
{
    BerthDecodedEvent event;
    int code;

    if (self->has_failed) {
        return;
    }
    if (job->type == BERTH_MSG_FRAME_BEGIN) {
        self->begin_us = job->received_us;
    }
    code = berth_frame_decoder_handle(self->decoder, job->type, job->payload, job->len, &event);
    if (code != BERTH_OK) {
        BerthFrameNews *news = g_new0(BerthFrameNews, 1);

        news->error = code;
        self->has_failed = true;
        berth_queue_push(self->news, news);
    } else if (event.kind == BERTH_DECODED_FRAME) {
        tell_frame(self, job, &event);
    }
}

static gpointer
run(gpointer user_data)
{
    BerthDecodeWorker *self = user_data;

    for (;;) {
        void *item = g_async_queue_pop(self->jobs);
        Job *job = item;

        if (item == self) {
            return NULL;
        }
        if (g_atomic_int_get(&self->is_stopping) == 0) {
            decode(self, job);
        }
        g_atomic_pointer_add(&self->n_bytes, -((gssize)job->len + JOB_COST_BYTES));
        if (job->type == BERTH_MSG_FRAME_END) {
            g_atomic_int_add(&self->n_frames, -1);
        }
        g_free(job);
    }
}

BerthDecodeWorker *
berth_decode_worker_new(BerthPicture *picture, const BerthFrameDecoderCaps *caps,
                        BerthFrameNewsFunc func, void *user_data)
{
    BerthDecodeWorker *self = g_new0(BerthDecodeWorker, 1);

    self->decoder = berth_frame_decoder_new(caps);
    if (self->decoder == NULL) {
        g_error("no decoder for %dx%d, window 2^%d", caps->max_width, caps->max_height,
                caps->window_log);
    }
    self->picture = berth_picture_ref(picture);
    self->func = func;
    self->user_data = user_data;
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
    g_async_queue_unref(self->jobs);
    berth_queue_free(self->news);
    berth_frame_decoder_free(self->decoder);
    berth_picture_unref(self->picture);
    g_free(self);
}

int
berth_decode_worker_push(BerthDecodeWorker *self, uint8_t type, const uint8_t *payload, size_t len,
                         int64_t now_us)
{
    gssize n_waiting = (gssize)g_atomic_pointer_get(&self->n_bytes);
    Job *job;

    if (n_waiting + (gssize)len + JOB_COST_BYTES > BERTH_LIMIT_CLIENT_DECODE_QUEUE_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    job = g_malloc(sizeof *job + len);
    job->type = type;
    job->received_us = now_us;
    job->len = len;
    if (len > 0) {
        memcpy(job->payload, payload, len);
    }
    g_atomic_pointer_add(&self->n_bytes, (gssize)len + JOB_COST_BYTES);
    if (type == BERTH_MSG_FRAME_END) {
        g_atomic_int_inc(&self->n_frames);
    }
    g_async_queue_push(self->jobs, job);
    return BERTH_OK;
}

unsigned
berth_decode_worker_get_n_waiting(const BerthDecodeWorker *self)
{
    return (unsigned)g_atomic_int_get(&self->n_frames);
}

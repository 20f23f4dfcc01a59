/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/gpu-queues.h"

#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>

#define SCOPE "gpu"
/* Requests in one go, so that a busy guest leaves time for the sockets. */
#define BATCH 128
/* Workers that may die of one request. */
#define MAX_DEATHS 2
#define INFO_HEADER_BYTES 24
#define DEFAULT_WIDTH_PX 1024
#define DEFAULT_HEIGHT_PX 768

/* A flush whose answer waits. */
typedef struct {
    uint16_t head;
    uint32_t n_written;
    uint64_t generation;
    int64_t due_us; /* with a fence; else INT64_MAX */
} Held;

/* A request for display info that waits for QEMU. */
typedef struct {
    uint16_t head;
    BerthGpuAnswer answer;
} Asked;

struct BerthGpuQueues {
    BerthVhostUser *vhost;
    BerthGpuDevice *device;
    BerthGpuNotes *notes;
    void (*ask_display)(void *user_data);
    void *user_data;
    BerthFlushGate gate;
    GArray *held;          /* Held */
    GArray *asked;         /* Asked */
    uint32_t stopped_base; /* where the control queue was stopped */
    bool is_broken[BERTH_VHOST_QUEUES];
    bool has_suspect;
    uint16_t suspect; /* request that the last worker died of */
    uint64_t n_flushes;
    BerthVringChain chain;
    BerthGpuAnswer answer;
    uint8_t command[BERTH_LIMIT_GPU_COMMAND_BYTES];
};

BerthGpuQueues *
berth_gpu_queues_new(BerthVhostUser *vhost, BerthGpuDevice *device, BerthGpuNotes *notes,
                     void (*ask_display)(void *user_data), void *user_data, int64_t now_us)
{
    BerthGpuQueues *self = g_new0(BerthGpuQueues, 1);

    self->vhost = vhost;
    self->device = device;
    self->notes = notes;
    self->ask_display = ask_display;
    self->user_data = user_data;
    self->held = g_array_new(FALSE, FALSE, sizeof(Held));
    self->asked = g_array_new(FALSE, FALSE, sizeof(Asked));
    berth_flush_gate_init(&self->gate, now_us);
    return self;
}

void
berth_gpu_queues_free(BerthGpuQueues *self)
{
    if (self) {
        g_array_unref(self->held);
        g_array_unref(self->asked);
        g_free(self);
    }
}

static BerthVring *
get_vring(BerthGpuQueues *self, unsigned queue)
{
    return &self->vhost->queues[queue].vring;
}

/* Gives a request of the control queue back; noted on both sides of it. */
static void
push(BerthGpuQueues *self, uint16_t head, uint32_t n_written)
{
    BerthVring *vring = get_vring(self, BERTH_GPU_CONTROL_QUEUE);

    self->notes->pushing = head;
    self->notes->pushing_used = berth_vring_get_used(vring);
    __atomic_store_n(&self->notes->is_pushing, true, __ATOMIC_SEQ_CST);
    berth_vring_push(vring, head, n_written);
    berth_gpu_notes_remove_pending(self->notes, head);
    __atomic_store_n(&self->notes->is_pushing, false, __ATOMIC_SEQ_CST);
}

/* ---- held flushes ---- */

static void
release_held(BerthGpuQueues *self, int64_t now_us)
{
    for (guint i = 0; i < self->held->len;) {
        Held held = g_array_index(self->held, Held, i);

        if (held.due_us <= now_us || berth_flush_gate_is_free(&self->gate, held.generation)) {
            g_array_remove_index(self->held, i);
            push(self, held.head, held.n_written);
        } else {
            i++;
        }
    }
}

static void
finish_flush(BerthGpuQueues *self, uint32_t n_written, int64_t now_us)
{
    Held held = {
        .head = self->chain.head,
        .n_written = n_written,
        .generation =
            berth_flush_gate_add(&self->gate, self->answer.scanout, self->answer.rect, now_us),
        .due_us = INT64_MAX,
    };

    self->n_flushes++;
    if (berth_flush_gate_is_free(&self->gate, held.generation)) {
        push(self, held.head, held.n_written);
        return;
    }
    if (self->answer.has_fence) {
        held.due_us = now_us + berth_flush_gate_get_hold_us(&self->gate, now_us);
    }
    g_array_append_val(self->held, held);
}

void
berth_gpu_queues_want(BerthGpuQueues *self, int64_t now_us)
{
    berth_flush_gate_want(&self->gate, now_us);
    release_held(self, now_us);
}

void
berth_gpu_queues_tick(BerthGpuQueues *self, int64_t now_us)
{
    berth_flush_gate_tick(&self->gate, now_us);
    release_held(self, now_us);
}

int64_t
berth_gpu_queues_get_due_us(const BerthGpuQueues *self, int64_t now_us)
{
    int64_t due_us =
        self->held->len > 0 ? berth_flush_gate_get_due_us(&self->gate, now_us) : INT64_MAX;

    for (guint i = 0; i < self->held->len; i++) {
        due_us = MIN(due_us, g_array_index(self->held, Held, i).due_us);
    }
    return due_us;
}

/* ---- requests ---- */

static void
finish(BerthGpuQueues *self, int64_t now_us)
{
    uint32_t n_written;

    if (self->answer.outcome == BERTH_GPU_ASKS_DISPLAY) {
        Asked asked = { self->chain.head, self->answer };

        g_array_append_val(self->asked, asked);
        self->ask_display(self->user_data);
        return;
    }
    n_written =
        (uint32_t)berth_vring_chain_write(&self->chain, self->answer.bytes, self->answer.n_bytes);
    if (self->answer.outcome == BERTH_GPU_FLUSHED) {
        finish_flush(self, n_written, now_us);
    } else {
        push(self, self->chain.head, n_written);
    }
}

static bool
is_deadly(const BerthGpuQueues *self)
{
    return self->has_suspect && self->suspect == self->chain.head &&
           self->notes->n_deaths >= MAX_DEATHS;
}

/* Runs the request in chain, which is noted as pending. */
static void
run_control(BerthGpuQueues *self, int64_t now_us)
{
    uint16_t head = self->chain.head;
    size_t n_readable = berth_vring_chain_n_readable(&self->chain);
    size_t n = berth_vring_chain_read(&self->chain, self->command, sizeof(self->command));

    self->notes->running = head;
    __atomic_store_n(&self->notes->is_running, true, __ATOMIC_SEQ_CST);
    if (n_readable > sizeof(self->command) || is_deadly(self)) {
        berth_gpu_device_refuse(self->command, n, &self->answer);
    } else {
        berth_gpu_device_control(self->device, self->command, n, &self->answer);
    }
    if (berth_gpu_device_take_changed(self->device)) {
        berth_gpu_notes_set_device(self->notes, self->device);
    }
    finish(self, now_us);
    if (self->has_suspect && self->suspect == head) {
        self->has_suspect = false;
        self->notes->n_deaths = 0;
    }
    __atomic_store_n(&self->notes->is_running, false, __ATOMIC_SEQ_CST);
}

static void
run_cursor(BerthGpuQueues *self)
{
    BerthVring *vring = get_vring(self, BERTH_GPU_CURSOR_QUEUE);
    size_t n = berth_vring_chain_read(&self->chain, self->command, sizeof(self->command));

    berth_gpu_device_cursor(self->device, self->command, n);
    berth_vring_push(vring, self->chain.head, 0);
}

static void
call_broken(BerthGpuQueues *self, unsigned queue)
{
    if (!self->is_broken[queue]) {
        berth_log_warning(SCOPE, "queue %u of the guest's driver makes no sense and is left alone",
                          queue);
        self->is_broken[queue] = true;
    }
}

bool
berth_gpu_queues_run(BerthGpuQueues *self, unsigned queue, int64_t now_us)
{
    BerthVring *vring = get_vring(self, queue);
    int r = 0;

    if (!self->vhost->queues[queue].is_started || !self->vhost->queues[queue].is_enabled ||
        self->is_broken[queue]) {
        return false;
    }
    for (int i = 0; i < BATCH; i++) {
        r = berth_vring_pop(vring, &self->chain);
        if (r <= 0) {
            break;
        }
        self->notes->queues[queue].base = vring->last_avail;
        if (queue == BERTH_GPU_CONTROL_QUEUE) {
            berth_gpu_notes_add_pending(self->notes, self->chain.head);
            run_control(self, now_us);
        } else {
            run_cursor(self);
        }
    }
    if (r < 0) {
        call_broken(self, queue);
    }
    if (queue == BERTH_GPU_CONTROL_QUEUE && r <= 0) {
        berth_gpu_device_settle(self->device);
    }
    return r > 0;
}

void
berth_gpu_queues_resume(BerthGpuQueues *self, int64_t now_us)
{
    g_autofree uint16_t *heads = NULL;
    uint32_t n = MIN(self->notes->n_pending, BERTH_LIMIT_VRING_SIZE);

    self->notes->n_pending = n;
    if (self->notes->is_running) {
        self->has_suspect = true;
        self->suspect = self->notes->running;
        self->notes->n_deaths++;
    }
    if (!self->vhost->queues[BERTH_GPU_CONTROL_QUEUE].is_started) {
        return;
    }
    heads = g_memdup2(self->notes->pending, n * sizeof(uint16_t));
    for (uint32_t i = 0; i < n; i++) {
        if (berth_vring_walk(get_vring(self, BERTH_GPU_CONTROL_QUEUE), heads[i], &self->chain) <
            0) {
            call_broken(self, BERTH_GPU_CONTROL_QUEUE);
            return;
        }
        run_control(self, now_us);
    }
}

/* ---- display info ---- */

static void
put_number(uint8_t *at, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(at, &value, sizeof(value));
}

void
berth_gpu_queues_put_display(BerthGpuQueues *self, const uint8_t *info)
{
    const BerthVring *vring = get_vring(self, BERTH_GPU_CONTROL_QUEUE);
    Asked asked;

    if (self->asked->len == 0) {
        return;
    }
    asked = g_array_index(self->asked, Asked, 0);
    g_array_remove_index(self->asked, 0);
    if (info) {
        memcpy(asked.answer.bytes + INFO_HEADER_BYTES, info, BERTH_GPU_DISPLAY_INFO_BYTES);
    } else {
        put_number(asked.answer.bytes + INFO_HEADER_BYTES + 8, DEFAULT_WIDTH_PX);
        put_number(asked.answer.bytes + INFO_HEADER_BYTES + 12, DEFAULT_HEIGHT_PX);
        put_number(asked.answer.bytes + INFO_HEADER_BYTES + 16, 1);
    }
    if (vring->size > 0 && berth_vring_walk(vring, asked.head, &self->chain) == BERTH_OK) {
        push(self, asked.head,
             (uint32_t)berth_vring_chain_write(&self->chain, asked.answer.bytes,
                                               asked.answer.n_bytes));
    }
}

/* ---- life ---- */

void
berth_gpu_queues_stop(BerthGpuQueues *self, unsigned queue)
{
    if (queue != BERTH_GPU_CONTROL_QUEUE) {
        return;
    }
    while (self->asked->len > 0) {
        berth_gpu_queues_put_display(self, NULL);
    }
    for (guint i = 0; i < self->held->len; i++) {
        Held held = g_array_index(self->held, Held, i);

        push(self, held.head, held.n_written);
    }
    g_array_set_size(self->held, 0);
    self->notes->n_pending = 0;
    self->stopped_base = get_vring(self, queue)->last_avail;
}

void
berth_gpu_queues_started(BerthGpuQueues *self, unsigned queue)
{
    const BerthVhostQueue *started = &self->vhost->queues[queue];

    self->is_broken[queue] = false;
    /* After a pause QEMU goes on where it was; a driver that begins anew begins at 0. */
    if (queue == BERTH_GPU_CONTROL_QUEUE && started->base != self->stopped_base) {
        berth_gpu_device_reset(self->device);
        berth_gpu_notes_set_device(self->notes, self->device);
        berth_gpu_device_take_changed(self->device);
    }
}

uint64_t
berth_gpu_queues_get_n_flushes(const BerthGpuQueues *self)
{
    return self->n_flushes;
}

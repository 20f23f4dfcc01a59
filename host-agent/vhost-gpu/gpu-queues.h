/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the two queues of the card: takes requests, has the device run them, holds back what the
 * flush gate holds, and gives the rest back.  Every step is noted, so that another worker can go
 * on.  Does no I/O and reads no clock.  Thread: one.
 */
#pragma once

#include "host-agent/vhost-gpu/flush-gate.h"
#include "host-agent/vhost-gpu/gpu-device.h"
#include "host-agent/vhost-gpu/gpu-notes.h"
#include "host-agent/vhost-gpu/vhost-user.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define BERTH_GPU_CONTROL_QUEUE 0
#define BERTH_GPU_CURSOR_QUEUE 1
/* Bytes of QEMU's display info: that of 16 scanouts. */
#define BERTH_GPU_DISPLAY_INFO_BYTES 384

typedef struct BerthGpuQueues BerthGpuQueues;

/*
 * vhost, device, notes: borrowed
 * ask_display: QEMU's display info is wanted; berth_gpu_queues_put_display() follows some time
 */
BerthGpuQueues *berth_gpu_queues_new(BerthVhostUser *vhost, BerthGpuDevice *device,
                                     BerthGpuNotes *notes, void (*ask_display)(void *user_data),
                                     void *user_data, int64_t now_us);

/* NULL is allowed. */
void berth_gpu_queues_free(BerthGpuQueues *self);

/* Runs what another worker had taken and not given back; after berth_gpu_notes_restore(). */
void berth_gpu_queues_resume(BerthGpuQueues *self, int64_t now_us);

/* Runs requests of a queue.  Returns true if there may be more: call again soon. */
bool berth_gpu_queues_run(BerthGpuQueues *self, unsigned queue, int64_t now_us);

/* QEMU's display info; NULL: there is none, the guest gets a size that everybody can show. */
void berth_gpu_queues_put_display(BerthGpuQueues *self, const uint8_t *info);

/* The session can take a picture. */
void berth_gpu_queues_want(BerthGpuQueues *self, int64_t now_us);

/* Gives back what is due. */
void berth_gpu_queues_tick(BerthGpuQueues *self, int64_t now_us);

/* When tick() is due; INT64_MAX: never. */
int64_t berth_gpu_queues_get_due_us(const BerthGpuQueues *self, int64_t now_us);

/* Gives everything of a queue back: it stops. */
void berth_gpu_queues_stop(BerthGpuQueues *self, unsigned queue);

/* A queue runs: the card is a new one unless it goes on where it was stopped. */
void berth_gpu_queues_started(BerthGpuQueues *self, unsigned queue);

/* Flushes that were run. */
uint64_t berth_gpu_queues_get_n_flushes(const BerthGpuQueues *self);

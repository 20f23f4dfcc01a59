/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a worker leaves for the next one: memory that both are forked with.
 *
 * The worker that wrote it died, perhaps of what it read, so that the next one believes nothing:
 * all addresses and resources go through the same checks as when the guest told them.  The keeper
 * never looks inside.  Thread: the worker's.
 */
#pragma once

#include "host-agent/vhost-gpu/gpu-device.h"
#include "host-agent/vhost-gpu/vhost-user.h"

#include <stdbool.h>
#include <stdint.h>

/* Resources with all their ranges. */
#define BERTH_GPU_NOTES_STATE_BYTES (BERTH_LIMIT_GPU_RANGES * 16u + BERTH_LIMIT_GPU_RESOURCES * 64u)

/* Descriptors that the keeper holds. */
enum {
    BERTH_GPU_FD_REGION = 0,
    BERTH_GPU_FD_KICK = BERTH_GPU_FD_REGION + BERTH_LIMIT_GUEST_REGIONS,
    BERTH_GPU_FD_CALL = BERTH_GPU_FD_KICK + BERTH_VHOST_QUEUES,
    BERTH_GPU_FD_DISPLAY = BERTH_GPU_FD_CALL + BERTH_VHOST_QUEUES,
    BERTH_GPU_FD_SESSION,
    BERTH_GPU_N_FDS,
};

typedef struct {
    uint32_t size, base;
    uint64_t desc_addr, avail_addr, used_addr;
    bool has_addr, is_enabled, is_started;
} BerthGpuQueueNote;

typedef struct {
    uint64_t features, protocol_features;
    uint32_t n_regions;
    BerthVhostRegion regions[BERTH_LIMIT_GUEST_REGIONS];
    BerthGpuQueueNote queues[BERTH_VHOST_QUEUES];

    /* Of the control queue: requests that were taken and not given back, in order. */
    uint32_t n_pending;
    uint16_t pending[BERTH_LIMIT_VRING_SIZE];
    /* The request that is being run, and how many workers died of it. */
    bool is_running;
    uint16_t running;
    uint32_t n_deaths;
    /* The request that is being given back, and the used index before. */
    bool is_pushing;
    uint16_t pushing, pushing_used;

    /* Two copies of the device's state, so that one is always whole. */
    uint32_t state; /* which */
    uint32_t n_state_bytes[2];
    uint8_t states[2][BERTH_GPU_NOTES_STATE_BYTES];
} BerthGpuNotes;

/* Shared with processes that are forked later; NULL without memory. */
BerthGpuNotes *berth_gpu_notes_new(void);

/* Notes what QEMU has told. */
void berth_gpu_notes_set_vhost(BerthGpuNotes *self, const BerthVhostUser *vhost);

/* Notes resources and scanouts. */
void berth_gpu_notes_set_device(BerthGpuNotes *self, const BerthGpuDevice *device);

/* A request was taken; a request that is given back is no more pending. */
void berth_gpu_notes_add_pending(BerthGpuNotes *self, uint16_t head);
void berth_gpu_notes_remove_pending(BerthGpuNotes *self, uint16_t head);

/*
 * Brings a new device to where the old one was: vhost with its descriptors from fds (taken: -1
 * afterwards), then resources and scanouts.
 *
 * Errors: those of the parts.
 */
int berth_gpu_notes_restore(BerthGpuNotes *self, int fds[BERTH_GPU_N_FDS], BerthVhostUser *vhost,
                            BerthGpuDevice *device);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/gpu-notes.h"

#include "base/cleanup.h"
#include "berth/errors.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

BerthGpuNotes *
berth_gpu_notes_new(void)
{
    void *memory = mmap(NULL, sizeof(BerthGpuNotes), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void
berth_gpu_notes_set_vhost(BerthGpuNotes *self, const BerthVhostUser *vhost)
{
    self->features = vhost->features;
    self->protocol_features = vhost->protocol_features;
    self->n_regions = vhost->n_regions;
    memcpy(self->regions, vhost->regions, sizeof(self->regions));
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        const BerthVhostQueue *queue = &vhost->queues[i];

        self->queues[i] = (BerthGpuQueueNote){
            .size = queue->size,
            .base = queue->is_started ? queue->vring.last_avail : queue->base,
            .desc_addr = queue->desc_addr,
            .avail_addr = queue->avail_addr,
            .used_addr = queue->used_addr,
            .has_addr = queue->has_addr,
            .is_enabled = queue->is_enabled,
            .is_started = queue->is_started,
        };
    }
}

void
berth_gpu_notes_set_device(BerthGpuNotes *self, const BerthGpuDevice *device)
{
    uint32_t other = 1 - (self->state & 1);
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_GPU_NOTES_STATE_BYTES);
    berth_gpu_device_save(device, &writer);
    if (writer.error == BERTH_OK) {
        memcpy(self->states[other], writer.data, writer.len);
        self->n_state_bytes[other] = (uint32_t)writer.len;
        __atomic_store_n(&self->state, other, __ATOMIC_RELEASE);
    }
    berth_writer_clear(&writer);
}

void
berth_gpu_notes_add_pending(BerthGpuNotes *self, uint16_t head)
{
    if (self->n_pending < BERTH_LIMIT_VRING_SIZE) {
        self->pending[self->n_pending] = head;
        __atomic_store_n(&self->n_pending, self->n_pending + 1, __ATOMIC_RELEASE);
    }
}

void
berth_gpu_notes_remove_pending(BerthGpuNotes *self, uint16_t head)
{
    uint32_t n = MIN(self->n_pending, BERTH_LIMIT_VRING_SIZE);

    for (uint32_t i = 0; i < n; i++) {
        if (self->pending[i] == head) {
            memmove(&self->pending[i], &self->pending[i + 1], (n - i - 1) * sizeof(uint16_t));
            self->n_pending = n - 1;
            return;
        }
    }
}

static void
restore_queue(const BerthGpuQueueNote *note, BerthVhostQueue *queue, int *kick_fd, int *call_fd)
{
    queue->size = note->size;
    queue->base = note->base;
    queue->desc_addr = note->desc_addr;
    queue->avail_addr = note->avail_addr;
    queue->used_addr = note->used_addr;
    queue->has_addr = note->has_addr;
    queue->is_enabled = note->is_enabled;
    queue->is_started = note->is_started;
    queue->kick_fd = berth_steal_fd(kick_fd);
    queue->call_fd = berth_steal_fd(call_fd);
}

/* A worker that died between the used ring and its notes has given that request back. */
static void
settle_push(BerthGpuNotes *self, const BerthVhostUser *vhost)
{
    if (self->is_pushing) {
        self->is_pushing = false;
        if (vhost->queues[0].is_started &&
            berth_vring_get_used(&vhost->queues[0].vring) != self->pushing_used) {
            berth_gpu_notes_remove_pending(self, self->pushing);
        }
    }
}

int
berth_gpu_notes_restore(BerthGpuNotes *self, int fds[BERTH_GPU_N_FDS], BerthVhostUser *vhost,
                        BerthGpuDevice *device)
{
    uint32_t which = self->state & 1;
    BerthReader reader;
    int r;

    vhost->features = self->features;
    vhost->protocol_features = self->protocol_features;
    vhost->n_regions = MIN(self->n_regions, BERTH_LIMIT_GUEST_REGIONS);
    memcpy(vhost->regions, self->regions, sizeof(vhost->regions));
    for (unsigned i = 0; i < vhost->n_regions; i++) {
        vhost->region_fds[i] = berth_steal_fd(&fds[BERTH_GPU_FD_REGION + i]);
    }
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        restore_queue(&self->queues[i], &vhost->queues[i], &fds[BERTH_GPU_FD_KICK + i],
                      &fds[BERTH_GPU_FD_CALL + i]);
    }
    vhost->display_fd = berth_steal_fd(&fds[BERTH_GPU_FD_DISPLAY]);
    r = berth_vhost_user_restore(vhost);
    if (r < 0 || self->n_state_bytes[which] == 0) {
        return r;
    }
    settle_push(self, vhost);
    berth_reader_init(&reader, self->states[which],
                      MIN(self->n_state_bytes[which], BERTH_GPU_NOTES_STATE_BYTES));
    return berth_gpu_device_load(device, &reader);
}

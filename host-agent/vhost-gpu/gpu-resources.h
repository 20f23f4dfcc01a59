/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pictures that a guest has told of: size, format, and where in guest memory their pixels lie.
 *
 * No pixel is kept here: a picture is read from guest memory when it is shown.  Ranges are resolved
 * against the memory table when they come, and again when the table changes.
 *
 * State: 24 bytes a range, at most BERTH_LIMIT_GPU_RANGES of them.  Thread: one.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "display/pixels/damage.h"
#include "host-agent/vhost-gpu/guest-memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGpuResources BerthGpuResources;

typedef struct {
    uint64_t guest_addr;
    uint32_t n_bytes;
} BerthGpuRange;

typedef struct {
    uint32_t id;
    uint32_t format; /* VIRTIO_GPU_FORMAT_* */
    int width, height;
} BerthGpuResourceInfo;

/* memory: borrowed */
BerthGpuResources *berth_gpu_resources_new(const BerthGuestMemory *memory);

/* NULL is allowed. */
void berth_gpu_resources_free(BerthGpuResources *self);

/* Forgets all of them. */
void berth_gpu_resources_clear(BerthGpuResources *self);

/*
 * Makes a picture without memory.
 *
 * Errors: BERTH_ERR_EXISTS, BERTH_ERR_INVALID (id 0), BERTH_ERR_UNSUPPORTED (format),
 * BERTH_ERR_TOO_LARGE (size, or too many pictures).
 */
int berth_gpu_resources_create(BerthGpuResources *self, const BerthGpuResourceInfo *info);

/* Forgets a picture.  Errors: BERTH_ERR_NOT_FOUND. */
int berth_gpu_resources_remove(BerthGpuResources *self, uint32_t id);

/*
 * Gives a picture its memory.
 *
 * ranges: in order, copied
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_EXISTS (it has memory), BERTH_ERR_INVALID (not guest
 * memory), BERTH_ERR_TOO_LARGE (too many ranges).
 */
int berth_gpu_resources_attach(BerthGpuResources *self, uint32_t id, const BerthGpuRange *ranges,
                               unsigned n_ranges);

/* Takes the memory away.  Errors: BERTH_ERR_NOT_FOUND. */
int berth_gpu_resources_detach(BerthGpuResources *self, uint32_t id);

/* Errors: BERTH_ERR_NOT_FOUND. */
int berth_gpu_resources_get_info(const BerthGpuResources *self, uint32_t id,
                                 BerthGpuResourceInfo *ret);

/*
 * Notes where the pixels of a rectangle begin in the picture's memory, as a transfer tells it;
 * from there the whole picture is found, whose rows have no gaps.
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_INVALID (not inside the picture or its memory).
 */
int berth_gpu_resources_transfer(BerthGpuResources *self, uint32_t id, BerthRect rect,
                                 uint64_t offset_bytes);

/*
 * Brings a rectangle of a picture into a frame and marks exactly what differs, in one pass that
 * reads each byte of guest memory once.
 *
 * rect: of the picture; x, y: where it goes in dst
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_INVALID (not inside), BERTH_ERR_TRUNCATED (the picture's
 * memory ends before; rows up to there are done).
 */
int berth_gpu_resources_show(BerthGpuResources *self, uint32_t id, BerthRect rect,
                             BerthDamage *damage, BerthFrame *dst, int x, int y);

/* Copies a whole small picture as it lies there.  n_bytes: of all of it.  Errors: as above. */
int berth_gpu_resources_read(const BerthGpuResources *self, uint32_t id, uint8_t *dst,
                             size_t n_bytes);

/* The memory table has changed: finds all ranges again. */
void berth_gpu_resources_resolve(BerthGpuResources *self);

/* Writes all pictures, for another process to go on with. */
void berth_gpu_resources_save(const BerthGpuResources *self, BerthWriter *writer);

/* Reads what was saved into an empty table, with all checks.  Errors: the reader's. */
void berth_gpu_resources_load(BerthGpuResources *self, BerthReader *reader);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine of the graphics card: commands of a hostile guest in, answers and pictures out.
 *
 * It has no image of its own: what a flush shows is compared with, and copied into, the picture of
 * its scanout straight from guest memory.  Reads no clock and does no I/O; pictures get their
 * memory from the owner.  Thread: one.
 *
 * Source: Virtual I/O Device 1.2, 5.7 (2D commands).
 */
#pragma once

#include "display/pixels/damage.h"
#include "host-agent/vhost-gpu/gpu-resources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_GPU_SCANOUTS 16
#define BERTH_GPU_CURSOR_SIDE_PX 64
#define BERTH_GPU_CURSOR_BYTES (BERTH_GPU_CURSOR_SIDE_PX * BERTH_GPU_CURSOR_SIDE_PX * 4)
/* The longest answer: display info. */
#define BERTH_GPU_ANSWER_BYTES 408

typedef struct BerthGpuDevice BerthGpuDevice;

typedef struct {
    /*
     * Gives the picture of a scanout new memory, or none (0 x 0: it shows nothing).
     *
     * ret_frame: black; stays valid until the next call for this scanout
     *
     * Errors: BERTH_ERR_NO_MEMORY.
     */
    int (*set_mode)(unsigned scanout, int w_px, int h_px, BerthFrame *ret_frame, void *user_data);
    /* What differs in a picture now; damage is cleared afterwards. */
    void (*show)(unsigned scanout, const BerthDamage *damage, void *user_data);
    /* A new pointer shape: rows of B, G, R, A; NULL: the guest hides it. */
    void (*set_cursor)(unsigned scanout, const uint8_t *pixels, uint32_t hot_x, uint32_t hot_y,
                       void *user_data);
    void (*move_cursor)(unsigned scanout, int32_t x_px, int32_t y_px, void *user_data);
} BerthGpuDeviceCallbacks;

typedef enum {
    BERTH_GPU_ANSWERED,     /* give the answer back */
    BERTH_GPU_FLUSHED,      /* give it back when the flush gate says so */
    BERTH_GPU_ASKS_DISPLAY, /* ask QEMU for its display info and put it in */
} BerthGpuOutcome;

typedef struct {
    BerthGpuOutcome outcome;
    bool has_fence; /* the guest may wait for it */
    /* Of a flush: */
    unsigned scanout;
    BerthRect rect;
    size_t n_bytes;
    uint8_t bytes[BERTH_GPU_ANSWER_BYTES];
} BerthGpuAnswer;

/* memory, callbacks: borrowed. */
BerthGpuDevice *berth_gpu_device_new(const BerthGuestMemory *memory,
                                     const BerthGpuDeviceCallbacks *callbacks, void *user_data);

/* NULL is allowed. */
void berth_gpu_device_free(BerthGpuDevice *self);

/* Forgets resources and scanouts, as when the guest's driver starts anew. */
void berth_gpu_device_reset(BerthGpuDevice *self);

/* Runs one command of the control queue. */
void berth_gpu_device_control(BerthGpuDevice *self, const uint8_t *command, size_t n_bytes,
                              BerthGpuAnswer *ret);

/* Runs one command of the cursor queue, which has no answer. */
void berth_gpu_device_cursor(BerthGpuDevice *self, const uint8_t *command, size_t n_bytes);

/* Makes the answer of a command that was refused before it could be run. */
void berth_gpu_device_refuse(const uint8_t *command, size_t n_bytes, BerthGpuAnswer *ret);

/*
 * Shows scanouts that were set and not flushed since; to be called when the queue is empty.
 */
void berth_gpu_device_settle(BerthGpuDevice *self);

/* Whether resources or scanouts changed since the last call. */
bool berth_gpu_device_take_changed(BerthGpuDevice *self);

/* The memory table has changed. */
void berth_gpu_device_resolve(BerthGpuDevice *self);

/* Writes what a new process needs to go on; max: of the writer. */
void berth_gpu_device_save(const BerthGpuDevice *self, BerthWriter *writer);

/* Goes on with what was saved, shows it all.  Errors: those of the reader; it is reset then. */
int berth_gpu_device_load(BerthGpuDevice *self, BerthReader *reader);

/* Bytes of pixels on a scanout; NULL while it shows nothing. */
const BerthFrame *berth_gpu_device_get_picture(const BerthGpuDevice *self, unsigned scanout);

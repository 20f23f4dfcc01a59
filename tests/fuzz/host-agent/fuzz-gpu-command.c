/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands of a hostile guest, one after the other, to a card with a little guest memory; what it
 * saves must load again.
 *
 * Input: records {u8 kind, u16 n_bytes, bytes}; kind 0 control, 1 cursor, 2 settle, 3 save and
 * load.
 */
#include "host-agent/vhost-gpu/gpu-device.h"

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/errors.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_BYTES (64 * 1024)
/* Keeps one input fast: a mode of 32 Mpx is legal. */
#define MAX_AREA_PX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    BerthFrame *frames[BERTH_GPU_SCANOUTS];
} Target;

static int
on_set_mode(unsigned scanout, int w_px, int h_px, BerthFrame *ret_frame, void *user_data)
{
    Target *target = user_data;

    if ((int64_t)w_px * h_px > MAX_AREA_PX) {
        return BERTH_ERR_NO_MEMORY;
    }
    g_clear_pointer(&target->frames[scanout], berth_frame_unref);
    memset(ret_frame, 0, sizeof(*ret_frame));
    if (w_px > 0) {
        target->frames[scanout] = berth_frame_new(w_px, h_px);
        *ret_frame = *target->frames[scanout];
    }
    return BERTH_OK;
}

static void
on_show(unsigned scanout, const BerthDamage *damage, void *user_data)
{
    const Target *target = user_data;

    if (!target->frames[scanout] ||
        berth_damage_get_width(damage) != target->frames[scanout]->width) {
        abort();
    }
}

static void
on_set_cursor(unsigned scanout, const uint8_t *pixels, uint32_t hot_x, uint32_t hot_y,
              void *user_data)
{
    if (pixels) {
        g_free(g_memdup2(pixels, BERTH_GPU_CURSOR_BYTES));
    }
}

static void
on_move_cursor(unsigned scanout, int32_t x_px, int32_t y_px, void *user_data)
{
}

static const BerthGpuDeviceCallbacks callbacks = { on_set_mode, on_show, on_set_cursor,
                                                   on_move_cursor };

static void
save_and_load(BerthGpuDevice *device)
{
    BerthWriter writer;
    BerthReader reader;

    berth_writer_init(&writer, 8 * 1024 * 1024);
    berth_gpu_device_save(device, &writer);
    berth_reader_init(&reader, writer.data, writer.len);
    if (berth_gpu_device_load(device, &reader) < 0) {
        abort(); /* what the checks let in they must let in again */
    }
    berth_writer_clear(&writer);
}

static void
run_record(BerthGpuDevice *device, uint8_t kind, const uint8_t *bytes, size_t n_bytes)
{
    BerthGpuAnswer answer;

    switch (kind % 4) {
    case 0:
        berth_gpu_device_control(device, bytes, n_bytes, &answer);
        if (answer.n_bytes < 24 || answer.n_bytes > sizeof(answer.bytes)) {
            abort();
        }
        break;
    case 1:
        berth_gpu_device_cursor(device, bytes, n_bytes);
        break;
    case 2:
        berth_gpu_device_settle(device);
        break;
    default:
        save_and_load(device);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Target target = { { NULL } };
    BerthGuestMemory memory = { .n_regions = 0 };
    uint8_t *bytes = g_malloc0(MEMORY_BYTES);
    BerthGpuDevice *device = berth_gpu_device_new(&memory, &callbacks, &target);
    BerthReader reader;

    berth_guest_memory_add(&memory, 0, 0, MEMORY_BYTES, bytes);
    berth_reader_init(&reader, data, size);
    while (berth_reader_remaining(&reader) > 0 && reader.error == BERTH_OK) {
        uint8_t kind = berth_reader_get_u8(&reader);
        size_t n_bytes = MIN(berth_reader_get_u16(&reader), berth_reader_remaining(&reader));
        g_autofree uint8_t *record = g_malloc(n_bytes); /* exact, for the sanitizer */

        berth_reader_get_bytes(&reader, record, n_bytes);
        run_record(device, kind, record, n_bytes);
    }
    berth_gpu_device_free(device);
    for (unsigned i = 0; i < BERTH_GPU_SCANOUTS; i++) {
        berth_frame_unref(target.frames[i]);
    }
    g_free(bytes);
    return 0;
}

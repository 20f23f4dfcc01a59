/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A packet between berth-gpu and berth-session: what is accepted can be written again, and is the
 * same.
 */
#include "host-agent/vhost-gpu/gpu-wire.h"

#include "berth/errors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static BerthGpuPacket packet;
    BerthWriter writer;

    if (size > BERTH_GPU_PACKET_BYTES || berth_gpu_packet_decode(data, size, &packet) != BERTH_OK) {
        return 0;
    }
    berth_writer_init(&writer, BERTH_GPU_PACKET_BYTES);
    berth_gpu_packet_encode(&packet, &writer);
    /* The last byte of POINTER is any number that is not 0. */
    if (writer.error < 0 || writer.len != size ||
        memcmp(writer.data, data, packet.type == BERTH_GPU_POINTER ? size - 1 : size) != 0) {
        abort();
    }
    berth_writer_clear(&writer);
    return 0;
}

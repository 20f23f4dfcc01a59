/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hostile packets at the receiver, and through it at Opus.  Of each step the first byte says what
 * happens (its low two bits: open, close, push, pull) and how much time passes; a push has a byte
 * of distance to the last position, a byte of length and its packet.
 */
#include "display/audio/sound-receiver.h"

#include "base/bytes-reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
push(BerthSoundReceiver *receiver, BerthReader *reader, uint64_t *position, int64_t now_us)
{
    uint8_t distance = berth_reader_get_u8(reader);
    uint8_t len = berth_reader_get_u8(reader);
    const uint8_t *packet = berth_reader_get_bytes_direct(reader, len);

    if (packet != NULL) {
        *position += distance < 200 ? distance * 96U : UINT64_C(1) << (distance - 200);
        *position &= (UINT64_C(1) << 60) - 1;
        (void)berth_sound_receiver_push(receiver, *position, -now_us, packet, len, now_us);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();
    int16_t out[1000 * BERTH_SOUND_CHANNELS];
    uint64_t position = 0;
    int64_t now_us = 0;
    BerthReader reader;

    berth_reader_init(&reader, data, size);
    while (reader.error == 0 && berth_reader_remaining(&reader) > 0) {
        uint8_t step = berth_reader_get_u8(&reader);

        now_us += (int64_t)(step >> 2) * 1000;
        switch (step & 3) {
        case 0:
            berth_sound_receiver_open(receiver, step & 4 ? 480 : 960);
            position = 0;
            break;
        case 1:
            berth_sound_receiver_close(receiver);
            break;
        case 2:
            push(receiver, &reader, &position, now_us);
            break;
        default:
            (void)berth_sound_receiver_pull(receiver, out, 1 + step * 3U, now_us);
            break;
        }
    }
    return 0;
}

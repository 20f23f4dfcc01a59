/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A queue of 8 descriptors in guest memory that is the input: whatever the guest writes there, each
 * request ends, and no byte outside of the memory is read or written.
 *
 * Input: byte 0 features, byte 1 index of the available ring's last, then memory.
 */
#include "host-agent/vhost-gpu/vring.h"

#include "berth/errors.h"

#include <glib.h>
#include <string.h>

#define SIZE 8u
#define USER 0x1000000ull
#define DESC 0u
#define AVAIL 128u
#define USED 192u
#define MEMORY_BYTES 1024u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static BerthVringChain chain;
    BerthGuestMemory memory = { .n_regions = 0 };
    BerthVring vring;
    uint8_t *bytes = g_malloc0(MEMORY_BYTES); /* exact, for the sanitizer */
    uint8_t buffer[256] = { 0 };

    if (size > 2) {
        memcpy(bytes, data + 2, MIN(size - 2, MEMORY_BYTES));
    }
    berth_guest_memory_add(&memory, 0, USER, MEMORY_BYTES, bytes);
    if (size > 2 && berth_vring_setup(&vring, &memory, SIZE, USER + DESC, USER + AVAIL, USER + USED,
                                      data[0] & 1) == BERTH_OK) {
        vring.last_avail = data[1];
        while (berth_vring_pop(&vring, &chain) > 0) {
            berth_vring_chain_read(&chain, buffer, sizeof(buffer));
            berth_vring_push(&vring, chain.head,
                             (uint32_t)berth_vring_chain_write(&chain, buffer, sizeof(buffer)));
            berth_vring_take_interrupt(&vring);
            if (vring.last_avail == data[1]) {
                break; /* once around: the guest goes on for ever */
            }
        }
    }
    g_free(bytes);
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a guest may answer to guest-sync: nothing but our own number counts, and nothing breaks.
 */
#include "host-agent/vm/guest-agent.h"

#include <glib.h>
#include <string.h>

#define SYNC_ID 42

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (berth_guest_agent_is_sync_answer((const char *)data, size, SYNC_ID)) {
        g_assert(memmem(data, size, "42", 2) != NULL);
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first bytes of a disk file: what is accepted stands on nothing but a plain absolute path. */
#include "host-agent/vm/overlay-header.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthOverlayHeader header = { 0 };
    if (size > BERTH_OVERLAY_HEADER_BYTES || berth_overlay_header_parse(data, size, &header) != 0) {
        return 0;
    }
    g_assert(header.size_bytes > 0);
    if (header.backing_path != NULL) {
        g_assert(header.backing_path[0] == '/');
        g_assert(strlen(header.backing_path) <= BERTH_OVERLAY_BACKING_BYTES);
    }
    berth_overlay_header_clear(&header);
    return 0;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session makes of the bytes of its peer. */
#include "wire-frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wire_frame_fuzz(BERTH_WIRE_SESSION, data, size);
    return 0;
}

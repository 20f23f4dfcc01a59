/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One packet of the agent to a session process. */
#include "host-agent/session/control-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthControlRequest request;
    g_autoptr(GError) error = NULL;

    berth_control_request_parse((const char *)data, size, &request, &error);
    return 0;
}

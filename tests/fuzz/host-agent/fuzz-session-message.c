/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a session process may send on its control socket: it may not change who it is.
 */
#include "host-agent/session-host.h"

#include "base/id.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthSessionReport report = { .epoch = 3 };
    BerthSessionAsks asks = BERTH_SESSION_ASKS_NOTHING;
    memset(&report.id, 0xff, sizeof report.id);
    const BerthId before = report.id;
    berth_session_message_read((const char *)data, size, &report, &asks);
    g_assert(berth_id_equal(&before, &report.id) && report.epoch == 3);
    size_t len = strlen(report.session_key);
    g_assert(len == 0 || len == 2 * BERTH_KEY_HASH_BYTES);
    return 0;
}

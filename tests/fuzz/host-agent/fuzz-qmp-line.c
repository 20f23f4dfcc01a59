/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What QEMU may send on its monitor: cut into lines, each of which is a message or refused.
 */
#include "host-agent/line-buffer.h"
#include "host-agent/vm/qmp-message.h"

#include "berth/errors.h"

#define LINE_MAX_BYTES 2048
#define PIECE_BYTES 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_message(const char *line, size_t len)
{
    BerthQmpMessage message;
    if (berth_qmp_message_parse(line, len, &message) != BERTH_OK) {
        return;
    }
    g_assert(json_is_object(message.root));
    g_assert(message.id >= -1);
    g_assert(message.kind != BERTH_QMP_EVENT || message.text != NULL);
    g_assert(message.kind != BERTH_QMP_ERROR || message.text != NULL);
    g_assert(message.kind != BERTH_QMP_RETURN || message.body != NULL);
    berth_qmp_message_clear(&message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthLineBuffer buffer;
    const char *line;
    size_t len;
    berth_line_buffer_init(&buffer, LINE_MAX_BYTES);
    for (size_t i = 0; i < size; i += PIECE_BYTES) {
        if (berth_line_buffer_feed(&buffer, data + i, MIN(PIECE_BYTES, size - i)) != BERTH_OK) {
            break;
        }
        while (berth_line_buffer_take(&buffer, &line, &len) == BERTH_OK) {
            g_assert(len <= LINE_MAX_BYTES);
            check_message(line, len);
        }
    }
    berth_line_buffer_clear(&buffer);
    return 0;
}

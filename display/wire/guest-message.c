/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/guest-message.h"

#include "base/bytes-reader.h"
#include "berth/errors.h"
#include "berth/protocol.h"

#include <spice/vd_agent.h>

const uint32_t berth_guest_session_caps =
    1u << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND | 1u << VD_AGENT_CAP_CLIPBOARD_SELECTION |
    1u << BERTH_GUEST_CAP_HTML | 1u << BERTH_GUEST_CAP_LAYOUT | 1u << BERTH_GUEST_CAP_TEXT |
    1u << BERTH_GUEST_CAP_FILES;

bool
berth_guest_type_is_known(uint32_t type)
{
    return type >= BERTH_GUEST_LAYOUT && type <= BERTH_GUEST_FILE_ACK;
}

void
berth_guest_typed_encode(BerthWriter *writer, uint32_t serial)
{
    berth_writer_put_u32(writer, serial);
}

int
berth_guest_typed_decode(const uint8_t *body, size_t len, uint32_t *ret_serial)
{
    BerthReader reader;
    uint32_t serial;
    int r;

    berth_reader_init(&reader, body, len);
    serial = berth_reader_get_u32(&reader);
    r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret_serial = serial;
    }
    return r;
}

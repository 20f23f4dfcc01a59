/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-notice.h"

#include "base/error.h"
#include "display/wire/text.h"

#include <stdbool.h>
#include <string.h>

static bool
is_good(uint32_t rights, const uint8_t *text, size_t len)
{
    return (rights & ~BERTH_RIGHTS_ALL) == 0 && len <= BERTH_LIMIT_NOTICE_BYTES &&
           (len == 0 || berth_wire_text_is_clean(text, len));
}

int
berth_msg_notice_encode(BerthWriter *writer, const BerthMsgNotice *notice)
{
    size_t len = strnlen(notice->text, sizeof notice->text);
    if (!is_good(notice->rights, (const uint8_t *)notice->text, len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, notice->number);
    berth_writer_put_u32(writer, notice->rights);
    berth_writer_put_u16(writer, (uint16_t)len);
    berth_writer_put_bytes(writer, notice->text, len);
    return writer->error;
}

int
berth_msg_notice_decode(const uint8_t *payload, size_t len, BerthMsgNotice *ret)
{
    BerthReader reader;
    BerthMsgNotice notice = { 0 };
    berth_reader_init(&reader, payload, len);
    notice.number = berth_reader_get_u32(&reader);
    notice.rights = berth_reader_get_u32(&reader);
    uint16_t n = berth_reader_get_u16(&reader);
    const uint8_t *text = berth_reader_get_bytes_direct(&reader, n);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_good(notice.rights, text, n)) {
        return BERTH_ERR_PROTOCOL;
    }
    if (n > 0) {
        memcpy(notice.text, text, n);
    }
    *ret = notice;
    return BERTH_OK;
}

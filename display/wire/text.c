/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/text.h"

#include <glib.h>

bool
berth_wire_text_is_clean(const uint8_t *text, size_t len)
{
    if (!g_utf8_validate_len((const char *)text, len, NULL)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool is_c1 = text[i] == 0xc2 && i + 1 < len && text[i + 1] < 0xa0;
        if (text[i] < 0x20 || text[i] == 0x7f || is_c1) {
            return false;
        }
    }
    return true;
}

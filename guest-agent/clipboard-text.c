/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/clipboard-text.h"

#include <glib.h>
#include <string.h>

#define MARK_BYTES 2

/* The name of the encoding that a byte order mark tells; NULL: there is none. */
static const char *
find_encoding(const uint8_t *data, size_t len)
{
    if (len < MARK_BYTES) {
        return NULL;
    }
    if (data[0] == 0xff && data[1] == 0xfe) {
        return "UTF-16LE";
    }
    return data[0] == 0xfe && data[1] == 0xff ? "UTF-16BE" : NULL;
}

char *
berth_html_to_utf8(const uint8_t *data, size_t len)
{
    const char *encoding = find_encoding(data, len);
    g_autofree char *text = NULL;

    if (encoding) {
        text = g_convert((const char *)data + MARK_BYTES, (gssize)(len - MARK_BYTES), "UTF-8",
                         encoding, NULL, NULL, NULL);
    } else {
        text = g_strndup((const char *)data, len);
    }
    return text && g_utf8_validate(text, -1, NULL) ? g_steal_pointer(&text) : NULL;
}

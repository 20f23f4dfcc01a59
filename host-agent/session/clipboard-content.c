/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/clipboard-content.h"

#include "berth/protocol.h"

#include <glib.h>
#include <string.h>
#include <xxhash.h>

static const uint8_t png_signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

bool
berth_content_is_good(uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_CLIPBOARD_TEXT:
    case BERTH_CLIPBOARD_HTML:
        return len == 0 || (memchr(data, '\0', len) == NULL &&
                            g_utf8_validate((const char *)data, (gssize)len, NULL));
    case BERTH_CLIPBOARD_PNG:
        return len > sizeof(png_signature) &&
               memcmp(data, png_signature, sizeof(png_signature)) == 0;
    default:
        return false;
    }
}

BerthContentHash
berth_content_hash(const uint8_t *data, size_t len)
{
    static const uint8_t nothing[1] = { 0 };
    XXH128_hash_t hash = XXH3_128bits(len > 0 ? data : nothing, len);

    return (BerthContentHash){ { hash.low64, hash.high64 } };
}

bool
berth_content_hash_equal(const BerthContentHash *a, const BerthContentHash *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A version of an image in the desired state: what is accepted is within its limits, and nothing is
 * signed by nobody.
 */
#include "base/depot/version-manifest.h"
#include "host-agent/images/image-wish.h"
#include "host-agent/json-fields.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthImageWish wish;
    json_t *object = berth_json_parse_object((const char *)data, size, "image", NULL);
    if (object != NULL && berth_image_wish_parse(object, &wish, NULL)) {
        g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(BerthTicketKey));
        const BerthTicketKey key = { { 1 } };
        g_array_append_val(keys, key);
        g_assert(wish.sources->len <= BERTH_IMAGE_SOURCES_MAX);
        g_assert(wish.kbps >= 0);
        g_assert(!berth_image_wish_check(&wish, keys, NULL));
        berth_image_wish_clear(&wish);
    }
    json_decref(object);
    return 0;
}

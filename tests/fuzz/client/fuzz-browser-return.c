/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes of a browser, or of who pretends to be one, give checked values or nothing. */
#include "client/core/browser-return.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthReturn what;
    BerthReturnKind kind = berth_return_parse((const char *)data, size, &what);

    g_assert((what.code != NULL) == (kind == BERTH_RETURN_CODE));
    g_assert((what.why != NULL) == (kind == BERTH_RETURN_REFUSED));
    if (kind == BERTH_RETURN_CODE || kind == BERTH_RETURN_REFUSED) {
        g_assert(strlen(what.state) == BERTH_API_TOKEN_CHARS);
        g_assert(g_utf8_validate(what.code != NULL ? what.code : what.why, -1, NULL));
    }
    g_assert(what.why == NULL || strpbrk(what.why, "\n\r\x1b") == NULL);
    berth_return_clear(&what);
    return 0;
}

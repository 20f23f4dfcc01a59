/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes give a link whose values are all checked, or a sentence that can be shown. */
#include "client/core/launch-link.h"

#include "base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_good, BerthLaunchLink *link, const GError *error)
{
    size_t code_chars = strlen(link->code);

    g_assert(is_good == (error == NULL));
    if (is_good) {
        g_assert(link->address.port != 0 && g_str_has_prefix(link->address.url, "https://"));
        g_assert(g_utf8_validate(link->desktop, -1, NULL));
        g_assert(strpbrk(link->desktop, "\n\r\x1b") == NULL);
        g_assert(code_chars == 0 || code_chars == BERTH_LAUNCH_CODE_CHARS);
    } else {
        g_assert(error->code == BERTH_ERR_INVALID && link->address.port == 0);
        g_assert(g_utf8_validate(error->message, -1, NULL));
        g_assert(strpbrk(error->message, "\n\r\x1b") == NULL);
    }
    berth_launch_link_clear(link);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    BerthLaunchLink link = { 0 };
    g_autoptr(GError) error = NULL;
    bool is_good = berth_launch_link_parse(text, &link, &error);

    check(is_good, &link, error);
    g_clear_error(&error);
    is_good = berth_launch_link_parse_file((const char *)data, size, &link, &error);
    check(is_good, &link, error);
    return 0;
}

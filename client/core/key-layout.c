/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/key-layout.h"

#include <string.h>

/* Copies the next text; returns where the one after it begins. */
static size_t
take_name(const char *property, size_t len, size_t at, char *ret)
{
    size_t n = at < len ? strnlen(property + at, len - at) : 0;

    if (n <= BERTH_LIMIT_LAYOUT_NAME_BYTES) {
        memcpy(ret, property + at, n);
        ret[n] = '\0';
    }
    return at + n + 1;
}

static void
drop_if_bad(char *name)
{
    if (!berth_key_layout_name_is_good(name)) {
        name[0] = '\0';
    }
}

bool
berth_key_layout_parse(const char *property, size_t len, BerthKeyLayout *ret)
{
    BerthKeyLayout layout = { 0 };
    char rules[BERTH_LIMIT_LAYOUT_NAME_BYTES + 1] = { 0 };
    size_t at = take_name(property, len, 0, rules);

    at = take_name(property, len, at, layout.model);
    at = take_name(property, len, at, layout.layout);
    at = take_name(property, len, at, layout.variant);
    take_name(property, len, at, layout.options);
    drop_if_bad(layout.model);
    drop_if_bad(layout.layout);
    drop_if_bad(layout.variant);
    drop_if_bad(layout.options);
    if (layout.layout[0] == '\0') {
        return false;
    }
    *ret = layout;
    return true;
}

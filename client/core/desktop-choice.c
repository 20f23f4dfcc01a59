/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/desktop-choice.h"

#include "base/id.h"

#include <string.h>

const BerthDesktop *
berth_desktop_choose(GPtrArray *desktops, const char *wanted, bool takes_only)
{
    for (guint i = 0; i < desktops->len; i++) {
        const BerthDesktop *desktop = g_ptr_array_index(desktops, i);
        char hex[BERTH_ID_HEX_CHARS + 1];

        berth_id_format(&desktop->pool, hex);
        if (wanted != NULL
                ? strcmp(desktop->name, wanted) == 0 || strcmp(hex, wanted) == 0
                : takes_only && desktops->len == 1 && desktop->state != BERTH_DESKTOP_DISABLED) {
            return desktop;
        }
    }
    return NULL;
}

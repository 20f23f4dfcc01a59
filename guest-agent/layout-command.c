/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/layout.h"

#include <glib.h>

static void
add(GPtrArray *words, const char *option, const char *value)
{
    g_ptr_array_add(words, g_strdup(option));
    g_ptr_array_add(words, g_strdup(value));
}

char **
berth_layout_command(const BerthKeyLayout *layout)
{
    GPtrArray *words = g_ptr_array_new();

    g_ptr_array_add(words, g_strdup("setxkbmap"));
    if (layout->model[0] != '\0') {
        add(words, "-model", layout->model);
    }
    add(words, "-layout", layout->layout);
    add(words, "-variant", layout->variant);
    /* The empty one takes away what was set before. */
    add(words, "-option", "");
    if (layout->options[0] != '\0') {
        add(words, "-option", layout->options);
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

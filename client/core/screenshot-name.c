/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/screenshot-name.h"

#include <stdbool.h>
#include <string.h>

#define MAX_NAME_CHARS 40

/* Letters and digits of any language, and what surely harms no program. */
static bool
has_place(gunichar c)
{
    return g_unichar_isalnum(c) || (c < 0x80 && strchr(" -+,()", (int)c) != NULL);
}

static void
append_name(GString *text, const char *desktop)
{
    const char *at = desktop;

    for (int i = 0; i < MAX_NAME_CHARS && *at != '\0'; i++) {
        gunichar c = g_utf8_get_char(at);

        g_string_append_unichar(text, has_place(c) ? c : '_');
        at = g_utf8_next_char(at);
    }
}

char *
berth_screenshot_name(const char *desktop, GDateTime *time, unsigned head)
{
    GString *text = g_string_new("Berth ");
    g_autofree char *moment = g_date_time_format(time, "%Y-%m-%d %H-%M-%S");

    if (desktop != NULL && desktop[0] != '\0') {
        append_name(text, desktop);
        g_string_append_c(text, ' ');
    }
    g_string_append(text, moment);
    if (head > 0) {
        g_string_append_printf(text, " screen %u", head + 1);
    }
    g_string_append(text, ".png");
    return g_string_free(text, FALSE);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/directory-text.h"

#include <string.h>

static char *
escape(const char *value, const char *harmless)
{
    GString *text = g_string_new(NULL);
    for (const char *c = value; *c != '\0'; c++) {
        if (g_ascii_isalnum(*c) || strchr(harmless, *c) != NULL) {
            g_string_append_c(text, *c);
        } else {
            g_string_append_printf(text, "\\%02x", (guint8)*c);
        }
    }
    return g_string_free(text, FALSE);
}

char *
berth_directory_escape_filter(const char *value)
{
    return escape(value, "-_.@,=: ");
}

char *
berth_directory_escape_dn(const char *value)
{
    return escape(value, "-_.@");
}

char *
berth_directory_fill(const char *pattern, const char *name, const char *escaped)
{
    GString *text = g_string_new(NULL);
    const char *rest = pattern;
    for (const char *hole = strstr(rest, name); hole != NULL; hole = strstr(rest, name)) {
        g_string_append_len(text, rest, hole - rest);
        g_string_append(text, escaped);
        rest = hole + strlen(name);
    }
    g_string_append(text, rest);
    return g_string_free(text, FALSE);
}

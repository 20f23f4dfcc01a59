/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/redact.h"

#include <glib.h>

/* Applied in this order.  What is not bounded ends at the first letter of another kind. */
static const struct {
    const char *pattern;
    const char *replacement;
} rules[] = {
    { "((?:pass(?:word|wd|phrase)?|token|secret|code|otp|pin|ticket|cookie|authorization|bearer|"
      "key)[\"']?\\s{0,4}[=:]\\s{0,4})(?:(?:bearer|basic|digest|negotiate)\\s{1,4})?"
      "(?:\"[^\"]*\"|'[^']*'|[^\\s,;&\"']+)",
      "\\1[removed]" },
    { "(bearer\\s{1,4})[^\\s,;\"']+", "\\1[removed]" },
    { "([a-z][a-z0-9+.-]{0,30}://)[^/\\s@?]{1,300}@", "\\1[removed]@" },
    { "([a-z][a-z0-9+.-]{0,30}://[^\\s?\"']{0,300}\\?)[^\\s\"']+", "\\1[removed]" },
    { "[A-Za-z0-9+/=_-]{33,}", "[removed]" },
};

char *
berth_redact(const char *text)
{
    char *clean = g_utf8_make_valid(text, -1);

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autoptr(GRegex) regex = g_regex_new(rules[i].pattern, G_REGEX_CASELESS, 0, NULL);
        char *next = g_regex_replace(regex, clean, -1, 0, rules[i].replacement, 0, NULL);

        /* A text that cannot be looked through does not leave. */
        g_free(clean);
        clean = next != NULL ? next : g_strdup("[removed]");
    }
    return clean;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/watermark-text.h"

#include "berth/limits.h"

#include <glib.h>
#include <string.h>

#define SHOWN_ID_CHARS 8

static char *
format_date(int64_t wall_us)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC);

    return time != NULL ? g_date_time_format(time, "%Y-%m-%d") : g_strdup("");
}

typedef struct {
    const char *place;
    const char *value;
} Place;

/* Appends a place at the beginning of the text; returns its length, 0 if there is none. */
static size_t
append_place(GString *filled, const char *text, const Place *places, size_t n_places)
{
    for (size_t i = 0; i < n_places; i++) {
        if (g_str_has_prefix(text, places[i].place)) {
            g_string_append(filled, places[i].value);
            return strlen(places[i].place);
        }
    }
    return 0;
}

/* At most so many characters, none of which controls anything. */
static char *
clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *cleaned = g_string_new(NULL);
    long n = 0;

    for (const char *at = valid; *at != '\0' && n < (long)BERTH_LIMIT_WATERMARK_CHARS; n++) {
        gunichar c = g_utf8_get_char(at);

        g_string_append_unichar(cleaned, g_unichar_iscntrl(c) ? ' ' : c);
        at = g_utf8_next_char(at);
    }
    return g_strstrip(g_string_free(cleaned, FALSE));
}

char *
berth_watermark_text(const char *text, const BerthWatermarkFacts *facts)
{
    g_autoptr(GString) filled = g_string_new(NULL);
    g_autofree char *date = format_date(facts->wall_us);
    g_autofree char *session = g_strndup(facts->session, SHOWN_ID_CHARS);
    const Place places[] = {
        { "{user}", facts->user },
        { "{session}", session },
        { "{date}", date },
    };

    while (*text != '\0') {
        size_t n = append_place(filled, text, places, G_N_ELEMENTS(places));

        if (n == 0) {
            g_string_append_c(filled, *text);
            n = 1;
        }
        text += n;
    }
    return clean(filled->str);
}

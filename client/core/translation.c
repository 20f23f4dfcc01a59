/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/translation.h"

#include <glib.h>
#include <glib/gi18n.h>
#include <locale.h>

void
berth_translation_start(void)
{
    const char *folder = g_getenv("BERTH_LOCALE_DIR");

    setlocale(LC_CTYPE, "");
    setlocale(LC_MESSAGES, "");
    bindtextdomain(BERTH_TRANSLATION_DOMAIN, folder != NULL ? folder : BERTH_LOCALE_DIR);
    bind_textdomain_codeset(BERTH_TRANSLATION_DOMAIN, "UTF-8");
    textdomain(BERTH_TRANSLATION_DOMAIN);
}

const char *
berth_translation_of(const char *text)
{
    /* The translation of nothing is the head of the file. */
    return text[0] != '\0' ? gettext(text) : text;
}

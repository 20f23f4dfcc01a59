/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/viewers-text.h"

#include <glib.h>
#include <glib/gi18n.h>

static char *
describe_observers(unsigned n)
{
    return n == 1 ? g_strdup(_("Somebody watches"))
                  : g_strdup_printf(ngettext("%u person watches", "%u people watch", n), n);
}

char *
berth_viewers_text(const BerthMsgViewers *viewers)
{
    g_autofree char *watching = describe_observers(viewers->n_observers);

    if (viewers->n_observers == 0) {
        return viewers->is_recorded ? g_strdup(_("This is recorded")) : NULL;
    }
    return g_strconcat(watching, viewers->is_recorded ? _(", and this is recorded") : "", NULL);
}

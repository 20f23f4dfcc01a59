/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/ago-text.h"

#include <glib/gi18n.h>

#define SECOND_US (1000LL * 1000)
#define DAYS_TOLD 14

/* The day as a number, so that midnights can be counted. */
static int
day_of(GDateTime *time)
{
    GDate date;

    g_date_clear(&date, 1);
    g_date_set_dmy(&date, (GDateDay)g_date_time_get_day_of_month(time),
                   (GDateMonth)g_date_time_get_month(time), (GDateYear)g_date_time_get_year(time));
    return (int)g_date_get_julian(&date);
}

char *
berth_ago_text(int64_t at_us, GDateTime *now)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(at_us / SECOND_US);
    g_autoptr(GDateTime) at =
        utc != NULL ? g_date_time_to_timezone(utc, g_date_time_get_timezone(now)) : NULL;
    int days;

    if (at_us <= 0 || at == NULL || g_date_time_compare(at, now) > 0) {
        return g_strdup("");
    }
    days = day_of(now) - day_of(at);
    if (days <= 1) {
        return g_date_time_format(at, days == 0 ? _("today, %H:%M") : _("yesterday, %H:%M"));
    }
    return days <= DAYS_TOLD
               ? g_strdup_printf(ngettext("%d day ago", "%d days ago", (unsigned long)days), days)
               : g_date_time_format(at, "%Y-%m-%d");
}

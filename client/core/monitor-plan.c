/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/monitor-plan.h"

#include "base/error.h"

#include <glib/gi18n.h>
#include <string.h>

static uint32_t
bit(size_t monitor)
{
    return 1u << monitor;
}

static bool
parse_number(const char *text, size_t n_monitors, uint32_t *chosen, GError **error)
{
    guint64 number = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 1, n_monitors, &number, NULL)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               _("'%s' is no monitor; there are 1 to %zu, and 'all'"), text,
                               n_monitors);
    }
    *chosen |= bit((size_t)number - 1);
    return true;
}

bool
berth_monitor_plan_parse(const char *text, size_t n_monitors, uint32_t *ret_chosen, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", BERTH_MONITOR_PLAN_MAX + 1);
    uint32_t chosen = 0;

    n_monitors = MIN(n_monitors, BERTH_MONITOR_PLAN_MAX);
    if (strcmp(text, "all") == 0) {
        *ret_chosen = (uint32_t)((UINT64_C(1) << n_monitors) - 1);
        return true;
    }
    if (words[0] == NULL) {
        return parse_number(text, n_monitors, &chosen, error);
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (!parse_number(words[i], n_monitors, &chosen, error)) {
            return false;
        }
    }
    *ret_chosen = chosen;
    return true;
}

static bool
is_before(BerthRect a, BerthRect b)
{
    return a.x < b.x || (a.x == b.x && a.y < b.y);
}

size_t
berth_monitor_plan_order(const BerthRect *places, size_t n_monitors, uint32_t chosen,
                         size_t *ret_order, size_t max)
{
    size_t order[BERTH_MONITOR_PLAN_MAX];
    size_t n = 0;

    for (size_t i = 0; i < MIN(n_monitors, BERTH_MONITOR_PLAN_MAX); i++) {
        size_t at = n;

        if ((chosen & bit(i)) == 0) {
            continue;
        }
        while (at > 0 && is_before(places[i], places[order[at - 1]])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
        n++;
    }
    n = MIN(n, max);
    if (n > 0) {
        memcpy(ret_order, order, n * sizeof order[0]);
    }
    return n;
}

char *
berth_monitor_plan_remember(const char *const *names, size_t n_monitors, uint32_t chosen)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < MIN(n_monitors, BERTH_MONITOR_PLAN_MAX); i++) {
        if ((chosen & bit(i)) != 0) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", names[i]);
        }
    }
    return g_string_free(text, FALSE);
}

uint32_t
berth_monitor_plan_recall(const char *const *names, size_t n_monitors, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    uint32_t chosen = 0;

    for (size_t i = 0; i < MIN(n_monitors, BERTH_MONITOR_PLAN_MAX); i++) {
        if (g_strv_contains((const char *const *)lines, names[i])) {
            chosen |= bit(i);
        }
    }
    return chosen;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/kill-point.h"

#include <glib.h>
#include <signal.h>
#include <string.h>

static const char *const names[] = {
#define KILL_POINT_NAME(name, text) [BERTH_KILL_##name] = (text),
    BERTH_KILL_POINTS(KILL_POINT_NAME)
#undef KILL_POINT_NAME
};

const char *
berth_kill_point_name(BerthKillPoint point)
{
    return point < BERTH_KILL_N_POINTS ? names[point] : "unknown";
}

#ifdef BERTH_HAS_KILL_POINTS

static gint n_passes;

void
berth_kill_point(BerthKillPoint point)
{
    const char *wish = g_getenv("BERTH_KILL_AT");
    const char *name = berth_kill_point_name(point);
    size_t length = strlen(name);
    if (wish == NULL || strncmp(wish, name, length) != 0) {
        return;
    }
    gint64 wanted = 1;
    if (wish[length] == ':') {
        wanted = g_ascii_strtoll(wish + length + 1, NULL, 10);
    } else if (wish[length] != '\0') {
        return;
    }
    if (g_atomic_int_add(&n_passes, 1) + 1 >= wanted) {
        raise(SIGKILL);
    }
}

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/stillness.h"

#include <glib.h>
#include <string.h>

/* "1234 (name, with any letters) S 1 ...": the state is behind the last bracket. */
static bool
sleeps(const char *stat)
{
    const char *bracket = strrchr(stat, ')');

    return bracket && bracket[1] == ' ' && bracket[2] == 'S';
}

bool
berth_stillness_note(BerthStillness *self, const char *stat, const char *schedstat)
{
    char *end = NULL;
    uint64_t ran_ns = 0;

    if (stat && schedstat) {
        ran_ns = g_ascii_strtoull(schedstat, &end, 10);
    }
    if (!end || end == schedstat || !sleeps(stat)) {
        self->n_alike = 0;
        return false;
    }
    if (self->n_alike == 0 || ran_ns != self->ran_ns) {
        self->n_alike = 0;
        self->ran_ns = ran_ns;
    }
    self->n_alike = MIN(self->n_alike + 1, BERTH_STILL_LOOKS);
    return self->n_alike == BERTH_STILL_LOOKS;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/start-progress.h"

#include <glib.h>
#include <glib/gi18n.h>
#include <inttypes.h>

#define SECOND_US (1000LL * 1000)

static void
enter(BerthStartProgress *self, BerthStartPhase phase, int64_t now_us)
{
    if (self->begun_us[phase] == 0) {
        self->begun_us[phase] = now_us;
    }
    self->phase = phase;
}

void
berth_start_progress_begin(BerthStartProgress *self, int64_t now_us)
{
    *self = (BerthStartProgress){ 0 };
    enter(self, BERTH_START_ASKING, now_us);
}

void
berth_start_progress_wait(BerthStartProgress *self, const BerthConnectAnswer *answer,
                          int64_t now_us)
{
    enter(self, answer->is_queued ? BERTH_START_QUEUED : BERTH_START_STARTING, now_us);
    self->position = answer->is_queued ? answer->position : 0;
    self->estimate_s = answer->estimate_s;
    self->told_us = now_us;
}

void
berth_start_progress_open(BerthStartProgress *self, int64_t now_us)
{
    enter(self, BERTH_START_OPENING, now_us);
    self->position = 0;
    self->estimate_s = 0;
}

int64_t
berth_start_progress_phase_us(const BerthStartProgress *self, BerthStartPhase phase, int64_t now_us)
{
    int64_t end_us = now_us;

    if (self->begun_us[phase] == 0) {
        return -1;
    }
    if (phase != self->phase) {
        for (int later = phase + 1; later < BERTH_N_START_PHASES; later++) {
            if (self->begun_us[later] != 0) {
                end_us = MIN(end_us, self->begun_us[later]);
            }
        }
    }
    return MAX(0, end_us - self->begun_us[phase]);
}

int64_t
berth_start_progress_left_s(const BerthStartProgress *self, int64_t now_us)
{
    return MAX(0, self->estimate_s - (now_us - self->told_us) / SECOND_US);
}

char *
berth_start_progress_text(const BerthStartProgress *self)
{
    switch (self->phase) {
    case BERTH_START_ASKING:
        return g_strdup(_("asking for the desktop"));
    case BERTH_START_QUEUED:
        return self->position > 0 ? g_strdup_printf(_("waiting for a free desktop, place %" PRId64
                                                      " in the queue"),
                                                    self->position)
                                  : g_strdup(_("waiting for a free desktop"));
    case BERTH_START_STARTING:
        return self->estimate_s > 0
                   ? g_strdup_printf(_("the desktop is starting, about %" PRId64 " s more"),
                                     self->estimate_s)
                   : g_strdup(_("the desktop is starting"));
    default:
        return g_strdup(_("opening the desktop"));
    }
}

char *
berth_duration_text(int64_t seconds)
{
    if (seconds < 1) {
        return g_strdup(_("a moment"));
    }
    if (seconds < 60) {
        return g_strdup_printf("%" PRId64 " s", seconds);
    }
    if (seconds < 90) {
        return g_strdup(_("about a minute"));
    }
    if (seconds < 90 * 60) {
        return g_strdup_printf(_("about %" PRId64 " minutes"), (seconds + 30) / 60);
    }
    return g_strdup_printf(_("about %" PRId64 " hours"), (seconds + 1800) / 3600);
}

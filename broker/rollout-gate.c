/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rollout-gate.h"

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>

/* Differences that nobody notices: hosts report once a second. */
#define READY_SLACK_MS 2000
#define LOGON_SLACK_MS 1000
#define FIRST_FRAME_SLACK_MS 500

const BerthGateLimits berth_gate_defaults = {
    .min_boots = 0,
    .min_sessions = 1,
    .max_crashes = 0,
    .boot_success_pct = 90,
    .ready_p95_factor = 1.3,
    .logon_p95_factor = 1.5,
    .first_frame_factor = 1.5,
};

/* One measured time of both versions. */
typedef struct {
    const char *what;
    int64_t n_old, old_ms;
    int64_t n_new, new_ms;
    int64_t n_least; /* of the new version, before it is judged */
    int64_t slack_ms;
    double factor;
} Time;

static bool
is_too_slow(const Time *time)
{
    if (time->factor <= 0 || time->n_old == 0 || time->n_new == 0 || time->n_new < time->n_least) {
        return false;
    }
    double allowed_ms =
        MAX((double)time->old_ms * time->factor, (double)(time->old_ms + time->slack_ms));
    return (double)time->new_ms > allowed_ms;
}

static char *
find_slow(const BerthGateNumbers *old, const BerthGateNumbers *new, const BerthGateLimits *limits)
{
    const Time times[] = {
        { "a desktop is ready", old->n_ready, old->ready_p95_ms, new->n_ready, new->ready_p95_ms,
          limits->min_boots, READY_SLACK_MS, limits->ready_p95_factor },
        { "a user is logged on", old->n_logons_ok, old->logon_p95_ms, new->n_logons_ok,
          new->logon_p95_ms, limits->min_sessions, LOGON_SLACK_MS, limits->logon_p95_factor },
        { "the first picture comes", old->n_frames, old->first_frame_p95_ms, new->n_frames,
          new->first_frame_p95_ms, limits->min_sessions, FIRST_FRAME_SLACK_MS,
          limits->first_frame_factor },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        const Time *time = &times[i];
        if (is_too_slow(time)) {
            return g_strdup_printf("%s after %.1f s (95 of 100 are faster), with the old version "
                                   "after %.1f s; at most %.2f times as long is allowed",
                                   time->what, (double)time->new_ms / 1000,
                                   (double)time->old_ms / 1000, time->factor);
        }
    }
    return NULL;
}

/* Failures that are too many however the boots that are still to come go. */
static bool
is_boot_failing(const BerthGateNumbers *new, const BerthGateLimits *limits)
{
    int64_t n_failed = new->n_boots - new->n_boots_ok;
    double n_counted = (double)MAX(new->n_boots, limits->min_boots);
    return n_failed > 0 && (double)n_failed * 100 > (100 - limits->boot_success_pct) * n_counted;
}

static char *
find_fault(const BerthGateNumbers *old, const BerthGateNumbers *new, const BerthGateLimits *limits)
{
    int64_t n_lost = new->n_logons - new->n_logons_ok;
    if (is_boot_failing(new, limits)) {
        return g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                               " boots of the new version failed; %g %% must succeed",
                               new->n_boots - new->n_boots_ok, new->n_boots,
                               limits->boot_success_pct);
    }
    if (new->n_crashes > limits->max_crashes) {
        return g_strdup_printf("desktops of the new version crashed %" G_GINT64_FORMAT
                               " times; %" G_GINT64_FORMAT " are allowed",
                               new->n_crashes, limits->max_crashes);
    }
    if (n_lost > limits->max_crashes) {
        return g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                               " logons on the new version failed; %" G_GINT64_FORMAT
                               " are allowed",
                               n_lost, new->n_logons, limits->max_crashes);
    }
    return find_slow(old, new, limits);
}

BerthGateVerdict
berth_gate_judge(const BerthGateNumbers *old_version, const BerthGateNumbers *new_version,
                 const BerthGateLimits *limits, char **ret_sentence)
{
    *ret_sentence = find_fault(old_version, new_version, limits);
    if (*ret_sentence != NULL) {
        return BERTH_GATE_FAIL;
    }
    if (new_version->n_boots < limits->min_boots) {
        *ret_sentence = g_strdup_printf("waits for boots of the new version: %" G_GINT64_FORMAT
                                        " of %" G_GINT64_FORMAT,
                                        new_version->n_boots, limits->min_boots);
        return BERTH_GATE_WAIT;
    }
    if (new_version->n_logons_ok < limits->min_sessions) {
        *ret_sentence = g_strdup_printf("waits for users who log on to the new version: "
                                        "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT,
                                        new_version->n_logons_ok, limits->min_sessions);
        return BERTH_GATE_WAIT;
    }
    *ret_sentence =
        g_strdup_printf("the new version is as good as the old one: %" G_GINT64_FORMAT
                        " boots, %" G_GINT64_FORMAT " logons, %" G_GINT64_FORMAT " crashes",
                        new_version->n_boots, new_version->n_logons_ok, new_version->n_crashes);
    return BERTH_GATE_PASS;
}

const char *
berth_gate_verdict_name(BerthGateVerdict verdict)
{
    switch (verdict) {
    case BERTH_GATE_WAIT:
        return "wait";
    case BERTH_GATE_PASS:
        return "pass";
    case BERTH_GATE_FAIL:
        break;
    }
    return "fail";
}

json_t *
berth_gate_numbers_to_json(const BerthGateNumbers *numbers)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "boots", (json_int_t)numbers->n_boots,
        "boots_ok", (json_int_t)numbers->n_boots_ok, "ready", (json_int_t)numbers->n_ready,
        "ready_p95_ms", (json_int_t)numbers->ready_p95_ms, "logons", (json_int_t)numbers->n_logons,
        "logons_ok", (json_int_t)numbers->n_logons_ok, "logon_p95_ms",
        (json_int_t)numbers->logon_p95_ms, "first_frames", (json_int_t)numbers->n_frames,
        "first_frame_p95_ms", (json_int_t)numbers->first_frame_p95_ms, "crashes",
        (json_int_t)numbers->n_crashes);
}

static int
compare_values(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t
berth_gate_p95(int64_t *values, size_t n_values)
{
    if (n_values == 0) {
        return 0;
    }
    qsort(values, n_values, sizeof *values, compare_values);
    return values[(n_values * 95 + 99) / 100 - 1];
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an administrator asked for of a rollout besides its numbers: a JSON object.
 *
 *   "gates": {"min_boots", "boot_success_pct", "ready_p95_factor", "logon_p95_factor",
 *             "first_frame_factor", "max_crashes", "min_sessions"}
 *   "message", "force_after_s": what users are told before they are logged off, and how long
 *   "schedule": name of the window
 *   "on_failure": "rollback" or "pause"
 *
 * Pure; thread: any.
 */
#pragma once

#include "broker/rollout-gate.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    BerthGateLimits gates;
    char *message;
    int64_t force_after_us;
    char *schedule; /* "": none */
    bool is_pausing;
} BerthRolloutSettings;

/*
 * Reads and checks settings; what is left out is the default.
 *
 * n_canary:  how many boots there must be if nothing is said
 * ret:       set on success only; clear it
 *
 * Errors: BERTH_ERR_INVALID with a sentence that names the key.
 */
bool berth_rollout_settings_read(const json_t *json, int64_t n_canary, BerthRolloutSettings *ret,
                                 GError **error);

/* As berth_rollout_settings_read() for what stands in the store, which was checked before. */
void berth_rollout_settings_load(const char *text, int64_t n_canary, BerthRolloutSettings *ret);

void berth_rollout_settings_clear(BerthRolloutSettings *settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthRolloutSettings, berth_rollout_settings_clear)

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a kiosk shows and when it begins anew: there is nobody who could press a button.
 *
 * Pure.  Thread: any.
 */
#pragma once

#include "client/core/session-fsm.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *text; /* instead of the desktop; NULL: the desktop alone is shown */
    bool is_over_it;  /* the desktop's last picture is below the text */
    bool starts_anew; /* everything is wiped, then it begins from the start */
    bool has_failed;  /* and it takes longer each time */
} BerthKioskStep;

/*
 * has_error: something went wrong since the last state
 */
BerthKioskStep berth_kiosk_plan(BerthClientState state, bool has_error);

/* Time until it begins anew, after so many failures in a row: 1 s, doubled each time, up to 30. */
int64_t berth_kiosk_wait_ms(unsigned n_failures);

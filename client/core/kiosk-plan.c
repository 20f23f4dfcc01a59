/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/kiosk-plan.h"

#include <glib/gi18n.h>

#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS 30000

BerthKioskStep
berth_kiosk_plan(BerthClientState state, bool has_error)
{
    switch (state) {
    case BERTH_CLIENT_IDLE:
        return (BerthKioskStep){ _("This place cannot be opened now"), false, true, true };
    case BERTH_CLIENT_PICK:
        if (has_error) {
            return (BerthKioskStep){ _("This place cannot be opened now"), false, true, true };
        }
        return (BerthKioskStep){ _("One moment, please"), false, false, false };
    case BERTH_CLIENT_OPEN:
        return (BerthKioskStep){ 0 };
    case BERTH_CLIENT_WAIT:
    case BERTH_CLIENT_RESUME:
    case BERTH_CLIENT_RENEW:
        return (BerthKioskStep){ _("The connection was lost and will be back"), true, false,
                                 false };
    case BERTH_CLIENT_ENDED:
        return (BerthKioskStep){ _("One moment, please"), false, true, has_error };
    default:
        return (BerthKioskStep){ _("One moment, please"), false, false, false };
    }
}

int64_t
berth_kiosk_wait_ms(unsigned n_failures)
{
    int64_t wait_ms = FIRST_WAIT_MS;

    for (unsigned i = 1; i < n_failures && wait_ms < LONGEST_WAIT_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < LONGEST_WAIT_MS ? wait_ms : LONGEST_WAIT_MS;
}

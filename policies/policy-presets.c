/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Presets are rules like those that administrators write; a site starts from one and changes it.
 * The hardened one follows the secure technical implementation guides for virtual desktops: nothing
 * is copied out of the desktop, an idle session is disconnected after an hour, none outlives a
 * working day.
 */
#include "policies/policy-decision.h"

#include <string.h>

const char *const berth_policy_presets[] = { "hardened", "kiosk", NULL };

static const char *const presets[] = {
    "{\"clipboard_from_guest\": false, \"clipboard_types\": [\"text\"],"
    " \"clipboard_max_kib\": 1024, \"files_to_guest\": false, \"files_from_guest\": false,"
    " \"usb\": false, \"audio_in\": false, \"printing\": false, \"screenshot\": false,"
    " \"rfb_access\": false, \"observe\": \"ask\", \"resume_window_s\": 180,"
    " \"idle_disconnect_s\": 3600, \"disconnected_logoff_s\": 7200, \"session_max_s\": 36000,"
    " \"strict\": true}",
    "{\"clipboard_to_guest\": false, \"clipboard_from_guest\": false, \"files_to_guest\": false,"
    " \"files_from_guest\": false, \"usb\": false, \"audio_in\": false, \"screenshot\": false,"
    " \"takeover\": false, \"resume_window_s\": 900, \"disconnected_logoff_s\": 900,"
    " \"strict\": true}",
};

const char *
berth_policy_preset(const char *name)
{
    for (size_t i = 0; berth_policy_presets[i] != NULL; i++) {
        if (strcmp(berth_policy_presets[i], name) == 0) {
            return presets[i];
        }
    }
    return NULL;
}

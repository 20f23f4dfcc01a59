/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policies/policy.h"

#include "berth/limits.h"

#define DAY_S (24 * 3600)

/* Whether this version acts on a key, or the key waits for the channel that it is about. */
#define ACTS true
#define WAITS false

#define FLAG(key, name, acts, order, otherwise, doc)             \
    [BERTH_POLICY_##key] = { name,                               \
                             BERTH_POLICY_TYPE_FLAG,             \
                             BERTH_POLICY_##order##_IS_NARROWER, \
                             0,                                  \
                             1,                                  \
                             otherwise,                          \
                             NULL,                               \
                             acts,                               \
                             doc }
#define NUMBER(key, name, acts, order, min, max, otherwise, doc) \
    [BERTH_POLICY_##key] = { name,                               \
                             BERTH_POLICY_TYPE_NUMBER,           \
                             BERTH_POLICY_##order##_IS_NARROWER, \
                             min,                                \
                             max,                                \
                             otherwise,                          \
                             NULL,                               \
                             acts,                               \
                             doc }
#define TEXT(key, name, acts, doc)                                                                 \
    [BERTH_POLICY_##                                                                               \
        key] = { name, BERTH_POLICY_TYPE_TEXT, BERTH_POLICY_TEXT_IS_NARROWER, 0, 0, 0, NULL, acts, \
                 doc }

static const char *const observe_names[] = { "never", "ask", "always", NULL };
static const char *const clipboard_names[] = { "text", "image", "html", NULL };

const BerthPolicyField berth_policy_fields[BERTH_N_POLICY_KEYS] = {
    TEXT(USB_FILTER, "usb_filter", WAITS,
         "USB devices that may be redirected, as a usbredir filter; \"\" is none"),
    TEXT(
        WATERMARK, "watermark", ACTS,
        "text drawn over the desktop, in which {user}, {session} and {date} are filled in; \"\" is "
        "none"),

    FLAG(INPUT, "input", ACTS, LESS, 1, "keys and pointer reach the desktop"),
    FLAG(RESIZE, "resize", ACTS, LESS, 1, "the client chooses the size of the screen"),
    NUMBER(RESUME_WINDOW_S, "resume_window_s", ACTS, LESS, 0, BERTH_POLICY_MAX_RESUME_WINDOW_S,
           BERTH_LIMIT_RESUME_WINDOW_US / (1000 * 1000),
           "seconds for which a cut connection comes back by itself"),
    FLAG(TAKEOVER, "takeover", WAITS, LESS, 1, "another device may take the session over"),
    [BERTH_POLICY_OBSERVE] = { "observe", BERTH_POLICY_TYPE_CHOICE, BERTH_POLICY_LESS_IS_NARROWER,
                               0, BERTH_POLICY_OBSERVE_ALWAYS, BERTH_POLICY_OBSERVE_ASK,
                               observe_names, ACTS, "whether help desks may watch" },

    FLAG(CLIPBOARD_TO_GUEST, "clipboard_to_guest", ACTS, LESS, 1,
         "copy here, paste in the desktop"),
    FLAG(CLIPBOARD_FROM_GUEST, "clipboard_from_guest", ACTS, LESS, 1,
         "copy in the desktop, paste here"),
    [BERTH_POLICY_CLIPBOARD_TYPES] = { "clipboard_types", BERTH_POLICY_TYPE_SET,
                                       BERTH_POLICY_FEWER_IS_NARROWER, 0, 7, 7, clipboard_names,
                                       ACTS, "what the clipboard carries" },
    NUMBER(CLIPBOARD_MAX_KIB, "clipboard_max_kib", ACTS, LESS, 0, 64 * 1024, 1024,
           "KiB of one clipboard content"),
    FLAG(FILES_TO_GUEST, "files_to_guest", ACTS, LESS, 1, "files go to the desktop"),
    FLAG(FILES_FROM_GUEST, "files_from_guest", ACTS, LESS, 1, "files come from the desktop"),
    NUMBER(FILES_MAX_MIB, "files_max_mib", ACTS, LESS, 0, 1024 * 1024, 1024, "MiB of one file"),
    FLAG(USB, "usb", WAITS, LESS, 0, "USB devices that usb_filter allows are redirected"),
    FLAG(AUDIO_OUT, "audio_out", ACTS, LESS, 1, "sound is heard"),
    FLAG(AUDIO_IN, "audio_in", ACTS, LESS, 1, "the microphone is heard"),
    FLAG(PRINTING, "printing", WAITS, LESS, 1, "the desktop prints here"),
    FLAG(SCREENSHOT, "screenshot", ACTS, LESS, 1, "the client saves pictures of the desktop"),
    FLAG(RFB_ACCESS, "rfb_access", WAITS, LESS, 0, "VNC viewers may attach"),
    FLAG(RESTART, "restart", ACTS, LESS, 1, "users restart their desktop"),
    FLAG(REPORT, "report", ACTS, LESS, 1, "users report problems of their desktop"),

    NUMBER(IDLE_DISCONNECT_S, "idle_disconnect_s", ACTS, SOONER, 0, 30 * DAY_S, 0,
           "seconds without input after which the session is disconnected; 0 is never"),
    NUMBER(DISCONNECTED_LOGOFF_S, "disconnected_logoff_s", ACTS, SOONER, 0, 30 * DAY_S, 0,
           "seconds without a connection after which it is logged off; 0 is never"),
    NUMBER(SESSION_MAX_S, "session_max_s", ACTS, SOONER, 0, 30 * DAY_S, 0,
           "seconds after which a session is logged off; 0 is never"),
    NUMBER(BANDWIDTH_MAX_KBPS, "bandwidth_max_kbps", WAITS, SOONER, 0, 10 * 1000 * 1000, 0,
           "kbit/s that a session may send; 0 is no limit"),
    NUMBER(PHOTO_QUALITY_MIN, "photo_quality_min", WAITS, MORE, 0, 100, 0,
           "quality below which photos are not sent while the path is slow"),
};

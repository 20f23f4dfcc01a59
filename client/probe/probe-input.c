/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-input.h"

#include "client/core/key-layout.h"

#include <string.h>

#define WHEEL_NOTCH 120

static void
press_keys(BerthSessionClient *session, const BerthKeyCombination *keys)
{
    for (size_t i = 0; i < keys->n_keys; i++) {
        berth_session_client_key(session, keys->evdev[i], true);
    }
}

static void
release_keys(BerthSessionClient *session, const BerthKeyCombination *keys)
{
    for (size_t i = keys->n_keys; i > 0; i--) {
        berth_session_client_key(session, keys->evdev[i - 1], false);
    }
}

bool
berth_probe_input_type(BerthSessionClient *session, const char *text)
{
    g_autofree char *first = g_strndup(text, (gsize)(g_utf8_next_char(text) - text));

    return berth_session_client_text(session, first);
}

static bool
send_layout(BerthSessionClient *session, const char *name)
{
    BerthKeyLayout layout = { .model = "pc105" };

    if (strlen(name) >= sizeof layout.layout || !berth_key_layout_name_is_good(name)) {
        return false;
    }
    g_strlcpy(layout.layout, name, sizeof layout.layout);
    return berth_session_client_layout(session, &layout);
}

/* Presses and lets go at once. */
static void
click(BerthSessionClient *session, const BerthProbeAction *a, unsigned head)
{
    berth_session_client_pointer(session, head, a->x, a->y);
    berth_session_client_button(session, a->button, true);
    berth_session_client_button(session, a->button, false);
}

static bool
touch(BerthSessionClient *session, const BerthProbeAction *a, unsigned head)
{
    return berth_session_client_touch(session, BERTH_TOUCH_DOWN, 0, head, a->x, a->y) &&
           berth_session_client_touch(session, BERTH_TOUCH_UP, 0, head, a->x, a->y);
}

bool
berth_probe_input_is_press(BerthProbeKind kind)
{
    return kind == BERTH_PROBE_KEY || kind == BERTH_PROBE_KEY_DOWN || kind == BERTH_PROBE_CLICK;
}

bool
berth_probe_input_send(BerthSessionClient *session, const BerthProbeAction *a, unsigned head)
{
    switch (a->row->kind) {
    case BERTH_PROBE_KEY:
        press_keys(session, &a->keys);
        release_keys(session, &a->keys);
        return true;
    case BERTH_PROBE_KEY_DOWN:
        press_keys(session, &a->keys);
        return true;
    case BERTH_PROBE_KEY_UP:
        release_keys(session, &a->keys);
        return true;
    case BERTH_PROBE_CLICK:
        click(session, a, head);
        return true;
    case BERTH_PROBE_MOVE:
        berth_session_client_pointer(session, head, a->x, a->y);
        return true;
    case BERTH_PROBE_WHEEL:
        berth_session_client_wheel(session, 0, (int)a->value * WHEEL_NOTCH);
        return true;
    case BERTH_PROBE_TEXT:
        return berth_session_client_text(session, a->text);
    case BERTH_PROBE_LAYOUT:
        return send_layout(session, a->text);
    case BERTH_PROBE_TOUCH:
        return touch(session, a, head);
    case BERTH_PROBE_RESIZE:
        berth_session_client_request_size(session, head, a->x, a->y, 0, 0);
        return true;
    default:
        berth_session_client_refresh(session, head);
        return true;
    }
}

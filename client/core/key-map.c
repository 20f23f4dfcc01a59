/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/key-map.h"

#include "base/error.h"

#include <glib/gi18n.h>
#include <linux/input-event-codes.h>
#include <string.h>

/* X11 numbers keys from 8 on. */
#define HARDWARE_OFFSET 8

typedef struct {
    const char *name;
    uint16_t evdev;
} KeyName;

/* The first name of a code is the one that is shown. */
static const KeyName names[] = {
    { "escape", KEY_ESC },
    { "esc", KEY_ESC },
    { "enter", KEY_ENTER },
    { "return", KEY_ENTER },
    { "tab", KEY_TAB },
    { "space", KEY_SPACE },
    { "backspace", KEY_BACKSPACE },
    { "ctrl", KEY_LEFTCTRL },
    { "left-ctrl", KEY_LEFTCTRL },
    { "right-ctrl", KEY_RIGHTCTRL },
    { "shift", KEY_LEFTSHIFT },
    { "left-shift", KEY_LEFTSHIFT },
    { "right-shift", KEY_RIGHTSHIFT },
    { "alt", KEY_LEFTALT },
    { "left-alt", KEY_LEFTALT },
    { "altgr", KEY_RIGHTALT },
    { "right-alt", KEY_RIGHTALT },
    { "super", KEY_LEFTMETA },
    { "left-super", KEY_LEFTMETA },
    { "right-super", KEY_RIGHTMETA },
    { "menu", KEY_COMPOSE },
    { "caps-lock", KEY_CAPSLOCK },
    { "num-lock", KEY_NUMLOCK },
    { "scroll-lock", KEY_SCROLLLOCK },
    { "print", KEY_SYSRQ },
    { "pause", KEY_PAUSE },
    { "insert", KEY_INSERT },
    { "delete", KEY_DELETE },
    { "home", KEY_HOME },
    { "end", KEY_END },
    { "page-up", KEY_PAGEUP },
    { "page-down", KEY_PAGEDOWN },
    { "up", KEY_UP },
    { "down", KEY_DOWN },
    { "left", KEY_LEFT },
    { "right", KEY_RIGHT },
    { "f1", KEY_F1 },
    { "f2", KEY_F2 },
    { "f3", KEY_F3 },
    { "f4", KEY_F4 },
    { "f5", KEY_F5 },
    { "f6", KEY_F6 },
    { "f7", KEY_F7 },
    { "f8", KEY_F8 },
    { "f9", KEY_F9 },
    { "f10", KEY_F10 },
    { "f11", KEY_F11 },
    { "f12", KEY_F12 },
    { "minus", KEY_MINUS },
    { "equal", KEY_EQUAL },
    { "plus", KEY_KPPLUS },
    { "comma", KEY_COMMA },
    { "dot", KEY_DOT },
    { "slash", KEY_SLASH },
    { "backslash", KEY_BACKSLASH },
    { "semicolon", KEY_SEMICOLON },
    { "apostrophe", KEY_APOSTROPHE },
    { "grave", KEY_GRAVE },
    { "left-brace", KEY_LEFTBRACE },
    { "right-brace", KEY_RIGHTBRACE },
    { "less", KEY_102ND },
    { "kp-0", KEY_KP0 },
    { "kp-1", KEY_KP1 },
    { "kp-2", KEY_KP2 },
    { "kp-3", KEY_KP3 },
    { "kp-4", KEY_KP4 },
    { "kp-5", KEY_KP5 },
    { "kp-6", KEY_KP6 },
    { "kp-7", KEY_KP7 },
    { "kp-8", KEY_KP8 },
    { "kp-9", KEY_KP9 },
    { "kp-enter", KEY_KPENTER },
    { "kp-dot", KEY_KPDOT },
    { "kp-plus", KEY_KPPLUS },
    { "kp-minus", KEY_KPMINUS },
    { "kp-asterisk", KEY_KPASTERISK },
    { "kp-slash", KEY_KPSLASH },
    { "mute", KEY_MUTE },
    { "volume-down", KEY_VOLUMEDOWN },
    { "volume-up", KEY_VOLUMEUP },
};

/* US layout: the character at i of each row is on the key at i of its codes. */
static const struct {
    const char *plain;
    const char *shifted;
    uint16_t first_key;
} rows[] = {
    { "1234567890-=", "!@#$%^&*()_+", KEY_1 },
    { "qwertyuiop[]", "QWERTYUIOP{}", KEY_Q },
    { "asdfghjkl;'`", "ASDFGHJKL:\"~", KEY_A },
    { "\\zxcvbnm,./", "|ZXCVBNM<>?", KEY_BACKSLASH },
    { " ", "", KEY_SPACE },
    { "\n", "", KEY_ENTER },
    { "\t", "", KEY_TAB },
    { "\b", "", KEY_BACKSPACE },
};

bool
berth_key_map_find_char(char c, BerthKeyStroke *ret_stroke)
{
    if (c == '\0') {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *plain = strchr(rows[i].plain, c);
        const char *shifted = strchr(rows[i].shifted, c);

        if (plain != NULL || shifted != NULL) {
            ptrdiff_t column = plain != NULL ? plain - rows[i].plain : shifted - rows[i].shifted;

            ret_stroke->evdev = (uint16_t)(rows[i].first_key + column);
            ret_stroke->needs_shift = plain == NULL;
            return true;
        }
    }
    return false;
}

uint16_t
berth_key_map_find_name(const char *name)
{
    BerthKeyStroke stroke;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strcasecmp(name, names[i].name) == 0) {
            return names[i].evdev;
        }
    }
    if (g_ascii_isgraph(name[0]) && name[1] == '\0' &&
        berth_key_map_find_char(g_ascii_tolower(name[0]), &stroke) && !stroke.needs_shift) {
        return stroke.evdev;
    }
    return 0;
}

const char *
berth_key_map_get_name(uint16_t evdev)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].evdev == evdev) {
            return names[i].name;
        }
    }
    return NULL;
}

bool
berth_key_map_parse(const char *text, BerthKeyCombination *ret_combination, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "+", -1);
    BerthKeyCombination combination = { 0 };

    for (size_t i = 0; parts[i] != NULL; i++) {
        uint16_t evdev = berth_key_map_find_name(parts[i]);

        if (evdev == 0) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   _("'%s' is not a key; use names such as enter, f5, a or "
                                     "ctrl+alt+delete"),
                                   parts[i]);
        }
        if (combination.n_keys == BERTH_KEY_COMBINATION_MAX) {
            return berth_set_error(error, BERTH_ERR_INVALID, _("'%s' holds more than %d keys"),
                                   text, BERTH_KEY_COMBINATION_MAX);
        }
        combination.evdev[combination.n_keys++] = evdev;
    }
    if (combination.n_keys == 0) {
        return berth_set_error(error, BERTH_ERR_INVALID, _("no key is given"));
    }
    *ret_combination = combination;
    return true;
}

uint16_t
berth_key_map_from_hardware(unsigned hardware_keycode)
{
    if (hardware_keycode <= HARDWARE_OFFSET || hardware_keycode - HARDWARE_OFFSET > KEY_MAX) {
        return 0;
    }
    return (uint16_t)(hardware_keycode - HARDWARE_OFFSET);
}

bool
berth_key_map_is_switcher(uint16_t evdev)
{
    return evdev == KEY_LEFTALT || evdev == KEY_RIGHTALT || evdev == KEY_LEFTMETA ||
           evdev == KEY_RIGHTMETA;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of keys, and the keys that type a character, as Linux evdev codes.
 *
 * The wire carries positions of keys, not characters: what a code means is the guest's layout.
 * Characters are therefore looked up for the US layout, which is what probes and tests assume.
 * Const tables; thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most keys that one combination may hold. */
#define BERTH_KEY_COMBINATION_MAX 6

/* A character: hold shift if told so, then press the key. */
typedef struct {
    uint16_t evdev;
    bool needs_shift;
} BerthKeyStroke;

/* Keys to press in this order and to release in the opposite one. */
typedef struct {
    uint16_t evdev[BERTH_KEY_COMBINATION_MAX];
    size_t n_keys;
} BerthKeyCombination;

/*
 * Finds the code of a key by its name: "a", "enter", "f5", "left-shift", "ctrl"; case does not
 * matter.  Returns 0 if there is no such key.
 */
uint16_t berth_key_map_find_name(const char *name);

/* Returns the name of a code, NULL if it has none here. */
const char *berth_key_map_get_name(uint16_t evdev);

/* Finds the stroke that types an ASCII character.  Returns false if the US layout has none. */
bool berth_key_map_find_char(char c, BerthKeyStroke *ret_stroke);

/*
 * Reads a combination such as "ctrl+alt+t".
 *
 * ret_combination: set on success only
 *
 * Errors: BERTH_ERR_INVALID with a sentence that quotes the unknown name.
 */
bool berth_key_map_parse(const char *text, BerthKeyCombination *ret_combination, GError **error);

/*
 * The code of a key that a toolkit reports with X11's numbering (code + 8), also under Wayland.
 * Returns 0 for a number that is no key of ours.
 */
uint16_t berth_key_map_from_hardware(unsigned hardware_keycode);

/* True for Alt and Super, which must be released last (after Tab, say). */
bool berth_key_map_is_switcher(uint16_t evdev);

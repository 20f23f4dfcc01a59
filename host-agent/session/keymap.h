/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key codes: from the evdev numbers of the wire to what each capture source wants.
 *
 * Pure tables.  A qnum is a PC/AT set 1 scan code of one byte, with bit 7 set for the keys that a
 * keyboard prefixes with E0; QEMU's D-Bus keyboard takes it.  A keysym is what the key means with
 * the modifiers in force on a US keyboard; RFB servers take it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Highest evdev code of a key on a keyboard (KEY_MICMUTE); above it are buttons and switches. */
#define BERTH_KEYMAP_MAX_EVDEV 248u

/*
 * Maps an evdev key code to QEMU's qnum.
 *
 * evdev: any value
 *
 * Returns 1..255, or 0 if the key has no scan code.
 */
uint8_t berth_keymap_qnum(uint16_t evdev);

/* What changes the keysym of a key. */
typedef enum {
    BERTH_KEYMAP_SHIFT = 1u << 0,
    BERTH_KEYMAP_CAPS = 1u << 1,
    BERTH_KEYMAP_NUM = 1u << 2,
} BerthKeymapModifier;

/*
 * Maps an evdev key code to the X11 keysym that a US keyboard gives.
 *
 * evdev:     any value
 * modifiers: BERTH_KEYMAP_* in force; RFB servers correct their own modifiers to fit the keysym
 *
 * Returns 0 if there is none.
 */
uint32_t berth_keymap_keysym(uint16_t evdev, unsigned modifiers);

/*
 * Finds the key that types a printable ASCII character on a US keyboard.
 *
 * ret_needs_shift: whether Shift has to be held
 *
 * Returns false, and sets nothing, if there is none.
 */
bool berth_keymap_find_char(char c, uint16_t *ret_evdev, bool *ret_needs_shift);

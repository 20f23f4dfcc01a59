/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key codes: from the evdev numbers of the wire to what each capture source wants.
 *
 * Pure tables.  A qnum is a PC/AT set 1 scan code of one byte, with bit 7 set for the keys that a
 * keyboard prefixes with E0; QEMU's D-Bus keyboard takes it.  A keysym is an X11 keysym of the
 * unshifted US key; RFB servers take it.
 */
#pragma once

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

/*
 * Maps an evdev key code to the X11 keysym of the unshifted key on a US keyboard.
 *
 * evdev: any value
 *
 * Returns 0 if there is none.  Modifiers are keys of their own, so that the server composes.
 */
uint32_t berth_keymap_keysym(uint16_t evdev);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which keys and buttons are down, so that nothing stays stuck in the guest.
 *
 * Drops the repeats that a toolkit makes (the guest repeats by itself) and releases of keys that
 * are not down.  A value; initialise with zeros.  Thread: whoever owns it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More keys than fingers; further ones are not pressed at all. */
#define BERTH_HELD_KEYS_MAX 32

typedef struct {
    uint16_t keys[BERTH_HELD_KEYS_MAX]; /* in the order of pressing */
    size_t n_keys;
    uint32_t buttons; /* bit per BerthButton */
} BerthHeldKeys;

/* Notes a key going down.  Returns true if the guest has to be told. */
bool berth_held_keys_press(BerthHeldKeys *self, uint16_t evdev);

/* Notes a key going up.  Returns true if the guest has to be told. */
bool berth_held_keys_release(BerthHeldKeys *self, uint16_t evdev);

/* Notes a button.  Returns true if the guest has to be told. */
bool berth_held_keys_set_button(BerthHeldKeys *self, unsigned button, bool is_down);

bool berth_held_keys_is_empty(const BerthHeldKeys *self);

/*
 * Empties the set.
 *
 * ret_keys: room for BERTH_HELD_KEYS_MAX; the keys in the order in which they must go up: the last
 *           pressed first, and Alt and Super after all others, so that a held Tab cannot switch
 *           windows in the guest once more
 *
 * Returns how many.
 */
size_t berth_held_keys_take_all(BerthHeldKeys *self, uint16_t *ret_keys);

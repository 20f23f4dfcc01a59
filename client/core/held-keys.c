/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/held-keys.h"

#include "client/core/key-map.h"

#include <string.h>

static size_t
find(const BerthHeldKeys *self, uint16_t evdev)
{
    size_t i = 0;

    while (i < self->n_keys && self->keys[i] != evdev) {
        i++;
    }
    return i;
}

bool
berth_held_keys_press(BerthHeldKeys *self, uint16_t evdev)
{
    if (evdev == 0 || self->n_keys == BERTH_HELD_KEYS_MAX || find(self, evdev) < self->n_keys) {
        return false;
    }
    self->keys[self->n_keys++] = evdev;
    return true;
}

bool
berth_held_keys_release(BerthHeldKeys *self, uint16_t evdev)
{
    size_t i = find(self, evdev);

    if (i == self->n_keys) {
        return false;
    }
    self->n_keys--;
    memmove(&self->keys[i], &self->keys[i + 1], (self->n_keys - i) * sizeof self->keys[0]);
    return true;
}

bool
berth_held_keys_set_button(BerthHeldKeys *self, unsigned button, bool is_down)
{
    uint32_t bit;

    if (button >= 32) {
        return false;
    }
    bit = UINT32_C(1) << button;
    if (((self->buttons & bit) != 0) == is_down) {
        return false;
    }
    self->buttons ^= bit;
    return true;
}

bool
berth_held_keys_is_empty(const BerthHeldKeys *self)
{
    return self->n_keys == 0 && self->buttons == 0;
}

size_t
berth_held_keys_take_all(BerthHeldKeys *self, uint16_t *ret_keys)
{
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = self->n_keys; i > 0; i--) {
            if (berth_key_map_is_switcher(self->keys[i - 1]) == (pass == 1)) {
                ret_keys[n++] = self->keys[i - 1];
            }
        }
    }
    memset(self, 0, sizeof *self);
    return n;
}

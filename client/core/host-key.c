/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/host-key.h"

#include <glib.h>
#include <glib/gi18n.h>
#include <linux/input-event-codes.h>

const BerthHostKeyChoice berth_host_key_choices[] = {
    { "right-ctrl", N_("Right Ctrl"), KEY_RIGHTCTRL },
    { "right-alt", N_("Right Alt"), KEY_RIGHTALT },
    { "right-super", N_("Right Super"), KEY_RIGHTMETA },
    { "menu", N_("Menu"), KEY_COMPOSE },
    { "scroll-lock", N_("Scroll Lock"), KEY_SCROLLLOCK },
    { "pause", N_("Pause"), KEY_PAUSE },
};
const size_t berth_n_host_key_choices = G_N_ELEMENTS(berth_host_key_choices);

const BerthHostKeyChoice *
berth_host_key_find(const char *name)
{
    for (size_t i = 0; i < berth_n_host_key_choices; i++) {
        if (g_strcmp0(berth_host_key_choices[i].name, name) == 0) {
            return &berth_host_key_choices[i];
        }
    }
    return &berth_host_key_choices[0];
}

static BerthHostKeyVerdict
press(BerthHostKey *self)
{
    if (!self->is_down) {
        self->is_down = true;
        self->is_alone = true;
    }
    return self->is_alone ? BERTH_HOST_KEY_KEEP : BERTH_HOST_KEY_PASS;
}

static BerthHostKeyVerdict
release(BerthHostKey *self)
{
    bool was_down = self->is_down;
    bool was_alone = self->is_alone;

    berth_host_key_forget(self);
    if (!was_down) {
        return BERTH_HOST_KEY_KEEP;
    }
    return was_alone ? BERTH_HOST_KEY_TAP : BERTH_HOST_KEY_PASS;
}

BerthHostKeyVerdict
berth_host_key_step(BerthHostKey *self, uint16_t evdev, bool is_down)
{
    if (self->evdev != 0 && evdev == self->evdev) {
        return is_down ? press(self) : release(self);
    }
    if (is_down && berth_host_key_combine(self)) {
        return BERTH_HOST_KEY_BOTH;
    }
    return BERTH_HOST_KEY_PASS;
}

bool
berth_host_key_combine(BerthHostKey *self)
{
    bool was_alone = self->is_down && self->is_alone;

    self->is_alone = false;
    return was_alone;
}

void
berth_host_key_forget(BerthHostKey *self)
{
    self->is_down = false;
    self->is_alone = false;
}

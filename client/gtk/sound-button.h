/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sound of the desktop in a toolbar: how loud it is now, a button that mutes it, its volume,
 * and a sign while the microphone is open.  In the title bar the volume is behind a small button,
 * together with whether the microphone may be used.
 *
 * It shows itself only while the policy lets sound come, and looks at the level only while it is
 * seen and something plays.  Thread: main.
 */
#pragma once

#include "client/core/sound-client.h"

#include <gtk/gtk.h>

typedef struct BerthSoundButton BerthSoundButton;

typedef enum {
    BERTH_SOUND_IN_TITLE,
    BERTH_SOUND_OVER_CANVAS, /* takes no keyboard away from the desktop */
} BerthSoundPlace;

/* sound: borrowed, must outlive the widget.  The button belongs to its widget and dies with it. */
BerthSoundButton *berth_sound_button_new(BerthSoundClient *sound, BerthSoundPlace place);

GtkWidget *berth_sound_button_get_widget(BerthSoundButton *self);

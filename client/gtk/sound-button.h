/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sound of the desktop in the title bar, which is the toolbar of a full screen, too: how loud
 * it is now, a button that mutes it, one for its volume and for whether the microphone may be used,
 * and a sign while it is open.
 *
 * It shows itself only while the policy lets sound come, and looks at the level only while it is
 * seen and something plays.  Thread: main.
 */
#pragma once

#include "client/core/sound-client.h"

#include <gtk/gtk.h>

typedef struct BerthSoundButton BerthSoundButton;

/* sound: borrowed, must outlive the widget.  The button belongs to its widget and dies with it. */
BerthSoundButton *berth_sound_button_new(BerthSoundClient *sound);

GtkWidget *berth_sound_button_get_widget(BerthSoundButton *self);

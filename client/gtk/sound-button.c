/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/sound-button.h"

#define LEVEL_MS 100
#define MAX_LEVEL 32767.0

struct BerthSoundButton {
    BerthSoundClient *sound;
    GtkWidget *box, *button, *icon, *level, *mic;
    guint level_source;
};

static gboolean
on_level(gpointer user_data)
{
    BerthSoundButton *self = user_data;
    BerthSoundReceiverStats stats;

    gtk_level_bar_set_value(GTK_LEVEL_BAR(self->level),
                            berth_sound_client_take_level(self->sound) / MAX_LEVEL);
    berth_sound_client_get_stats(self->sound, &stats);
    if (stats.is_playing && gtk_widget_get_mapped(self->box)) {
        return G_SOURCE_CONTINUE;
    }
    gtk_level_bar_set_value(GTK_LEVEL_BAR(self->level), 0);
    self->level_source = 0;
    return G_SOURCE_REMOVE;
}

static void
show_state(BerthSoundButton *self)
{
    bool is_muted = berth_sound_client_is_muted(self->sound);
    const char *text = is_muted ? "Hear the desktop" : "Mute the desktop";

    gtk_image_set_from_icon_name(GTK_IMAGE(self->icon),
                                 is_muted ? "audio-volume-muted-symbolic"
                                          : "audio-volume-high-symbolic",
                                 GTK_ICON_SIZE_BUTTON);
    gtk_widget_set_tooltip_text(self->button, text);
    atk_object_set_name(gtk_widget_get_accessible(self->button), text);
    gtk_widget_set_visible(self->mic, berth_sound_client_is_mic_open(self->sound));
    gtk_widget_set_visible(self->box, berth_sound_client_may_play(self->sound));
}

static void
on_changed(void *user_data)
{
    BerthSoundButton *self = user_data;

    show_state(self);
    if (self->level_source == 0 && gtk_widget_get_mapped(self->box)) {
        self->level_source = g_timeout_add(LEVEL_MS, on_level, self);
    }
}

static void
on_clicked(BerthSoundButton *self)
{
    berth_sound_client_set_muted(self->sound, !berth_sound_client_is_muted(self->sound));
}

static void
on_destroy(BerthSoundButton *self)
{
    g_clear_handle_id(&self->level_source, g_source_remove);
    berth_sound_client_set_changed(self->sound, NULL, NULL);
}

BerthSoundButton *
berth_sound_button_new(BerthSoundClient *sound)
{
    BerthSoundButton *self = g_new0(BerthSoundButton, 1);

    self->sound = sound;
    self->box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 4);
    self->button = gtk_button_new();
    self->icon = gtk_image_new();
    self->level = gtk_level_bar_new();
    self->mic =
        gtk_image_new_from_icon_name("audio-input-microphone-symbolic", GTK_ICON_SIZE_BUTTON);
    gtk_button_set_image(GTK_BUTTON(self->button), self->icon);
    gtk_widget_set_tooltip_text(self->mic, "The desktop listens to your microphone");
    atk_object_set_name(gtk_widget_get_accessible(self->mic),
                        "The desktop listens to your microphone");
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self->level), GTK_ORIENTATION_VERTICAL);
    gtk_level_bar_set_inverted(GTK_LEVEL_BAR(self->level), TRUE);
    gtk_box_pack_start(GTK_BOX(self->box), self->mic, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(self->box), self->level, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(self->box), self->button, FALSE, FALSE, 0);
    gtk_widget_show_all(self->box);
    gtk_widget_set_no_show_all(self->box, TRUE);
    g_signal_connect_swapped(self->box, "destroy", G_CALLBACK(on_destroy), self);
    g_signal_connect_swapped(self->button, "clicked", G_CALLBACK(on_clicked), self);
    g_object_set_data_full(G_OBJECT(self->box), "berth-view", self, g_free);
    berth_sound_client_set_changed(sound, on_changed, self);
    show_state(self);
    return self;
}

GtkWidget *
berth_sound_button_get_widget(BerthSoundButton *self)
{
    return self->box;
}

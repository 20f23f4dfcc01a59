/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/sound-button.h"

#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

#define LEVEL_MS 100
#define MAX_LEVEL 32767.0
#define SCALE_WIDTH_PX 180
#define SHORT_SCALE_WIDTH_PX 110
#define VOLUME_STEP 5
#define LEVEL_HEIGHT_PX 20

struct BerthSoundButton {
    BerthSoundClient *sound;
    GtkWidget *box, *mute, *icon, *level, *volume, *mic_sign;
    GtkWidget *microphone; /* NULL over the canvas */
    guint level_source;
    bool is_showing; /* what is known, not what somebody does */
};

/* A desktop that is silent has an empty place there: nothing moves when it begins to speak. */
static void
show_level(BerthSoundButton *self, double level)
{
    gtk_level_bar_set_value(GTK_LEVEL_BAR(self->level), level);
    gtk_widget_set_opacity(self->level, level > 0 ? 1 : 0);
}

static gboolean
on_level(gpointer user_data)
{
    BerthSoundButton *self = user_data;

    show_level(self, berth_sound_client_take_level(self->sound) / MAX_LEVEL);
    if (berth_sound_client_is_playing(self->sound) && gtk_widget_get_mapped(self->box)) {
        return G_SOURCE_CONTINUE;
    }
    show_level(self, 0);
    self->level_source = 0;
    return G_SOURCE_REMOVE;
}

static const char *
find_icon(const BerthSoundButton *self)
{
    int percent = berth_sound_client_get_volume(self->sound);

    if (berth_sound_client_is_muted(self->sound) || percent == 0) {
        return "audio-volume-muted-symbolic";
    }
    return percent < 34   ? "audio-volume-low-symbolic"
           : percent < 67 ? "audio-volume-medium-symbolic"
                          : "audio-volume-high-symbolic";
}

static void
show_state(BerthSoundButton *self)
{
    bool is_muted = berth_sound_client_is_muted(self->sound);

    self->is_showing = true;
    gtk_image_set_from_icon_name(GTK_IMAGE(self->icon), find_icon(self), GTK_ICON_SIZE_BUTTON);
    berth_widget_tell(self->mute, is_muted ? _("Hear the desktop") : _("Mute the desktop"));
    gtk_range_set_value(GTK_RANGE(self->volume), berth_sound_client_get_volume(self->sound));
    if (self->microphone != NULL) {
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(self->microphone),
                                     berth_sound_client_is_mic_allowed(self->sound));
        gtk_widget_set_sensitive(self->microphone, berth_sound_client_may_record(self->sound));
    }
    gtk_widget_set_visible(self->mic_sign, berth_sound_client_is_mic_open(self->sound));
    gtk_widget_set_visible(self->box, berth_sound_client_may_play(self->sound));
    self->is_showing = false;
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

/* Who makes it louder wants to hear it. */
static void
on_volume(BerthSoundButton *self)
{
    if (!self->is_showing) {
        berth_sound_client_set_volume(self->sound,
                                      (int)gtk_range_get_value(GTK_RANGE(self->volume)));
        berth_sound_client_set_muted(self->sound, false);
    }
}

static void
on_microphone(BerthSoundButton *self)
{
    if (!self->is_showing) {
        berth_sound_client_set_mic_allowed(
            self->sound, gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->microphone)));
    }
}

static void
on_destroy(BerthSoundButton *self)
{
    g_clear_handle_id(&self->level_source, g_source_remove);
    berth_sound_client_unwatch(self->sound, self);
}

static void
make_volume(BerthSoundButton *self, int width_px)
{
    self->volume = gtk_scale_new_with_range(GTK_ORIENTATION_HORIZONTAL, 0, 100, VOLUME_STEP);
    gtk_scale_set_draw_value(GTK_SCALE(self->volume), FALSE);
    gtk_widget_set_size_request(self->volume, width_px, -1);
    berth_widget_tell(self->volume, _("Volume of the desktop"));
    g_signal_connect_swapped(self->volume, "value-changed", G_CALLBACK(on_volume), self);
}

static GtkWidget *
new_popover(BerthSoundButton *self, GtkWidget *button)
{
    GtkWidget *popover = gtk_popover_new(button);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);

    make_volume(self, SCALE_WIDTH_PX);
    self->microphone = gtk_check_button_new_with_mnemonic(_("The desktop may use my _microphone"));
    g_signal_connect_swapped(self->microphone, "toggled", G_CALLBACK(on_microphone), self);
    gtk_box_pack_start(GTK_BOX(box), self->volume, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), self->microphone, FALSE, FALSE, 0);
    g_object_set(box, "margin", 10, NULL);
    gtk_widget_show_all(box);
    gtk_container_add(GTK_CONTAINER(popover), box);
    return popover;
}

/* Volume and microphone behind a small button beside the one that mutes. */
static GtkWidget *
new_title_buttons(BerthSoundButton *self)
{
    GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);
    GtkWidget *more = gtk_menu_button_new();

    berth_widget_tell(more, _("Volume and microphone"));
    gtk_menu_button_set_popover(GTK_MENU_BUTTON(more), new_popover(self, more));
    gtk_style_context_add_class(gtk_widget_get_style_context(buttons), "linked");
    gtk_box_pack_start(GTK_BOX(buttons), self->mute, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(buttons), more, FALSE, FALSE, 0);
    return buttons;
}

static GtkWidget *
new_canvas_buttons(BerthSoundButton *self)
{
    GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);

    make_volume(self, SHORT_SCALE_WIDTH_PX);
    berth_button_over_canvas(self->mute);
    berth_slider_over_canvas(self->volume);
    gtk_box_pack_start(GTK_BOX(buttons), self->mute, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(buttons), self->volume, FALSE, FALSE, 0);
    return buttons;
}

static void
make_parts(BerthSoundButton *self)
{
    self->level = gtk_level_bar_new();
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self->level), GTK_ORIENTATION_VERTICAL);
    gtk_level_bar_set_inverted(GTK_LEVEL_BAR(self->level), TRUE);
    gtk_widget_set_size_request(self->level, -1, LEVEL_HEIGHT_PX);
    gtk_widget_set_valign(self->level, GTK_ALIGN_CENTER);
    show_level(self, 0);
    berth_widget_tell(self->level, _("How loud the desktop is now"));
    self->mic_sign =
        gtk_image_new_from_icon_name("audio-input-microphone-symbolic", GTK_ICON_SIZE_BUTTON);
    berth_widget_tell(self->mic_sign, _("The desktop listens to your microphone"));
    self->mute = gtk_button_new();
    self->icon = gtk_image_new();
    gtk_button_set_image(GTK_BUTTON(self->mute), self->icon);
    g_signal_connect_swapped(self->mute, "clicked", G_CALLBACK(on_clicked), self);
}

BerthSoundButton *
berth_sound_button_new(BerthSoundClient *sound, BerthSoundPlace place)
{
    BerthSoundButton *self = g_new0(BerthSoundButton, 1);

    self->sound = sound;
    self->box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 4);
    make_parts(self);
    gtk_box_pack_start(GTK_BOX(self->box), self->mic_sign, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(self->box), self->level, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(self->box),
                       place == BERTH_SOUND_IN_TITLE ? new_title_buttons(self)
                                                     : new_canvas_buttons(self),
                       FALSE, FALSE, 0);
    gtk_widget_show_all(self->box);
    gtk_widget_set_no_show_all(self->box, TRUE);
    g_signal_connect_swapped(self->box, "destroy", G_CALLBACK(on_destroy), self);
    g_signal_connect_swapped(self->box, "map", G_CALLBACK(on_changed), self);
    g_object_set_data_full(G_OBJECT(self->box), "berth-view", self, g_free);
    berth_sound_client_watch(sound, on_changed, self);
    show_state(self);
    return self;
}

GtkWidget *
berth_sound_button_get_widget(BerthSoundButton *self)
{
    return self->box;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/keyboard.h"

#include "client/core/key-map.h"
#include "client/gtk/keymap.h"
#include "client/gtk/text-input.h"

#include "base/log.h"

#include <linux/input-event-codes.h>

/* The program that started us may still hold the keyboard. */
#define RETRY_MS 100
#define MAX_RETRIES 30
/* KEY_MICMUTE: above it there are no keys of a keyboard. */
#define MAX_PLACE 248

struct BerthKeyboard {
    GtkWidget *window, *area;
    BerthDisplayView *view;
    BerthFullscreen *fullscreen;
    BerthKeyboardCallbacks callbacks;
    void *user_data;
    BerthHostKey host_key;
    BerthTextInput *text_input;
    bool is_locked;  /* no key is ours */
    bool is_wanted;  /* the grab */
    bool is_covered; /* a dialog or a menu has the keyboard */
    bool is_grabbed;
    unsigned n_retries;
    guint retry_source;
    guint focus_source; /* nothing had the keyboard */
};

static void update_grab(BerthKeyboard *self);

static void
note_grab(BerthKeyboard *self, bool is_grabbed)
{
    if (self->is_grabbed != is_grabbed) {
        self->is_grabbed = is_grabbed;
        berth_log_debug("keyboard", is_grabbed ? "all keys are taken" : "all keys are given back");
        if (self->callbacks.grabbed != NULL) {
            self->callbacks.grabbed(is_grabbed, self->user_data);
        }
    }
}

static GdkSeat *
seat_of(BerthKeyboard *self)
{
    return gdk_display_get_default_seat(gtk_widget_get_display(self->window));
}

static void
drop_grab(BerthKeyboard *self)
{
    g_clear_handle_id(&self->retry_source, g_source_remove);
    if (self->is_grabbed) {
        gdk_seat_ungrab(seat_of(self));
        note_grab(self, false);
    }
}

static gboolean
on_retry(gpointer user_data)
{
    BerthKeyboard *self = user_data;

    self->retry_source = 0;
    update_grab(self);
    return G_SOURCE_REMOVE;
}

/* On Wayland a grab of the toplevel asks the compositor to leave its shortcuts to us. */
static void
take_grab(BerthKeyboard *self)
{
    GdkGrabStatus status =
        gdk_seat_grab(seat_of(self), gtk_widget_get_window(self->window),
                      GDK_SEAT_CAPABILITY_KEYBOARD, TRUE, NULL, NULL, NULL, NULL);

    if (status == GDK_GRAB_SUCCESS) {
        self->n_retries = 0;
        note_grab(self, true);
    } else if (self->n_retries++ < MAX_RETRIES) {
        self->retry_source = g_timeout_add(RETRY_MS, on_retry, self);
    } else {
        berth_log_info("window", "another program keeps the keyboard");
    }
}

/* Takes all keys or gives them back, as things are. */
static void
update_grab(BerthKeyboard *self)
{
    bool is_due = self->is_wanted && !self->is_covered && gtk_widget_get_mapped(self->area) &&
                  gtk_window_is_active(GTK_WINDOW(self->window)) && gtk_widget_is_focus(self->area);

    if (!is_due) {
        drop_grab(self);
    } else if (!self->is_grabbed && self->retry_source == 0) {
        take_grab(self);
    }
}

void
berth_keyboard_want_grab(BerthKeyboard *self, bool is_wanted)
{
    self->is_wanted = is_wanted;
    self->n_retries = 0;
    update_grab(self);
}

static bool
is_full(const BerthKeyboard *self)
{
    return berth_fullscreen_get(self->fullscreen);
}

void
berth_keyboard_fullscreen_changed(BerthKeyboard *self)
{
    berth_keyboard_want_grab(self, self->is_locked || is_full(self));
}

void
berth_keyboard_lock(BerthKeyboard *self)
{
    self->is_locked = true;
    self->host_key.evdev = 0;
    berth_keyboard_want_grab(self, true);
}

static void
let_go(BerthKeyboard *self)
{
    berth_host_key_forget(&self->host_key);
    berth_display_view_release_all(self->view);
}

void
berth_keyboard_set_host_key(BerthKeyboard *self, const BerthHostKeyChoice *choice)
{
    if (!self->is_locked) {
        let_go(self);
        self->host_key.evdev = choice->evdev;
    }
}

/* From the canvas to all keys, from all keys to what is around, from there to the canvas. */
static void
on_host_key(BerthKeyboard *self)
{
    if (!gtk_widget_is_focus(self->area)) {
        gtk_widget_grab_focus(self->area);
        berth_keyboard_want_grab(self, is_full(self));
    } else if (!self->is_grabbed) {
        berth_keyboard_want_grab(self, true);
    } else {
        berth_keyboard_want_grab(self, false);
        let_go(self);
        if (self->callbacks.leave_canvas != NULL) {
            self->callbacks.leave_canvas(self->user_data);
        }
    }
}

/* Lock keys may have been pressed while others had the keyboard. */
static void
tell_locks(BerthKeyboard *self)
{
    BerthSessionClient *session = berth_display_view_get_session(self->view);

    if (session != NULL && gtk_widget_has_focus(self->area)) {
        berth_session_client_locks(session,
                                   berth_keymap_read_locks(gtk_widget_get_display(self->window)));
    }
}

static void
tell_layout(void *user_data)
{
    BerthKeyboard *self = user_data;
    BerthSessionClient *session = berth_display_view_get_session(self->view);
    BerthKeyLayout layout;

    if (session != NULL &&
        berth_keymap_read_layout(gtk_widget_get_display(self->window), &layout)) {
        berth_session_client_layout(session, &layout);
    }
}

void
berth_keyboard_opened(BerthKeyboard *self)
{
    tell_layout(self);
    tell_locks(self);
}

void
berth_keyboard_set_input_method(BerthKeyboard *self, bool is_enabled)
{
    berth_text_input_set_enabled(self->text_input, is_enabled);
}

static void
on_text(const char *text, void *user_data)
{
    BerthKeyboard *self = user_data;
    BerthSessionClient *session = berth_display_view_get_session(self->view);

    if (session != NULL) {
        berth_session_client_text(session, text);
    }
}

/* Keyboards on the screen make keys that are nowhere on a keyboard: only their letter counts. */
static bool
give_letter(BerthKeyboard *self, const GdkEventKey *event)
{
    gunichar c = gdk_keyval_to_unicode(event->keyval);
    char text[8] = { 0 };

    if (c == 0 || g_unichar_iscntrl(c) || !gtk_widget_is_focus(self->area)) {
        return false;
    }
    if (event->type == GDK_KEY_PRESS) {
        g_unichar_to_utf8(c, text);
        on_text(text, self);
    }
    return true;
}

static void
press_host_key(BerthKeyboard *self)
{
    berth_display_view_press(self->view, self->host_key.evdev, true);
}

static bool
give_key(BerthKeyboard *self, GdkEventKey *event)
{
    uint16_t evdev = berth_key_map_from_hardware(event->hardware_keycode);
    bool is_down = event->type == GDK_KEY_PRESS;

    if (evdev == 0 || evdev > MAX_PLACE) {
        return give_letter(self, event);
    }
    if (gtk_widget_is_focus(self->area) && berth_text_input_filter(self->text_input, event)) {
        return true;
    }
    switch (berth_host_key_step(&self->host_key, evdev, is_down)) {
    case BERTH_HOST_KEY_TAP:
        on_host_key(self);
        return true;
    case BERTH_HOST_KEY_KEEP:
        return true;
    case BERTH_HOST_KEY_BOTH:
        press_host_key(self);
        break;
    default:
        break;
    }
    return gtk_widget_is_focus(self->area) && berth_display_view_press(self->view, evdev, is_down);
}

/* Tab goes round what is around the desktop: there, its keys would end. */
static bool
move_around(BerthKeyboard *self, const GdkEventKey *event)
{
    bool is_back = event->keyval == GDK_KEY_ISO_Left_Tab;

    if (event->type != GDK_KEY_PRESS || gtk_widget_is_focus(self->area) ||
        (event->keyval != GDK_KEY_Tab && !is_back)) {
        return false;
    }
    gtk_widget_set_can_focus(self->area, FALSE);
    gtk_widget_child_focus(self->window, is_back ? GTK_DIR_TAB_BACKWARD : GTK_DIR_TAB_FORWARD);
    gtk_widget_set_can_focus(self->area, TRUE);
    return true;
}

/* F11, with what is held meanwhile. */
static void
on_own_key(BerthKeyboard *self, guint modifiers)
{
    BerthHeaderCommand command =
        modifiers == GDK_SHIFT_MASK ? BERTH_HEADER_STATISTICS : BERTH_HEADER_SCREENSHOT;

    if (modifiers != GDK_SHIFT_MASK && modifiers != GDK_CONTROL_MASK) {
        berth_fullscreen_set(self->fullscreen, !is_full(self));
    } else if (self->callbacks.command != NULL) {
        self->callbacks.command(command, false, self->user_data);
    }
}

static gboolean
on_key(GtkWidget *window, GdkEventKey *event, gpointer user_data)
{
    BerthKeyboard *self = user_data;

    if (self->is_locked) {
        give_key(self, event);
        return GDK_EVENT_STOP;
    }
    if (!gtk_widget_get_mapped(self->area) || self->is_covered) {
        return GDK_EVENT_PROPAGATE;
    }
    if (event->keyval == GDK_KEY_F11) {
        if (event->type == GDK_KEY_PRESS) {
            on_own_key(self, event->state & gtk_accelerator_get_default_mod_mask());
        }
        return GDK_EVENT_STOP;
    }
    return give_key(self, event) || move_around(self, event);
}

/* A click with the host key held: the guest has to know of the key first. */
static gboolean
on_area_event(GtkWidget *area, GdkEvent *event, gpointer user_data)
{
    BerthKeyboard *self = user_data;

    if ((event->type == GDK_BUTTON_PRESS || event->type == GDK_SCROLL) &&
        berth_host_key_combine(&self->host_key)) {
        press_host_key(self);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
on_active_changed(BerthKeyboard *self)
{
    if (!gtk_window_is_active(GTK_WINDOW(self->window))) {
        let_go(self);
        self->is_wanted = self->is_locked || is_full(self);
    } else if (gtk_widget_get_mapped(self->area)) {
        gtk_widget_grab_focus(self->area);
        tell_locks(self);
    }
    update_grab(self);
}

/* A dialog or a menu of ours takes the events of all other widgets, or gives them back. */
static void
on_grab_notify(GtkWidget *area, gboolean was_grabbed, gpointer user_data)
{
    BerthKeyboard *self = user_data;

    self->is_covered = !was_grabbed;
    if (self->is_covered) {
        let_go(self);
    }
    update_grab(self);
}

static gboolean
on_nothing_has_focus(gpointer user_data)
{
    BerthKeyboard *self = user_data;

    self->focus_source = 0;
    if (!gtk_widget_in_destruction(self->window) && gtk_widget_get_mapped(self->area) &&
        gtk_window_get_focus(GTK_WINDOW(self->window)) == NULL) {
        gtk_widget_grab_focus(self->area);
    }
    return G_SOURCE_REMOVE;
}

/*
 * What had the keyboard is gone: it is the desktop's again.  Not at once: a window that is being
 * destroyed, which does not tell, would keep a canvas that is gone.
 */
static void
on_set_focus(GtkWindow *window, GtkWidget *widget, gpointer user_data)
{
    BerthKeyboard *self = user_data;

    if (gtk_window_get_focus(window) == NULL && self->focus_source == 0) {
        self->focus_source =
            g_idle_add_full(G_PRIORITY_HIGH_IDLE, on_nothing_has_focus, self, NULL);
    }
}

/* Another grab of this program took the keyboard. */
static gboolean
on_grab_broken(GtkWidget *window, GdkEventGrabBroken *event, gpointer user_data)
{
    BerthKeyboard *self = user_data;

    if (event->keyboard) {
        let_go(self);
        self->is_wanted = self->is_locked || is_full(self);
        note_grab(self, false);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
on_place_changed(BerthKeyboard *self)
{
    berth_text_input_set_focus(self->text_input, gtk_widget_is_focus(self->area));
    update_grab(self);
}

static void
keyboard_free(gpointer data)
{
    BerthKeyboard *self = data;

    berth_text_input_free(self->text_input);
    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_clear_handle_id(&self->focus_source, g_source_remove);
    g_free(self);
}

/* The canvas may outlive us by a moment when all is destroyed. */
static void
connect_signals(BerthKeyboard *self)
{
    g_signal_connect(self->window, "key-press-event", G_CALLBACK(on_key), self);
    g_signal_connect(self->window, "key-release-event", G_CALLBACK(on_key), self);
    g_signal_connect(self->window, "grab-broken-event", G_CALLBACK(on_grab_broken), self);
    g_signal_connect_swapped(self->window, "notify::is-active", G_CALLBACK(on_active_changed),
                             self);
    g_signal_connect_after(self->window, "set-focus", G_CALLBACK(on_set_focus), self);
    g_signal_connect(self->area, "grab-notify", G_CALLBACK(on_grab_notify), self);
    g_signal_connect(self->area, "event", G_CALLBACK(on_area_event), self);
    berth_keymap_watch(self->window, tell_layout, self);
    g_signal_connect_swapped(self->area, "map", G_CALLBACK(on_place_changed), self);
    g_signal_connect_swapped(self->area, "unmap", G_CALLBACK(on_place_changed), self);
    g_signal_connect_swapped(self->area, "notify::is-focus", G_CALLBACK(on_place_changed), self);
}

BerthKeyboard *
berth_keyboard_new(GtkWindow *window, BerthDisplayView *view, BerthFullscreen *fullscreen,
                   const BerthKeyboardCallbacks *callbacks, void *user_data)
{
    BerthKeyboard *self = g_new0(BerthKeyboard, 1);

    self->window = GTK_WIDGET(window);
    self->view = view;
    self->fullscreen = fullscreen;
    self->area = berth_display_view_get_widget(view);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->host_key.evdev = berth_host_key_find(NULL)->evdev;
    self->text_input = berth_text_input_new(self->area, on_text, self);
    connect_signals(self);
    g_object_set_data_full(G_OBJECT(window), "berth-keyboard", self, keyboard_free);
    return self;
}

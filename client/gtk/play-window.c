/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/play-window.h"

#include "client/core/viewport.h"
#include "client/gtk/cursor.h"
#include "client/gtk/toolkit.h"
#include "client/gtk/widgets.h"

#include "base/clock.h"
#include "base/error.h"

#include <glib/gi18n.h>
#include <gtk/gtk.h>
#include <stdio.h>

/* A picture is looked for so often; decoding may take most of it. */
#define TICK_MS 16
#define DECODE_US (12LL * 1000)
#define JUMP_US (10LL * 1000 * 1000)
#define DEFAULT_WIDTH 1280
#define DEFAULT_HEIGHT 800

static const double speeds[] = { 0.25, 0.5, 1, 2, 4, 8, 16 };
#define NORMAL_SPEED 2

typedef struct {
    BerthPlayer *player;
    int64_t duration_us;
    uint16_t head;
    GtkWidget *window, *area, *button, *scale, *time, *speed, *error_box, *error_text;
    bool is_playing;
    bool is_setting; /* the scale is moved by us */
    int64_t tick_us; /* monotonic time of the last tick */
    double wanted_us;
    guint source;
} PlayWindow;

/* The frame under the pointer of cairo, without a copy. */
static cairo_surface_t *
wrap_frame(const BerthFrame *frame)
{
    /* Cairo does not write to a surface that is only a source. */
    return cairo_image_surface_create_for_data((guchar *)berth_frame_pixel(frame, 0, 0),
                                               CAIRO_FORMAT_RGB24, frame->width, frame->height,
                                               (int)frame->stride_bytes);
}

static void
draw_pointer(const PlayWindow *self, cairo_t *cr)
{
    int32_t x, y;
    const BerthCursorImage *image = berth_player_get_cursor(self->player, &x, &y);
    cairo_surface_t *surface;

    if (image == NULL || self->head != 0) {
        return;
    }
    surface = berth_cursor_make_surface(image);
    cairo_set_operator(cr, CAIRO_OPERATOR_OVER);
    cairo_set_source_surface(cr, surface, x - image->hot_x, y - image->hot_y);
    cairo_paint(cr);
    cairo_surface_destroy(surface);
}

static gboolean
on_draw(GtkWidget *area, cairo_t *cr, gpointer user_data)
{
    PlayWindow *self = user_data;
    const BerthFrame *frame = berth_player_get_picture(self->player, self->head);
    int scale = gtk_widget_get_scale_factor(area);
    BerthViewport viewport;
    cairo_surface_t *surface;

    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_paint(cr);
    if (frame == NULL) {
        return TRUE;
    }
    viewport = berth_viewport_fit(gtk_widget_get_allocated_width(area) * scale,
                                  gtk_widget_get_allocated_height(area) * scale, frame->width,
                                  frame->height, scale);
    cairo_scale(cr, 1.0 / scale, 1.0 / scale);
    cairo_translate(cr, viewport.target.x, viewport.target.y);
    cairo_scale(cr, viewport.scale, viewport.scale);
    cairo_rectangle(cr, 0, 0, frame->width, frame->height);
    cairo_clip(cr);
    surface = wrap_frame(frame);
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), berth_viewport_is_exact(&viewport)
                                                       ? CAIRO_FILTER_NEAREST
                                                       : CAIRO_FILTER_BILINEAR);
    cairo_paint(cr);
    cairo_surface_destroy(surface);
    draw_pointer(self, cr);
    return TRUE;
}

/* "1:02:03" */
static char *
format_time(int64_t t_us)
{
    int64_t s = t_us / G_USEC_PER_SEC;

    return g_strdup_printf("%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static void
show_time(PlayWindow *self)
{
    g_autofree char *now = format_time(berth_player_get_time_us(self->player));
    g_autofree char *all = format_time(self->duration_us);
    g_autofree char *text = g_strdup_printf("%s / %s", now, all);

    gtk_label_set_text(GTK_LABEL(self->time), text);
    self->is_setting = true;
    gtk_range_set_value(GTK_RANGE(self->scale),
                        (double)berth_player_get_time_us(self->player) / G_USEC_PER_SEC);
    self->is_setting = false;
    gtk_widget_queue_draw(self->area);
}

static void
set_playing(PlayWindow *self, bool is_playing)
{
    const char *icon = is_playing ? "media-playback-pause" : "media-playback-start";

    self->is_playing = is_playing;
    self->tick_us = berth_monotonic_us();
    self->wanted_us = (double)berth_player_get_time_us(self->player);
    gtk_button_set_image(GTK_BUTTON(self->button),
                         gtk_image_new_from_icon_name(icon, GTK_ICON_SIZE_BUTTON));
    berth_widget_tell(self->button, is_playing ? _("Pause") : _("Play"));
}

/* Shows what went wrong, or that nothing did, and the time. */
static void
show_result(PlayWindow *self, bool is_good, const GError *error)
{
    berth_error_box_set(self->error_box, self->error_text, is_good ? NULL : error->message);
    if (!is_good || berth_player_is_at_end(self->player)) {
        set_playing(self, false);
    }
    show_time(self);
}

static void
seek(PlayWindow *self, int64_t t_us)
{
    g_autoptr(GError) error = NULL;
    bool was_playing = self->is_playing;
    bool is_good = berth_player_seek(self->player, CLAMP(t_us, 0, self->duration_us), &error);

    show_result(self, is_good, error);
    set_playing(self, was_playing && !berth_player_is_at_end(self->player));
}

static gboolean
on_tick(gpointer user_data)
{
    PlayWindow *self = user_data;
    int64_t now_us = berth_monotonic_us();
    g_autoptr(GError) error = NULL;
    bool is_good;

    if (!self->is_playing) {
        return G_SOURCE_CONTINUE;
    }
    self->wanted_us += (double)(now_us - self->tick_us) *
                       speeds[gtk_combo_box_get_active(GTK_COMBO_BOX(self->speed))];
    self->tick_us = now_us;
    is_good =
        berth_player_advance(self->player, (int64_t)self->wanted_us, now_us + DECODE_US, &error);
    /* Decoding that cannot keep up slows the time down; nothing is jumped over. */
    self->wanted_us = MIN(self->wanted_us, (double)berth_player_get_time_us(self->player) +
                                               TICK_MS * 1000.0 * speeds[G_N_ELEMENTS(speeds) - 1]);
    show_result(self, is_good, error);
    return G_SOURCE_CONTINUE;
}

static void
on_button(GtkButton *button, gpointer user_data)
{
    PlayWindow *self = user_data;

    if (!self->is_playing && berth_player_is_at_end(self->player)) {
        seek(self, 0);
    }
    set_playing(self, !self->is_playing);
}

static void
on_scale(GtkRange *range, gpointer user_data)
{
    PlayWindow *self = user_data;

    if (!self->is_setting) {
        seek(self, (int64_t)(gtk_range_get_value(range) * G_USEC_PER_SEC));
    }
}

static void
change_speed(PlayWindow *self, int by)
{
    int speed = gtk_combo_box_get_active(GTK_COMBO_BOX(self->speed)) + by;

    gtk_combo_box_set_active(GTK_COMBO_BOX(self->speed),
                             CLAMP(speed, 0, (int)G_N_ELEMENTS(speeds) - 1));
}

static gboolean
on_key(GtkWidget *window, GdkEventKey *event, gpointer user_data)
{
    PlayWindow *self = user_data;
    int64_t t_us = berth_player_get_time_us(self->player);

    switch (event->keyval) {
    case GDK_KEY_space:
        on_button(NULL, self);
        return TRUE;
    case GDK_KEY_Left:
        seek(self, t_us - JUMP_US);
        return TRUE;
    case GDK_KEY_Right:
        seek(self, t_us + JUMP_US);
        return TRUE;
    case GDK_KEY_plus:
    case GDK_KEY_minus:
        change_speed(self, event->keyval == GDK_KEY_plus ? 1 : -1);
        return TRUE;
    case GDK_KEY_q:
        gtk_widget_destroy(window);
        return TRUE;
    default:
        return FALSE;
    }
}

static GtkWidget *
make_speed_box(void)
{
    GtkWidget *box = gtk_combo_box_text_new();

    for (size_t i = 0; i < G_N_ELEMENTS(speeds); i++) {
        g_autofree char *text = g_strdup_printf("%g×", speeds[i]);
        gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(box), text);
    }
    gtk_combo_box_set_active(GTK_COMBO_BOX(box), NORMAL_SPEED);
    berth_widget_tell(box, _("Speed"));
    return box;
}

static GtkWidget *
make_bar(PlayWindow *self)
{
    GtkWidget *bar = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);

    gtk_container_set_border_width(GTK_CONTAINER(bar), 6);
    self->button = gtk_button_new();
    self->scale = gtk_scale_new_with_range(
        GTK_ORIENTATION_HORIZONTAL, 0, MAX((double)self->duration_us / G_USEC_PER_SEC, 0.001), 1);
    gtk_scale_set_draw_value(GTK_SCALE(self->scale), FALSE);
    berth_widget_tell(self->scale, _("Place in the recording"));
    self->time = gtk_label_new(NULL);
    self->speed = make_speed_box();
    gtk_box_pack_start(GTK_BOX(bar), self->button, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(bar), self->scale, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(bar), self->time, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(bar), self->speed, FALSE, FALSE, 0);
    g_signal_connect(self->button, "clicked", G_CALLBACK(on_button), self);
    g_signal_connect(self->scale, "value-changed", G_CALLBACK(on_scale), self);
    return bar;
}

static void
make_window(PlayWindow *self, const char *path)
{
    GtkWidget *column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    g_autofree char *name = g_path_get_basename(path);

    self->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    gtk_window_set_title(GTK_WINDOW(self->window), name);
    gtk_window_set_default_size(GTK_WINDOW(self->window), DEFAULT_WIDTH, DEFAULT_HEIGHT);
    self->area = gtk_drawing_area_new();
    gtk_box_pack_start(GTK_BOX(column), self->area, TRUE, TRUE, 0);
    self->error_box = berth_error_box_new(&self->error_text);
    gtk_box_pack_start(GTK_BOX(column), self->error_box, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(column), make_bar(self), FALSE, FALSE, 0);
    gtk_container_add(GTK_CONTAINER(self->window), column);
    g_signal_connect(self->area, "draw", G_CALLBACK(on_draw), self);
    g_signal_connect(self->window, "key-press-event", G_CALLBACK(on_key), self);
    g_signal_connect(self->window, "destroy", G_CALLBACK(gtk_main_quit), NULL);
}

int
berth_play_window_run(const BerthPlayOptions *options, BerthPlayer *player,
                      const BerthRecordingReader *reader)
{
    PlayWindow self = {
        .player = player,
        .duration_us = berth_recording_reader_get_duration_us(reader),
        .head = (uint16_t)options->head,
    };

    if (!berth_toolkit_init()) {
        fprintf(stderr,
                _("berth play: no display can be opened; use --headless --screenshot FILE\n"));
        return 1;
    }
    berth_style_load(gdk_screen_get_default());
    make_window(&self, options->path);
    gtk_widget_show_all(self.window);
    gtk_widget_grab_focus(self.button);
    berth_error_box_set(self.error_box, self.error_text, NULL);
    seek(&self, berth_player_get_time_us(player));
    set_playing(&self, !berth_player_is_at_end(player));
    self.source = g_timeout_add(TICK_MS, on_tick, &self);
    gtk_main();
    g_source_remove(self.source);
    return 0;
}

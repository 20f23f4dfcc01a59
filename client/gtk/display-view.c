/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/display-view.h"

#include "client/core/key-map.h"
#include "client/core/viewport.h"
#include "client/gtk/covers.h"
#include "client/gtk/cursor.h"
#include "client/gtk/presenter.h"
#include "client/gtk/widgets.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <math.h>

/* So far below the top edge the pointer counts as away from it, in units of GTK. */
#define EDGE_AWAY 90
/* The guest is asked for a size when the window has kept its own for so long. */
#define RESIZE_DEBOUNCE_MS 250
#define WHEEL_NOTCH 120
#define MM_PER_INCH 25.4
#define ASSUMED_DPI 96.0

struct BerthDisplayView {
    GtkWidget *area;
    BerthPicture *picture;              /* borrowed; NULL: nothing to show */
    BerthSessionController *controller; /* borrowed; NULL: input goes nowhere */
    unsigned head;                      /* that is shown */
    BerthViewport viewport;
    double scale;     /* device pixels per unit of GTK */
    int scale_of_gtk; /* the same as GTK knows it: the next whole number */

    BerthFrame *frame; /* that the surface is made over */
    cairo_surface_t *surface;
    BerthPresenter *presenter; /* NULL: GTK draws always */
    int64_t received_us;       /* of the first frame that the screen has not got; 0: it has all */
    BerthCovers *covers;
    BerthRect holes[BERTH_COVERS_MAX_HOLES]; /* of the short way, which GTK draws */
    size_t n_holes;

    BerthCursorImage cursor; /* the guest's pointer, over the pixels below */
    uint8_t *cursor_pixels;  /* NULL: it is hidden */
    bool has_cursor;         /* the guest has told of one */
    double cursor_zoom;      /* that the toolkit's cursor was made for */
    double cursor_scale;

    bool is_absolute;
    double last_x, last_y; /* for relative movements, device pixels */
    double rest_x, rest_y; /* wheel: less than one unit, kept for the next event */
    GdkEventSequence *fingers[BERTH_LIMIT_FINGERS]; /* on the screen; NULL: not there */
    bool follows_size;
    guint resize_source;

    void (*edge_func)(bool is_at_edge, void *user_data);
    void *edge_user_data;
    bool is_at_edge;
};

static BerthSessionClient *
session_of(BerthDisplayView *self)
{
    return self->controller != NULL ? berth_session_controller_get_session(self->controller) : NULL;
}

/* Makes the surface follow the picture's memory.  Called while the picture is locked. */
static void
update_surface(BerthDisplayView *self, BerthFrame *frame)
{
    if (self->frame != frame) {
        g_clear_pointer(&self->surface, cairo_surface_destroy);
        berth_frame_unref(self->frame);
        self->frame = berth_frame_ref(frame);
        self->surface = cairo_image_surface_create_for_data(
            frame->data, CAIRO_FORMAT_RGB24, frame->width, frame->height, (int)frame->stride_bytes);
    }
    cairo_surface_mark_dirty(self->surface);
}

static void
drop_surface(BerthDisplayView *self)
{
    g_clear_pointer(&self->surface, cairo_surface_destroy);
    g_clear_pointer(&self->frame, berth_frame_unref);
}

static bool
is_short_way_open(BerthDisplayView *self)
{
    bool is_uncovered;

    self->n_holes =
        berth_covers_find_holes(self->covers, self->scale_of_gtk, self->holes, &is_uncovered);
    return is_uncovered && !berth_rect_is_empty(self->viewport.target) &&
           gtk_widget_get_mapped(self->area);
}

/* Takes the short way if it is open, else the one through GTK. */
static void
choose_way(BerthDisplayView *self)
{
    bool was_shown;

    if (self->presenter == NULL) {
        return;
    }
    was_shown = berth_presenter_is_shown(self->presenter);
    if (is_short_way_open(self)) {
        berth_presenter_show(self->presenter, self->viewport.target, self->holes, self->n_holes);
    } else {
        berth_presenter_hide(self->presenter);
    }
    if (was_shown != berth_presenter_is_shown(self->presenter)) {
        berth_log_debug("paint", "pictures go to the screen %s", was_shown ? "by GTK" : "past GTK");
    }
    if (self->n_holes > 0 || (was_shown && !berth_presenter_is_shown(self->presenter))) {
        gtk_widget_queue_draw(self->area);
    }
}

/* Makes the cursor for the present scale; without a shape it is the toolkit's. */
static void
update_cursor(BerthDisplayView *self)
{
    GdkWindow *window = gtk_widget_get_window(self->area);
    g_autoptr(GdkCursor) cursor = NULL;

    self->cursor_zoom = self->viewport.scale;
    self->cursor_scale = self->scale;
    if (window != NULL && self->has_cursor) {
        cursor = berth_cursor_new(
            gtk_widget_get_display(self->area), self->cursor_pixels != NULL ? &self->cursor : NULL,
            MIN(self->viewport.scale, 1.0) * self->scale_of_gtk / self->scale, self->scale_of_gtk);
        gdk_window_set_cursor(window, cursor);
    }
}

static bool
is_scale_whole(const BerthDisplayView *self)
{
    return self->scale == self->scale_of_gtk;
}

/* In device pixels. */
static void
get_area_size(const BerthDisplayView *self, int *ret_width, int *ret_height)
{
    *ret_width = (int)lround(gtk_widget_get_allocated_width(self->area) * self->scale);
    *ret_height = (int)lround(gtk_widget_get_allocated_height(self->area) * self->scale);
}

static void
update_viewport(BerthDisplayView *self)
{
    int width = 0, height = 0, area_width, area_height;

    self->scale_of_gtk = gtk_widget_get_scale_factor(self->area);
    self->scale = berth_presenter_get_scale(self->presenter, self->scale_of_gtk);
    get_area_size(self, &area_width, &area_height);
    if (self->picture != NULL) {
        berth_picture_get_size(self->picture, &width, &height);
    }
    self->viewport = berth_viewport_fit(area_width, area_height, width, height,
                                        is_scale_whole(self) ? self->scale_of_gtk : 1);
    choose_way(self);
    if (self->cursor_zoom != self->viewport.scale || self->cursor_scale != self->scale) {
        update_cursor(self);
    }
}

/* The frames until now are with the screen's server. */
static void
note_sent(BerthDisplayView *self, int64_t now_us)
{
    if (self->received_us != 0) {
        berth_log_debug("paint", "%" PRId64 " us from the last byte to the screen",
                        now_us - self->received_us);
        self->received_us = 0;
    }
}

static void
on_sent(void *user_data)
{
    note_sent(user_data, berth_monotonic_us());
}

static void
paint(BerthDisplayView *self, cairo_t *cr)
{
    const BerthViewport *viewport = &self->viewport;
    bool is_exact = berth_viewport_is_exact(viewport) && is_scale_whole(self);

    cairo_rectangle(cr, viewport->target.x, viewport->target.y, viewport->target.w,
                    viewport->target.h);
    cairo_clip(cr);
    cairo_translate(cr, viewport->target.x, viewport->target.y);
    cairo_scale(cr, viewport->scale, viewport->scale);
    cairo_set_source_surface(cr, self->surface, 0, 0);
    /* The default filter needs 30 ms for a frame when it makes a picture smaller. */
    cairo_pattern_set_filter(cairo_get_source(cr),
                             is_exact ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), is_exact ? CAIRO_EXTEND_NONE : CAIRO_EXTEND_PAD);
    cairo_set_operator(cr, CAIRO_OPERATOR_SOURCE);
    cairo_paint(cr);
}

static gboolean
on_draw(GtkWidget *area, cairo_t *cr, gpointer user_data)
{
    BerthDisplayView *self = user_data;
    BerthFrame *frame;

    gtk_render_background(gtk_widget_get_style_context(area), cr, 0, 0,
                          gtk_widget_get_allocated_width(area),
                          gtk_widget_get_allocated_height(area));
    if (self->picture == NULL || berth_rect_is_empty(self->viewport.target)) {
        return TRUE;
    }
    frame = berth_picture_lock(self->picture);
    if (frame != NULL) {
        update_surface(self, frame);
        cairo_scale(cr, 1.0 / self->scale, 1.0 / self->scale);
        paint(self, cr);
    }
    berth_picture_unlock(self->picture);
    if (!berth_presenter_is_shown(self->presenter)) {
        on_sent(self);
    }
    return TRUE;
}

/* place: in device pixels of the area */
static void
queue_draw(BerthDisplayView *self, BerthRect place)
{
    int left = (int)floor(place.x / self->scale);
    int top = (int)floor(place.y / self->scale);
    int right = (int)ceil((place.x + place.w) / self->scale);
    int bottom = (int)ceil((place.y + place.h) / self->scale);

    if (!berth_rect_is_empty(place)) {
        gtk_widget_queue_draw_area(self->area, left, top, right - left, bottom - top);
    }
}

/* Has a part of the picture drawn, as far as it does not go the short way. */
static void
queue_part(BerthDisplayView *self, BerthRect part)
{
    BerthRect place = berth_viewport_to_window(&self->viewport, part);

    if (!berth_presenter_is_shown(self->presenter)) {
        queue_draw(self, place);
        return;
    }
    for (size_t i = 0; i < self->n_holes; i++) {
        queue_draw(self, berth_rect_intersect(place, self->holes[i]));
    }
}

void
berth_display_view_frame(BerthDisplayView *self, const BerthFrameNews *news)
{
    if (news->head != self->head) {
        return;
    }
    if (self->received_us == 0) {
        self->received_us = news->received_us;
    }
    if (news->is_resized) {
        update_viewport(self);
        gtk_widget_queue_draw(self->area);
        if (berth_presenter_is_shown(self->presenter)) {
            on_sent(self);
        }
        return;
    }
    if (news->shown_us != 0) {
        note_sent(self, news->shown_us);
    }
    for (size_t i = 0; i < news->n_rects; i++) {
        queue_part(self, news->rects[i]);
    }
    berth_presenter_flush(self->presenter);
}

static gboolean
on_resize_due(gpointer user_data)
{
    BerthDisplayView *self = user_data;
    BerthSessionClient *session = session_of(self);
    int width, height, picture_width = 0, picture_height = 0;

    self->resize_source = 0;
    if (session == NULL || !self->follows_size || !gtk_widget_get_mapped(self->area)) {
        return G_SOURCE_REMOVE;
    }
    get_area_size(self, &width, &height);
    berth_picture_get_size(self->picture, &picture_width, &picture_height);
    if (width != picture_width || height != picture_height) {
        double mm_per_px = MM_PER_INCH / (ASSUMED_DPI * self->scale);

        berth_session_client_request_size(session, self->head, width, height,
                                          (int)(width * mm_per_px), (int)(height * mm_per_px));
    }
    return G_SOURCE_REMOVE;
}

static void
plan_resize(BerthDisplayView *self)
{
    g_clear_handle_id(&self->resize_source, g_source_remove);
    if (self->follows_size && session_of(self) != NULL) {
        self->resize_source = g_timeout_add(RESIZE_DEBOUNCE_MS, on_resize_due, self);
    }
}

/* The presenter has heard of the screen's scale. */
static void
on_rescaled(void *user_data)
{
    BerthDisplayView *self = user_data;

    update_viewport(self);
    plan_resize(self);
    gtk_widget_queue_draw(self->area);
}

static void
on_size_allocate(GtkWidget *area, GdkRectangle *allocation, gpointer user_data)
{
    BerthDisplayView *self = user_data;

    update_viewport(self);
    plan_resize(self);
}

void
berth_display_view_opened(BerthDisplayView *self)
{
    update_viewport(self);
    plan_resize(self);
    gtk_widget_queue_draw(self->area);
}

void
berth_display_view_set_follow_size(BerthDisplayView *self, bool follows)
{
    self->follows_size = follows;
    plan_resize(self);
}

static void
move_pointer(BerthDisplayView *self, BerthSessionClient *session, double x, double y)
{
    int picture_x, picture_y;

    if (self->is_absolute) {
        berth_viewport_to_picture(&self->viewport, x, y, &picture_x, &picture_y);
        berth_session_client_pointer(session, self->head, picture_x, picture_y);
    } else {
        berth_session_client_pointer_relative(session, (int)lround(x - self->last_x),
                                              (int)lround(y - self->last_y));
    }
    self->last_x = x;
    self->last_y = y;
}

/* The corners belong to the guest: what closes and what opens a menu is there. */
static void
note_edge(BerthDisplayView *self, double x, double y)
{
    int width = gtk_widget_get_allocated_width(self->area);
    bool is_middle = x >= width / 3.0 && x < width * 2 / 3.0;
    bool is_at_edge = self->is_at_edge ? y < EDGE_AWAY : y < 1 && is_middle;

    if (is_at_edge != self->is_at_edge) {
        self->is_at_edge = is_at_edge;
        if (self->edge_func != NULL) {
            self->edge_func(is_at_edge, self->edge_user_data);
        }
    }
}

static void
point(BerthDisplayView *self, double x, double y)
{
    BerthSessionClient *session = session_of(self);

    if (session != NULL) {
        move_pointer(self, session, x * self->scale, y * self->scale);
    }
}

static gboolean
on_motion(GtkWidget *area, GdkEventMotion *event, gpointer user_data)
{
    note_edge(user_data, event->x, event->y);
    point(user_data, event->x, event->y);
    return GDK_EVENT_STOP;
}

/* A pointer that jumps into the canvas makes no motion. */
static gboolean
on_enter(GtkWidget *area, GdkEventCrossing *event, gpointer user_data)
{
    BerthDisplayView *self = user_data;

    if (self->is_absolute) {
        point(self, event->x, event->y);
    }
    return GDK_EVENT_PROPAGATE;
}

static gboolean
on_button(GtkWidget *area, GdkEventButton *event, gpointer user_data)
{
    static const struct {
        guint gdk;
        BerthButton button;
    } buttons[] = {
        { 1, BERTH_BUTTON_LEFT }, { 2, BERTH_BUTTON_MIDDLE }, { 3, BERTH_BUTTON_RIGHT },
        { 8, BERTH_BUTTON_SIDE }, { 9, BERTH_BUTTON_EXTRA },
    };

    BerthDisplayView *self = user_data;
    BerthSessionClient *session = session_of(self);
    bool is_down = event->type == GDK_BUTTON_PRESS;

    gtk_widget_grab_focus(area);
    if (session == NULL || (!is_down && event->type != GDK_BUTTON_RELEASE)) {
        return GDK_EVENT_STOP; /* what GTK makes of two clicks is the guest's matter */
    }
    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (buttons[i].gdk == event->button) {
            if (self->is_absolute) {
                move_pointer(self, session, event->x * self->scale, event->y * self->scale);
            }
            berth_session_client_button(session, buttons[i].button, is_down);
        }
    }
    return GDK_EVENT_STOP;
}

/* The number of a finger: the place of its sequence; BERTH_LIMIT_FINGERS if there are too many. */
static unsigned
find_finger(BerthDisplayView *self, GdkEventSequence *sequence, bool is_new)
{
    unsigned i = 0;

    while (i < BERTH_LIMIT_FINGERS && self->fingers[i] != sequence) {
        i++;
    }
    if (i == BERTH_LIMIT_FINGERS && is_new) {
        i = 0;
        while (i < BERTH_LIMIT_FINGERS && self->fingers[i] != NULL) {
            i++;
        }
    }
    return i;
}

/* Whoever does not take fingers gets what GTK makes of the first one: a pointer. */
static gboolean
on_touch(GtkWidget *area, GdkEventTouch *event, gpointer user_data)
{
    static const BerthTouchPhase phases[] = {
        [GDK_TOUCH_BEGIN - GDK_TOUCH_BEGIN] = BERTH_TOUCH_DOWN,
        [GDK_TOUCH_UPDATE - GDK_TOUCH_BEGIN] = BERTH_TOUCH_MOVE,
        [GDK_TOUCH_END - GDK_TOUCH_BEGIN] = BERTH_TOUCH_UP,
        [GDK_TOUCH_CANCEL - GDK_TOUCH_BEGIN] = BERTH_TOUCH_CANCEL,
    };
    BerthDisplayView *self = user_data;
    BerthSessionClient *session = session_of(self);
    BerthTouchPhase phase = phases[event->type - GDK_TOUCH_BEGIN];
    unsigned finger = find_finger(self, event->sequence, phase == BERTH_TOUCH_DOWN);
    int x, y;

    if (finger == BERTH_LIMIT_FINGERS || session == NULL || !self->is_absolute) {
        return GDK_EVENT_PROPAGATE;
    }
    berth_viewport_to_picture(&self->viewport, event->x * self->scale, event->y * self->scale, &x,
                              &y);
    if (!berth_session_client_touch(session, phase, finger, self->head, x, y)) {
        return GDK_EVENT_PROPAGATE;
    }
    self->fingers[finger] = phase >= BERTH_TOUCH_UP ? NULL : event->sequence;
    gtk_widget_grab_focus(area);
    return GDK_EVENT_STOP;
}

static gboolean
on_scroll(GtkWidget *area, GdkEventScroll *event, gpointer user_data)
{
    BerthDisplayView *self = user_data;
    BerthSessionClient *session = session_of(self);
    double right = 0, down = 0;
    int dx, dy;

    if (!gdk_event_get_scroll_deltas((GdkEvent *)event, &right, &down)) {
        right = event->direction == GDK_SCROLL_RIGHT  ? 1
                : event->direction == GDK_SCROLL_LEFT ? -1
                                                      : 0;
        down = event->direction == GDK_SCROLL_DOWN ? 1 : event->direction == GDK_SCROLL_UP ? -1 : 0;
    }
    self->rest_x += right * WHEEL_NOTCH;
    self->rest_y -= down * WHEEL_NOTCH;
    dx = (int)trunc(self->rest_x);
    dy = (int)trunc(self->rest_y);
    if (session != NULL && (dx != 0 || dy != 0)) {
        self->rest_x -= dx;
        self->rest_y -= dy;
        berth_session_client_wheel(session, dx, dy);
    }
    return GDK_EVENT_STOP;
}

BerthSessionClient *
berth_display_view_get_session(BerthDisplayView *self)
{
    return session_of(self);
}

bool
berth_display_view_press(BerthDisplayView *self, uint16_t evdev, bool is_down)
{
    BerthSessionClient *session = session_of(self);

    if (session == NULL || evdev == 0) {
        return false;
    }
    berth_session_client_key(session, evdev, is_down);
    return true;
}

void
berth_display_view_send_keys(BerthDisplayView *self, const char *combination)
{
    BerthSessionClient *session = session_of(self);
    BerthKeyCombination keys;

    if (session == NULL || !berth_key_map_parse(combination, &keys, NULL)) {
        return;
    }
    berth_session_client_release_all(session);
    for (size_t i = 0; i < keys.n_keys; i++) {
        berth_session_client_key(session, keys.evdev[i], true);
    }
    for (size_t i = keys.n_keys; i > 0; i--) {
        berth_session_client_key(session, keys.evdev[i - 1], false);
    }
}

void
berth_display_view_set_edge_func(BerthDisplayView *self, void (*func)(bool, void *),
                                 void *user_data)
{
    self->edge_func = func;
    self->edge_user_data = user_data;
}

void
berth_display_view_release_all(BerthDisplayView *self)
{
    BerthSessionClient *session = session_of(self);

    if (session != NULL) {
        berth_session_client_release_all(session);
    }
}

static gboolean
on_focus_out(GtkWidget *area, GdkEvent *event, gpointer user_data)
{
    berth_display_view_release_all(user_data);
    return GDK_EVENT_PROPAGATE;
}

static void
on_map(GtkWidget *area, gpointer user_data)
{
    update_viewport(user_data);
}

static void
on_unmap(GtkWidget *area, gpointer user_data)
{
    berth_display_view_release_all(user_data);
    update_viewport(user_data);
}

/* GDK would keep movements back until the next frame. */
static void
on_realize(GtkWidget *area, gpointer user_data)
{
    BerthDisplayView *self = user_data;

    gdk_window_set_event_compression(gtk_widget_get_window(area), FALSE);
    self->presenter = berth_presenter_new(area, on_sent, on_rescaled, self);
    berth_presenter_set_picture(self->presenter, self->picture);
    update_cursor(self);
}

static void
on_unrealize(GtkWidget *area, gpointer user_data)
{
    BerthDisplayView *self = user_data;

    g_clear_pointer(&self->presenter, berth_presenter_free);
}

static void
on_covers_changed(void *user_data)
{
    choose_way(user_data);
}

void
berth_display_view_add_cover(BerthDisplayView *self, GtkWidget *cover, bool is_small)
{
    berth_covers_add(self->covers, cover, is_small);
}

void
berth_display_view_set_cursor(BerthDisplayView *self, const BerthCursorImage *image)
{
    g_clear_pointer(&self->cursor_pixels, g_free);
    self->has_cursor = true;
    if (image != NULL) {
        self->cursor = *image;
        self->cursor_pixels =
            g_memdup2(image->pixels, 4 * (size_t)image->width * (size_t)image->height);
        self->cursor.pixels = self->cursor_pixels;
    }
    update_cursor(self);
}

void
berth_display_view_set_pointer_mode(BerthDisplayView *self, bool is_absolute)
{
    self->is_absolute = is_absolute;
}

void
berth_display_view_set_source(BerthDisplayView *self, BerthPicture *picture,
                              BerthSessionController *controller, unsigned head)
{
    drop_surface(self);
    self->picture = picture;
    self->controller = controller;
    self->head = head;
    self->is_absolute = true;
    berth_presenter_set_picture(self->presenter, self->picture);
    update_viewport(self);
    gtk_widget_queue_draw(self->area);
}

static void
display_view_free(gpointer data)
{
    BerthDisplayView *self = data;

    g_clear_handle_id(&self->resize_source, g_source_remove);
    berth_presenter_free(self->presenter);
    berth_covers_free(self->covers);
    drop_surface(self);
    g_free(self->cursor_pixels);
    g_free(self);
}

static void
connect_signals(BerthDisplayView *self)
{
    const struct {
        const char *name;
        GCallback func;
    } signals[] = {
        { "draw", G_CALLBACK(on_draw) },
        { "size-allocate", G_CALLBACK(on_size_allocate) },
        { "motion-notify-event", G_CALLBACK(on_motion) },
        { "enter-notify-event", G_CALLBACK(on_enter) },
        { "button-press-event", G_CALLBACK(on_button) },
        { "button-release-event", G_CALLBACK(on_button) },
        { "scroll-event", G_CALLBACK(on_scroll) },
        { "touch-event", G_CALLBACK(on_touch) },
        { "focus-out-event", G_CALLBACK(on_focus_out) },
        { "grab-broken-event", G_CALLBACK(on_focus_out) },
        { "realize", G_CALLBACK(on_realize) },
        { "unrealize", G_CALLBACK(on_unrealize) },
        { "map", G_CALLBACK(on_map) },
        { "unmap", G_CALLBACK(on_unmap) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_signal_connect(self->area, signals[i].name, signals[i].func, self);
    }
}

BerthDisplayView *
berth_display_view_new(void)
{
    BerthDisplayView *self = g_new0(BerthDisplayView, 1);

    self->scale = self->scale_of_gtk = 1;
    self->is_absolute = true;
    self->follows_size = true;
    self->area = gtk_drawing_area_new();
    self->covers = berth_covers_new(self->area, on_covers_changed, self);
    gtk_widget_set_can_focus(self->area, TRUE);
    gtk_widget_set_hexpand(self->area, TRUE);
    gtk_widget_set_vexpand(self->area, TRUE);
    gtk_style_context_add_class(gtk_widget_get_style_context(self->area), "berth-canvas");
    gtk_widget_add_events(self->area, GDK_POINTER_MOTION_MASK | GDK_ENTER_NOTIFY_MASK |
                                          GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK |
                                          GDK_SCROLL_MASK | GDK_SMOOTH_SCROLL_MASK |
                                          GDK_TOUCH_MASK | GDK_FOCUS_CHANGE_MASK);
    connect_signals(self);
    g_object_set_data_full(G_OBJECT(self->area), "berth-view", self, display_view_free);
    gtk_widget_show(self->area);
    return self;
}

GtkWidget *
berth_display_view_get_widget(BerthDisplayView *self)
{
    return self->area;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/presenter.h"

#include "client/gtk/wayland-presenter.h"
#include "client/gtk/x11-presenter.h"

void
berth_presenter_init(BerthPresenter *self, const BerthPresenterKind *kind, GtkWidget *area)
{
    self->kind = kind;
    self->area = area;
    self->toplevel = gdk_window_get_effective_toplevel(gtk_widget_get_window(area));
}

void
berth_presenter_get_origin(const BerthPresenter *self, int *ret_x, int *ret_y)
{
    GdkWindow *window = gtk_widget_get_window(self->area);
    double x = 0, y = 0;

    while (window != self->toplevel && window != NULL) {
        gdk_window_coords_to_parent(window, x, y, &x, &y);
        window = gdk_window_get_effective_parent(window);
    }
    *ret_x = (int)x;
    *ret_y = (int)y;
}

BerthPresenter *
berth_presenter_new(GtkWidget *area, void (*sent)(void *user_data),
                    void (*rescaled)(void *user_data), void *user_data)
{
    BerthPresenter *self = berth_wayland_presenter_new(area);

    if (self == NULL) {
        self = berth_x11_presenter_new(area);
    }
    if (self != NULL) {
        self->sent = sent;
        self->rescaled = rescaled;
        self->user_data = user_data;
    }
    return self;
}

void
berth_presenter_free(BerthPresenter *self)
{
    if (self != NULL) {
        berth_presenter_set_picture(self, NULL);
        self->kind->free(self);
    }
}

void
berth_presenter_set_picture(BerthPresenter *self, BerthPicture *picture)
{
    if (self == NULL) {
        return;
    }
    berth_presenter_hide(self);
    if (self->picture != NULL) {
        berth_picture_set_sink(self->picture, NULL, NULL);
        self->kind->forget(self);
    }
    self->picture = picture;
    if (picture != NULL) {
        berth_picture_set_sink(picture, self->kind->sink, self);
    }
}

bool
berth_presenter_show(BerthPresenter *self, BerthRect place, const BerthRect *holes, size_t n_holes)
{
    bool is_good = false;

    if (self != NULL && self->picture != NULL) {
        is_good = self->kind->show(self, berth_picture_lock(self->picture), place, holes, n_holes);
        berth_picture_unlock(self->picture);
    }
    if (!is_good) {
        berth_presenter_hide(self);
    }
    return is_good;
}

void
berth_presenter_hide(BerthPresenter *self)
{
    bool was_shown = self != NULL && self->is_shown;

    if (self == NULL) {
        return;
    }
    if (was_shown && self->picture != NULL) {
        berth_picture_lock(self->picture);
    }
    self->is_shown = false;
    if (was_shown && self->picture != NULL) {
        berth_picture_unlock(self->picture);
    }
    self->kind->hide(self, was_shown);
}

double
berth_presenter_get_scale(const BerthPresenter *self, int scale_of_gtk)
{
    return self != NULL && self->scale > 0 ? self->scale : scale_of_gtk;
}

bool
berth_presenter_is_shown(const BerthPresenter *self)
{
    return self != NULL && self->is_shown;
}

void
berth_presenter_flush(BerthPresenter *self)
{
    if (self != NULL && self->kind->flush != NULL) {
        self->kind->flush(self);
    }
}

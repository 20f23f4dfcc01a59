/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/presenter.h"

#include "client/gtk/wayland-presenter.h"
#include "client/gtk/x11-presenter.h"

BerthPresenter *
berth_presenter_new(GtkWidget *area, void (*sent)(void *user_data), void *user_data)
{
    BerthPresenter *self = berth_wayland_presenter_new(area);

    if (self == NULL) {
        self = berth_x11_presenter_new(area);
    }
    if (self != NULL) {
        self->sent = sent;
        self->user_data = user_data;
    }
    return self;
}

void
berth_presenter_free(BerthPresenter *self)
{
    if (self != NULL) {
        self->kind->free(self);
    }
}

void
berth_presenter_set_picture(BerthPresenter *self, BerthPicture *picture)
{
    if (self != NULL) {
        self->kind->set_picture(self, picture);
    }
}

bool
berth_presenter_show(BerthPresenter *self, BerthRect place, const BerthRect *holes, size_t n_holes)
{
    return self != NULL && self->kind->show(self, place, holes, n_holes);
}

void
berth_presenter_hide(BerthPresenter *self)
{
    if (self != NULL) {
        self->kind->hide(self);
    }
}

bool
berth_presenter_is_shown(const BerthPresenter *self)
{
    return self != NULL && self->kind->is_shown(self);
}

void
berth_presenter_flush(BerthPresenter *self)
{
    if (self != NULL && self->kind->flush != NULL) {
        self->kind->flush(self);
    }
}

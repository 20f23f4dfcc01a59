/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The short way of a picture to the screen, past GTK: what there is of it on this display.
 *
 * One of two kinds, behind a table of functions: x11-presenter.h, wayland-presenter.h.  Both are
 * sinks of the picture and have it in memory that the screen's server maps, too.
 *
 * Thread: main; the sinks run in the decoder's thread.
 */
#pragma once

#include "client/core/picture.h"

#include <gtk/gtk.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct BerthPresenter BerthPresenter;

/* What a kind does. */
typedef struct {
    const BerthPictureSink *sink;
    void (*free)(BerthPresenter *self); /* without a picture */
    /* As berth_presenter_show(), with the picture locked; frame: of it, NULL if it has none.  Sets
     * is_shown. */
    bool (*show)(BerthPresenter *self, const BerthFrame *frame, BerthRect place,
                 const BerthRect *holes, size_t n_holes);
    /* Takes it from the screen.  was_shown: is_shown was true until now */
    void (*hide)(BerthPresenter *self, bool was_shown);
    void (*forget)(BerthPresenter *self); /* lets go of the memory of the picture that was left */
    void (*flush)(BerthPresenter *self);  /* NULL: the sink does it */
} BerthPresenterKind;

/* The first member of every kind. */
struct BerthPresenter {
    const BerthPresenterKind *kind;
    void (*sent)(void *user_data);
    void (*rescaled)(void *user_data);
    void *user_data;
    double scale; /* device pixels per unit of GTK, not a whole number; 0: GTK knows it */
    GtkWidget *area;
    GdkWindow *toplevel; /* borrowed: the native window that the picture lies in */
    BerthPicture *picture;
    bool is_shown; /* guarded by the picture's lock while there is a picture */
};

/* For kinds: sets up what all have. */
void berth_presenter_init(BerthPresenter *self, const BerthPresenterKind *kind, GtkWidget *area);

/* For kinds: where the area is in the native window, in units of GTK. */
void berth_presenter_get_origin(const BerthPresenter *self, int *ret_x, int *ret_y);

/*
 * Makes the presenter of a realized widget with a window; nothing is shown yet.
 *
 * sent:     called in the main thread when all that changed has gone to the screen's server, unless
 *           the sink did it
 * rescaled: called in the main thread when berth_presenter_get_scale() has another answer
 *
 * Returns NULL if the display does not have what it takes.
 */
BerthPresenter *berth_presenter_new(GtkWidget *area, void (*sent)(void *user_data),
                                    void (*rescaled)(void *user_data), void *user_data);

/* Leaves the picture and takes everything away; NULL is allowed, here and below. */
void berth_presenter_free(BerthPresenter *self);

/* Becomes the sink of a picture, borrowed until another or NULL is set. */
void berth_presenter_set_picture(BerthPresenter *self, BerthPicture *picture);

/* Device pixels per unit of GTK, which itself knows whole numbers only. */
double berth_presenter_get_scale(const BerthPresenter *self, int scale_of_gtk);

/*
 * Shows the picture.
 *
 * place: where the picture is in the area, in device pixels; what is outside of the area is cut.
 *        Not of the picture's size, it asks for smooth scaling.
 * holes: n_holes parts of the area that GTK draws, in device pixels
 *
 * Returns false if it cannot; it is hidden then.
 */
bool berth_presenter_show(BerthPresenter *self, BerthRect place, const BerthRect *holes,
                          size_t n_holes);

/* Takes the picture away: GTK draws. */
void berth_presenter_hide(BerthPresenter *self);

bool berth_presenter_is_shown(const BerthPresenter *self);

/*
 * Sends what has changed, if the sink could not do it; later, if the screen has not shown what was
 * sent before.
 */
void berth_presenter_flush(BerthPresenter *self);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last whole picture of the desktop, shared by the decoder's thread and the one that draws.
 *
 * The decoder brings finished frames in under a lock that is held for the copy of what changed
 * only; whoever draws or saves holds it meanwhile.  The picture outlives connections, so that a
 * lost one can show what was there.  Thread: any.
 */
#pragma once

#include "display/pixels/catch-up.h"
#include "display/pixels/frame.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct BerthPicture BerthPicture;

/*
 * Where a picture goes right away: a window, say.  All are called with the picture locked,
 * new_frame and after also in the thread that sets the sink, the others in the one that updates.
 */
typedef struct {
    /* Makes the memory of a picture of an allowed size; NULL leaves it to the picture. */
    BerthFrame *(*new_frame)(int width, int height, void *user_data);
    /*
     * Pixels of the frame are about to be written: rects, n_rects of them.  Returns the frame that
     * they go to, borrowed: this one or, of the same size, another one that has the pixels of this
     * one everywhere else.
     */
    BerthFrame *(*before)(BerthFrame *frame, const BerthRect *rects, size_t n_rects,
                          void *user_data);
    /*
     * NULL: no picture can be drawn here.  Else: returns, borrowed, another memory than the frame,
     * where the next picture may be drawn while the frame stays as it is, and what it lacks of the
     * frame; NULL if there is none now.  When it is complete after() is called with it.
     */
    BerthFrame *(*lend)(BerthFrame *frame, BerthRegion *ret_missed, void *user_data);
    /* The frame is whole again; rects: what may have changed, inside it.  True if it is shown. */
    bool (*after)(const BerthFrame *frame, const BerthRect *rects, size_t n_rects, void *user_data);
} BerthPictureSink;

/* What an update did. */
typedef struct {
    bool is_changed; /* some pixel differs from before */
    bool is_resized; /* the picture has a new size */
    bool is_shown;   /* the sink has shown it */
} BerthPictureChange;

/* Makes an empty picture with one reference. */
BerthPicture *berth_picture_new(void);

BerthPicture *berth_picture_ref(BerthPicture *self);

/* NULL is allowed. */
void berth_picture_unref(BerthPicture *self);

/*
 * Chooses where the next frame is drawn, so that it need not be copied if there is a sink that
 * lends its memory; never in the picture that readers see.
 *
 * canvas:   where the one before was drawn, which has been brought in
 * catch_up: begun if another frame is returned, with what that lacks
 *
 * Returns a reference to a frame of the canvas's size: this or another one.
 */
BerthFrame *berth_picture_begin(BerthPicture *self, BerthFrame *canvas, BerthCatchUp *catch_up);

/*
 * Brings a finished frame in.
 *
 * canvas:      the whole frame, drawn where berth_picture_begin() said or in memory that is the
 *              caller's; a size of its own makes a new picture
 * rects:       n_rects of what may have changed, inside the canvas
 */
BerthPictureChange berth_picture_update(BerthPicture *self, const BerthFrame *canvas,
                                        const BerthRect *rects, size_t n_rects);

/* Forgets the picture: there is none. */
void berth_picture_clear(BerthPicture *self);

/*
 * Sends the frames from here on to a sink, and moves the present one into its memory.
 *
 * sink: const table; NULL is none: when this returns, the one before is not called any more
 */
void berth_picture_set_sink(BerthPicture *self, const BerthPictureSink *sink, void *user_data);

/*
 * Locks the picture against updates.
 *
 * Returns the pixels, NULL if there were none yet; a reference to them may be kept, but they may
 * be read between lock and unlock only.
 */
BerthFrame *berth_picture_lock(BerthPicture *self);

void berth_picture_unlock(BerthPicture *self);

/* True if the picture shows more than one colour: a desktop, not an empty screen. */
bool berth_picture_is_drawn(BerthPicture *self);

/* Reads the size; 0 x 0 if there is no picture yet. */
void berth_picture_get_size(BerthPicture *self, int *ret_width, int *ret_height);

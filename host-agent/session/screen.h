/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one place where a capture source's thread and the rest of the session meet.
 *
 * The source writes the newest state (pixels, mode, cursor, lock keys, end) under a small lock;
 * nothing is ever queued, so memory is bounded whatever the guest does, and a slow client cannot
 * make the source wait.  The main thread takes what changed but pixels.  Those are taken by whoever
 * owns the picture at the moment (main, or the job that makes a frame): damaged pixels are copied
 * into a picture which nobody else writes to, and from which frames are made without the lock.
 *
 * Cost: two pictures of the mode, one for a source that only offers.  Thread: each function says
 * whose it is.
 */
#pragma once

#include "display/encode/cursor-encoder.h"
#include "display/pixels/damage.h"
#include "display/pixels/frame.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthScreen BerthScreen;

/* What a take found changed. */
typedef enum {
    BERTH_SCREEN_MODE = 1u << 0,     /* the picture is a new one; all of it is damage */
    BERTH_SCREEN_DAMAGE = 1u << 1,   /* pixels */
    BERTH_SCREEN_CURSOR = 1u << 2,   /* shape or visibility */
    BERTH_SCREEN_POINTER = 1u << 3,  /* the guest moved the pointer */
    BERTH_SCREEN_LEDS = 1u << 4,     /* lock keys */
    BERTH_SCREEN_ABSOLUTE = 1u << 5, /* pointer mode */
    BERTH_SCREEN_ENDED = 1u << 6,    /* the desktop is gone */
} BerthScreenChange;

/* Called on the main thread when there is something to take; many changes may be one call. */
typedef void (*BerthScreenFunc)(void *user_data);

/*
 * Makes a screen without a mode.
 *
 * context: where on_change runs; NULL is the default one
 */
BerthScreen *berth_screen_new(GMainContext *context, BerthScreenFunc on_change, void *user_data);

/* Takes one more reference.  Thread: any. */
BerthScreen *berth_screen_ref(BerthScreen *self);

/* Gives one reference back; NULL is allowed.  Thread: any. */
void berth_screen_unref(BerthScreen *self);

/* Calls on_change no more; before its user_data dies.  Thread: main. */
void berth_screen_detach(BerthScreen *self);

/*
 * Source: sets the mode if it differs from the present one.
 *
 * Errors: BERTH_ERR_TOO_LARGE, BERTH_ERR_NO_MEMORY (nothing changes).
 */
int berth_screen_set_mode(BerthScreen *self, int w_px, int h_px);

/* Any thread: the mode as the source set it last; 0, 0 before the first. */
void berth_screen_get_mode(BerthScreen *self, int *ret_w_px, int *ret_h_px);

/*
 * Source: brings pixels in; what differs becomes damage.
 *
 * Errors: those of berth_damage_compare_copy(); BERTH_ERR_STATE before the first mode.
 */
int berth_screen_write(BerthScreen *self, BerthRect rect, const BerthPixelSource *source);

/*
 * Brings pixels of a source into the picture, and marks what differs as damage (of its size).
 *
 * Thread: whoever takes the picture, under the screen's lock: it calls no function of the screen.
 */
typedef void (*BerthScreenFetch)(BerthFrame *picture, BerthDamage *damage, void *user_data);

/*
 * Source: something may have changed whose pixels lie at the source and stay as they are until they
 * are taken; one offer waits at a time, a new one takes the place of the old one.  This saves the
 * pass over memory that berth_screen_write() is; a source does one or the other.
 *
 * stamp: berth_screen_get_input_stamp_now() before the pixels were fetched
 * n_px:  how many there are to look at
 */
void berth_screen_offer(BerthScreen *self, uint32_t stamp, int64_t n_px, BerthScreenFetch fetch,
                        void *user_data);

/* Source: takes the offer back, if it still waits; before its pixels die. */
void berth_screen_withdraw(BerthScreen *self);

/* Any thread: the stamp that was set last. */
uint32_t berth_screen_get_input_stamp_now(BerthScreen *self);

/*
 * Source: whether a picture brought in now could be shown soon: somebody wants one, and the last
 * one was taken.  A source that has to fetch its pixels waits for it; damage goes on merging where
 * it is, and costs nothing.
 */
bool berth_screen_is_wanted(BerthScreen *self);

/*
 * Source: an eventfd that is written whenever berth_screen_is_wanted() may have become true; -1 is
 * none.  Borrowed; set to -1 before it is closed.  Thread: any.
 */
void berth_screen_set_source_wake(BerthScreen *self, int wake_fd);

/* Source: the desktop shows nothing; the picture becomes black and keeps its size. */
void berth_screen_blank(BerthScreen *self);

/* Source: a new pointer shape, checked by the caller; copied. */
void berth_screen_set_cursor(BerthScreen *self, const BerthCursorShape *shape);

/* Source: where the guest draws its pointer, and whether. */
void berth_screen_set_pointer(BerthScreen *self, int32_t x_px, int32_t y_px, bool is_visible);

/* Source: BERTH_LED_*. */
void berth_screen_set_leds(BerthScreen *self, uint8_t leds);

/* Source: whether the guest takes absolute pointer positions. */
void berth_screen_set_absolute(BerthScreen *self, bool is_absolute);

/* Source: the peer is gone; only the first end counts.  code: BERTH_ERR_*; text: copied. */
void berth_screen_end(BerthScreen *self, int code, const char *text);

/* Main: a new source begins after an end: forgets the end, keeps the picture. */
void berth_screen_reopen(BerthScreen *self);

/* Main: stamp of the input given to the guest last; later changes are marked with it. */
void berth_screen_set_input_stamp(BerthScreen *self, uint32_t stamp);

/*
 * Main: from when on some viewer could be sent a picture, on the monotonic clock; INT64_MAX is
 * never, and the beginning.
 */
void berth_screen_set_wanted(BerthScreen *self, int64_t from_us);

/*
 * Main: takes over all that changed since the last take, but for pixels.
 *
 * Returns BERTH_SCREEN_* bits; _MODE and _DAMAGE mean that a picture waits to be taken, and come
 * until it is.  What the functions of main below return changes only here.
 */
unsigned berth_screen_take(BerthScreen *self);

/* Main: pixels that wait to be taken, or at least to be looked at. */
int64_t berth_screen_get_waiting_px(BerthScreen *self);

/*
 * Picture: takes the pixels, once main was told that there are some.
 *
 * Returns BERTH_SCREEN_MODE (the picture is a new one, all of it is damage) and _DAMAGE, or 0.
 * What the functions of the picture below return changes only here.  Without memory for a new mode
 * it returns 0, the old picture stays, and on_change comes again later.
 */
unsigned berth_screen_take_picture(BerthScreen *self);

/* Picture: as of the last take of it; NULL before the first mode.  Borrowed. */
const BerthFrame *berth_screen_get_picture(const BerthScreen *self);

/* Picture: what the last take changed in it; NULL before the first mode.  Borrowed. */
const BerthDamage *berth_screen_get_damage(const BerthScreen *self);

/* Picture: when the oldest change of the last damage was captured, monotonic. */
int64_t berth_screen_get_capture_us(const BerthScreen *self);

/* Picture: stamp of the last input that the guest had before the last damage. */
uint32_t berth_screen_get_input_stamp(const BerthScreen *self);

/* Main: false before the first shape.  ret_shape borrows until the next take. */
bool berth_screen_get_cursor(const BerthScreen *self, BerthCursorShape *ret_shape);

/* Main: pointer of the guest; returns whether it is visible. */
bool berth_screen_get_pointer(const BerthScreen *self, int32_t *ret_x_px, int32_t *ret_y_px);

uint8_t berth_screen_get_leds(const BerthScreen *self);
bool berth_screen_get_absolute(const BerthScreen *self);

/* Main: BERTH_OK while the desktop lives, else why it ended; ret_text may be NULL, borrowed. */
int berth_screen_get_end(const BerthScreen *self, const char **ret_text);

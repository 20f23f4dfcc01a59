/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shared picture of the size of an X display's root window, for the programs of the benchmark:
 * pixels go out of it into a window, or come into it from the screen.
 *
 * Every failure ends the program with a message.  Thread: one.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>

typedef struct {
    xcb_connection_t *connection;
    const xcb_screen_t *screen;
    int width, height;
    uint32_t *pixels; /* BGRX, rows of width */
    xcb_shm_seg_t segment;
    uint8_t damage_event; /* number of DamageNotify */
    xcb_damage_damage_t damage;
    xcb_xfixes_region_t region;
} X11Pixels;

/* Says why and exits with 1. */
void x11_pixels_fail(const char *what);

/* Microseconds on the monotonic clock. */
int64_t x11_pixels_now_us(void);

/* Waits until that time. */
void x11_pixels_wait_until(int64_t due_us);

/* Connects; the display must have 32 bits a pixel.  Width and height: 0 takes those of the root. */
void x11_pixels_open(X11Pixels *self, const char *display, int width, int height);

/* Makes a window of the picture's size and waits until it shows; managed: a window manager's. */
xcb_window_t x11_pixels_make_window(X11Pixels *self, bool is_managed);

/* Puts a rectangle of the picture into a window; not flushed. */
void x11_pixels_put(X11Pixels *self, xcb_window_t window, xcb_gcontext_t gc, BerthRect rect);

/* Waits until the server has done everything. */
void x11_pixels_sync(X11Pixels *self);

/* Brings a rectangle of the root window into the beginning of the picture, rows packed. */
void x11_pixels_grab(X11Pixels *self, BerthRect rect);

/* Begins to watch the root window; damage_event is set. */
void x11_pixels_watch(X11Pixels *self);

/* Takes the collected damage over.  Returns how many rectangles were written, at most max. */
size_t x11_pixels_take_damage(X11Pixels *self, BerthRect *rects, size_t max);

/* Forgets the collected damage. */
void x11_pixels_drop_damage(X11Pixels *self);

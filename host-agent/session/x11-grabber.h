/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings the changed pixels of an X display into a screen: damage by XDamage, pixels by MIT-SHM.
 *
 * The X server collects damage by itself and says once that there is some (report level NonEmpty);
 * its region is fetched only when a picture is wanted, so that changes that nobody sees cost
 * nothing.  (DeltaRectangles saves that question, but tells of a program's drawing in halves:
 * typing became a quarter larger and three times as old.)  The rectangles of one grab are asked for
 * in one go, into one shared segment; whoever takes the picture compares them straight out of it.
 *
 * The segment is a sealed memfd of ours: the server cannot make it shorter under our feet.
 *
 * State: one picture of the root window's size.  Thread: the source's reader thread.
 */
#pragma once

#include "host-agent/session/screen.h"

#include <stdbool.h>
#include <xcb/xcb.h>

typedef struct BerthX11Grabber BerthX11Grabber;

/*
 * Starts to watch a root window; all of it is damage at first.
 *
 * connection, root: borrowed; screen: a reference is taken, its mode is set
 * ret_text:         on failure a static sentence
 *
 * Returns NULL if the display has no true colour or lacks MIT-SHM 1.2, XDamage or XFixes.
 */
BerthX11Grabber *berth_x11_grabber_new(xcb_connection_t *connection, const xcb_screen_t *root,
                                       BerthScreen *screen, const char **ret_text);

/* NULL is allowed; the connection may be broken. */
void berth_x11_grabber_free(BerthX11Grabber *self);

/* Looks at an event of the connection; returns whether it was about damage. */
bool berth_x11_grabber_handle_event(BerthX11Grabber *self, const xcb_generic_event_t *event);

/* Whether something changed that is not grabbed yet. */
bool berth_x11_grabber_has_damage(const BerthX11Grabber *self);

/* The root window may have another size: follows it.  Errors: those of berth_screen_set_mode(). */
int berth_x11_grabber_follow_size(BerthX11Grabber *self);

/* Grabs all damage and offers it to the screen, whose last offer must have been taken. */
void berth_x11_grabber_grab(BerthX11Grabber *self);

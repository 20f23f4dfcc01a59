/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tg-picture.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The heads of the first DRM device, each with one dumb buffer and the picture drawn in it.
 * Head i is the i-th connected connector, at its preferred mode.
 */

enum {
    TG_MAX_HEADS = 4,
};

typedef struct TgHead {
    uint32_t connector, crtc, fb, handle;
    uint64_t map_bytes;
    TgPicture picture;
} TgHead;

typedef struct TgScreen {
    int fd;
    TgHead heads[TG_MAX_HEADS];
    unsigned n_heads;
    uint32_t cursor_handle;
    uint32_t *cursor_pixels;
    unsigned cursor_shape;
} TgScreen;

/* Opens /dev/dri/card0 and becomes its master.  False with errno. */
bool tg_screen_open(TgScreen *screen);

/* Gives every connected head its preferred mode; a head whose size is new gets a new buffer and is
 * drawn again with its counters kept.  False with errno when no head could be lit. */
bool tg_screen_probe(TgScreen *screen);

/* Tells the device what has changed on a head, one call a rectangle. */
void tg_screen_flush(TgScreen *screen, TgHead *head, const TgDamage *damage);

/* Shows a cursor shape of tg-cursor.h. */
void tg_screen_set_cursor(TgScreen *screen, unsigned shape);

/* Moves the cursor so that its hot spot is at x,y of head 0. */
void tg_screen_move_cursor(TgScreen *screen, uint32_t x, uint32_t y);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How an X display gets into the sandbox: its connected socket and the cookie that opens it.
 *
 * The sharing process opens the socket and finds the cookie, which needs files; both travel as one
 * packet in a socket pair, whose other end is the descriptor of the capture source "x11".
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Longest name and longest data of a cookie; MIT-MAGIC-COOKIE-1 has 18 and 16 bytes. */
#define BERTH_X11_COOKIE_BYTES 64

typedef struct {
    int fd;     /* connected to the X server */
    int screen; /* of the display */
    int name_len, data_len;
    char name[BERTH_X11_COOKIE_BYTES]; /* without a terminator; name_len 0: no cookie */
    char data[BERTH_X11_COOKIE_BYTES];
} BerthX11Target;

/*
 * Reads ":N" or ":N.S".
 *
 * Returns false if the text is no local X display.
 */
bool berth_x11_display_parse(const char *text, int *ret_number, int *ret_screen);

/*
 * Connects to a display and packs what opens it.  Blocks while connecting.
 *
 * Returns the descriptor to give to the capture source, or -1.  Errors: BERTH_ERR_INVALID, the
 * code of the errno.
 */
int berth_x11_target_open(const char *display, GError **error);

/*
 * Unpacks in the other process.  fd: taken; ret->fd: owned by the caller on success.
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_CLOSED.
 */
int berth_x11_target_receive(int fd, BerthX11Target *ret);

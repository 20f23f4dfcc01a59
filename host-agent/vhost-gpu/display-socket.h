/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket on which QEMU tells which sizes the user wants, and is told which one the guest has.
 *
 * QEMU's console stays blank: it needs the size for pointer positions, not the pixels.
 *
 * Source: QEMU docs/interop/vhost-user-gpu.rst.  Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct BerthDisplaySocket BerthDisplaySocket;

/*
 * fd: borrowed, must outlive it
 * on_info: an answer of berth_display_socket_ask(); NULL: QEMU gives none
 */
BerthDisplaySocket *berth_display_socket_new(int fd,
                                             void (*on_info)(const uint8_t *info, void *user_data),
                                             void *user_data);

/* NULL is allowed. */
void berth_display_socket_free(BerthDisplaySocket *self);

/* Asks for the display info; false if QEMU cannot be asked. */
bool berth_display_socket_ask(BerthDisplaySocket *self);

/* Tells the size of a scanout; 0 x 0: it shows nothing. */
void berth_display_socket_tell(BerthDisplaySocket *self, unsigned scanout, int w_px, int h_px);

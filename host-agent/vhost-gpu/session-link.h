/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pictures of all scanouts in memfds, and the socket to the one session that looks at them.
 *
 * Nothing is queued: what a slow session has not been told yet is merged, and told when its socket
 * takes more.  Without a session the pictures go on.  Thread: main.
 */
#pragma once

#include "display/pixels/damage.h"
#include "host-agent/vhost-gpu/gpu-device.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthSessionLink BerthSessionLink;

/* on_want: the session can take a picture. */
BerthSessionLink *berth_session_link_new(void (*on_want)(void *user_data),
                                         void (*on_closed)(void *user_data), void *user_data);

/* Closes the socket.  NULL is allowed. */
void berth_session_link_free(BerthSessionLink *self);

/*
 * Takes a new session in place of the one before and tells it everything.
 *
 * fd: SOCK_SEQPACKET, taken
 */
void berth_session_link_attach(BerthSessionLink *self, int fd);

/* As BerthGpuDeviceCallbacks. */
int berth_session_link_set_mode(BerthSessionLink *self, unsigned scanout, int w_px, int h_px,
                                BerthFrame *ret_frame);
void berth_session_link_show(BerthSessionLink *self, unsigned scanout, const BerthDamage *damage);
void berth_session_link_set_cursor(BerthSessionLink *self, unsigned scanout, const uint8_t *pixels,
                                   uint32_t hot_x, uint32_t hot_y);
void berth_session_link_move_cursor(BerthSessionLink *self, unsigned scanout, int32_t x_px,
                                    int32_t y_px);

/* Tells the session what it has not been told yet, as far as its socket takes it. */
void berth_session_link_flush(BerthSessionLink *self);

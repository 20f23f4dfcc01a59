/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TLS connection for bulk data as a thread of its own uses it: reads and writes that wait, up to
 * a deadline or until somebody says stop.
 *
 * Thread: the one that uses it; whoever makes stop_fd readable may be any.
 */
#pragma once

#include "display/transport/tls.h"

typedef struct BerthImageChannel BerthImageChannel;

/*
 * stream:   taken
 * stop_fd:  an eventfd that becomes readable, and stays so, when all is to end; borrowed
 */
BerthImageChannel *berth_image_channel_new(BerthTlsStream *stream, int stop_fd);

/* Says goodbye and closes.  NULL is allowed. */
void berth_image_channel_free(BerthImageChannel *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthImageChannel, berth_image_channel_free)

/*
 * All of these: deadline_us is of the monotonic clock.
 *
 * Errors: BERTH_ERR_TIMEOUT, BERTH_ERR_CLOSED (told to stop, or the peer ended), BERTH_ERR_TLS,
 * BERTH_ERR_UNTRUSTED, BERTH_ERR_IO.
 */
int berth_image_channel_handshake(BerthImageChannel *self, int64_t deadline_us);

/* Exactly n bytes. */
int berth_image_channel_read(BerthImageChannel *self, void *buffer, size_t n, int64_t deadline_us);

/*
 * Exactly n bytes.
 *
 * has_more:  more is written soon: the kernel may wait for it to fill its packets
 */
int berth_image_channel_write(BerthImageChannel *self, const void *data, size_t n, bool has_more,
                              int64_t deadline_us);

/* Borrowed, for its certificate and its errors. */
BerthTlsStream *berth_image_channel_get_stream(const BerthImageChannel *self);

/*
 * Waits until time has passed or all is to end; false if it is to end.
 *
 * stop_fd:  as above; -1 is none
 */
bool berth_image_wait(int stop_fd, int64_t us);

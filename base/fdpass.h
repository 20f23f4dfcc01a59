/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets with file descriptors over UNIX SOCK_SEQPACKET sockets.  Thread: any.
 */
#pragma once

#include <stddef.h>

/* Most descriptors in one packet. */
#define BERTH_FDPASS_MAX_FDS 16

/*
 * Sends one packet with its descriptors.
 *
 * len:  > 0
 * fds:  n_fds of them, borrowed; NULL if n_fds is 0
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_AGAIN, BERTH_ERR_CLOSED, BERTH_ERR_TOO_LARGE,
 * BERTH_ERR_IO.
 */
int berth_fds_send(int sock, const void *data, size_t len, const int *fds, int n_fds);

/*
 * Receives one packet with its descriptors, which are close-on-exec.
 *
 * buf:        cap bytes
 * ret_len:    bytes of the packet
 * ret_fds:    room for max_fds; the caller owns what it gets
 * ret_n_fds:  how many came
 *
 * The out parameters are set on success only.
 * Errors: BERTH_ERR_AGAIN, BERTH_ERR_CLOSED at the end, BERTH_ERR_PROTOCOL if the packet or its
 * descriptors do not fit (every descriptor that came is closed then), BERTH_ERR_IO.
 */
int berth_fds_recv(int sock, void *buf, size_t cap, size_t *ret_len, int *ret_fds, int max_fds,
                   int *ret_n_fds);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP sockets: numeric addresses, and non-blocking listen, accept and connect.
 *
 * Every socket made here is non-blocking and close-on-exec.  No name is ever resolved.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for the longest text of an address with its end. */
#define BERTH_ADDRESS_CHARS 64
/* Bytes that may wait unsent in the kernel before the socket stops being writable. */
#define BERTH_TCP_NOTSENT_LOWAT_BYTES 32768

typedef struct {
    struct sockaddr_storage storage;
    socklen_t len;
} BerthAddress;

/*
 * Reads "192.0.2.1:443" or "[2001:db8::1]:443".  Port 0 is allowed (listen: the kernel chooses).
 * Errors: BERTH_ERR_INVALID.
 */
int berth_address_parse(const char *text, BerthAddress *ret);

/* Writes the address in the form that berth_address_parse() reads. */
void berth_address_format(const BerthAddress *address, char out[BERTH_ADDRESS_CHARS]);

/* Writes the address without port and brackets: "192.0.2.1". */
void berth_address_format_ip(const BerthAddress *address, char out[BERTH_ADDRESS_CHARS]);

uint16_t berth_address_get_port(const BerthAddress *address);

/* Puts another port into an IP address. */
void berth_address_set_port(BerthAddress *address, uint16_t port);

/*
 * Makes a listening socket (SO_REUSEADDR).  ret_fd: owned.
 * Errors: what berth_error_from_errno() makes of it.
 */
int berth_tcp_listen(const BerthAddress *address, int *ret_fd);

/*
 * Accepts one connection and tunes it.  ret_fd: owned.  ret_peer may be NULL.
 * Errors: BERTH_ERR_AGAIN: none waits (or it went away again); BERTH_ERR_IO and others: no file
 * descriptor is left, ...
 */
int berth_tcp_accept(int listen_fd, int *ret_fd, BerthAddress *ret_peer);

/*
 * Begins to connect.  ret_fd: owned; when it becomes writable, ask berth_tcp_connect_result().
 */
int berth_tcp_connect(const BerthAddress *address, int *ret_fd);

/*
 * Returns how a connect ended: BERTH_OK, BERTH_ERR_AGAIN (still under way), or an error.
 */
int berth_tcp_connect_result(int fd);

/*
 * Sets TCP_NODELAY, TCP_NOTSENT_LOWAT and keepalive, and makes the socket non-blocking.  A socket
 * that is not TCP is only made non-blocking.
 */
int berth_tcp_tune(int fd);

/* Reads the address of our end, or of the other end. */
int berth_tcp_get_local(int fd, BerthAddress *ret);
int berth_tcp_get_peer(int fd, BerthAddress *ret);

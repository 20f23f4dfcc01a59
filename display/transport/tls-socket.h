/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An OpenSSL BIO over a non-blocking socket that never raises SIGPIPE: recv() and send() with
 * MSG_NOSIGNAL in place of read() and write().
 */
#pragma once

#include <openssl/bio.h>
#include <stdbool.h>

/* Makes the BIO; fd is borrowed.  Returns NULL if memory ran out. */
BIO *berth_tls_socket_new(int fd);

/* Whether what is sent from now on has more behind it (MSG_MORE). */
void berth_tls_socket_set_has_more(BIO *bio, bool has_more);

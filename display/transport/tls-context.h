/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of BerthTlsContext, for tls.c: which settings a stream takes over.
 */
#pragma once

#include "display/transport/tls.h"

#include <openssl/ssl.h>

struct BerthTlsContext {
    gint n_refs;
    SSL_CTX *ssl_ctx;
    bool is_server;
    BerthTlsPeerCheck peer_check;
    uint8_t pin[BERTH_KEY_HASH_BYTES];
    char *alpn; /* NULL is none */
    bool is_alpn_needed;
};

/* Writes the SHA-256 of the certificate's SubjectPublicKeyInfo; false if it cannot be computed. */
bool berth_tls_hash_of_cert(X509 *cert, uint8_t out[BERTH_KEY_HASH_BYTES]);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A private key with its certificate chain: what one end of a TLS connection shows.
 *
 * Either made in memory (P-256, self-signed, never on disk: sessions and clients) or read from PEM
 * files.  Immutable and reference-counted; any thread.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>

typedef struct BerthTlsKey BerthTlsKey;

/*
 * Makes a P-256 key and a certificate signed with it.  common_name: 1..64 bytes of text for logs;
 * nobody checks it.  Returns NULL on error (BERTH_ERR_TLS, BERTH_ERR_INVALID).
 */
BerthTlsKey *berth_tls_key_new_self_signed(const char *common_name, GError **error);

/*
 * Reads a certificate (with chain) and its key from PEM files.  Returns NULL on error: unreadable
 * file, no PEM, key does not belong to the certificate or is open to everyone.
 */
BerthTlsKey *berth_tls_key_load(const char *cert_file, const char *key_file, GError **error);

BerthTlsKey *berth_tls_key_ref(BerthTlsKey *self);

/* NULL is allowed. */
void berth_tls_key_unref(BerthTlsKey *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthTlsKey, berth_tls_key_unref)

/* Writes the SHA-256 of the DER SubjectPublicKeyInfo: the pin of this key. */
void berth_tls_key_get_hash(const BerthTlsKey *self, uint8_t out[BERTH_KEY_HASH_BYTES]);

/* For tls.c: EVP_PKEY*, X509* and STACK_OF(X509)* (or NULL), borrowed. */
void *berth_tls_key_get_pkey(const BerthTlsKey *self);
void *berth_tls_key_get_cert(const BerthTlsKey *self);
void *berth_tls_key_get_chain(const BerthTlsKey *self);

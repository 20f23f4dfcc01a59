/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The site's own certificates: one authority, and what it signs for gateway, broker and hosts.
 *
 * ECDSA on P-256 with SHA-256 (RFC 5280, RFC 5480).  Host certificates name the host by a URI,
 * "berth:host:<id>", so that an agent cannot speak for another host.  Thread: any; no I/O.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <stdint.h>

typedef struct BerthCertificate BerthCertificate;

/* Days that a certificate of each kind is valid. */
#define BERTH_AUTHORITY_DAYS 3650
#define BERTH_SERVER_DAYS 825

/* Makes an authority that signs itself.  Returns NULL with error set. */
BerthCertificate *berth_certificate_new_authority(const char *name, GError **error);

/* Reads a certificate and its key from PEM text; BERTH_ERR_CORRUPT if they are none or no pair. */
BerthCertificate *berth_certificate_new_from_pem(const char *cert_pem, const char *key_pem,
                                                 GError **error);

/*
 * Makes a certificate for a server or client of the site.
 *
 * name:       common name, for people
 * alt_names:  what it is valid for, as OpenSSL writes it: "DNS:localhost,IP:127.0.0.1,URI:..."
 *
 * Errors: BERTH_ERR_INVALID for names that OpenSSL refuses.  Returns NULL with error set.
 */
BerthCertificate *berth_certificate_new_signed(const BerthCertificate *authority, const char *name,
                                               const char *alt_names, int64_t valid_days,
                                               GError **error);

/* Frees, and wipes the key; NULL is allowed. */
void berth_certificate_free(BerthCertificate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthCertificate, berth_certificate_free)

/* PEM text of the certificate; the caller's. */
char *berth_certificate_dup_cert_pem(const BerthCertificate *self);

/* PEM text of the private key; the caller's, who wipes it. */
char *berth_certificate_dup_key_pem(const BerthCertificate *self);

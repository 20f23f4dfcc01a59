/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/tls-key.h"

#include "base/error.h"
#include "base/id.h"
#include "display/transport/key-file.h"
#include "display/transport/tls-context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#define COMMON_NAME_MAX_BYTES 64
/* Positive as an ASN.1 INTEGER whatever the random bytes are. */
#define SERIAL_BYTES 16
/*
 * The certificate carries a key that is pinned by its hash and lives as long as its process, so its
 * dates mean nothing: "no well-defined expiration" of RFC 5280, 4.1.2.5, and no clock is read.
 */
#define NOT_BEFORE "20000101000000Z"
#define NOT_AFTER "99991231235959Z"

struct BerthTlsKey {
    gint n_refs;
    EVP_PKEY *pkey;
    X509 *cert;
    STACK_OF(X509) * chain; /* certificates above ours, NULL if none */
    uint8_t hash[BERTH_KEY_HASH_BYTES];
};

static bool
set_serial(X509 *cert)
{
    uint8_t bytes[SERIAL_BYTES];
    berth_random_bytes(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool
set_names(X509 *cert, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, name) == 1;
}

static X509 *
make_certificate(EVP_PKEY *pkey, const char *common_name)
{
    X509 *cert = X509_new();
    bool ok = cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
              ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), NOT_BEFORE) == 1 &&
              ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), NOT_AFTER) == 1 &&
              set_names(cert, common_name) && X509_set_pubkey(cert, pkey) == 1 &&
              X509_sign(cert, pkey, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* Takes the parts; any may be NULL, which is an error. */
static BerthTlsKey *
take_parts(EVP_PKEY *pkey, X509 *cert, STACK_OF(X509) * chain)
{
    BerthTlsKey *self = g_new0(BerthTlsKey, 1);
    self->n_refs = 1;
    self->pkey = pkey;
    self->cert = cert;
    self->chain = chain;
    if (pkey == NULL || cert == NULL || !berth_tls_hash_of_cert(cert, self->hash)) {
        berth_tls_key_unref(self);
        return NULL;
    }
    return self;
}

BerthTlsKey *
berth_tls_key_new_self_signed(const char *common_name, GError **error)
{
    size_t n = strlen(common_name);
    if (n < 1 || n > COMMON_NAME_MAX_BYTES) {
        berth_set_error(error, BERTH_ERR_INVALID, "a common name of %zu bytes is not allowed", n);
        return NULL;
    }
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BerthTlsKey *self =
        take_parts(pkey, pkey != NULL ? make_certificate(pkey, common_name) : NULL, NULL);
    if (self == NULL) {
        berth_set_error(error, BERTH_ERR_TLS, "cannot make a key for '%s': %s", common_name,
                        ERR_reason_error_string(ERR_get_error()));
    }
    ERR_clear_error();
    return self;
}

/* Reads the certificates after the first; returns NULL if there are none. */
static STACK_OF(X509) * read_chain(BIO *bio)
{
    STACK_OF(X509) *chain = NULL;
    for (;;) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
        if (cert == NULL) {
            return chain;
        }
        if (chain == NULL) {
            chain = sk_X509_new_null();
        }
        if (chain == NULL || sk_X509_push(chain, cert) <= 0) {
            X509_free(cert);
            return chain;
        }
    }
}

BerthTlsKey *
berth_tls_key_load(const char *cert_file, const char *key_file, GError **error)
{
    if (!berth_key_file_check(key_file, error)) {
        return NULL;
    }
    BIO *cert_bio = BIO_new_file(cert_file, "r");
    BIO *key_bio = BIO_new_file(key_file, "r");
    X509 *cert = cert_bio != NULL ? PEM_read_bio_X509(cert_bio, NULL, NULL, (void *)"") : NULL;
    STACK_OF(X509) *chain = cert != NULL ? read_chain(cert_bio) : NULL;
    EVP_PKEY *pkey =
        key_bio != NULL ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, (void *)"") : NULL;
    BerthTlsKey *self = NULL;
    if (cert == NULL) {
        berth_set_error(error, BERTH_ERR_IO, "'%s' cannot be read as a certificate in PEM form",
                        cert_file);
    } else if (pkey == NULL) {
        berth_set_error(error, BERTH_ERR_IO, "'%s' cannot be read as a private key in PEM form",
                        key_file);
    } else if (X509_check_private_key(cert, pkey) != 1) {
        berth_set_error(error, BERTH_ERR_INVALID, "the key '%s' does not belong to '%s'", key_file,
                        cert_file);
    }
    if (cert != NULL && pkey != NULL && X509_check_private_key(cert, pkey) == 1) {
        self = take_parts(pkey, cert, chain);
    } else {
        EVP_PKEY_free(pkey);
        X509_free(cert);
        sk_X509_pop_free(chain, X509_free);
    }
    BIO_free(cert_bio);
    BIO_free(key_bio);
    ERR_clear_error();
    return self;
}

BerthTlsKey *
berth_tls_key_ref(BerthTlsKey *self)
{
    g_atomic_int_inc(&self->n_refs);
    return self;
}

void
berth_tls_key_unref(BerthTlsKey *self)
{
    if (self == NULL || !g_atomic_int_dec_and_test(&self->n_refs)) {
        return;
    }
    EVP_PKEY_free(self->pkey);
    X509_free(self->cert);
    sk_X509_pop_free(self->chain, X509_free);
    g_free(self);
}

void
berth_tls_key_get_hash(const BerthTlsKey *self, uint8_t out[BERTH_KEY_HASH_BYTES])
{
    memcpy(out, self->hash, BERTH_KEY_HASH_BYTES);
}

void *
berth_tls_key_get_pkey(const BerthTlsKey *self)
{
    return self->pkey;
}

void *
berth_tls_key_get_cert(const BerthTlsKey *self)
{
    return self->cert;
}

void *
berth_tls_key_get_chain(const BerthTlsKey *self)
{
    return self->chain;
}

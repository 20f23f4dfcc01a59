/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/setup/certificate.h"

#include "base/error.h"
#include "base/id.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

enum {
    SERIAL_BYTES = 16,
    CLOCK_SLACK_S = 300,
    SECONDS_A_DAY = 86400
};

struct BerthCertificate {
    EVP_PKEY *key;
    X509 *cert;
};

static BerthCertificate *
fail(BerthCertificate *self, const char *what, GError **error)
{
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    berth_set_error(error, BERTH_ERR_INVALID, "%s: %s", what, reason);
    berth_certificate_free(self);
    return NULL;
}

/* A positive random number (RFC 5280, 4.1.2.2). */
static bool
set_serial(X509 *cert)
{
    uint8_t bytes[SERIAL_BYTES];
    berth_random_bytes(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool is_set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return is_set;
}

static bool
add_extension(X509 *cert, const X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, (X509 *)issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool
set_basics(BerthCertificate *self, const char *name, int64_t valid_days)
{
    X509_NAME *subject = X509_get_subject_name(self->cert);
    return X509_set_version(self->cert, X509_VERSION_3) == 1 && set_serial(self->cert) &&
           X509_gmtime_adj(X509_getm_notBefore(self->cert), -CLOCK_SLACK_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(self->cert), valid_days * SECONDS_A_DAY) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1 &&
           X509_set_pubkey(self->cert, self->key) == 1;
}

static BerthCertificate *
new_unsigned(const char *name, int64_t valid_days, GError **error)
{
    BerthCertificate *self = g_new0(BerthCertificate, 1);
    self->key = EVP_EC_gen("P-256");
    self->cert = X509_new();
    if (self->key == NULL || self->cert == NULL || !set_basics(self, name, valid_days)) {
        return fail(self, "a certificate cannot be made", error);
    }
    return self;
}

static bool
add_authority_extensions(X509 *cert)
{
    return add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(cert, cert, NID_subject_key_identifier, "hash");
}

BerthCertificate *
berth_certificate_new_authority(const char *name, GError **error)
{
    BerthCertificate *self = new_unsigned(name, BERTH_AUTHORITY_DAYS, error);
    if (self == NULL) {
        return NULL;
    }
    if (X509_set_issuer_name(self->cert, X509_get_subject_name(self->cert)) != 1 ||
        !add_authority_extensions(self->cert) ||
        X509_sign(self->cert, self->key, EVP_sha256()) == 0) {
        return fail(self, "the authority cannot be made", error);
    }
    return self;
}

BerthCertificate *
berth_certificate_new_from_pem(const char *cert_pem, const char *key_pem, GError **error)
{
    BerthCertificate *self = g_new0(BerthCertificate, 1);
    BIO *cert_bio = BIO_new_mem_buf(cert_pem, -1);
    BIO *key_bio = BIO_new_mem_buf(key_pem, -1);
    self->cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    self->key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    if (self->cert == NULL || self->key == NULL ||
        X509_check_private_key(self->cert, self->key) != 1) {
        ERR_clear_error();
        berth_certificate_free(self);
        berth_set_error(error, BERTH_ERR_CORRUPT, "the certificate and its key are not a pair");
        return NULL;
    }
    return self;
}

static bool
add_leaf_extensions(X509 *cert, const X509 *issuer, const char *alt_names)
{
    return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(cert, issuer, NID_authority_key_identifier, "keyid") &&
           add_extension(cert, issuer, NID_subject_alt_name, alt_names);
}

BerthCertificate *
berth_certificate_new_signed(const BerthCertificate *authority, const char *name,
                             const char *alt_names, int64_t valid_days, GError **error)
{
    BerthCertificate *self = new_unsigned(name, valid_days, error);
    if (self == NULL) {
        return NULL;
    }
    if (X509_set_issuer_name(self->cert, X509_get_subject_name(authority->cert)) != 1 ||
        !add_leaf_extensions(self->cert, authority->cert, alt_names) ||
        X509_sign(self->cert, authority->key, EVP_sha256()) == 0) {
        g_autofree char *what = g_strdup_printf("a certificate for '%s' cannot be made", alt_names);
        return fail(self, what, error);
    }
    return self;
}

void
berth_certificate_free(BerthCertificate *self)
{
    if (self != NULL) {
        EVP_PKEY_free(self->key);
        X509_free(self->cert);
        g_free(self);
    }
}

static char *
take_text(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = g_strndup(data, (gsize)len);
    BIO_free(bio);
    return text;
}

char *
berth_certificate_dup_cert_pem(const BerthCertificate *self)
{
    BIO *bio = BIO_new(BIO_s_mem());
    g_assert(bio != NULL && PEM_write_bio_X509(bio, self->cert) == 1);
    return take_text(bio);
}

char *
berth_certificate_dup_key_pem(const BerthCertificate *self)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    g_assert(bio != NULL &&
             PEM_write_bio_PrivateKey(bio, self->key, NULL, NULL, 0, NULL, NULL) == 1);
    return take_text(bio);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A certificate authority of a test, in files, because TLS contexts read files.
 */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

typedef struct {
    char *folder, *ca, *cert, *key; /* paths */
    X509 *ca_cert;
    EVP_PKEY *ca_pkey;
} Authority;

static inline X509 *
make_cert(EVP_PKEY *pkey, X509 *issuer, EVP_PKEY *issuer_key, const char *name, const char *san)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer == NULL ? 1 : 2);
    ASN1_TIME_set_string(X509_getm_notBefore(cert), "20000101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(cert), "20990101000000Z");
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(cert, pkey);
    X509V3_set_ctx(&ctx, issuer != NULL ? issuer : cert, cert, NULL, NULL, 0);
    const char *usage = issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE";
    X509_EXTENSION *basic = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, usage);
    X509_add_ext(cert, basic, -1);
    X509_EXTENSION_free(basic);
    if (san != NULL) {
        X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, san);
        g_assert_nonnull(names);
        X509_add_ext(cert, names, -1);
        X509_EXTENSION_free(names);
    }
    g_assert_cmpint(X509_sign(cert, issuer_key, EVP_sha256()), >, 0);
    return cert;
}

static inline void
write_pem(const char *path, X509 *cert, EVP_PKEY *pkey)
{
    FILE *file = fopen(path, "w");
    g_assert_nonnull(file);
    g_assert_cmpint(g_chmod(path, pkey != NULL ? 0600 : 0644), ==, 0);
    if (cert != NULL) {
        PEM_write_X509(file, cert);
    }
    if (pkey != NULL) {
        PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL);
    }
    fclose(file);
}

/* Puts another certificate, of another key, in the place of the one before. */
static inline void
authority_issue(Authority *self, const char *san)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *cert = make_cert(key, self->ca_cert, self->ca_pkey, "test", san);
    write_pem(self->cert, cert, NULL);
    write_pem(self->key, NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* Makes an authority with one certificate for the names of san (NULL: none). */
static inline void
authority_init(Authority *self, const char *san)
{
    self->folder = g_dir_make_tmp("berth-authority-XXXXXX", NULL);
    self->ca = g_build_filename(self->folder, "ca.pem", NULL);
    self->cert = g_build_filename(self->folder, "cert.pem", NULL);
    self->key = g_build_filename(self->folder, "cert.key", NULL);
    self->ca_pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    self->ca_cert = make_cert(self->ca_pkey, NULL, self->ca_pkey, "test ca", NULL);
    write_pem(self->ca, self->ca_cert, NULL);
    authority_issue(self, san);
}

static inline void
authority_clear(Authority *self)
{
    g_unlink(self->ca);
    g_unlink(self->cert);
    g_unlink(self->key);
    g_rmdir(self->folder);
    X509_free(self->ca_cert);
    EVP_PKEY_free(self->ca_pkey);
    g_free(self->folder);
    g_free(self->ca);
    g_free(self->cert);
    g_free(self->key);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/tls-context.h"

#include "base/error.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SUITES "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define BULK_SUITES "TLS_AES_128_GCM_SHA256:" SUITES
#define GROUPS "X25519:P-256"
#define SECURITY_LEVEL 2
/* Security level 2 for a key that no chain vouches for: 112 bits. */
#define PEER_KEY_MIN_SECURITY_BITS 112
#define ALPN_MAX_BYTES 255
/* Bytes of certificates that a peer may send before it is refused. */
#define CERT_LIST_MAX_BYTES (32 * 1024)
/* Records that one recv() of bulk data may bring. */
#define BULK_READ_BYTES (256 * 1024)

bool
berth_tls_hash_of_cert(X509 *cert, uint8_t out[BERTH_KEY_HASH_BYTES])
{
    unsigned char *der = NULL;
    size_t n = 0;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    bool ok = len > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, out, &n) == 1 &&
              n == BERTH_KEY_HASH_BYTES;
    OPENSSL_free(der);
    return ok;
}

static bool
is_key_strong(X509 *cert)
{
    EVP_PKEY *pkey = X509_get0_pubkey(cert);
    return pkey != NULL && EVP_PKEY_get_security_bits(pkey) >= PEER_KEY_MIN_SECURITY_BITS;
}

/*
 * Stands in for the check of a chain where the key itself is what counts.  That the peer has the
 * private half is proven by its CertificateVerify, which OpenSSL checks in any case.
 */
static int
verify_by_key(X509_STORE_CTX *store, void *data)
{
    const BerthTlsContext *self = data;
    uint8_t hash[BERTH_KEY_HASH_BYTES];
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    bool ok = cert != NULL && is_key_strong(cert);
    if (ok && self->peer_check == BERTH_TLS_PEER_PINNED) {
        ok = berth_tls_hash_of_cert(cert, hash) && CRYPTO_memcmp(hash, self->pin, sizeof hash) == 0;
    }
    X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
    return ok ? 1 : 0;
}

static int
select_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
            const unsigned char *offered, unsigned int n_offered, void *data)
{
    const BerthTlsContext *self = data;
    size_t want = strlen(self->alpn);
    for (unsigned int pos = 0; pos < n_offered; pos += 1u + offered[pos]) {
        if (offered[pos] == want && want < n_offered - pos &&
            memcmp(offered + pos + 1, self->alpn, want) == 0) {
            *ret_name = offered + pos + 1;
            *ret_len = (unsigned char)want;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return self->is_alpn_needed ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

static bool
set_protocol(SSL_CTX *ctx, bool is_mostly_idle, bool is_bulk)
{
    if (is_bulk) {
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_default_read_buffer_len(ctx, BULK_READ_BYTES);
    }
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              (is_mostly_idle ? SSL_MODE_RELEASE_BUFFERS : 0));
    SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX_BYTES);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, is_bulk ? BULK_SUITES : SUITES) == 1 &&
           SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
           SSL_CTX_set_max_early_data(ctx, 0) == 1;
}

static bool
set_key(SSL_CTX *ctx, const BerthTlsKey *key)
{
    if (key == NULL) {
        return true;
    }
    return SSL_CTX_use_cert_and_key(ctx, berth_tls_key_get_cert(key), berth_tls_key_get_pkey(key),
                                    berth_tls_key_get_chain(key), 1) == 1;
}

static bool
set_alpn(BerthTlsContext *self)
{
    uint8_t list[ALPN_MAX_BYTES + 1];
    if (self->alpn == NULL) {
        return true;
    }
    size_t n = strlen(self->alpn);
    if (self->is_server) {
        SSL_CTX_set_alpn_select_cb(self->ssl_ctx, select_alpn, self);
        return true;
    }
    list[0] = (uint8_t)n;
    memcpy(list + 1, self->alpn, n);
    /* This one returns 0 for success. */
    return SSL_CTX_set_alpn_protos(self->ssl_ctx, list, (unsigned)n + 1) == 0;
}

static bool
set_peer_check(BerthTlsContext *self, const char *ca_file)
{
    SSL_CTX *ctx = self->ssl_ctx;
    const int needed = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    switch (self->peer_check) {
    case BERTH_TLS_PEER_NONE:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return true;
    case BERTH_TLS_PEER_ANY_KEY:
    case BERTH_TLS_PEER_PINNED:
        SSL_CTX_set_cert_verify_callback(ctx, verify_by_key, self);
        SSL_CTX_set_verify(ctx, needed, NULL);
        return true;
    case BERTH_TLS_PEER_CA:
    case BERTH_TLS_PEER_CA_MEMBER:
        SSL_CTX_set_verify(ctx, needed, NULL);
        return SSL_CTX_load_verify_file(ctx, ca_file) == 1;
    case BERTH_TLS_PEER_CA_OR_NONE:
        /* Clients choose by the list: one with another authority's certificate shows none. */
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(ca_file));
        return SSL_CTX_load_verify_file(ctx, ca_file) == 1;
    }
    return false;
}

/* Returns what is missing in the configuration, NULL if nothing is. */
static const char *
find_gap(const BerthTlsConfig *config, bool is_server)
{
    switch (config->peer_check) {
    case BERTH_TLS_PEER_NONE:
    case BERTH_TLS_PEER_ANY_KEY:
        if (!is_server) {
            return "a TLS client needs a CA file or a pinned key";
        }
        break;
    case BERTH_TLS_PEER_CA_OR_NONE:
        if (!is_server) {
            return "a TLS client needs a CA file or a pinned key";
        }
        /* fall through */
    case BERTH_TLS_PEER_CA:
    case BERTH_TLS_PEER_CA_MEMBER:
        if (config->ca_file == NULL) {
            return "a CA file is missing";
        }
        break;
    case BERTH_TLS_PEER_PINNED:
        if (config->pin == NULL) {
            return "the key to pin is missing";
        }
        break;
    }
    return is_server && config->key == NULL ? "a TLS server needs a key" : NULL;
}

static bool
check_config(const BerthTlsConfig *config, bool is_server, GError **error)
{
    const char *gap = find_gap(config, is_server);
    if (gap != NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "%s", gap);
    }
    size_t alpn_bytes = config->alpn != NULL ? strlen(config->alpn) : 1;
    if (alpn_bytes < 1 || alpn_bytes > ALPN_MAX_BYTES) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "a protocol name of %zu bytes is not allowed", alpn_bytes);
    }
    return true;
}

static BerthTlsContext *
context_new(const BerthTlsConfig *config, bool is_server, GError **error)
{
    if (!check_config(config, is_server, error)) {
        return NULL;
    }
    ERR_clear_error();
    g_autoptr(BerthTlsContext) self = g_new0(BerthTlsContext, 1);
    self->n_refs = 1;
    self->is_server = is_server;
    self->peer_check = config->peer_check;
    self->alpn = g_strdup(config->alpn);
    self->is_alpn_needed = config->is_alpn_needed;
    if (config->peer_check == BERTH_TLS_PEER_PINNED) {
        memcpy(self->pin, config->pin, sizeof self->pin);
    }
    self->ssl_ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    bool is_good = self->ssl_ctx != NULL &&
                   set_protocol(self->ssl_ctx, config->is_mostly_idle, config->is_bulk) &&
                   set_key(self->ssl_ctx, config->key) && set_alpn(self);
    if (!is_good || !set_peer_check(self, config->ca_file)) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        berth_set_error(error, BERTH_ERR_TLS, "cannot set up TLS with CA file '%s': %s",
                        config->ca_file != NULL ? config->ca_file : "",
                        reason != NULL ? reason : "no reason");
        ERR_clear_error();
        return NULL;
    }
    return g_steal_pointer(&self);
}

BerthTlsContext *
berth_tls_context_new_server(const BerthTlsConfig *config, GError **error)
{
    return context_new(config, true, error);
}

BerthTlsContext *
berth_tls_context_new_client(const BerthTlsConfig *config, GError **error)
{
    return context_new(config, false, error);
}

BerthTlsContext *
berth_tls_context_ref(BerthTlsContext *self)
{
    g_atomic_int_inc(&self->n_refs);
    return self;
}

void
berth_tls_context_unref(BerthTlsContext *self)
{
    if (self == NULL || !g_atomic_int_dec_and_test(&self->n_refs)) {
        return;
    }
    SSL_CTX_free(self->ssl_ctx);
    g_free(self->alpn);
    g_free(self);
}

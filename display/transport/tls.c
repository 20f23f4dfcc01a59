/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/tls.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "display/transport/tls-context.h"
#include "display/transport/tls-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define HOST_URI_PREFIX "berth:host:"
#define HOST_URI_BYTES (sizeof HOST_URI_PREFIX - 1 + BERTH_ID_HEX_CHARS)
#define ERROR_TEXT_CHARS 256

struct BerthTlsStream {
    BerthTlsContext *context;
    SSL *ssl;
    int fd;
    bool is_established;
    bool wants_write;
    bool is_shut_down;
    bool is_broken; /* after a fatal error OpenSSL must not be called again */
    char *alpn;
    char *server_name;
    char error_text[ERROR_TEXT_CHARS];
};

static int fail(BerthTlsStream *self, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static int
fail(BerthTlsStream *self, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_vsnprintf(self->error_text, sizeof self->error_text, format, args);
    va_end(args);
    self->is_broken = true;
    ERR_clear_error();
    return code;
}

static bool
is_ip_address(const char *name)
{
    uint8_t buffer[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, buffer) == 1 || inet_pton(AF_INET6, name, buffer) == 1;
}

/* Sets SNI and the name that the server's certificate must be valid for. */
static bool
set_server_name(BerthTlsStream *self, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(self->ssl);
    bool is_ip = is_ip_address(name);
    if (!is_ip && SSL_set_tlsext_host_name(self->ssl, name) != 1) {
        return false;
    }
    if (self->context->peer_check != BERTH_TLS_PEER_CA) {
        return true;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1
                 : X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

static bool
set_up_ssl(BerthTlsStream *self, const char *server_name)
{
    self->ssl = SSL_new(self->context->ssl_ctx);
    BIO *bio = self->ssl != NULL ? berth_tls_socket_new(self->fd) : NULL;
    if (bio == NULL) {
        return false;
    }
    SSL_set_bio(self->ssl, bio, bio);
    if (self->context->is_server) {
        SSL_set_accept_state(self->ssl);
        return true;
    }
    SSL_set_connect_state(self->ssl);
    return server_name == NULL || set_server_name(self, server_name);
}

BerthTlsStream *
berth_tls_stream_new(BerthTlsContext *context, int fd, const char *server_name, GError **error)
{
    BerthTlsStream *self = g_new0(BerthTlsStream, 1);
    self->context = berth_tls_context_ref(context);
    self->fd = fd;
    bool needs_name = !context->is_server && context->peer_check == BERTH_TLS_PEER_CA;
    if ((needs_name && server_name == NULL) || (context->is_server && server_name != NULL)) {
        berth_set_error(error, BERTH_ERR_INVALID, "a TLS client needs the name of its server");
        berth_tls_stream_free(self);
        return NULL;
    }
    if (!set_up_ssl(self, server_name)) {
        berth_set_error(error, BERTH_ERR_TLS, "cannot make a TLS stream for '%s'",
                        server_name != NULL ? server_name : "");
        ERR_clear_error();
        berth_tls_stream_free(self);
        return NULL;
    }
    return self;
}

void
berth_tls_stream_free(BerthTlsStream *self)
{
    if (self == NULL) {
        return;
    }
    SSL_free(self->ssl);
    ERR_clear_error();
    berth_clear_fd(&self->fd);
    berth_tls_context_unref(self->context);
    g_free(self->alpn);
    g_free(self->server_name);
    g_free(self);
}

/* Returns true for alerts by which the peer says that it does not trust our certificate. */
static bool
is_certificate_alert(int reason)
{
    switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static int
fail_by_library(BerthTlsStream *self)
{
    unsigned long number = ERR_peek_error();
    int reason = ERR_GET_REASON(number);
    const char *text = ERR_reason_error_string(number);
    long verdict = SSL_get_verify_result(self->ssl);
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return fail(self, self->is_established ? BERTH_ERR_IO : BERTH_ERR_CLOSED,
                    "the peer ended the connection without a goodbye");
    }
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        return fail(self, BERTH_ERR_UNTRUSTED, "the peer showed no certificate");
    }
    if (is_certificate_alert(reason)) {
        return fail(self, BERTH_ERR_UNTRUSTED, "the peer refused our certificate: %s",
                    text != NULL ? text : "no reason");
    }
    if (!self->is_established && verdict != X509_V_OK) {
        return fail(self, BERTH_ERR_UNTRUSTED, "the peer's certificate was refused: %s",
                    self->context->peer_check == BERTH_TLS_PEER_PINNED
                        ? "its key is not the expected one"
                        : X509_verify_cert_error_string(verdict));
    }
    return fail(self, BERTH_ERR_TLS, "TLS failed: %s", text != NULL ? text : "no reason");
}

/* Turns what an OpenSSL call returned into an error code. */
static int
classify(BerthTlsStream *self, int result)
{
    int errnum = errno;
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        self->wants_write = false;
        return BERTH_ERR_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        self->wants_write = true;
        return BERTH_ERR_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        g_strlcpy(self->error_text, "the peer ended the connection", sizeof self->error_text);
        return BERTH_ERR_CLOSED;
    case SSL_ERROR_SYSCALL:
        return fail(self, BERTH_ERR_IO, "the connection failed: %s",
                    errnum != 0 ? g_strerror(errnum) : "it ended without a goodbye");
    default:
        return fail_by_library(self);
    }
}

static int
finish_handshake(BerthTlsStream *self)
{
    const unsigned char *alpn = NULL;
    unsigned int n = 0;
    SSL_get0_alpn_selected(self->ssl, &alpn, &n);
    if (n > 0) {
        self->alpn = g_strndup((const char *)alpn, n);
    }
    if (self->context->is_alpn_needed && self->alpn == NULL) {
        return fail(self, BERTH_ERR_TLS, "the peer does not speak '%s'", self->context->alpn);
    }
    if (self->context->is_server) {
        self->server_name = g_strdup(SSL_get_servername(self->ssl, TLSEXT_NAMETYPE_host_name));
    }
    self->is_established = true;
    return BERTH_OK;
}

int
berth_tls_stream_handshake(BerthTlsStream *self)
{
    if (self->is_established) {
        return BERTH_OK;
    }
    if (self->is_broken) {
        return BERTH_ERR_TLS;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(self->ssl);
    if (result != 1) {
        return classify(self, result);
    }
    self->wants_write = false;
    return finish_handshake(self);
}

int
berth_tls_stream_read(BerthTlsStream *self, void *buffer, size_t cap, size_t *ret_n)
{
    size_t n = 0;
    if (self->is_broken) {
        return BERTH_ERR_TLS;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(self->ssl, buffer, cap, &n);
    if (result != 1) {
        return classify(self, result);
    }
    *ret_n = n;
    return BERTH_OK;
}

int
berth_tls_stream_write(BerthTlsStream *self, const void *data, size_t len, size_t *ret_n)
{
    size_t n = 0;
    if (self->is_broken || self->is_shut_down) {
        return self->is_broken ? BERTH_ERR_TLS : BERTH_ERR_CLOSED;
    }
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(self->ssl, data, MIN(len, BERTH_TLS_RECORD_BYTES), &n);
    if (result != 1) {
        return classify(self, result);
    }
    self->wants_write = false;
    *ret_n = n;
    return BERTH_OK;
}

void
berth_tls_stream_set_has_more(BerthTlsStream *self, bool has_more)
{
    berth_tls_socket_set_has_more(SSL_get_wbio(self->ssl), has_more);
}

void
berth_tls_stream_shutdown(BerthTlsStream *self)
{
    if (self->is_established && !self->is_broken && !self->is_shut_down) {
        self->is_shut_down = true;
        SSL_shutdown(self->ssl);
        ERR_clear_error();
    }
}

bool
berth_tls_stream_wants_write(const BerthTlsStream *self)
{
    return self->wants_write;
}

bool
berth_tls_stream_has_pending(const BerthTlsStream *self)
{
    return !self->is_broken && SSL_has_pending(self->ssl) == 1;
}

int
berth_tls_stream_get_fd(const BerthTlsStream *self)
{
    return self->fd;
}

int
berth_tls_stream_get_peer_key_hash(const BerthTlsStream *self, uint8_t out[BERTH_KEY_HASH_BYTES])
{
    X509 *cert = self->is_established ? SSL_get0_peer_certificate(self->ssl) : NULL;
    if (cert == NULL || !berth_tls_hash_of_cert(cert, out)) {
        return BERTH_ERR_NOT_FOUND;
    }
    return BERTH_OK;
}

/* Returns 1 if the name is a host URI and sets *ret, 0 if it is something else, -1 if it is bad. */
static int
read_host_uri(const GENERAL_NAME *name, BerthId *ret)
{
    char hex[BERTH_ID_HEX_CHARS + 1];
    int type;
    const ASN1_IA5STRING *uri = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_URI) {
        return 0;
    }
    const unsigned char *data = ASN1_STRING_get0_data(uri);
    int len = ASN1_STRING_length(uri);
    size_t prefix = sizeof HOST_URI_PREFIX - 1;
    if (len < (int)prefix || memcmp(data, HOST_URI_PREFIX, prefix) != 0) {
        return 0;
    }
    if (len != (int)HOST_URI_BYTES) {
        return -1;
    }
    memcpy(hex, data + prefix, BERTH_ID_HEX_CHARS);
    hex[BERTH_ID_HEX_CHARS] = '\0';
    return berth_id_parse(hex, ret) == BERTH_OK ? 1 : -1;
}

int
berth_tls_stream_get_peer_host_id(const BerthTlsStream *self, BerthId *ret_host)
{
    BerthId host;
    int n_found = 0;
    X509 *cert = self->is_established ? SSL_get0_peer_certificate(self->ssl) : NULL;
    GENERAL_NAMES *names =
        cert != NULL ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int found = read_host_uri(sk_GENERAL_NAME_value(names, i), &host);
        /* A bad one spoils the certificate: nobody who signs such a thing can be trusted. */
        n_found += found < 0 ? 2 : found;
    }
    GENERAL_NAMES_free(names);
    if (n_found != 1) {
        return BERTH_ERR_NOT_FOUND;
    }
    *ret_host = host;
    return BERTH_OK;
}

bool
berth_tls_stream_is_peer_named(const BerthTlsStream *self, const char *name)
{
    X509 *cert = self->is_established ? SSL_get0_peer_certificate(self->ssl) : NULL;
    const unsigned flags = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    return cert != NULL && X509_check_host(cert, name, 0, flags, NULL) == 1;
}

const char *
berth_tls_stream_get_alpn(const BerthTlsStream *self)
{
    return self->alpn;
}

const char *
berth_tls_stream_get_server_name(const BerthTlsStream *self)
{
    return self->server_name;
}

const char *
berth_tls_stream_get_error_text(const BerthTlsStream *self)
{
    return self->error_text;
}

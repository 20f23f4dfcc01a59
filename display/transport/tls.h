/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS 1.3 and nothing older, over a non-blocking socket.
 *
 * Groups X25519 and P-256; AES-256-GCM (in bulk AES-128-GCM) and ChaCha20-Poly1305; no session
 * tickets, no resumption, no early data, security level 2.  Nothing blocks: a call that cannot go
 * on returns BERTH_ERR_AGAIN, and berth_tls_stream_wants_write() tells whether to wait for the
 * socket to become writable instead of readable.  Writing to a dead peer is an error, never
 * SIGPIPE.
 *
 * System calls of a stream once it exists: recvfrom, sendto, close, getrandom.
 *
 * Thread: contexts are immutable and reference-counted, any thread; a stream belongs to one.
 */
#pragma once

#include "berth/ids.h"
#include "display/transport/tls-key.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one record holds at most. */
#define BERTH_TLS_RECORD_BYTES 16384

typedef struct BerthTlsContext BerthTlsContext;
typedef struct BerthTlsStream BerthTlsStream;

/* Whom we accept at the other end. */
typedef enum {
    BERTH_TLS_PEER_NONE,    /* server: asks for no client certificate */
    BERTH_TLS_PEER_ANY_KEY, /* server: needs one, any self-signed; proves possession of its key */
    BERTH_TLS_PEER_CA,      /* signed by ca_file; client: and valid for the server name */
    BERTH_TLS_PEER_CA_OR_NONE, /* server: none, or one signed by ca_file and of a strong key */
    BERTH_TLS_PEER_CA_MEMBER, /* signed by ca_file, whatever its name: the caller looks who it is */
    BERTH_TLS_PEER_PINNED, /* SHA-256 of its SubjectPublicKeyInfo is pin; no name, chain or date */
} BerthTlsPeerCheck;

typedef struct {
    BerthTlsKey *key; /* server: needed; client: NULL for none.  The context takes its own ref */
    BerthTlsPeerCheck peer_check;
    const char *ca_file; /* PEM, for BERTH_TLS_PEER_CA */
    const uint8_t *pin;  /* BERTH_KEY_HASH_BYTES, for BERTH_TLS_PEER_PINNED; copied */
    const char *alpn;    /* one protocol, or NULL */
    bool is_mostly_idle; /* give the buffers of 34 KiB back between records; costs two mallocs each
                          */
    bool is_alpn_needed; /* refuse a peer that does not speak alpn */
    bool is_bulk; /* gigabytes: AES-128-GCM first, many records are read at once; costs 256 KiB */
} BerthTlsConfig;

/*
 * Makes a context.  A client must not choose NONE or ANY_KEY: it always knows its server.
 * Returns NULL on error (BERTH_ERR_INVALID, BERTH_ERR_TLS, BERTH_ERR_IO).
 */
BerthTlsContext *berth_tls_context_new_server(const BerthTlsConfig *config, GError **error);
BerthTlsContext *berth_tls_context_new_client(const BerthTlsConfig *config, GError **error);

BerthTlsContext *berth_tls_context_ref(BerthTlsContext *self);

/* NULL is allowed. */
void berth_tls_context_unref(BerthTlsContext *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthTlsContext, berth_tls_context_unref)

/*
 * Makes a stream over a connected, non-blocking socket.
 *
 * fd:           taken, also on error
 * server_name:  client: SNI to send and, for BERTH_TLS_PEER_CA, the name (or IP address) that the
 *               certificate must be valid for; NULL only when pinned.  Server: NULL
 *
 * Returns NULL on error (BERTH_ERR_INVALID, BERTH_ERR_TLS).
 */
BerthTlsStream *berth_tls_stream_new(BerthTlsContext *context, int fd, const char *server_name,
                                     GError **error);

/* Closes the socket at once.  NULL is allowed. */
void berth_tls_stream_free(BerthTlsStream *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthTlsStream, berth_tls_stream_free)

/*
 * Goes on with the handshake.
 * Errors: BERTH_ERR_AGAIN; BERTH_ERR_UNTRUSTED (certificate missing, not signed by the CA, wrong
 *         name, wrong pin, expired); BERTH_ERR_TLS; BERTH_ERR_CLOSED; BERTH_ERR_IO.
 * A server learns that its own certificate was refused, and a client that its was, as an error of
 * the first read.
 */
int berth_tls_stream_handshake(BerthTlsStream *self);

/*
 * Reads what is there, at most cap bytes (at least 1).  Sets ret_n (> 0) on success only.
 * Errors: BERTH_ERR_AGAIN, BERTH_ERR_CLOSED (the peer ended properly), BERTH_ERR_TLS, BERTH_ERR_IO
 *         (also an end without goodbye).
 */
int berth_tls_stream_read(BerthTlsStream *self, void *buffer, size_t cap, size_t *ret_n);

/*
 * Writes some of len bytes (at least 1); at most 16 KiB make one record.  After BERTH_ERR_AGAIN
 * the next call must begin with the same bytes (the buffer may move).  Sets ret_n on success only.
 * Errors: BERTH_ERR_AGAIN, BERTH_ERR_CLOSED, BERTH_ERR_TLS, BERTH_ERR_IO.
 */
int berth_tls_stream_write(BerthTlsStream *self, const void *data, size_t len, size_t *ret_n);

/* Whether more is written soon after the next record: the kernel then waits to fill its packets. */
void berth_tls_stream_set_has_more(BerthTlsStream *self, bool has_more);

/* Says a proper goodbye once; never waits.  Writing is over after it. */
void berth_tls_stream_shutdown(BerthTlsStream *self);

/* Returns true if the last BERTH_ERR_AGAIN waits for the socket to become writable. */
bool berth_tls_stream_wants_write(const BerthTlsStream *self);

/* Returns true if a read can succeed without the socket becoming readable again. */
bool berth_tls_stream_has_pending(const BerthTlsStream *self);

/* Returns the socket; borrowed, for polling and for its options. */
int berth_tls_stream_get_fd(const BerthTlsStream *self);

/*
 * Writes the SHA-256 of the peer's SubjectPublicKeyInfo.
 * Errors: BERTH_ERR_NOT_FOUND: no certificate was shown, or the handshake is not over.
 */
int berth_tls_stream_get_peer_key_hash(const BerthTlsStream *self,
                                       uint8_t out[BERTH_KEY_HASH_BYTES]);

/*
 * Reads the host id from the peer's certificate: its one SAN URI "berth:host:<32 hex digits>".
 * Errors: BERTH_ERR_NOT_FOUND: there is none, or more than one.
 */
int berth_tls_stream_get_peer_host_id(const BerthTlsStream *self, BerthId *ret_host);

/* Whether the peer's certificate is valid for a DNS name. */
bool berth_tls_stream_is_peer_named(const BerthTlsStream *self, const char *name);

/* Returns the agreed application protocol, NULL if none; borrowed. */
const char *berth_tls_stream_get_alpn(const BerthTlsStream *self);

/* Returns the server name that the client asked for (server side), NULL if none; borrowed. */
const char *berth_tls_stream_get_server_name(const BerthTlsStream *self);

/* Returns what the last failed call had to complain about, for logs; borrowed, never NULL. */
const char *berth_tls_stream_get_error_text(const BerthTlsStream *self);

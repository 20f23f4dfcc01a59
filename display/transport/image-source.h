/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to somebody who has a file of an image: the asking side of berth-image/1.
 *
 * Nothing that comes is believed: a list must have the root that was asked for, an answer exactly
 * the length that the list says, and each chunk its digest.  Thread: one, which it blocks.
 */
#pragma once

#include "base/depot/chunk-list.h"
#include "display/transport/tcp.h"
#include "display/transport/tls.h"

typedef struct BerthImageSource BerthImageSource;

/* Whom to ask, and for what. */
typedef struct {
    BerthAddress address;
    BerthTlsContext *tls;     /* of berth_image_source_tls_new(); borrowed */
    const char *allowed_name; /* DNS name of a server that is no host; NULL: hosts only */
    BerthDigest root;
    uint64_t size_bytes;
    int stop_fd; /* see image-channel.h */
} BerthImageSourceConfig;

/* The TLS settings of a client of image servers.  NULL on error (BERTH_ERR_TLS, BERTH_ERR_IO). */
BerthTlsContext *berth_image_source_tls_new(BerthTlsKey *key, const char *ca_file, GError **error);

/*
 * Connects and greets.  Returns NULL on error: BERTH_ERR_UNTRUSTED, BERTH_ERR_TLS,
 * BERTH_ERR_TIMEOUT, BERTH_ERR_CLOSED, BERTH_ERR_IO, with the address in the sentence.
 */
BerthImageSource *berth_image_source_new(const BerthImageSourceConfig *config, GError **error);

/* NULL is allowed. */
void berth_image_source_free(BerthImageSource *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthImageSource, berth_image_source_free)

/*
 * Fetches the list of the file; NULL on error.
 *
 * Errors: BERTH_ERR_CORRUPT (it lies), what it answers (BERTH_ERR_NOT_FOUND), those of new.
 */
BerthChunkList *berth_image_source_fetch_list(BerthImageSource *self, GError **error);

/* Asks for chunks; the answers come in the order of the questions. */
bool berth_image_source_ask(BerthImageSource *self, uint64_t first_chunk, uint64_t n_chunks,
                            GError **error);

/*
 * Reads the header of the answer to the oldest question.
 *
 * length:  that it must have
 *
 * Errors: BERTH_ERR_CORRUPT (another length), what it answers, those of new.
 */
bool berth_image_source_begin(BerthImageSource *self, uint64_t length, GError **error);

/* Reads n bytes of that answer.  Errors: those of new. */
bool berth_image_source_read(BerthImageSource *self, void *buffer, size_t n, int64_t deadline_us,
                             GError **error);

/* "ip:port", borrowed. */
const char *berth_image_source_get_name(const BerthImageSource *self);

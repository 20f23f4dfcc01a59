/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of berth-image/1, by which hosts fetch the files of images: docs/PROTOCOL-IMAGES.md.
 *
 * A client sends requests of a fixed size and may send the next before it has read the answer; a
 * server answers in order: a header of a fixed size and then length bytes.  Little-endian.  Pure.
 * Thread: any.
 */
#pragma once

#include "base/depot/chunk-list.h"

#include <stddef.h>
#include <stdint.h>

#define BERTH_IMAGE_ALPN "berth-image/1"
#define BERTH_IMAGE_REQUEST_BYTES 64
#define BERTH_IMAGE_ANSWER_BYTES 16

typedef enum {
    BERTH_IMAGE_OP_LIST = 1,   /* the stored form of the list of chunks */
    BERTH_IMAGE_OP_CHUNKS = 2, /* chunks that are not all zeros, in order */
} BerthImageOp;

typedef struct {
    BerthImageOp op;
    BerthDigest root;
    uint64_t first_chunk, n_chunks; /* 0 for a list */
} BerthImageRequest;

typedef struct {
    int status;      /* BERTH_OK or BERTH_ERR_* */
    uint64_t length; /* bytes that follow; 0 after an error */
} BerthImageAnswer;

/* Writes a request, whatever it asks for. */
void berth_image_request_encode(const BerthImageRequest *request,
                                uint8_t out[BERTH_IMAGE_REQUEST_BYTES]);

/*
 * Reads a request; ret is set on success only.
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_VERSION, BERTH_ERR_TOO_LARGE (more than
 * BERTH_LIMIT_IMAGE_REQUEST_CHUNKS), BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING.
 */
int berth_image_request_decode(const void *data, size_t size, BerthImageRequest *ret);

/* Writes the header of an answer. */
void berth_image_answer_encode(const BerthImageAnswer *answer,
                               uint8_t out[BERTH_IMAGE_ANSWER_BYTES]);

/*
 * Reads the header of an answer; ret is set on success only.  Whether the length is the right one
 * is the caller's to check, before anything is allocated for it.
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING.
 */
int berth_image_answer_decode(const void *data, size_t size, BerthImageAnswer *ret);

/* Bytes of the answer to a request for chunks of a file; the range is inside the list. */
uint64_t berth_image_range_bytes(const BerthChunkList *list, uint64_t first_chunk,
                                 uint64_t n_chunks);

/* Bytes of the stored list of a file of that size. */
uint64_t berth_image_list_bytes(uint64_t size_bytes);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file as a list of digests: how every file of an image is named, moved and checked.
 *
 * The file is cut into chunks of BERTH_CHUNK_BYTES, the last one may be shorter; each has its
 * SHA-256.  The root is the name of the file everywhere:
 *
 *   SHA-256("berth-chunks-1\0" | u64 size_bytes | u32 chunk_bytes | digest of each chunk)
 *
 * with little-endian numbers.  The digest of a chunk of zeros is known, so holes are neither read,
 * sent nor written.  Stored as "<root>.chunks":
 *
 *   u32 magic "BCHK" | u16 1 | u16 0 | u64 size_bytes | u32 chunk_bytes | u32 0 | digests
 *
 * Whoever has the root can check the list, and with it every chunk alone.  Thread: any, one at a
 * time; a list that nobody sets any more may be read by many.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_CHUNK_BYTES (4u * 1024 * 1024)
#define BERTH_DIGEST_BYTES 32
#define BERTH_DIGEST_HEX_CHARS 64

typedef struct BerthChunkList BerthChunkList;

typedef struct {
    uint8_t bytes[BERTH_DIGEST_BYTES];
} BerthDigest;

/*
 * A list for a file of zeros; berth_chunk_list_set() says what is in it.
 *
 * Returns NULL if size_bytes is 0 or over BERTH_LIMIT_IMAGE_BYTES.
 */
BerthChunkList *berth_chunk_list_new(uint64_t size_bytes);

BerthChunkList *berth_chunk_list_ref(BerthChunkList *self);

/* NULL is allowed. */
void berth_chunk_list_unref(BerthChunkList *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthChunkList, berth_chunk_list_unref)

/*
 * Reads the stored form.
 *
 * ret:  set on success only
 *
 * Errors: BERTH_ERR_CORRUPT, BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_TOO_LARGE,
 * BERTH_ERR_VERSION.  Whether it is the list of a root is the caller's to check.
 */
int berth_chunk_list_parse(const void *data, size_t size, BerthChunkList **ret);

/* The stored form, owned by the caller. */
GBytes *berth_chunk_list_format(const BerthChunkList *self);

/*
 * Reads "<root>.chunks" and checks that it is the list of root; no symbolic link is followed.
 *
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_CORRUPT (also for another root), BERTH_ERR_IO.
 */
BerthChunkList *berth_chunk_list_load(const char *path, const BerthDigest *root, GError **error);

/* Says what chunk index holds; index < n_chunks. */
void berth_chunk_list_set(BerthChunkList *self, uint64_t index, const BerthDigest *digest);

/* Bytes of the file, holes among them. */
uint64_t berth_chunk_list_size_bytes(const BerthChunkList *self);

/* Chunks of the file, 1 or more. */
uint64_t berth_chunk_list_n_chunks(const BerthChunkList *self);

/* Bytes of chunk index: BERTH_CHUNK_BYTES but for the last. */
size_t berth_chunk_list_chunk_bytes(const BerthChunkList *self, uint64_t index);

/* Digest of chunk index, borrowed. */
const BerthDigest *berth_chunk_list_digest(const BerthChunkList *self, uint64_t index);

/* Whether chunk index is all zeros: never read, sent or written. */
bool berth_chunk_list_is_zero(const BerthChunkList *self, uint64_t index);

/* Bytes of all chunks that are not all zeros: what a transfer moves. */
uint64_t berth_chunk_list_data_bytes(const BerthChunkList *self);

/* The name of the file.  Cost: 1 ms for 32,000 chunks (128 GiB). */
void berth_chunk_list_root(const BerthChunkList *self, BerthDigest *ret_root);

/* Whether n bytes are what chunk index must hold; the length is checked, too. */
bool berth_chunk_list_check(const BerthChunkList *self, uint64_t index, const void *bytes,
                            size_t n);

/* SHA-256 of n bytes. */
void berth_digest_make(const void *bytes, size_t n, BerthDigest *ret);

bool berth_digest_equal(const BerthDigest *a, const BerthDigest *b);

/* 64 lower-case digits and a terminator. */
void berth_digest_format(const BerthDigest *digest, char out[BERTH_DIGEST_HEX_CHARS + 1]);

/* Errors: BERTH_ERR_INVALID unless hex is exactly 64 lower-case digits. */
int berth_digest_parse(const char *hex, BerthDigest *ret);

/* Whether n bytes are all zero. */
bool berth_bytes_are_zero(const void *bytes, size_t n);

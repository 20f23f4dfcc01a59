/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/chunk-list.h"

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x4b484342u /* "BCHK" */
#define FILE_VERSION 1
#define HEADER_BYTES 24
#define MAX_CHUNKS (BERTH_LIMIT_IMAGE_BYTES / BERTH_CHUNK_BYTES)
#define ROOT_CONTEXT "berth-chunks-1"

struct BerthChunkList {
    gint n_refs;
    uint64_t size_bytes;
    uint64_t n_chunks;
    BerthDigest last_zero; /* digest of the last chunk if it were all zeros */
    BerthDigest *digests;
};

void
berth_digest_make(const void *bytes, size_t n, BerthDigest *ret)
{
    unsigned length = 0;
    int is_good = EVP_Digest(bytes, n, ret->bytes, &length, EVP_sha256(), NULL);
    g_assert(is_good == 1 && length == BERTH_DIGEST_BYTES);
}

bool
berth_digest_equal(const BerthDigest *a, const BerthDigest *b)
{
    return memcmp(a->bytes, b->bytes, BERTH_DIGEST_BYTES) == 0;
}

void
berth_digest_format(const BerthDigest *digest, char out[BERTH_DIGEST_HEX_CHARS + 1])
{
    berth_hex_format(digest->bytes, BERTH_DIGEST_BYTES, out);
}

int
berth_digest_parse(const char *hex, BerthDigest *ret)
{
    return berth_hex_parse(hex, ret->bytes, BERTH_DIGEST_BYTES);
}

bool
berth_bytes_are_zero(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    /* Each byte equals the one before it, and the first is zero. */
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Digest of a whole chunk of zeros, made once. */
static const BerthDigest *
zero_chunk_digest(void)
{
    static BerthDigest digest;
    static gsize is_made;
    if (g_once_init_enter(&is_made)) {
        g_autofree uint8_t *zeros = g_malloc0(BERTH_CHUNK_BYTES);
        berth_digest_make(zeros, BERTH_CHUNK_BYTES, &digest);
        g_once_init_leave(&is_made, 1);
    }
    return &digest;
}

static size_t
last_chunk_bytes(uint64_t size_bytes)
{
    uint64_t rest = size_bytes % BERTH_CHUNK_BYTES;
    return rest == 0 ? BERTH_CHUNK_BYTES : (size_t)rest;
}

/* A list without digests; the size was checked. */
static BerthChunkList *
allocate(uint64_t size_bytes)
{
    BerthChunkList *self = g_new0(BerthChunkList, 1);
    self->n_refs = 1;
    self->size_bytes = size_bytes;
    self->n_chunks = (size_bytes + BERTH_CHUNK_BYTES - 1) / BERTH_CHUNK_BYTES;
    self->digests = g_new(BerthDigest, self->n_chunks);
    size_t last = last_chunk_bytes(size_bytes);
    self->last_zero = *zero_chunk_digest();
    if (last != BERTH_CHUNK_BYTES) {
        g_autofree uint8_t *zeros = g_malloc0(last);
        berth_digest_make(zeros, last, &self->last_zero);
    }
    return self;
}

static bool
is_good_size(uint64_t size_bytes)
{
    return size_bytes > 0 && size_bytes <= BERTH_LIMIT_IMAGE_BYTES;
}

BerthChunkList *
berth_chunk_list_new(uint64_t size_bytes)
{
    if (!is_good_size(size_bytes)) {
        return NULL;
    }
    BerthChunkList *self = allocate(size_bytes);
    for (uint64_t i = 0; i + 1 < self->n_chunks; i++) {
        self->digests[i] = *zero_chunk_digest();
    }
    self->digests[self->n_chunks - 1] = self->last_zero;
    return self;
}

BerthChunkList *
berth_chunk_list_ref(BerthChunkList *self)
{
    g_atomic_int_inc(&self->n_refs);
    return self;
}

void
berth_chunk_list_unref(BerthChunkList *self)
{
    if (self != NULL && g_atomic_int_dec_and_test(&self->n_refs)) {
        g_free(self->digests);
        g_free(self);
    }
}

static int
check_header(BerthReader *reader, uint64_t *ret_size_bytes)
{
    uint32_t magic = berth_reader_get_u32(reader);
    uint16_t version = berth_reader_get_u16(reader);
    uint16_t flags = berth_reader_get_u16(reader);
    uint64_t size_bytes = berth_reader_get_u64(reader);
    uint32_t chunk_bytes = berth_reader_get_u32(reader);
    uint32_t reserved = berth_reader_get_u32(reader);
    if (reader->error != BERTH_OK) {
        return reader->error;
    }
    if (magic != MAGIC || flags != 0 || chunk_bytes != BERTH_CHUNK_BYTES || reserved != 0 ||
        size_bytes == 0) {
        return BERTH_ERR_CORRUPT;
    }
    if (version != FILE_VERSION) {
        return BERTH_ERR_VERSION;
    }
    *ret_size_bytes = size_bytes;
    return is_good_size(size_bytes) ? BERTH_OK : BERTH_ERR_TOO_LARGE;
}

int
berth_chunk_list_parse(const void *data, size_t size, BerthChunkList **ret)
{
    BerthReader reader;
    uint64_t size_bytes = 0;
    berth_reader_init(&reader, data, size);
    int error = check_header(&reader, &size_bytes);
    if (error != BERTH_OK) {
        return error;
    }
    /* Before memory is taken for it: the digests must be there. */
    uint64_t n_chunks = (size_bytes + BERTH_CHUNK_BYTES - 1) / BERTH_CHUNK_BYTES;
    uint64_t there = berth_reader_remaining(&reader);
    if (there != n_chunks * BERTH_DIGEST_BYTES) {
        return there < n_chunks * BERTH_DIGEST_BYTES ? BERTH_ERR_TRUNCATED : BERTH_ERR_TRAILING;
    }
    BerthChunkList *self = allocate(size_bytes);
    for (uint64_t i = 0; i < n_chunks; i++) {
        berth_reader_get_bytes(&reader, self->digests[i].bytes, BERTH_DIGEST_BYTES);
    }
    *ret = self;
    return BERTH_OK;
}

GBytes *
berth_chunk_list_format(const BerthChunkList *self)
{
    BerthWriter writer;
    size_t size = HEADER_BYTES + (size_t)self->n_chunks * BERTH_DIGEST_BYTES;
    berth_writer_init(&writer, size);
    berth_writer_put_u32(&writer, MAGIC);
    berth_writer_put_u16(&writer, FILE_VERSION);
    berth_writer_put_u16(&writer, 0);
    berth_writer_put_u64(&writer, self->size_bytes);
    berth_writer_put_u32(&writer, BERTH_CHUNK_BYTES);
    berth_writer_put_u32(&writer, 0);
    for (uint64_t i = 0; i < self->n_chunks; i++) {
        berth_writer_put_bytes(&writer, self->digests[i].bytes, BERTH_DIGEST_BYTES);
    }
    g_assert(writer.error == BERTH_OK);
    return g_bytes_new_take(berth_writer_steal(&writer, NULL), size);
}

/* All bytes of a small file, for g_free(); NULL on an error. */
static uint8_t *
read_list_file(const char *path, size_t *ret_size, GError **error)
{
    berth_autofd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        berth_set_error(error, berth_error_from_errno(errno), "cannot open \"%s\": %s", path,
                        g_strerror(errno));
        return NULL;
    }
    if (!S_ISREG(status.st_mode) || status.st_size < HEADER_BYTES ||
        (uint64_t)status.st_size > HEADER_BYTES + MAX_CHUNKS * BERTH_DIGEST_BYTES) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" is no list of chunks", path);
        return NULL;
    }
    g_autofree uint8_t *bytes = g_malloc((size_t)status.st_size);
    for (size_t done = 0; done < (size_t)status.st_size;) {
        ssize_t n = read(fd, bytes + done, (size_t)status.st_size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            berth_set_error(error, BERTH_ERR_IO, "cannot read \"%s\": %s", path,
                            n < 0 ? g_strerror(errno) : "it became shorter");
            return NULL;
        }
        done += (size_t)n;
    }
    *ret_size = (size_t)status.st_size;
    return g_steal_pointer(&bytes);
}

BerthChunkList *
berth_chunk_list_load(const char *path, const BerthDigest *root, GError **error)
{
    size_t size = 0;
    g_autofree uint8_t *bytes = read_list_file(path, &size, error);
    if (bytes == NULL) {
        return NULL;
    }
    g_autoptr(BerthChunkList) list = NULL;
    int code = berth_chunk_list_parse(bytes, size, &list);
    if (code != BERTH_OK) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" is no list of chunks: %s", path,
                        berth_error_sentence(code));
        return NULL;
    }
    BerthDigest found;
    berth_chunk_list_root(list, &found);
    if (!berth_digest_equal(&found, root)) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" is the list of another file", path);
        return NULL;
    }
    return g_steal_pointer(&list);
}

void
berth_chunk_list_set(BerthChunkList *self, uint64_t index, const BerthDigest *digest)
{
    g_assert(index < self->n_chunks);
    self->digests[index] = *digest;
}

uint64_t
berth_chunk_list_size_bytes(const BerthChunkList *self)
{
    return self->size_bytes;
}

uint64_t
berth_chunk_list_n_chunks(const BerthChunkList *self)
{
    return self->n_chunks;
}

size_t
berth_chunk_list_chunk_bytes(const BerthChunkList *self, uint64_t index)
{
    g_assert(index < self->n_chunks);
    return index + 1 < self->n_chunks ? BERTH_CHUNK_BYTES : last_chunk_bytes(self->size_bytes);
}

const BerthDigest *
berth_chunk_list_digest(const BerthChunkList *self, uint64_t index)
{
    g_assert(index < self->n_chunks);
    return &self->digests[index];
}

bool
berth_chunk_list_is_zero(const BerthChunkList *self, uint64_t index)
{
    g_assert(index < self->n_chunks);
    const BerthDigest *zero = index + 1 < self->n_chunks ? zero_chunk_digest() : &self->last_zero;
    return berth_digest_equal(&self->digests[index], zero);
}

uint64_t
berth_chunk_list_data_bytes(const BerthChunkList *self)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < self->n_chunks; i++) {
        sum += berth_chunk_list_is_zero(self, i) ? 0 : berth_chunk_list_chunk_bytes(self, i);
    }
    return sum;
}

void
berth_chunk_list_root(const BerthChunkList *self, BerthDigest *ret_root)
{
    BerthWriter head;
    unsigned length = 0;
    berth_writer_init(&head, 64);
    berth_writer_put_bytes(&head, ROOT_CONTEXT, sizeof(ROOT_CONTEXT));
    berth_writer_put_u64(&head, self->size_bytes);
    berth_writer_put_u32(&head, BERTH_CHUNK_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(context, head.data, head.len) == 1 &&
                   EVP_DigestUpdate(context, self->digests,
                                    (size_t)self->n_chunks * sizeof(BerthDigest)) == 1 &&
                   EVP_DigestFinal_ex(context, ret_root->bytes, &length) == 1;
    g_assert(is_good && length == BERTH_DIGEST_BYTES);
    EVP_MD_CTX_free(context);
    berth_writer_clear(&head);
}

bool
berth_chunk_list_check(const BerthChunkList *self, uint64_t index, const void *bytes, size_t n)
{
    BerthDigest digest;
    if (index >= self->n_chunks || n != berth_chunk_list_chunk_bytes(self, index)) {
        return false;
    }
    berth_digest_make(bytes, n, &digest);
    return berth_digest_equal(&digest, &self->digests[index]);
}

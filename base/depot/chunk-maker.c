/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every thread takes the next chunk that nobody has, asks the file system whether there is data in
 * it, reads and hashes it.  Each digest has its own place in the list, so there is nothing to lock
 * but the number of the next chunk.
 */
#include "base/depot/chunk-maker.h"

#include "base/error.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_THREADS 8
/* Zeros are given back to the file system in pieces of this many bytes. */
#define PUNCH_BYTES 65536u

typedef struct {
    int fd;
    bool punches_zeros;
    const gint *cancel;
    gint64 *n_done_bytes;
    BerthChunkList *list;
    gint64 next_chunk; /* atomic */
    gint error;        /* atomic: 0, an errno, or one of those below */
} Maker;

/* Beside the numbers of errno. */
#define ERROR_SHORTER (-1)
#define ERROR_CANCELLED (-2)

int64_t
berth_chunk_progress(const gint64 *n_done_bytes)
{
    return __atomic_load_n(n_done_bytes, __ATOMIC_RELAXED);
}

static bool
fail(Maker *self, int error)
{
    g_atomic_int_compare_and_exchange(&self->error, 0, error);
    return false;
}

/* Whether a piece lies in a hole as a whole. */
static bool
is_hole(int fd, uint64_t offset, size_t n)
{
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
    return data < 0 ? errno == ENXIO : (uint64_t)data >= offset + n;
}

static bool
read_chunk(Maker *self, uint64_t offset, uint8_t *buffer, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(self->fd, buffer + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fail(self, got < 0 ? errno : ERROR_SHORTER);
        }
        done += (size_t)got;
    }
    return true;
}

/* It only saves space, so a file system that cannot do it is no error. */
static void
punch_zeros(Maker *self, uint64_t offset, const uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && berth_bytes_are_zero(bytes + end, MIN(PUNCH_BYTES, n - end))) {
            end += MIN(PUNCH_BYTES, n - end);
        }
        if (end > at && fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                  (off_t)(offset + at), (off_t)(end - at)) < 0) {
            return;
        }
        at = end + PUNCH_BYTES;
    }
}

static bool
make_chunk(Maker *self, uint64_t index, uint8_t *buffer)
{
    uint64_t offset = index * BERTH_CHUNK_BYTES;
    size_t n = berth_chunk_list_chunk_bytes(self->list, index);
    if (!is_hole(self->fd, offset, n)) {
        if (!read_chunk(self, offset, buffer, n)) {
            return false;
        }
        if (self->punches_zeros) {
            punch_zeros(self, offset, buffer, n);
        }
        if (!berth_bytes_are_zero(buffer, n)) {
            BerthDigest digest;
            berth_digest_make(buffer, n, &digest);
            berth_chunk_list_set(self->list, index, &digest);
        }
    }
    if (self->n_done_bytes != NULL) {
        __atomic_fetch_add(self->n_done_bytes, (gint64)n, __ATOMIC_RELAXED);
    }
    return true;
}

static gpointer
run_thread(gpointer data)
{
    Maker *self = data;
    uint64_t n_chunks = berth_chunk_list_n_chunks(self->list);
    g_autofree uint8_t *buffer = g_malloc(BERTH_CHUNK_BYTES);
    while (g_atomic_int_get(&self->error) == 0) {
        uint64_t index = (uint64_t)__atomic_fetch_add(&self->next_chunk, 1, __ATOMIC_RELAXED);
        if (index >= n_chunks) {
            break;
        }
        if (self->cancel != NULL && g_atomic_int_get(self->cancel) != 0) {
            fail(self, ERROR_CANCELLED);
        } else {
            make_chunk(self, index, buffer);
        }
    }
    return NULL;
}

static bool
set_maker_error(int error, GError **ret)
{
    if (error == ERROR_CANCELLED) {
        return berth_set_error(ret, BERTH_ERR_CLOSED, "hashing was cancelled");
    }
    if (error == ERROR_SHORTER) {
        return berth_set_error(ret, BERTH_ERR_TRUNCATED, "the file became shorter while hashed");
    }
    return berth_set_error(ret, berth_error_from_errno(error), "cannot read the file to hash: %s",
                           g_strerror(error));
}

static BerthChunkList *
new_list_for(int fd, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
        berth_set_error(error, BERTH_ERR_INVALID, "only a file that is not empty can be hashed");
        return NULL;
    }
    BerthChunkList *list = berth_chunk_list_new((uint64_t)status.st_size);
    if (list == NULL) {
        berth_set_error(
            error, BERTH_ERR_TOO_LARGE, "the file has %llu bytes, at most %llu are allowed",
            (unsigned long long)status.st_size, (unsigned long long)BERTH_LIMIT_IMAGE_BYTES);
    }
    return list;
}

BerthChunkList *
berth_chunk_list_make(int fd, const BerthChunkMakerOptions *options, GError **error)
{
    static const BerthChunkMakerOptions defaults;
    GThread *threads[MAX_THREADS];
    options = options != NULL ? options : &defaults;
    g_autoptr(BerthChunkList) list = new_list_for(fd, error);
    if (list == NULL) {
        return NULL;
    }
    Maker maker = {
        .fd = fd,
        .punches_zeros = options->punches_zeros,
        .cancel = options->cancel,
        .n_done_bytes = options->n_done_bytes,
        .list = list,
    };
    unsigned n_threads = options->n_threads != 0 ? options->n_threads : g_get_num_processors();
    n_threads = MIN(n_threads, (unsigned)MIN(MAX_THREADS, berth_chunk_list_n_chunks(list)));
    unsigned n_started = 0;
    while (n_started + 1 < n_threads) {
        threads[n_started] = g_thread_try_new("chunk-maker", run_thread, &maker, NULL);
        if (threads[n_started] == NULL) {
            break; /* those that run do it all */
        }
        n_started++;
    }
    run_thread(&maker);
    for (unsigned i = 0; i < n_started; i++) {
        g_thread_join(threads[i]);
    }
    if (maker.error != 0) {
        set_maker_error(maker.error, error);
        return NULL;
    }
    return g_steal_pointer(&list);
}

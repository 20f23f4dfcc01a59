/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/image-fetch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/transport/image-channel.h"
#include "display/transport/image-plan.h"
#include "display/transport/image-source.h"
#include "display/transport/image-wire.h"
#include "display/transport/rate-limit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Received, then hashed while it is in the second-level cache. */
#define PIECE_BYTES (256 * 1024)
#define PIECE_MIN_BYTES (16 * 1024)
/* Under a limit a piece is what goes through in so many parts of a second. */
#define PIECES_PER_SECOND 8
/* Chunks of one request: few, so that the threads end together. */
#define REQUEST_CHUNKS 4
/* Requests that are on their way on one connection. */
#define REQUESTS_AHEAD 2
#define MAX_THREADS 4
#define HAVE_BYTE 1

typedef struct {
    int fd;
    BerthChunkList *list;
} Older;

typedef struct {
    const BerthImageFetchConfig *config;
    BerthChunkList *list;
    char *part_path, *have_path;
    int fd, have_fd;
    Older *older;
    size_t n_older;
    gint is_cloning; /* atomic: the file system may share blocks, as far as is known */
    int64_t chunk_deadline_us;

    GMutex lock;
    GCond changed;
    BerthImagePlan *plan; /* under the lock, as all that follows */
    BerthRateLimit rate;
    bool *is_banned; /* of each source: it lied */
    unsigned n_live; /* workers that have not given up */
    bool is_over;    /* done, or failed for good */
    GError *error;   /* of the source that says most about why there are none left */
} Fetch;

typedef struct {
    Fetch *fetch;
    size_t next_source; /* to be asked, modulo n_sources */
    size_t n_failed;    /* sources since a chunk came */
    BerthImageSource *source;
    size_t source_index;
    BerthImageRange asked[REQUESTS_AHEAD]; /* oldest first */
    size_t n_asked;
    EVP_MD_CTX *hash;
    uint8_t *chunk;
} Worker;

/* ---- errors ---- */

static bool
is_lie(int code)
{
    return code == BERTH_ERR_CORRUPT || code == BERTH_ERR_UNTRUSTED || code == BERTH_ERR_PROTOCOL;
}

/* Keeps the error that matters more; takes it.  Under the lock. */
static void
note_error(Fetch *self, GError *error)
{
    if (self->error != NULL && (is_lie(self->error->code) || !is_lie(error->code))) {
        g_error_free(error);
        return;
    }
    g_clear_error(&self->error);
    self->error = error;
}

/* Ends the fetch for all workers; takes the error. */
static void
fail_for_good(Fetch *self, GError *error)
{
    g_mutex_lock(&self->lock);
    if (!self->is_over) {
        g_clear_error(&self->error);
        self->error = g_steal_pointer(&error);
        self->is_over = true;
    }
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    g_clear_error(&error);
}

static bool
is_told_to_stop(const Fetch *self)
{
    return !berth_image_wait(self->config->stop_fd, 0);
}

static GError *
new_stop_error(void)
{
    return g_error_new_literal(BERTH_ERROR, BERTH_ERR_CLOSED, "it was told to stop");
}

/* ---- the file ---- */

static bool
write_chunk(Fetch *self, uint64_t index, const uint8_t *bytes, size_t n, GError **error)
{
    for (size_t done = 0; done < n;) {
        ssize_t written =
            pwrite(self->fd, bytes + done, n - done, (off_t)(index * BERTH_CHUNK_BYTES + done));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return berth_set_error(error, berth_error_from_errno(errno),
                                   "\"%s\" cannot be written: %s", self->part_path,
                                   g_strerror(errno));
        }
        done += (size_t)written;
    }
    return true;
}

/* The chunk is in the file: it counts, here and after a restart. */
static void
finish_chunk(Fetch *self, uint64_t index, bool is_from_wire)
{
    const uint8_t have = HAVE_BYTE;
    int64_t n = (int64_t)berth_chunk_list_chunk_bytes(self->list, index);
    berth_kill_point(BERTH_KILL_REPLICATE_WRITTEN);
    /* If this cannot be written, the chunk is fetched again after a restart. */
    if (pwrite(self->have_fd, &have, sizeof have, (off_t)index) < 0) {
        berth_log_debug("image", "%s cannot be written: %s", self->have_path, g_strerror(errno));
    }
    berth_kill_point(BERTH_KILL_REPLICATE_NOTED);
    __atomic_fetch_add(&self->config->progress->done_bytes, n, __ATOMIC_RELAXED);
    if (is_from_wire) {
        __atomic_fetch_add(&self->config->progress->wire_bytes, n, __ATOMIC_RELAXED);
    }
    g_mutex_lock(&self->lock);
    berth_image_plan_finish(self->plan, index);
    if (berth_image_plan_n_open(self->plan) == 0) {
        self->is_over = true;
        g_cond_broadcast(&self->changed);
    }
    g_mutex_unlock(&self->lock);
}

static void
give_back(Fetch *self, const BerthImageRange *range)
{
    g_mutex_lock(&self->lock);
    berth_image_plan_give_back(self->plan, range);
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}

/* ---- what is here already ---- */

static bool
read_chunk(Worker *self, int fd, uint64_t index)
{
    size_t n = berth_chunk_list_chunk_bytes(self->fetch->list, index);
    for (size_t done = 0; done < n;) {
        ssize_t n_read =
            pread(fd, self->chunk + done, n - done, (off_t)(index * BERTH_CHUNK_BYTES + done));
        if (n_read < 0 && errno == EINTR) {
            continue;
        }
        if (n_read <= 0) {
            return false;
        }
        done += (size_t)n_read;
    }
    return berth_chunk_list_check(self->fetch->list, index, self->chunk, n);
}

/* Lets both files stand on the same blocks; false where the file system cannot. */
static bool
clone_chunk(Fetch *self, int fd, uint64_t index)
{
    struct file_clone_range range = {
        .src_fd = fd,
        .src_offset = index * BERTH_CHUNK_BYTES,
        .src_length = berth_chunk_list_chunk_bytes(self->list, index),
        .dest_offset = index * BERTH_CHUNK_BYTES,
    };
    if (!g_atomic_int_get(&self->is_cloning)) {
        return false;
    }
    bool is_cloned = ioctl(self->fd, FICLONERANGE, &range) == 0;
    g_atomic_int_set(&self->is_cloning, is_cloned);
    return is_cloned;
}

/* The older file that has the same chunk at the same place, NULL if none has. */
static const Older *
find_older(const Fetch *self, uint64_t index)
{
    const BerthDigest *digest = berth_chunk_list_digest(self->list, index);
    size_t n = berth_chunk_list_chunk_bytes(self->list, index);
    for (size_t i = 0; i < self->n_older; i++) {
        const BerthChunkList *list = self->older[i].list;
        if (index < berth_chunk_list_n_chunks(list) &&
            berth_chunk_list_chunk_bytes(list, index) == n &&
            berth_digest_equal(berth_chunk_list_digest(list, index), digest)) {
            return &self->older[i];
        }
    }
    return NULL;
}

/* True if the chunk is in the file now; its bytes were hashed in either case. */
static bool
copy_older(Worker *self, uint64_t index, GError **error)
{
    Fetch *fetch = self->fetch;
    const Older *older = find_older(fetch, index);
    size_t n = berth_chunk_list_chunk_bytes(fetch->list, index);
    if (older == NULL || !read_chunk(self, older->fd, index)) {
        berth_log_warning("image",
                          "chunk %" G_GUINT64_FORMAT " of an older version is damaged "
                          "on this host: it is fetched instead",
                          index);
        return false;
    }
    return clone_chunk(fetch, older->fd, index) || write_chunk(fetch, index, self->chunk, n, error);
}

/* Does one chunk without the network; false after an error that ends all. */
static bool
do_local(Worker *self, uint64_t index, BerthImageWay way)
{
    GError *error = NULL;
    Fetch *fetch = self->fetch;
    bool is_good = way == BERTH_IMAGE_WAY_OWN ? read_chunk(self, fetch->fd, index)
                                              : copy_older(self, index, &error);
    if (error != NULL) {
        fail_for_good(fetch, error);
        return false;
    }
    if (is_good) {
        finish_chunk(fetch, index, false);
    } else {
        give_back(fetch, &(BerthImageRange){ .first = index, .n = 1 });
    }
    return true;
}

/* ---- what comes over the wire ---- */

/* Returns what was asked for and goes to the next source.  Takes the error. */
static void
leave_source(Worker *self, GError *error)
{
    Fetch *fetch = self->fetch;
    for (size_t i = 0; i < self->n_asked; i++) {
        give_back(fetch, &self->asked[i]);
    }
    self->n_asked = 0;
    g_clear_pointer(&self->source, berth_image_source_free);
    self->n_failed++;
    if (is_lie(error->code)) {
        berth_log_warning("image", "not asked again: %s", error->message);
    }
    g_mutex_lock(&fetch->lock);
    if (is_lie(error->code)) {
        fetch->is_banned[self->source_index] = true;
    }
    note_error(fetch, error);
    g_mutex_unlock(&fetch->lock);
}

/* The next source that did not lie; false if each one was tried since a chunk came. */
static bool
choose_source(Worker *self)
{
    Fetch *fetch = self->fetch;
    size_t n = fetch->config->n_sources;
    bool is_found = false;
    g_mutex_lock(&fetch->lock);
    while (!is_found && self->n_failed < n) {
        self->source_index = self->next_source++ % n;
        is_found = !fetch->is_banned[self->source_index];
        self->n_failed += is_found ? 0 : 1;
    }
    g_mutex_unlock(&fetch->lock);
    return is_found;
}

/* False if no source is left. */
static bool
ensure_source(Worker *self)
{
    Fetch *fetch = self->fetch;
    const BerthImageFetchConfig *config = fetch->config;
    while (self->source == NULL && !is_told_to_stop(fetch) && choose_source(self)) {
        GError *error = NULL;
        const BerthImageSourceConfig source = {
            .address = config->sources[self->source_index],
            .tls = config->tls,
            .allowed_name = config->allowed_name,
            .root = config->root,
            .size_bytes = config->size_bytes,
            .stop_fd = config->stop_fd,
        };
        self->source = berth_image_source_new(&source, &error);
        if (self->source == NULL) {
            leave_source(self, error);
        }
    }
    return self->source != NULL;
}

/* Waits until a piece may be read; returns its size, 0 if all is to end. */
static size_t
wait_for_piece(Fetch *self, size_t left)
{
    int64_t kbps = self->config->kbps;
    size_t piece = PIECE_BYTES;
    if (kbps > 0) {
        piece = (size_t)CLAMP(kbps * 1000 / 8 / PIECES_PER_SECOND, PIECE_MIN_BYTES, PIECE_BYTES);
    }
    piece = MIN(piece, left);
    g_mutex_lock(&self->lock);
    int64_t wait_us = berth_rate_limit_take(&self->rate, piece, berth_monotonic_us());
    g_mutex_unlock(&self->lock);
    return wait_us <= 0 || berth_image_wait(self->config->stop_fd, wait_us) ? piece : 0;
}

/* Receives one chunk and hashes it on the way; it is in self->chunk then. */
static bool
receive_chunk(Worker *self, uint64_t index, GError **error)
{
    Fetch *fetch = self->fetch;
    BerthDigest digest;
    size_t n = berth_chunk_list_chunk_bytes(fetch->list, index);
    int64_t deadline_us = berth_monotonic_us() + fetch->chunk_deadline_us;
    EVP_DigestInit_ex(self->hash, NULL, NULL);
    for (size_t done = 0; done < n;) {
        size_t piece = wait_for_piece(fetch, n - done);
        if (piece == 0) {
            g_propagate_error(error, new_stop_error());
            return false;
        }
        if (!berth_image_source_read(self->source, self->chunk + done, piece, deadline_us, error)) {
            return false;
        }
        EVP_DigestUpdate(self->hash, self->chunk + done, piece);
        done += piece;
    }
    EVP_DigestFinal_ex(self->hash, digest.bytes, NULL);
    if (!berth_digest_equal(&digest, berth_chunk_list_digest(fetch->list, index))) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "%s sent chunk %" G_GUINT64_FORMAT " with other bytes than its "
                               "digest says",
                               berth_image_source_get_name(self->source), index);
    }
    return true;
}

/* Receives the answer to the oldest request; false if the source is to be left. */
static bool
receive_range(Worker *self, GError **error)
{
    GError *disk_error = NULL;
    Fetch *fetch = self->fetch;
    const BerthImageRange range = self->asked[0];
    uint64_t length = berth_image_range_bytes(fetch->list, range.first, range.n);
    if (!berth_image_source_begin(self->source, length, error)) {
        return false;
    }
    for (uint64_t i = range.first; i < range.first + range.n; i++) {
        if (berth_chunk_list_is_zero(fetch->list, i)) {
            continue;
        }
        if (!receive_chunk(self, i, error)) {
            return false;
        }
        size_t n = berth_chunk_list_chunk_bytes(fetch->list, i);
        if (!write_chunk(fetch, i, self->chunk, n, &disk_error)) {
            fail_for_good(fetch, g_error_copy(disk_error));
            g_propagate_error(error, disk_error);
            return false;
        }
        finish_chunk(fetch, i, true);
        self->n_failed = 0;
    }
    self->n_asked--;
    memmove(self->asked, self->asked + 1, self->n_asked * sizeof self->asked[0]);
    return true;
}

static void
serve_wire(Worker *self)
{
    GError *error = NULL;
    if (!receive_range(self, &error)) {
        leave_source(self, error);
    }
}

static void
ask_for(Worker *self, const BerthImageRange *range)
{
    GError *error = NULL;
    self->asked[self->n_asked++] = *range;
    if (!berth_image_source_ask(self->source, range->first, range->n, &error)) {
        leave_source(self, error);
    }
}

/* ---- workers ---- */

typedef enum {
    STEP_LOCAL,
    STEP_ASK,
    STEP_RECEIVE,
    STEP_END,
} Step;

/* What this worker does next; waits while others have all that is left. */
static Step
choose_step(Worker *self, uint64_t *ret_index, BerthImageWay *ret_way, BerthImageRange *ret_range)
{
    Fetch *fetch = self->fetch;
    Step step = STEP_END;
    bool is_chosen = false;
    g_mutex_lock(&fetch->lock);
    while (!fetch->is_over && !is_chosen) {
        is_chosen = true;
        if (self->n_asked == 0 && berth_image_plan_take_local(fetch->plan, ret_index, ret_way)) {
            step = STEP_LOCAL;
        } else if (self->n_asked < REQUESTS_AHEAD &&
                   berth_image_plan_take_range(fetch->plan, REQUEST_CHUNKS, ret_range)) {
            step = STEP_ASK;
        } else if (self->n_asked > 0) {
            step = STEP_RECEIVE;
        } else {
            is_chosen = false;
            g_cond_wait(&fetch->changed, &fetch->lock);
        }
    }
    g_mutex_unlock(&fetch->lock);
    return step;
}

/* No source is left for this worker; the last one ends the fetch. */
static void
give_up(Worker *self)
{
    Fetch *fetch = self->fetch;
    g_mutex_lock(&fetch->lock);
    fetch->n_live--;
    fetch->is_over = fetch->is_over || fetch->n_live == 0;
    g_cond_broadcast(&fetch->changed);
    g_mutex_unlock(&fetch->lock);
}

static void
run_worker(Worker *self)
{
    uint64_t index = 0;
    BerthImageWay way = BERTH_IMAGE_WAY_DONE;
    BerthImageRange range = { 0 };
    for (;;) {
        if (is_told_to_stop(self->fetch)) {
            fail_for_good(self->fetch, new_stop_error());
        }
        switch (choose_step(self, &index, &way, &range)) {
        case STEP_LOCAL:
            do_local(self, index, way);
            break;
        case STEP_ASK:
            if (!ensure_source(self)) {
                give_back(self->fetch, &range);
                give_up(self);
                return;
            }
            ask_for(self, &range);
            break;
        case STEP_RECEIVE:
            serve_wire(self);
            break;
        case STEP_END:
            return;
        }
    }
}

static Worker *
worker_new(Fetch *fetch, size_t first_source)
{
    Worker *self = g_new0(Worker, 1);
    self->fetch = fetch;
    self->next_source = first_source;
    self->hash = EVP_MD_CTX_new();
    g_assert(self->hash != NULL && EVP_DigestInit_ex(self->hash, EVP_sha256(), NULL) == 1);
    self->chunk = g_malloc(BERTH_CHUNK_BYTES);
    return self;
}

static void
worker_free(Worker *self)
{
    berth_image_source_free(self->source);
    EVP_MD_CTX_free(self->hash);
    g_free(self->chunk);
    g_free(self);
}

static gpointer
run_thread(gpointer data)
{
    run_worker(data);
    return NULL;
}

static unsigned
count_workers(const Fetch *self)
{
    unsigned wanted = self->config->n_threads;
    uint64_t n_open = berth_image_plan_n_open(self->plan);
    uint64_t useful = (n_open + REQUEST_CHUNKS - 1) / REQUEST_CHUNKS;
    if (wanted == 0) {
        wanted = MIN(g_get_num_processors(), MAX_THREADS);
    }
    return (unsigned)CLAMP(MIN(wanted, useful), 1, MAX_THREADS);
}

/* first: the worker that has a connection already. */
static void
run_workers(Fetch *self, Worker *first)
{
    Worker *workers[MAX_THREADS] = { first };
    GThread *threads[MAX_THREADS] = { NULL };
    unsigned n = count_workers(self);
    self->n_live = n;
    for (unsigned i = 1; i < n; i++) {
        workers[i] = worker_new(self, i);
        threads[i] = g_thread_new("image-fetch", run_thread, workers[i]);
    }
    run_worker(first);
    for (unsigned i = 1; i < n; i++) {
        g_thread_join(threads[i]);
        worker_free(workers[i]);
    }
}

/* ---- before and after ---- */

static bool
open_part(Fetch *self, GError **error)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    self->fd = open(self->part_path, flags, 0600);
    self->have_fd = self->fd >= 0 ? open(self->have_path, flags, 0600) : -1;
    if (self->have_fd < 0 || ftruncate(self->fd, (off_t)self->config->size_bytes) != 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "\"%s\" cannot be made: %s",
                               self->part_path, g_strerror(errno));
    }
    return true;
}

/* What an earlier attempt left; zeros are made sure of, all else is hashed again. */
static void
plan_own(Fetch *self)
{
    uint64_t n_chunks = berth_chunk_list_n_chunks(self->list);
    g_autofree uint8_t *have = g_malloc0(n_chunks);
    struct stat info;
    bool is_new = fstat(self->fd, &info) != 0 || info.st_blocks == 0;
    ssize_t n = is_new ? 0 : pread(self->have_fd, have, n_chunks, 0);
    for (uint64_t i = 0; i < n_chunks && !is_new; i++) {
        if (berth_chunk_list_is_zero(self->list, i)) {
            fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)(i * BERTH_CHUNK_BYTES),
                      (off_t)berth_chunk_list_chunk_bytes(self->list, i));
        } else if ((ssize_t)i < n && have[i] == HAVE_BYTE) {
            berth_image_plan_set_way(self->plan, i, BERTH_IMAGE_WAY_OWN);
        }
    }
}

static void
open_older(Fetch *self)
{
    const BerthImageFetchConfig *config = self->config;
    self->older = g_new0(Older, config->n_older + 1);
    for (size_t i = 0; i < config->n_older; i++) {
        Older *older = &self->older[self->n_older];
        g_autofree char *path =
            berth_store_folder_file(config->folder, &config->older[i], "chunks");
        older->list = berth_chunk_list_load(path, &config->older[i], NULL);
        if (older->list == NULL) {
            continue;
        }
        older->fd = berth_store_folder_open_file(config->folder, &config->older[i],
                                                 berth_chunk_list_size_bytes(older->list), NULL);
        if (older->fd < 0) {
            g_clear_pointer(&older->list, berth_chunk_list_unref);
            continue;
        }
        self->n_older++;
    }
}

static void
plan_older(Fetch *self)
{
    for (uint64_t i = 0; i < berth_chunk_list_n_chunks(self->list); i++) {
        if (berth_image_plan_get_way(self->plan, i) == BERTH_IMAGE_WAY_WIRE &&
            find_older(self, i) != NULL) {
            berth_image_plan_set_way(self->plan, i, BERTH_IMAGE_WAY_OLDER);
        }
    }
}

/* Asks one source after the other for the list; it stays connected to the one that had it. */
static bool
fetch_list(Worker *worker, GError **error)
{
    Fetch *self = worker->fetch;
    while (self->list == NULL && ensure_source(worker)) {
        GError *problem = NULL;
        self->list = berth_image_source_fetch_list(worker->source, &problem);
        if (self->list == NULL) {
            leave_source(worker, problem);
        }
    }
    if (self->list != NULL) {
        worker->n_failed = 0;
        return true;
    }
    if (is_told_to_stop(self)) {
        g_propagate_error(error, new_stop_error());
        return false;
    }
    g_propagate_error(error, g_steal_pointer(&self->error));
    return false;
}

static bool
prepare(Fetch *self, GError **error)
{
    const BerthImageFetchConfig *config = self->config;
    self->plan = berth_image_plan_new(self->list);
    if (!open_part(self, error)) {
        return false;
    }
    plan_own(self);
    open_older(self);
    plan_older(self);
    struct stat info = { 0 };
    fstat(self->fd, &info);
    uint64_t missing = berth_image_plan_open_bytes(self->plan);
    uint64_t allocated = (uint64_t)info.st_blocks * 512;
    __atomic_store_n(&config->progress->total_bytes,
                     (int64_t)berth_chunk_list_data_bytes(self->list), __ATOMIC_RELAXED);
    self->is_over = missing == 0;
    return missing <= allocated ||
           berth_store_folder_check_space(config->folder, missing - allocated, error);
}

/* All chunks are there: the file comes to its place. */
static bool
settle(Fetch *self, GError **error)
{
    if (berth_image_plan_n_open(self->plan) > 0) {
        g_propagate_error(error,
                          self->error != NULL ? g_steal_pointer(&self->error) : new_stop_error());
        return false;
    }
    __atomic_store_n(&self->config->progress->verified_us, berth_monotonic_us(), __ATOMIC_RELAXED);
    berth_kill_point(BERTH_KILL_REPLICATE_COMPLETE);
    if (!berth_store_folder_take(self->config->folder, self->part_path, self->list, error)) {
        return false;
    }
    berth_kill_point(BERTH_KILL_REPLICATE_SETTLED);
    unlink(self->have_path);
    return true;
}

static int64_t
chunk_deadline(const BerthImageFetchConfig *config)
{
    int64_t us = BERTH_LIMIT_IMAGE_CHUNK_US;
    if (config->kbps > 0) {
        /* All threads share the rate, and their turns are not even. */
        us += 2 * MAX_THREADS * (int64_t)BERTH_CHUNK_BYTES * 8000 / config->kbps;
    }
    return us;
}

static void
fetch_clear(Fetch *self)
{
    for (size_t i = 0; i < self->n_older; i++) {
        berth_clear_fd(&self->older[i].fd);
        berth_chunk_list_unref(self->older[i].list);
    }
    g_free(self->older);
    berth_clear_fd(&self->fd);
    berth_clear_fd(&self->have_fd);
    berth_image_plan_free(self->plan);
    berth_chunk_list_unref(self->list);
    g_clear_error(&self->error);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self->is_banned);
    g_free(self->part_path);
    g_free(self->have_path);
}

bool
berth_image_fetch(const BerthImageFetchConfig *config, GError **error)
{
    Fetch self = {
        .config = config,
        .part_path = berth_store_folder_file(config->folder, &config->root, "part"),
        .have_path = berth_store_folder_file(config->folder, &config->root, "part.have"),
        .fd = -1,
        .have_fd = -1,
        .is_cloning = true,
        .chunk_deadline_us = chunk_deadline(config),
        .rate = { .kbps = config->kbps },
        .is_banned = g_new0(bool, config->n_sources + 1),
    };
    if (config->n_sources == 0) {
        self.error = g_error_new_literal(BERTH_ERROR, BERTH_ERR_NOT_FOUND,
                                         "nobody who has the file is known");
    }
    g_mutex_init(&self.lock);
    g_cond_init(&self.changed);
    Worker *first = worker_new(&self, 0);
    bool is_good = fetch_list(first, error) && prepare(&self, error);
    if (is_good) {
        berth_kill_point(BERTH_KILL_REPLICATE_LISTED);
        run_workers(&self, first);
        is_good = settle(&self, error);
    }
    worker_free(first);
    fetch_clear(&self);
    return is_good;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/image-check.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/worker-pool.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST_BYTES 32
#define DIGEST_CHARS (2 * DIGEST_BYTES)
/* Read at once; between two reads a hash can be stopped. */
#define CHUNK_BYTES (1024 * 1024)
#define MAX_QUEUED 64

/* What tells one content of a file from another without reading it. */
typedef struct {
    uint64_t device, inode;
    int64_t size, changed_s, changed_ns;
} Identity;

typedef struct {
    Identity identity;
    char digest[DIGEST_CHARS + 1];
} Known;

typedef struct {
    BerthImageCheck *owner;
    char *path;
    gint is_stopped; /* atomic */
    int errnum;      /* why it could not be read, or 0 */
    Known known;
} Job;

struct BerthImageAsk {
    BerthImageCheck *owner;
    char *path;
    char sha256[DIGEST_CHARS + 1];
    BerthImageCheckDone done;
    void *user_data;
};

struct BerthImageCheck {
    BerthWorkerPool *workers;
    GHashTable *known; /* path -> Known * */
    GHashTable *jobs;  /* path -> Job *, under way */
    GQueue asks;       /* BerthImageAsk *, oldest first */
    guint retry_source;
    bool is_closing;
};

static void
job_free(Job *job)
{
    g_free(job->path);
    g_free(job);
}

static Identity
identity_of(const struct stat *info)
{
    return (Identity){ .device = info->st_dev,
                       .inode = info->st_ino,
                       .size = info->st_size,
                       .changed_s = info->st_mtim.tv_sec,
                       .changed_ns = info->st_mtim.tv_nsec };
}

static bool
is_same(const Identity *a, const Identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

/* ---- worker ---- */

static bool
hash_all(Job *job, int fd, EVP_MD_CTX *hash)
{
    g_autofree uint8_t *chunk = g_malloc(CHUNK_BYTES);
    ssize_t n = 1;
    while (n > 0 && !g_atomic_int_get(&job->is_stopped)) {
        n = read(fd, chunk, CHUNK_BYTES);
        if (n < 0 && errno == EINTR) {
            n = 1;
        } else if (n < 0) {
            job->errnum = errno;
        } else if (EVP_DigestUpdate(hash, chunk, (size_t)n) != 1) {
            job->errnum = ENOMEM;
        }
    }
    return n == 0 && job->errnum == 0;
}

static void
run_hash(void *data)
{
    Job *job = data;
    struct stat info;
    uint8_t digest[DIGEST_BYTES];
    berth_autofd int fd = open(job->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        job->errnum = errno;
        return;
    }
    /* Of before the reading: a change meanwhile shows at the next question. */
    job->known.identity = identity_of(&info);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        job->errnum = ENOMEM;
    } else if (hash_all(job, fd, hash) && EVP_DigestFinal_ex(hash, digest, NULL) == 1) {
        berth_hex_format(digest, sizeof digest, job->known.digest);
    }
    EVP_MD_CTX_free(hash);
}

/* ---- answers ---- */

static void
ask_free(BerthImageAsk *ask)
{
    g_free(ask->path);
    g_free(ask);
}

static void
answer(BerthImageAsk *ask, int code, const char *text)
{
    BerthImageCheckDone done = ask->done;
    void *user_data = ask->user_data;
    ask_free(ask);
    done(code, text, user_data);
}

static void
judge(BerthImageAsk *ask, const Job *job)
{
    if (job->errnum != 0) {
        g_autofree char *text =
            g_strdup_printf("%s cannot be read: %s", ask->path, g_strerror(job->errnum));
        answer(ask, berth_error_from_errno(job->errnum), text);
    } else if (g_ascii_strcasecmp(job->known.digest, ask->sha256) != 0) {
        g_autofree char *text = g_strdup_printf("%s is not the image of its manifest: its SHA-256 "
                                                "is %s",
                                                ask->path, job->known.digest);
        answer(ask, BERTH_ERR_CORRUPT, text);
    } else {
        answer(ask, BERTH_OK, NULL);
    }
}

static BerthImageAsk *
take_ask(BerthImageCheck *self, const char *path)
{
    for (GList *item = self->asks.head; item != NULL; item = item->next) {
        BerthImageAsk *ask = item->data;
        if (strcmp(ask->path, path) == 0) {
            g_queue_delete_link(&self->asks, item);
            return ask;
        }
    }
    return NULL;
}

static void
hash_done(void *data)
{
    Job *job = data;
    BerthImageCheck *self = job->owner;
    BerthImageAsk *ask;
    g_hash_table_remove(self->jobs, job->path);
    if (job->known.digest[0] != '\0') {
        g_hash_table_replace(self->known, g_strdup(job->path),
                             g_memdup2(&job->known, sizeof job->known));
        berth_log_info("image", "%s has the SHA-256 %s", job->path, job->known.digest);
    }
    while (!self->is_closing && (ask = take_ask(self, job->path)) != NULL) {
        judge(ask, job);
    }
    job_free(job);
}

/* ---- questions ---- */

static void
start_hash(BerthImageCheck *self, const char *path)
{
    if (g_hash_table_contains(self->jobs, path)) {
        return;
    }
    Job *job = g_new0(Job, 1);
    job->owner = self;
    job->path = g_strdup(path);
    if (berth_worker_pool_submit(self->workers, run_hash, hash_done, job) == BERTH_OK) {
        g_hash_table_insert(self->jobs, job->path, job);
    } else {
        job_free(job);
    }
}

/* Questions for which the worker's line had no room. */
static gboolean
on_retry(gpointer user_data)
{
    BerthImageCheck *self = user_data;
    for (GList *item = self->asks.head; item != NULL; item = item->next) {
        start_hash(self, ((const BerthImageAsk *)item->data)->path);
    }
    if (g_queue_is_empty(&self->asks)) {
        self->retry_source = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static bool
is_known_good(BerthImageCheck *self, const char *path, const char *sha256)
{
    struct stat info;
    const Known *known = g_hash_table_lookup(self->known, path);
    if (known == NULL || stat(path, &info) != 0) {
        return false;
    }
    Identity identity = identity_of(&info);
    return is_same(&known->identity, &identity) && g_ascii_strcasecmp(known->digest, sha256) == 0;
}

BerthImageAsk *
berth_image_check_ask(BerthImageCheck *self, const char *path, const char *sha256,
                      BerthImageCheckDone done, void *user_data)
{
    if (is_known_good(self, path, sha256)) {
        return NULL;
    }
    BerthImageAsk *ask = g_new0(BerthImageAsk, 1);
    ask->owner = self;
    ask->path = g_strdup(path);
    g_strlcpy(ask->sha256, sha256, sizeof ask->sha256);
    ask->done = done;
    ask->user_data = user_data;
    g_queue_push_tail(&self->asks, ask);
    start_hash(self, path);
    if (self->retry_source == 0) {
        self->retry_source = g_timeout_add_seconds(1, on_retry, self);
    }
    return ask;
}

void
berth_image_check_cancel(BerthImageAsk *ask)
{
    if (ask != NULL) {
        g_queue_remove(&ask->owner->asks, ask);
        ask_free(ask);
    }
}

BerthImageCheck *
berth_image_check_new(void)
{
    BerthImageCheck *self = g_new0(BerthImageCheck, 1);
    self->workers = berth_worker_pool_new(NULL, 1, MAX_QUEUED);
    self->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->jobs = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&self->asks);
    return self;
}

void
berth_image_check_free(BerthImageCheck *self)
{
    GHashTableIter iter;
    gpointer job;
    if (self == NULL) {
        return;
    }
    self->is_closing = true;
    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_hash_table_iter_init(&iter, self->jobs);
    while (g_hash_table_iter_next(&iter, NULL, &job)) {
        g_atomic_int_set(&((Job *)job)->is_stopped, 1);
    }
    berth_worker_pool_free(self->workers);
    g_queue_clear_full(&self->asks, (GDestroyNotify)ask_free);
    g_hash_table_unref(self->jobs);
    g_hash_table_unref(self->known);
    g_free(self);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-store-private.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/transport/image-source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Files that are fetched or verified at once: a slow source does not hold up all others. */
#define MAX_JOBS 2
#define MAX_QUEUED 256
#define TICK_S 5
#define RETRY_FIRST_US (5LL * 1000 * 1000)
#define RETRY_LAST_US (60LL * 1000 * 1000)
/* What must stay free beside images: overlays of machines lie on the same disk more often than not.
 */
#define RESERVE_BYTES (512ULL << 20)
/* Older files that are looked through for chunks of a new one. */
#define MAX_OLDER 3
#define LOCK_FILE "lock"

/* ---- tables ---- */

static guint
hash_bytes(gconstpointer data)
{
    guint hash;
    memcpy(&hash, data, sizeof hash);
    return hash;
}

static gboolean
equal_digests(gconstpointer a, gconstpointer b)
{
    return berth_digest_equal(a, b);
}

static gboolean
equal_ids(gconstpointer a, gconstpointer b)
{
    return berth_id_equal(a, b);
}

static void
version_free(gpointer data)
{
    BerthStoreVersion *version = data;
    berth_image_wish_clear(&version->wish);
    g_clear_error(&version->error);
    g_free(version);
}

static void
file_free(gpointer data)
{
    BerthStoreFile *file = data;
    g_clear_error(&file->error);
    g_free(file);
}

static void
set_served(BerthImageStore *self, const BerthStoreFile *file)
{
    g_mutex_lock(&self->served_lock);
    if (file->state == BERTH_FILE_GOOD) {
        g_hash_table_replace(self->served, g_memdup2(&file->root, sizeof file->root),
                             g_memdup2(&file->size_bytes, sizeof file->size_bytes));
    } else {
        g_hash_table_remove(self->served, &file->root);
    }
    g_mutex_unlock(&self->served_lock);
}

/* ---- folder ---- */

/* Two agents on one folder would remove each other's files. */
static bool
lock_folder(BerthImageStore *self, GError **error)
{
    g_autofree char *path = g_build_filename(self->path, LOCK_FILE, NULL);
    if (g_mkdir_with_parents(self->path, 0750) != 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "the folder of image versions \"%s\" cannot be made: %s", self->path,
                               g_strerror(errno));
    }
    berth_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "the folder of image versions \"%s\" cannot be used: %s", self->path,
                               fd >= 0 ? "another agent uses it" : g_strerror(errno));
    }
    self->lock_fd = berth_steal_fd(&fd);
    return true;
}

BerthStoreFolder *
berth_image_store_get_folder(BerthImageStore *self, GError **error)
{
    if (self->folder == NULL && (self->lock_fd >= 0 || lock_folder(self, error))) {
        self->folder = berth_store_folder_open(self->path, RESERVE_BYTES, error);
    }
    return self->folder;
}

/* In a thread of the server. */
static int
open_file(const BerthDigest *root, int *ret_fd, BerthChunkList **ret_list, void *user_data)
{
    BerthImageStore *self = user_data;
    uint64_t size_bytes = 0;
    g_mutex_lock(&self->served_lock);
    const uint64_t *size = g_hash_table_lookup(self->served, root);
    size_bytes = size != NULL ? *size : 0;
    g_mutex_unlock(&self->served_lock);
    if (size_bytes == 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    g_autofree char *path = berth_store_folder_file(self->folder, root, "chunks");
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(path, root, NULL);
    int fd = list != NULL ? berth_store_folder_open_file(self->folder, root, size_bytes, NULL) : -1;
    if (fd < 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    *ret_fd = fd;
    *ret_list = g_steal_pointer(&list);
    return BERTH_OK;
}

/* ---- jobs ---- */

static void work_on_all(BerthImageStore *self);

static void
note_failure(BerthImageStore *self, BerthStoreFile *file, GError *error)
{
    file->state = BERTH_FILE_FAILED;
    g_clear_error(&file->error);
    file->error = error;
    file->retry_us = file->retry_us == 0 ? RETRY_FIRST_US : MIN(file->retry_us * 2, RETRY_LAST_US);
    file->next_try_us = berth_clock_now_us(&self->clock) + file->retry_us;
}

static void
job_done(void *data)
{
    BerthImageJob *job = data;
    BerthImageStore *self = job->owner;
    BerthStoreFile *file = g_hash_table_lookup(self->files, &job->root);
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    berth_digest_format(&job->root, hex);
    g_assert(file != NULL && file->job == job);
    file->job = NULL;
    if (job->error == NULL) {
        berth_log_info("image", "%s.img is here and verified", hex);
        file->state = BERTH_FILE_GOOD;
        file->identity = job->identity;
        file->retry_us = 0;
        g_clear_error(&file->error);
    } else {
        berth_log_warning("image", "%s.img is not here: %s", hex, job->error->message);
        note_failure(self, file, g_steal_pointer(&job->error));
    }
    set_served(self, file);
    berth_image_job_free(job);
    if (!self->is_closing) {
        work_on_all(self);
        self->on_changed(self->user_data);
    }
}

/* Good files of the same image, in which most chunks of this one may be. */
static GArray *
find_older(BerthImageStore *self, const BerthStoreFile *file)
{
    GHashTableIter iter;
    gpointer value;
    GArray *older = g_array_new(FALSE, FALSE, sizeof(BerthDigest));
    g_hash_table_iter_init(&iter, self->files);
    while (older->len < MAX_OLDER && g_hash_table_iter_next(&iter, NULL, &value)) {
        const BerthStoreFile *other = value;
        if (other != file && other->state == BERTH_FILE_GOOD &&
            berth_id_equal(&other->image, &file->image)) {
            g_array_append_val(older, other->root);
        }
    }
    return older;
}

static void
start_job(BerthImageStore *self, BerthStoreFile *file, const BerthImageWish *wish)
{
    BerthImageJob *job = berth_image_job_new();
    job->folder = self->folder;
    job->root = file->root;
    job->size_bytes = file->size_bytes;
    job->sources = g_array_ref(wish->sources);
    job->older = find_older(self, file);
    job->tls = self->tls;
    job->broker_name = self->broker_name;
    job->kbps = wish->kbps;
    job->owner = self;
    if (berth_worker_pool_submit(self->workers, berth_image_job_run, job_done, job) != BERTH_OK) {
        berth_image_job_free(job);
        return;
    }
    file->job = job;
    file->state = BERTH_FILE_BUSY;
    set_served(self, file);
}

bool
berth_image_store_is_untouched(BerthImageStore *self, BerthStoreFile *file)
{
    BerthFileIdentity now;
    if (file->state == BERTH_FILE_GOOD &&
        berth_file_identity_read(self->folder, &file->root, &now) == BERTH_OK &&
        berth_file_identity_equal(&now, &file->identity)) {
        return true;
    }
    if (file->state == BERTH_FILE_GOOD) {
        berth_log_warning("image", "a file of a version was touched and is verified again");
        file->state = BERTH_FILE_UNKNOWN;
        set_served(self, file);
    }
    return false;
}

/* After a restart: a file that is as it was when it was verified is not read again. */
static void
remember(BerthImageStore *self, BerthStoreFile *file)
{
    BerthFileIdentity now, before;
    if (berth_store_folder_has(self->folder, &file->root) &&
        berth_file_identity_read(self->folder, &file->root, &now) == BERTH_OK &&
        berth_file_identity_load(self->folder, &file->root, &before) &&
        berth_file_identity_equal(&now, &before) && now.size_bytes == (int64_t)file->size_bytes) {
        file->state = BERTH_FILE_GOOD;
        file->identity = now;
        set_served(self, file);
    }
}

static BerthStoreFile *
ensure_file(BerthImageStore *self, const BerthVersionManifest *manifest,
            const BerthVersionFile *wanted)
{
    BerthStoreFile *file = g_hash_table_lookup(self->files, &wanted->root);
    if (file == NULL) {
        file = g_new0(BerthStoreFile, 1);
        file->root = wanted->root;
        file->size_bytes = wanted->size_bytes;
        file->image = manifest->image;
        g_hash_table_insert(self->files, &file->root, file);
        remember(self, file);
    }
    return file;
}

static void
work_on_file(BerthImageStore *self, BerthStoreFile *file, const BerthImageWish *wish)
{
    bool is_due =
        file->state == BERTH_FILE_UNKNOWN ||
        (file->state == BERTH_FILE_FAILED && berth_clock_now_us(&self->clock) >= file->next_try_us);
    if (is_due) {
        start_job(self, file, wish);
    }
}

void
berth_image_store_work_on(BerthImageStore *self, BerthStoreVersion *version)
{
    const BerthVersionManifest *manifest = &version->wish.manifest;
    if (version->error != NULL || self->folder == NULL) {
        return;
    }
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        if (manifest->files[i].is_present) {
            work_on_file(self, ensure_file(self, manifest, &manifest->files[i]), &version->wish);
        }
    }
}

static void
work_on_all(BerthImageStore *self)
{
    GHashTableIter iter;
    gpointer version;
    g_hash_table_iter_init(&iter, self->versions);
    while (g_hash_table_iter_next(&iter, NULL, &version)) {
        berth_image_store_work_on(self, version);
    }
}

/* ---- what is wanted ---- */

/* A version never changes: one that comes with another text is another one's work. */
static void
check_unchanged(const BerthStoreVersion *before, BerthStoreVersion *now)
{
    if (before != NULL && before->error == NULL && now->error == NULL &&
        strcmp(before->wish.text, now->wish.text) != 0) {
        berth_set_error(&now->error, BERTH_ERR_UNTRUSTED,
                        "version %lld of image \"%s\" comes with another manifest than before",
                        (long long)now->wish.manifest.number, now->wish.manifest.image_name);
    }
}

static BerthStoreVersion *
read_version(BerthImageStore *self, const json_t *item)
{
    BerthStoreVersion *version = g_new0(BerthStoreVersion, 1);
    if (berth_image_wish_parse(item, &version->wish, &version->error) &&
        berth_image_wish_check(&version->wish, self->keys, &version->error)) {
        berth_image_store_get_folder(self, &version->error);
    }
    return version;
}

static void
add_version(BerthImageStore *self, GHashTable *before, const json_t *item)
{
    BerthId id;
    if (berth_image_wish_read_id(item, &id) != BERTH_OK) {
        berth_log_warning("image", "the broker wants a version without an id");
        return;
    }
    const BerthStoreVersion *old = g_hash_table_lookup(before, &id);
    BerthStoreVersion *version = read_version(self, item);
    check_unchanged(old, version);
    bool was_refused = old != NULL && old->error != NULL;
    if (version->error != NULL &&
        !(was_refused && strcmp(old->error->message, version->error->message) == 0)) {
        berth_log_error("image", "a version is refused: %s", version->error->message);
    }
    g_hash_table_replace(self->versions, g_memdup2(&id, sizeof id), version);
}

/* Stops fetching what no version wants any more. */
static void
forget_files(BerthImageStore *self)
{
    GHashTableIter iter, versions;
    gpointer value, item;
    g_autoptr(GHashTable) wanted = g_hash_table_new(hash_bytes, equal_digests);
    g_hash_table_iter_init(&versions, self->versions);
    while (g_hash_table_iter_next(&versions, NULL, &item)) {
        BerthVersionManifest *manifest = &((BerthStoreVersion *)item)->wish.manifest;
        for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
            g_hash_table_add(wanted, &manifest->files[i].root);
        }
    }
    g_hash_table_iter_init(&iter, self->files);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        BerthStoreFile *file = value;
        if (g_hash_table_contains(wanted, &file->root)) {
            continue;
        }
        if (file->job != NULL) {
            berth_image_job_cancel(file->job);
        } else {
            g_hash_table_iter_remove(&iter);
        }
    }
}

static void
read_wanted(BerthImageStore *self)
{
    size_t i;
    json_t *item;
    GHashTable *before = self->versions;
    self->versions = g_hash_table_new_full(hash_bytes, equal_ids, g_free, version_free);
    json_array_foreach (self->wanted, i, item) {
        add_version(self, before, item);
    }
    g_hash_table_unref(before);
    forget_files(self);
    work_on_all(self);
    self->on_changed(self->user_data);
}

void
berth_image_store_set_keys(BerthImageStore *self, const json_t *ticket_keys)
{
    size_t i;
    json_t *item;
    GArray *keys = g_array_new(FALSE, FALSE, sizeof(BerthTicketKey));
    json_array_foreach (ticket_keys, i, item) {
        BerthTicketKey key;
        if (json_is_string(item) && berth_ticket_key_parse(json_string_value(item), &key) == 0) {
            g_array_append_val(keys, key);
        }
    }
    g_array_unref(self->keys);
    self->keys = keys;
    if (self->wanted != NULL) {
        read_wanted(self);
    }
}

void
berth_image_store_want(BerthImageStore *self, const json_t *images, bool is_safe_mode)
{
    self->is_safe_mode = is_safe_mode;
    self->heard_us = berth_clock_now_us(&self->clock);
    if (g_file_test(self->path, G_FILE_TEST_IS_DIR)) {
        /* What is in it may be to go, even if nothing of it is wanted. */
        berth_image_store_get_folder(self, NULL);
    }
    bool is_same = self->wanted != NULL && json_equal(self->wanted, images);
    if (!is_same) {
        json_decref(self->wanted);
        self->wanted = json_deep_copy(images);
        read_wanted(self);
    }
}

void
berth_image_store_tick(BerthImageStore *self)
{
    if (self->folder == NULL && json_array_size(self->wanted) > 0) {
        read_wanted(self);
    }
    work_on_all(self);
    berth_image_store_clean(self);
}

static gboolean
on_tick(gpointer user_data)
{
    berth_image_store_tick(user_data);
    return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

static bool
start_transfers(BerthImageStore *self, const BerthImageStoreConfig *config, GError **error)
{
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(config->cert_file, config->key_file, error);
    if (key == NULL) {
        return false;
    }
    self->tls = berth_image_source_tls_new(key, config->ca_file, error);
    if (self->tls == NULL) {
        return false;
    }
    const BerthImageServerConfig server = {
        .listen = config->listen,
        .key = key,
        .ca_file = config->ca_file,
        .allowed_name = config->broker_name,
        .max_connections = BERTH_LIMIT_IMAGE_CONNECTIONS,
        .open_file = open_file,
        .user_data = self,
    };
    self->server = berth_image_server_new(&server, error);
    return self->server != NULL;
}

BerthImageStore *
berth_image_store_new(const BerthImageStoreConfig *config, GError **error)
{
    BerthImageStore *self = g_new0(BerthImageStore, 1);
    self->path = g_strdup(config->folder);
    self->broker_name = g_strdup(config->broker_name);
    self->clock = config->clock != NULL ? *config->clock : berth_clock_monotonic;
    self->wall = config->wall != NULL ? *config->wall : berth_clock_wall;
    self->on_changed = config->on_changed;
    self->add_used = config->add_used;
    self->user_data = config->user_data;
    self->lock_fd = -1;
    g_mutex_init(&self->served_lock);
    self->served = g_hash_table_new_full(hash_bytes, equal_digests, g_free, g_free);
    self->unwanted = g_hash_table_new_full(hash_bytes, equal_digests, g_free, g_free);
    self->files = g_hash_table_new_full(hash_bytes, equal_digests, NULL, file_free);
    self->versions = g_hash_table_new_full(hash_bytes, equal_ids, g_free, version_free);
    self->keys = g_array_new(FALSE, FALSE, sizeof(BerthTicketKey));
    self->workers = berth_worker_pool_new(NULL, MAX_JOBS, MAX_QUEUED);
    if (!start_transfers(self, config, error)) {
        berth_image_store_free(self);
        return NULL;
    }
    self->tick_source = g_timeout_add_seconds(TICK_S, on_tick, self);
    return self;
}

void
berth_image_store_free(BerthImageStore *self)
{
    GHashTableIter iter;
    gpointer file;
    if (self == NULL) {
        return;
    }
    self->is_closing = true;
    g_clear_handle_id(&self->tick_source, g_source_remove);
    g_hash_table_iter_init(&iter, self->files);
    while (g_hash_table_iter_next(&iter, NULL, &file)) {
        if (((BerthStoreFile *)file)->job != NULL) {
            berth_image_job_cancel(((BerthStoreFile *)file)->job);
        }
    }
    berth_worker_pool_free(self->workers);
    berth_image_server_free(self->server);
    berth_tls_context_unref(self->tls);
    g_hash_table_unref(self->versions);
    g_hash_table_unref(self->files);
    g_hash_table_unref(self->unwanted);
    g_hash_table_unref(self->served);
    g_mutex_clear(&self->served_lock);
    g_array_unref(self->keys);
    json_decref(self->wanted);
    berth_store_folder_free(self->folder);
    berth_clear_fd(&self->lock_fd);
    g_free(self->path);
    g_free(self->broker_name);
    g_free(self);
}

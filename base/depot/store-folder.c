/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/store-folder.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER_MODE 0750
#define COMPLETE_MODE 0444
#define TMP_FOLDER "tmp"

struct BerthStoreFolder {
    char *path;
    char *tmp_path;
    uint64_t reserve_bytes;
};

static bool
fail_errno(GError **error, int errnum, const char *what, const char *path)
{
    return berth_set_error(error, berth_error_from_errno(errnum), "cannot %s \"%s\": %s", what,
                           path, g_strerror(errnum));
}

/* What a process that died has left half made. */
static bool
sweep(const char *tmp_path, GError **error)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(tmp_path, 0, error);
    if (dir == NULL) {
        return false;
    }
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(tmp_path, name, NULL);
        if (unlink(path) < 0) {
            berth_log_warning("store-folder", "cannot remove \"%s\": %s", path, g_strerror(errno));
        } else {
            berth_log_info("store-folder", "removed \"%s\", which was never finished", path);
        }
    }
    return true;
}

BerthStoreFolder *
berth_store_folder_open(const char *path, uint64_t reserve_bytes, GError **error)
{
    g_autoptr(BerthStoreFolder) self = g_new0(BerthStoreFolder, 1);
    self->path = g_strdup(path);
    self->tmp_path = g_build_filename(path, TMP_FOLDER, NULL);
    self->reserve_bytes = reserve_bytes;
    if (g_mkdir_with_parents(self->tmp_path, FOLDER_MODE) < 0) {
        fail_errno(error, errno, "make the folder", self->tmp_path);
        return NULL;
    }
    if (!sweep(self->tmp_path, error)) {
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
berth_store_folder_free(BerthStoreFolder *self)
{
    if (self != NULL) {
        g_free(self->path);
        g_free(self->tmp_path);
        g_free(self);
    }
}

const char *
berth_store_folder_path(const BerthStoreFolder *self)
{
    return self->path;
}

char *
berth_store_folder_file(const BerthStoreFolder *self, const BerthDigest *root, const char *suffix)
{
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    berth_digest_format(root, hex);
    return g_strdup_printf("%s/%s.%s", self->path, hex, suffix);
}

char *
berth_store_folder_tmp_file(const BerthStoreFolder *self, const char *name)
{
    return g_build_filename(self->tmp_path, name, NULL);
}

uint64_t
berth_store_folder_free_bytes(const BerthStoreFolder *self)
{
    struct statvfs status;
    if (statvfs(self->path, &status) < 0) {
        return 0;
    }
    uint64_t bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return bytes > self->reserve_bytes ? bytes - self->reserve_bytes : 0;
}

bool
berth_store_folder_check_space(const BerthStoreFolder *self, uint64_t n_bytes, GError **error)
{
    uint64_t free_bytes = berth_store_folder_free_bytes(self);
    if (n_bytes <= free_bytes) {
        return true;
    }
    return berth_set_error(error, BERTH_ERR_DISK_FULL,
                           "\"%s\" has room for %llu MiB, %llu MiB are needed; remove versions "
                           "that nobody uses or give it more space",
                           self->path, (unsigned long long)(free_bytes >> 20),
                           (unsigned long long)((n_bytes + (1u << 20) - 1) >> 20));
}

static bool
is_there(const BerthStoreFolder *self, const BerthDigest *root, const char *suffix)
{
    g_autofree char *path = berth_store_folder_file(self, root, suffix);
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool
berth_store_folder_has(const BerthStoreFolder *self, const BerthDigest *root)
{
    return is_there(self, root, "img") && is_there(self, root, "chunks");
}

/* The names in the folder survive a power cut. */
static bool
sync_folder(const BerthStoreFolder *self, GError **error)
{
    berth_autofd int fd = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return fail_errno(error, errno, "sync", self->path);
    }
    return true;
}

static bool
write_all(int fd, const uint8_t *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t written = write(fd, bytes + done, n - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        done += (size_t)written;
    }
    return true;
}

static bool
write_tmp(const char *path, const void *bytes, size_t n, GError **error)
{
    berth_autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0 || !write_all(fd, bytes, n) || fsync(fd) < 0) {
        return fail_errno(error, errno, "write", path);
    }
    return true;
}

bool
berth_store_folder_write(BerthStoreFolder *self, const char *path, const void *bytes, size_t n,
                         GError **error)
{
    char name[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(name);
    g_autofree char *tmp = berth_store_folder_tmp_file(self, name);
    if (!write_tmp(tmp, bytes, n, error)) {
        unlink(tmp);
        return false;
    }
    if (rename(tmp, path) < 0) {
        fail_errno(error, errno, "make", path);
        unlink(tmp);
        return false;
    }
    return sync_folder(self, error);
}

static bool
sync_complete(const char *path, uint64_t size_bytes, GError **error)
{
    struct stat status;
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) < 0) {
        return fail_errno(error, errno, "open", path);
    }
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != size_bytes) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" is no file of %llu bytes any more",
                               path, (unsigned long long)size_bytes);
    }
    if (fchmod(fd, COMPLETE_MODE) < 0 || fsync(fd) < 0) {
        return fail_errno(error, errno, "sync", path);
    }
    return true;
}

bool
berth_store_folder_take(BerthStoreFolder *self, const char *path, const BerthChunkList *list,
                        GError **error)
{
    BerthDigest root;
    berth_chunk_list_root(list, &root);
    if (berth_store_folder_has(self, &root)) {
        if (unlink(path) < 0) {
            return fail_errno(error, errno, "remove", path);
        }
        return true;
    }
    if (!sync_complete(path, berth_chunk_list_size_bytes(list), error)) {
        return false;
    }
    berth_kill_point(BERTH_KILL_STORE_SYNCED);
    g_autoptr(GBytes) bytes = berth_chunk_list_format(list);
    g_autofree char *list_path = berth_store_folder_file(self, &root, "chunks");
    g_autofree char *final_path = berth_store_folder_file(self, &root, "img");
    if (!berth_store_folder_write(self, list_path, g_bytes_get_data(bytes, NULL),
                                  g_bytes_get_size(bytes), error)) {
        return false;
    }
    berth_kill_point(BERTH_KILL_STORE_LISTED);
    if (rename(path, final_path) < 0) {
        return fail_errno(error, errno, "make", final_path);
    }
    berth_kill_point(BERTH_KILL_STORE_RENAMED);
    return sync_folder(self, error);
}

int
berth_store_folder_open_file(const BerthStoreFolder *self, const BerthDigest *root,
                             uint64_t size_bytes, GError **error)
{
    g_autofree char *path = berth_store_folder_file(self, root, "img");
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        fail_errno(error, errno, "open", path);
        return -1;
    }
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != size_bytes) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" has %llu bytes, not %llu", path,
                        (unsigned long long)status.st_size, (unsigned long long)size_bytes);
        return -1;
    }
    return berth_steal_fd(&fd);
}

/* The root that a name of the folder begins with. */
static bool
root_of_name(const char *name, BerthDigest *ret)
{
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    if (strlen(name) <= BERTH_DIGEST_HEX_CHARS || name[BERTH_DIGEST_HEX_CHARS] != '.') {
        return false;
    }
    g_strlcpy(hex, name, sizeof(hex));
    return berth_digest_parse(hex, ret) == BERTH_OK;
}

/* Removes every file of the folder that belongs to a root. */
static bool
remove_matching(const BerthStoreFolder *self, const BerthDigest *root, GError **error)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(self->path, 0, error);
    if (dir == NULL) {
        return false;
    }
    while ((name = g_dir_read_name(dir)) != NULL) {
        BerthDigest found;
        if (!root_of_name(name, &found) || !berth_digest_equal(&found, root)) {
            continue;
        }
        g_autofree char *path = g_build_filename(self->path, name, NULL);
        if (unlink(path) < 0 && errno != ENOENT) {
            return fail_errno(error, errno, "remove", path);
        }
    }
    return true;
}

bool
berth_store_folder_remove(BerthStoreFolder *self, const BerthDigest *root, GError **error)
{
    /* The file goes before its list: an .img never stands without one. */
    g_autofree char *path = berth_store_folder_file(self, root, "img");
    if (unlink(path) < 0 && errno != ENOENT) {
        return fail_errno(error, errno, "remove", path);
    }
    return remove_matching(self, root, error) && sync_folder(self, error);
}

static guint
hash_digest(gconstpointer data)
{
    guint hash;
    memcpy(&hash, data, sizeof(hash));
    return hash;
}

static gboolean
equal_digest(gconstpointer a, gconstpointer b)
{
    return berth_digest_equal(a, b);
}

GArray *
berth_store_folder_list(const BerthStoreFolder *self)
{
    const char *name;
    GArray *roots = g_array_new(FALSE, FALSE, sizeof(BerthDigest));
    g_autoptr(GHashTable) seen = g_hash_table_new_full(hash_digest, equal_digest, g_free, NULL);
    g_autoptr(GDir) dir = g_dir_open(self->path, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        BerthDigest root;
        if (root_of_name(name, &root) && g_hash_table_add(seen, g_memdup2(&root, sizeof(root)))) {
            g_array_append_val(roots, root);
        }
    }
    return roots;
}

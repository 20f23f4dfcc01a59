/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/disk-work.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Zeros are left out of a copy in pieces of this many bytes. */
#define BLOCK_BYTES 65536u
/* What a copy leaves free: machines go on writing while it is made. */
#define RESERVE_BYTES (64ull * 1024 * 1024)

struct BerthDiskWork {
    char *source, *target, *list_path;
    bool has_root;
    BerthDigest root;
    BerthChunkList *expected;
    GThread *thread;
    GMainContext *context;
    gint cancel; /* atomic */
    gint pct;    /* atomic */
    BerthDiskWorkResult result;
    GError *error;
    BerthDiskWorkDone done;
    void *user_data;
    GSource *source_done;
};

static void
work_free(BerthDiskWork *self)
{
    g_free(self->source);
    g_free(self->target);
    g_free(self->list_path);
    berth_chunk_list_unref(self->expected);
    g_clear_error(&self->error);
    g_free(self);
}

/* ---- in the thread ---- */

static bool
fail_errno(GError **error, const char *what, const char *path)
{
    int errnum = errno;
    return berth_set_error(error, berth_error_from_errno(errnum), "cannot %s \"%s\": %s", what,
                           path, g_strerror(errnum));
}

static bool
read_chunk(const BerthDiskWork *self, int fd, uint64_t offset, uint8_t *buffer, size_t n,
           GError **error)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, buffer + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno(error, "read", self->source);
        }
        if (got == 0) {
            return berth_set_error(error, BERTH_ERR_CORRUPT, "the file \"%s\" ends too early",
                                   self->source);
        }
        done += (size_t)got;
    }
    return true;
}

static bool
write_block(const BerthDiskWork *self, int fd, uint64_t offset, const uint8_t *bytes, size_t n,
            GError **error)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, bytes + done, n - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return fail_errno(error, "write", self->target);
        }
        done += (size_t)put;
    }
    return true;
}

static bool
write_chunk(const BerthDiskWork *self, int fd, uint64_t offset, const uint8_t *bytes, size_t n,
            GError **error)
{
    for (size_t at = 0; at < n; at += BLOCK_BYTES) {
        size_t n_block = MIN((size_t)BLOCK_BYTES, n - at);
        if (!berth_bytes_are_zero(bytes + at, n_block) &&
            !write_block(self, fd, offset + at, bytes + at, n_block, error)) {
            return false;
        }
    }
    return true;
}

static bool
is_hole(int fd, uint64_t offset, size_t n)
{
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
    return data < 0 ? errno == ENXIO : (uint64_t)data >= offset + n;
}

static bool
refuse_chunk(const BerthDiskWork *self, uint64_t index, GError **error)
{
    return berth_set_error(error, BERTH_ERR_CORRUPT,
                           "the file \"%s\" is damaged: part %" G_GUINT64_FORMAT
                           " of 4 MiB is not what was written",
                           self->source, index);
}

static bool
take_chunk(BerthDiskWork *self, int in, int out, BerthChunkList *list, uint64_t index,
           uint8_t *buffer, GError **error)
{
    uint64_t offset = index * BERTH_CHUNK_BYTES;
    size_t n = berth_chunk_list_chunk_bytes(list, index);
    if (is_hole(in, offset, n)) {
        return self->expected == NULL || berth_chunk_list_is_zero(self->expected, index) ||
               refuse_chunk(self, index, error);
    }
    if (!read_chunk(self, in, offset, buffer, n, error)) {
        return false;
    }
    if (self->expected != NULL && !berth_chunk_list_check(self->expected, index, buffer, n)) {
        return refuse_chunk(self, index, error);
    }
    if (berth_bytes_are_zero(buffer, n)) {
        return true;
    }
    BerthDigest digest;
    berth_digest_make(buffer, n, &digest);
    berth_chunk_list_set(list, index, &digest);
    return out < 0 || write_chunk(self, out, offset, buffer, n, error);
}

static bool
take_all(BerthDiskWork *self, int in, int out, BerthChunkList *list, GError **error)
{
    g_autofree uint8_t *buffer = g_malloc(BERTH_CHUNK_BYTES);
    uint64_t n_chunks = berth_chunk_list_n_chunks(list);
    for (uint64_t i = 0; i < n_chunks; i++) {
        if (g_atomic_int_get(&self->cancel) != 0) {
            return berth_set_error(error, BERTH_ERR_CLOSED, "it was cancelled");
        }
        if (!take_chunk(self, in, out, list, i, buffer, error)) {
            return false;
        }
        g_atomic_int_set(&self->pct, (gint)((i + 1) * 100 / n_chunks));
    }
    return true;
}

static bool
check_room(const BerthDiskWork *self, const struct stat *info, GError **error)
{
    struct statvfs room;
    g_autofree char *folder = g_path_get_dirname(self->target);
    uint64_t needed = (uint64_t)info->st_blocks * 512 + RESERVE_BYTES;
    if (statvfs(folder, &room) != 0) {
        return fail_errno(error, "look at", folder);
    }
    uint64_t n_free = (uint64_t)room.f_bavail * room.f_frsize;
    if (n_free < needed) {
        return berth_set_error(error, BERTH_ERR_DISK_FULL,
                               "a copy of \"%s\" needs %" G_GUINT64_FORMAT
                               " MiB in %s, %" G_GUINT64_FORMAT " MiB are free",
                               self->source, needed >> 20, folder, n_free >> 20);
    }
    return true;
}

static int
open_target(const BerthDiskWork *self, const struct stat *info, GError **error)
{
    if (!check_room(self, info, error)) {
        return -1;
    }
    unlink(self->target);
    int fd = open(self->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fail_errno(error, "make", self->target);
    }
    return fd;
}

static bool
write_list(const BerthDiskWork *self, const BerthChunkList *list, GError **error)
{
    g_autoptr(GBytes) bytes = berth_chunk_list_format(list);
    gsize n = 0;
    const char *data = g_bytes_get_data(bytes, &n);
    GError *problem = NULL;
    if (g_file_set_contents_full(self->list_path, data, (gssize)n,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &problem)) {
        return true;
    }
    bool is_full = g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    berth_set_error(error, is_full ? BERTH_ERR_DISK_FULL : BERTH_ERR_IO, "%s", problem->message);
    g_error_free(problem);
    return false;
}

static bool
settle(BerthDiskWork *self, int in, int out, const BerthChunkList *list, GError **error)
{
    berth_chunk_list_root(list, &self->result.root);
    self->result.size_bytes = berth_chunk_list_size_bytes(list);
    self->result.data_bytes = berth_chunk_list_data_bytes(list);
    if (self->has_root && !berth_digest_equal(&self->root, &self->result.root)) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "the file \"%s\" is damaged: its hash is not the one that was "
                               "written down",
                               self->source);
    }
    if (out >= 0 && (ftruncate(out, (off_t)self->result.size_bytes) != 0 || fsync(out) != 0)) {
        return fail_errno(error, "write", self->target);
    }
    if (out < 0 && fdatasync(in) != 0) {
        return fail_errno(error, "sync", self->source);
    }
    return self->list_path == NULL || write_list(self, list, error);
}

static bool
check_size(const BerthDiskWork *self, const struct stat *info, GError **error)
{
    if (!S_ISREG(info->st_mode)) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" is no file", self->source);
    }
    if (self->expected != NULL &&
        berth_chunk_list_size_bytes(self->expected) != (uint64_t)info->st_size) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "the file \"%s\" is damaged: it has %" G_GINT64_FORMAT
                               " bytes instead of %" G_GUINT64_FORMAT,
                               self->source, (gint64)info->st_size,
                               berth_chunk_list_size_bytes(self->expected));
    }
    return true;
}

static bool
run(BerthDiskWork *self, GError **error)
{
    struct stat info;
    berth_autofd int in = open(self->source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0 || fstat(in, &info) != 0) {
        return fail_errno(error, "read", self->source);
    }
    if (!check_size(self, &info, error)) {
        return false;
    }
    g_autoptr(BerthChunkList) list = berth_chunk_list_new((uint64_t)info.st_size);
    if (list == NULL) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "the file \"%s\" is empty or too large",
                               self->source);
    }
    berth_autofd int out = self->target != NULL ? open_target(self, &info, error) : -1;
    if (self->target != NULL && out < 0) {
        return false;
    }
    bool is_good = take_all(self, in, out, list, error) && settle(self, in, out, list, error);
    if (!is_good && self->target != NULL) {
        unlink(self->target);
    }
    return is_good;
}

/* ---- in the main thread ---- */

static gboolean
on_done(gpointer user_data)
{
    BerthDiskWork *self = user_data;
    g_thread_join(self->thread);
    self->result.code = self->error != NULL ? self->error->code : BERTH_OK;
    self->result.text = self->error != NULL ? self->error->message : NULL;
    self->done(&self->result, self->user_data);
    g_source_unref(self->source_done);
    work_free(self);
    return G_SOURCE_REMOVE;
}

static gpointer
run_thread(gpointer data)
{
    BerthDiskWork *self = data;
    run(self, &self->error);
    g_source_attach(self->source_done, self->context);
    return NULL;
}

BerthDiskWork *
berth_disk_work_start(const BerthDiskWorkPlan *plan, BerthDiskWorkDone done, void *user_data)
{
    BerthDiskWork *self = g_new0(BerthDiskWork, 1);
    self->source = g_strdup(plan->source);
    self->target = g_strdup(plan->target);
    self->list_path = g_strdup(plan->list_path);
    self->has_root = plan->root != NULL;
    if (plan->root != NULL) {
        self->root = *plan->root;
    }
    if (plan->expected != NULL) {
        self->expected = berth_chunk_list_ref((BerthChunkList *)plan->expected);
    }
    self->done = done;
    self->user_data = user_data;
    self->context = g_main_context_get_thread_default();
    self->source_done = g_idle_source_new();
    g_source_set_callback(self->source_done, on_done, self, NULL);
    self->thread = g_thread_new("disk-work", run_thread, self);
    return self;
}

int
berth_disk_work_get_pct(const BerthDiskWork *self)
{
    return g_atomic_int_get(&self->pct);
}

void
berth_disk_work_cancel(BerthDiskWork *self)
{
    if (self == NULL) {
        return;
    }
    g_atomic_int_set(&self->cancel, 1);
    g_thread_join(self->thread);
    g_source_destroy(self->source_done);
    if (self->target != NULL) {
        unlink(self->target);
    }
    g_source_unref(self->source_done);
    work_free(self);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file is in one of four states, told apart by what is there:
 *
 *   as it came       "disk"; a "disk.raw" beside it is half made and goes
 *   converted        only "disk.raw" (a raw image was renamed), or just made
 *   hashed           the journal has its root
 *   in the store     the store has that root
 */
#include "broker/depot/import-work.h"

#include "base/cleanup.h"
#include "base/depot/chunk-maker.h"
#include "base/depot/image-convert.h"
#include "base/error.h"
#include "base/kill-point.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW ".raw"
/* Of 100: what converting takes, and hashing. */
#define CONVERT_PCT 70
#define HASH_PCT 29

typedef struct {
    const BerthImportWork *work;
    BerthUpload *upload;
    BerthVersionFileRole role;
    char *source, *raw;
} FileWork;

static void
file_work_clear(FileWork *self)
{
    g_free(self->source);
    g_free(self->raw);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FileWork, file_work_clear)

static bool
fail_errno(GError **error, const char *what, const char *path)
{
    return berth_set_error(error, berth_error_from_errno(errno), "cannot %s \"%s\": %s", what, path,
                           g_strerror(errno));
}

static bool
convert_disk(FileWork *self, GError **error)
{
    BerthImageConverted found;
    const BerthImportWork *work = self->work;
    const BerthUpload *upload = self->upload;
    BerthImageConvert convert = {
        .tools = work->tools,
        .source = self->source,
        .target = self->raw,
        .format = upload->format,
        .may_rename = upload->path == NULL,
        .max_virtual_bytes = work->max_virtual_bytes,
        .max_stored_bytes = berth_store_folder_free_bytes(work->store),
        .timeout_us = work->timeout_us,
        .cancel = work->cancel,
        .progress_permille = &work->progress->convert_permille,
    };
    return berth_image_convert(&convert, &found, error);
}

/* After this only the raw file counts. */
static bool
make_raw(FileWork *self, GError **error)
{
    bool is_elsewhere = self->role == BERTH_VERSION_DISK && self->upload->path != NULL;
    bool has_source = access(self->source, F_OK) == 0;
    bool has_raw = access(self->raw, F_OK) == 0;
    if (has_raw && !has_source && !is_elsewhere) {
        return true;
    }
    if (has_raw && unlink(self->raw) < 0) {
        return fail_errno(error, "remove", self->raw);
    }
    if (self->role == BERTH_VERSION_DISK) {
        if (!convert_disk(self, error)) {
            return false;
        }
    } else if (rename(self->source, self->raw) < 0) {
        return fail_errno(error, "rename", self->source);
    }
    berth_kill_point(BERTH_KILL_IMPORT_CONVERTED);
    return true;
}

static BerthChunkList *
hash_raw(FileWork *self, GError **error)
{
    berth_autofd int fd = open(self->raw, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        fail_errno(error, "open", self->raw);
        return NULL;
    }
    BerthImportProgress *progress = self->work->progress;
    __atomic_store_n(&progress->hashed_bytes, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&progress->hash_bytes, status.st_size, __ATOMIC_RELAXED);
    BerthChunkMakerOptions options = {
        .cancel = self->work->cancel,
        .punches_zeros = true,
        .n_done_bytes = &progress->hashed_bytes,
    };
    return berth_chunk_list_make(fd, &options, error);
}

static bool
store_raw(FileWork *self, GError **error)
{
    BerthUploadFile *file = &self->upload->files[self->role];
    g_autoptr(BerthChunkList) list = hash_raw(self, error);
    if (list == NULL) {
        return false;
    }
    berth_chunk_list_root(list, &file->made.root);
    file->made.size_bytes = berth_chunk_list_size_bytes(list);
    file->made.is_present = true;
    if (!berth_upload_save(self->upload, error)) {
        return false;
    }
    berth_kill_point(BERTH_KILL_IMPORT_HASHED);
    if (!berth_store_folder_take(self->work->store, self->raw, list, error)) {
        return false;
    }
    berth_kill_point(BERTH_KILL_IMPORT_STORED);
    return true;
}

static bool
run_file(FileWork *self, GError **error)
{
    const BerthUploadFile *file = &self->upload->files[self->role];
    if (file->made.is_present && berth_store_folder_has(self->work->store, &file->made.root)) {
        return true;
    }
    return make_raw(self, error) && store_raw(self, error);
}

static void
set_up(FileWork *self)
{
    const BerthUpload *upload = self->upload;
    bool is_elsewhere = self->role == BERTH_VERSION_DISK && upload->path != NULL;
    self->source =
        is_elsewhere ? g_strdup(upload->path) : berth_upload_file(upload, self->role, "");
    self->raw = berth_upload_file(upload, self->role, RAW);
}

bool
berth_import_work_run(const BerthImportWork *work, BerthUpload *upload, GError **error)
{
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        if (upload->files[i].size_bytes == 0) {
            continue;
        }
        g_auto(FileWork) self = {
            .work = work,
            .upload = upload,
            .role = (BerthVersionFileRole)i,
        };
        set_up(&self);
        if (!run_file(&self, error)) {
            return false;
        }
    }
    return true;
}

int
berth_import_progress_pct(const BerthImportProgress *progress)
{
    int64_t all = berth_chunk_progress(&progress->hash_bytes);
    int64_t hashed = berth_chunk_progress(&progress->hashed_bytes);
    int permille = g_atomic_int_get(&progress->convert_permille);
    if (all == 0) {
        return permille * CONVERT_PCT / 1000;
    }
    return CONVERT_PCT + (int)(MIN(hashed, all) * HASH_PCT / all);
}

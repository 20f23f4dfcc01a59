/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-job.h"

#include "base/cleanup.h"
#include "base/depot/chunk-maker.h"
#include "base/error.h"
#include "base/kill-point.h"
#include "base/log.h"

#include <sys/eventfd.h>
#include <unistd.h>

BerthImageJob *
berth_image_job_new(void)
{
    BerthImageJob *self = g_new0(BerthImageJob, 1);
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return self;
}

/* Whether the file that is there has the root; false with the error otherwise. */
static bool
verify(BerthImageJob *self, GError **error)
{
    BerthDigest root;
    const BerthChunkMakerOptions options = {
        .cancel = &self->is_cancelled,
        .n_done_bytes = &self->checked_bytes,
    };
    int found = berth_file_identity_read(self->folder, &self->root, &self->identity);
    if (found != BERTH_OK) {
        return berth_set_error(error, found, "the file cannot be looked at");
    }
    berth_autofd int fd =
        berth_store_folder_open_file(self->folder, &self->root, self->size_bytes, error);
    g_autoptr(BerthChunkList) list = fd >= 0 ? berth_chunk_list_make(fd, &options, error) : NULL;
    if (list == NULL) {
        return false;
    }
    berth_chunk_list_root(list, &root);
    if (!berth_digest_equal(&root, &self->root)) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "it holds other bytes than its name says");
    }
    return true;
}

/* The file that is there is no good; it goes.  False if it cannot, or the job is to end. */
static bool
remove_bad(BerthImageJob *self, const GError *reason)
{
    g_autofree char *path = berth_store_folder_file(self->folder, &self->root, "img");
    if (reason->code == BERTH_ERR_CLOSED) {
        self->error = g_error_copy(reason);
        return false;
    }
    self->was_damaged = true;
    berth_log_error("image",
                    "%s was changed on this host and is not used: %s; it is removed and fetched "
                    "again",
                    path, reason->message);
    return berth_store_folder_remove(self->folder, &self->root, &self->error);
}

static void
fetch(BerthImageJob *self)
{
    const BerthImageFetchConfig config = {
        .folder = self->folder,
        .root = self->root,
        .size_bytes = self->size_bytes,
        .sources = (const BerthAddress *)(void *)self->sources->data,
        .n_sources = self->sources->len,
        .tls = self->tls,
        .allowed_name = self->broker_name,
        .older = (const BerthDigest *)(void *)self->older->data,
        .n_older = self->older->len,
        .kbps = self->kbps,
        .stop_fd = self->stop_fd,
        .progress = &self->progress,
    };
    if (!berth_image_fetch(&config, &self->error)) {
        return;
    }
    int code = berth_file_identity_read(self->folder, &self->root, &self->identity);
    if (code != BERTH_OK) {
        self->error = g_error_new(BERTH_ERROR, code, "the file is gone again: %s",
                                  berth_error_sentence(code));
    }
}

/* What a fetch that was killed after its file had come to its place left beside it. */
static void
remove_leftovers(const BerthImageJob *self)
{
    static const char *const suffixes[] = { "part", "part.have" };
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = berth_store_folder_file(self->folder, &self->root, suffixes[i]);
        unlink(path);
    }
}

void
berth_image_job_run(void *job)
{
    BerthImageJob *self = job;
    bool is_good = false;
    if (berth_store_folder_has(self->folder, &self->root)) {
        g_autoptr(GError) reason = NULL;
        g_atomic_int_set(&self->is_verifying, 1);
        is_good = verify(self, &reason);
        if (!is_good && !remove_bad(self, reason)) {
            return;
        }
        g_atomic_int_set(&self->is_verifying, 0);
    }
    if (!is_good) {
        fetch(self);
    }
    if (self->error == NULL) {
        remove_leftovers(self);
        berth_kill_point(BERTH_KILL_REPLICATE_VERIFIED);
        berth_file_identity_save(self->folder, &self->root, &self->identity);
    }
}

void
berth_image_job_cancel(BerthImageJob *self)
{
    g_atomic_int_set(&self->is_cancelled, 1);
    eventfd_write(self->stop_fd, 1);
}

int64_t
berth_image_job_get_bytes(const BerthImageJob *self)
{
    int64_t total = berth_chunk_progress(&self->progress.total_bytes);
    int64_t done = berth_chunk_progress(&self->progress.done_bytes);
    if (g_atomic_int_get(&self->is_verifying)) {
        return MIN(berth_chunk_progress(&self->checked_bytes), (int64_t)self->size_bytes);
    }
    return total <= 0 ? 0 : (int64_t)((double)self->size_bytes * (double)done / (double)total);
}

void
berth_image_job_free(BerthImageJob *self)
{
    if (self != NULL) {
        berth_clear_fd(&self->stop_fd);
        g_clear_pointer(&self->sources, g_array_unref);
        g_clear_pointer(&self->older, g_array_unref);
        g_clear_error(&self->error);
        g_free(self);
    }
}

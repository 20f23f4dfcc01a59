/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/seal-disk.h"

#include "base/cleanup.h"
#include "base/depot/chunk-maker.h"
#include "base/error.h"
#include "base/kill-point.h"
#include "berth/errors.h"
#include "host-agent/tasks/flatten.h"
#include "host-agent/vm/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 100 GB at 30 MB/s. */
#define FLATTEN_MS (3600 * 1000)
#define LOOK_MS 1000
#define BLOCK_BYTES 512

/* The job of the worker; freed by whoever is last, which the main loop decides. */
typedef struct {
    BerthSealDisk *owner; /* NULL: nobody waits any more */
    char *raw_path;
    gint cancel;
    BerthChunkList *list;
    GError *error;
} Listing;

struct BerthSealDisk {
    BerthSealDiskConfig config;
    char *overlay_path, *raw_path;
    BerthChild *child;
    guint look_source;
    Listing *listing;
};

static void
seal_disk_free(BerthSealDisk *self)
{
    g_clear_handle_id(&self->look_source, g_source_remove);
    g_free(self->overlay_path);
    g_free(self->raw_path);
    g_free(self);
}

static void
end(BerthSealDisk *self, int code, const char *text, const BerthChunkList *list)
{
    if (code != BERTH_OK) {
        unlink(self->raw_path);
    }
    self->config.done(code, text, list, self->config.user_data);
    seal_disk_free(self);
}

/* ---- list ---- */

static void
listing_free(Listing *listing)
{
    g_clear_pointer(&listing->list, berth_chunk_list_unref);
    g_clear_error(&listing->error);
    g_free(listing->raw_path);
    g_free(listing);
}

static gboolean
on_listed(gpointer user_data)
{
    Listing *listing = user_data;
    BerthSealDisk *self = listing->owner;
    g_autoptr(GError) error = NULL;
    if (self == NULL) {
        unlink(listing->raw_path);
        listing_free(listing);
        return G_SOURCE_REMOVE;
    }
    self->listing = NULL;
    if (listing->list == NULL) {
        end(self, listing->error->code, listing->error->message, NULL);
    } else {
        bool is_stored =
            berth_store_folder_take(self->config.folder, self->raw_path, listing->list, &error);
        end(self, is_stored ? BERTH_OK : error->code, is_stored ? NULL : error->message,
            is_stored ? listing->list : NULL);
    }
    listing_free(listing);
    return G_SOURCE_REMOVE;
}

static gpointer
list_in_thread(gpointer user_data)
{
    Listing *listing = user_data;
    BerthChunkMakerOptions options = { .n_threads = 2,
                                       .punches_zeros = true,
                                       .cancel = &listing->cancel };
    berth_autofd int fd = open(listing->raw_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        int errnum = errno;
        berth_set_error(&listing->error, berth_error_from_errno(errnum), "cannot open %s: %s",
                        listing->raw_path, g_strerror(errnum));
    } else {
        listing->list = berth_chunk_list_make(fd, &options, &listing->error);
        /* Here, so that the main loop does not wait for the disk; an error comes again there. */
        (void)fsync(fd);
    }
    g_idle_add(on_listed, listing);
    return NULL;
}

static void
start_listing(BerthSealDisk *self)
{
    Listing *listing = g_new0(Listing, 1);
    listing->owner = self;
    listing->raw_path = g_strdup(self->raw_path);
    self->listing = listing;
    g_thread_unref(g_thread_new("seal-list", list_in_thread, listing));
}

/* ---- flatten ---- */

static char *
describe(int code, const char *path, const char *output)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *first = g_strndup(output, strcspn(output, "\n"));
    switch (code) {
    case BERTH_ERR_DISK_FULL:
        return g_strdup_printf("no space is left in %s for the disk of the new version", folder);
    case BERTH_ERR_TIMEOUT:
        return g_strdup("copying the disk took more than an hour");
    default:
        return g_strdup_printf("qemu-img could not copy the disk: %s", first);
    }
}

static void
on_flattened(int status, const char *output, void *user_data)
{
    BerthSealDisk *self = user_data;
    int code = berth_overlay_classify(status, output);
    self->child = NULL;
    g_clear_handle_id(&self->look_source, g_source_remove);
    if (code != BERTH_OK) {
        g_autofree char *text = describe(code, self->raw_path, output);
        end(self, code, text, NULL);
        return;
    }
    berth_kill_point(BERTH_KILL_SEAL_FLATTENED);
    self->config.on_progress(90, self->config.user_data);
    start_listing(self);
}

static gboolean
on_look(gpointer user_data)
{
    BerthSealDisk *self = user_data;
    struct stat info;
    if (self->config.used_bytes > 0 && stat(self->raw_path, &info) == 0) {
        uint64_t done = (uint64_t)info.st_blocks * BLOCK_BYTES;
        int pct = (int)(MIN(done, self->config.used_bytes) * 90 / self->config.used_bytes);
        self->config.on_progress(pct, self->config.user_data);
    }
    return G_SOURCE_CONTINUE;
}

BerthSealDisk *
berth_seal_disk_new(const BerthSealDiskConfig *config, GError **error)
{
    BerthSealDisk *self = g_new0(BerthSealDisk, 1);
    self->config = *config;
    self->overlay_path = g_strdup(config->overlay_path);
    self->raw_path = g_strdup(config->raw_path);
    const BerthFlatten flatten = { .host = config->host,
                                   .disk = config->overlay_path,
                                   .point = "",
                                   .raw_path = config->raw_path,
                                   .timeout_ms = FLATTEN_MS };
    self->child = berth_flatten_start(&flatten, on_flattened, self, error);
    if (self->child == NULL) {
        unlink(self->raw_path);
        seal_disk_free(self);
        return NULL;
    }
    self->look_source = g_timeout_add(LOOK_MS, on_look, self);
    return self;
}

void
berth_seal_disk_cancel(BerthSealDisk *self)
{
    if (self == NULL) {
        return;
    }
    berth_child_cancel(self->child);
    if (self->listing != NULL) {
        /* The worker stops soon; what it works on goes when it has. */
        self->listing->owner = NULL;
        g_atomic_int_set(&self->listing->cancel, 1);
    } else {
        unlink(self->raw_path);
    }
    seal_disk_free(self);
}

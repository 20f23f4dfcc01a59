/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of BerthImageStore, for its files alone.  Thread: main, but for what is under the
 * lock.
 */
#pragma once

#include "base/worker-pool.h"
#include "display/transport/image-server.h"
#include "host-agent/images/image-job.h"
#include "host-agent/images/image-store.h"
#include "host-agent/images/image-wish.h"

typedef enum {
    BERTH_FILE_UNKNOWN, /* not looked at, or changed since */
    BERTH_FILE_BUSY,    /* a job is at it */
    BERTH_FILE_GOOD,
    BERTH_FILE_FAILED,
} BerthStoreFileState;

/* One file by its root; versions share them. */
typedef struct {
    BerthDigest root;
    uint64_t size_bytes;
    BerthId image; /* that has it; for older versions of the same */
    BerthStoreFileState state;
    BerthFileIdentity identity; /* of a good one */
    BerthImageJob *job;         /* of a busy one */
    GError *error;              /* of a failed one */
    int64_t next_try_us, retry_us;
} BerthStoreFile;

typedef struct {
    BerthImageWish wish; /* what could be read of it */
    GError *error;       /* why the wish is refused; NULL: it is good */
} BerthStoreVersion;

struct BerthImageStore {
    char *path, *broker_name;
    BerthClock clock, wall;
    void (*on_changed)(void *user_data);
    void (*add_used)(GHashTable *names, void *user_data);
    void *user_data;

    BerthStoreFolder *folder; /* NULL until it is needed */
    int lock_fd;
    BerthTlsContext *tls;
    BerthImageServer *server;
    BerthWorkerPool *workers;
    GArray *keys;         /* of BerthTicketKey */
    json_t *wanted;       /* the last list of the broker; NULL: none came */
    GHashTable *versions; /* BerthId * -> Version * */
    GHashTable *files;    /* BerthDigest * (in the File) -> File * */
    GHashTable *unwanted; /* BerthDigest * -> int64_t *: since when a root of the folder is so */
    int64_t heard_us;
    bool is_safe_mode, is_closing;
    guint tick_source;

    GMutex served_lock;
    GHashTable *served; /* BerthDigest * -> uint64_t *: sizes of good files, under the lock */
};

/* Begins what is to be done for a version: files that are not here, or failed long enough ago. */
void berth_image_store_work_on(BerthImageStore *self, BerthStoreVersion *version);

/* Whether a good file is still the one that was verified; if not, it is unknown from here on. */
bool berth_image_store_is_untouched(BerthImageStore *self, BerthStoreFile *file);

/* Removes what may go, see image-keep.h. */
void berth_image_store_clean(BerthImageStore *self);

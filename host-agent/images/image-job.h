/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes sure of one file of a version, in a worker thread: what is there is verified, what is not
 * is fetched, what is there and is another is removed and fetched.
 *
 * Thread: new, cancel and free from main; run in a worker, while which only progress and cancel are
 * touched.
 */
#pragma once

#include "base/depot/store-folder.h"
#include "display/transport/image-fetch.h"
#include "host-agent/images/file-identity.h"

typedef struct {
    /* set before it runs; strings and arrays owned */
    BerthStoreFolder *folder; /* borrowed */
    BerthDigest root;
    uint64_t size_bytes;
    GArray *sources;      /* of BerthAddress */
    GArray *older;        /* of BerthDigest */
    BerthTlsContext *tls; /* borrowed */
    const char *broker_name;
    int64_t kbps;
    void *owner;

    /* while it runs */
    int stop_fd;
    gint is_cancelled; /* atomic */
    gint is_verifying; /* atomic */
    gint64 checked_bytes;
    BerthImageProgress progress;

    /* afterwards */
    GError *error; /* NULL: the file is there and good */
    BerthFileIdentity identity;
    bool was_damaged; /* the file that was there had to go */
} BerthImageJob;

/* A job without its settings. */
BerthImageJob *berth_image_job_new(void);

/* Does it: for berth_worker_pool_submit(). */
void berth_image_job_run(void *job);

/* Ends it soon with BERTH_ERR_CLOSED; what was fetched stays. */
void berth_image_job_cancel(BerthImageJob *self);

/* How many of size_bytes are here, holes counted as if they were data. */
int64_t berth_image_job_get_bytes(const BerthImageJob *self);

/* NULL is allowed. */
void berth_image_job_free(BerthImageJob *self);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fetches one file of an image into a folder of this host: from several sources at once, from what
 * an older version already has here, and on from where an earlier attempt ended.
 *
 * Several threads each take a chunk at a time from the connection of their own to the disk:
 * receive, hash and write go on side by side, with no bytes handed between threads.  A chunk counts
 * when its bytes in memory had the digest of the list, whose root was asked for; so a file that is
 * complete is one that was verified.  "<root>.part" is the file, "<root>.part.have" has a byte for
 * each chunk; what it claims is read and hashed again, so that it needs no sync and can be wrong.
 *
 * Thread: a worker, which it blocks.
 */
#pragma once

#include "base/depot/chunk-list.h"
#include "base/depot/store-folder.h"
#include "display/transport/tcp.h"
#include "display/transport/tls.h"

/* What others may look at meanwhile, with berth_chunk_progress(). */
typedef struct {
    gint64 total_bytes; /* of the chunks that are not all zeros; 0 until the list is here */
    gint64 done_bytes;
    gint64 wire_bytes;  /* of done_bytes, those that came over the wire */
    gint64 verified_us; /* when the last chunk was, by the monotonic clock; 0 before */
} BerthImageProgress;

typedef struct {
    BerthStoreFolder *folder; /* borrowed */
    BerthDigest root;
    uint64_t size_bytes;
    const BerthAddress *sources; /* whom to ask, the best first */
    size_t n_sources;
    BerthTlsContext *tls;     /* of berth_image_source_tls_new() */
    const char *allowed_name; /* see image-source.h */
    const BerthDigest *older; /* complete files of the folder that may hold the same chunks */
    size_t n_older;
    int64_t kbps;       /* of all connections together; 0: no limit */
    unsigned n_threads; /* and connections; 0: as many as processors, at most 4 */
    int stop_fd;        /* an eventfd; see image-channel.h */
    BerthImageProgress *progress;
} BerthImageFetchConfig;

/*
 * Fetches; when it returns true the file and its list are in their places in the folder.  After an
 * error what is good is kept for the next attempt.
 *
 * Errors: BERTH_ERR_CLOSED (told to stop), BERTH_ERR_DISK_FULL, BERTH_ERR_CORRUPT,
 * BERTH_ERR_UNTRUSTED, BERTH_ERR_NOT_FOUND and others of the last source, when none is left.
 */
bool berth_image_fetch(const BerthImageFetchConfig *config, GError **error);

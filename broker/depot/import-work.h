/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an import does with the files of an upload: each becomes a raw file of the depot's store.
 *
 * Every step is found done, or done again, by whoever runs it after a crash: what was converted
 * but not hashed is made again, what is in the store stays.  Thread: a worker; it blocks.
 */
#pragma once

#include "base/depot/image-tool.h"
#include "base/depot/store-folder.h"
#include "broker/depot/upload.h"

/* How far it is; written by the worker, read with the function below. */
typedef struct {
    gint convert_permille; /* of the disk */
    gint64 hashed_bytes, hash_bytes;
} BerthImportProgress;

typedef struct {
    BerthImageTools tools;
    BerthStoreFolder *store;    /* on the file system of the upload */
    uint64_t max_virtual_bytes; /* of a disk */
    int64_t timeout_us;         /* of a run of qemu-img */
    const gint *cancel;         /* atomic */
    BerthImportProgress *progress;
} BerthImportWork;

/*
 * Brings all files of the upload into the store; upload->files[].made tells their roots.
 *
 * Errors: those of berth_image_convert(), berth_chunk_list_make() and berth_store_folder_take().
 */
bool berth_import_work_run(const BerthImportWork *work, BerthUpload *upload, GError **error);

/* 0 to 100; converting is the larger part.  Thread: any. */
int berth_import_progress_pct(const BerthImportProgress *progress);

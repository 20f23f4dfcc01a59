/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder of files that are named by what is in them.
 *
 *   <root>.img        complete, mode 0444, never changed
 *   <root>.chunks     its list; written before the .img, so that an .img always has one
 *   <root>.part...    being fetched; resumable, whoever fetches knows how
 *   tmp/              everything else that is being made; swept when the folder is opened
 *
 * A file comes to its place by: written in tmp/, fsync, rename, fsync of the folder.  So after a
 * power cut it is there as a whole or not at all.  Thread: any; several threads may work on
 * different roots.
 */
#pragma once

#include "base/depot/chunk-list.h"

typedef struct BerthStoreFolder BerthStoreFolder;

/*
 * Opens a folder, makes it (mode 0750) and its tmp/ if they are missing, and sweeps tmp/.
 *
 * reserve_bytes:  what must stay free on its file system
 *
 * Errors: that of the errno, with the path.
 */
BerthStoreFolder *berth_store_folder_open(const char *path, uint64_t reserve_bytes, GError **error);

/* NULL is allowed; the files stay. */
void berth_store_folder_free(BerthStoreFolder *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthStoreFolder, berth_store_folder_free)

/* Path of the folder, borrowed. */
const char *berth_store_folder_path(const BerthStoreFolder *self);

/* "<folder>/<root>.<suffix>", owned by the caller; suffix is "img", "chunks", "part", ... */
char *berth_store_folder_file(const BerthStoreFolder *self, const BerthDigest *root,
                              const char *suffix);

/* "<folder>/tmp/<name>", owned by the caller; name is a plain file name. */
char *berth_store_folder_tmp_file(const BerthStoreFolder *self, const char *name);

/* Bytes that may be written before the reserve is touched. */
uint64_t berth_store_folder_free_bytes(const BerthStoreFolder *self);

/* Errors: BERTH_ERR_DISK_FULL with a sentence if n_bytes more would touch the reserve. */
bool berth_store_folder_check_space(const BerthStoreFolder *self, uint64_t n_bytes, GError **error);

/* Whether both files of a root are there; says nothing of what is in them. */
bool berth_store_folder_has(const BerthStoreFolder *self, const BerthDigest *root);

/*
 * Brings a complete file of this file system (usually in tmp/) to its place, with its list, and
 * gives it mode 0444.  If the root is there already, the file is removed instead: same root, same
 * bytes.
 *
 * path:  gone afterwards, on success only
 * list:  of the file; its root is the name
 *
 * Errors: BERTH_ERR_DISK_FULL, that of the errno.
 */
bool berth_store_folder_take(BerthStoreFolder *self, const char *path, const BerthChunkList *list,
                             GError **error);

/* Writes bytes to a file of the folder by way of tmp/: as a whole or not at all. */
bool berth_store_folder_write(BerthStoreFolder *self, const char *path, const void *bytes, size_t n,
                              GError **error);

/*
 * Opens "<root>.img" for reading; no symbolic link is followed.
 *
 * Returns a descriptor that the caller owns, -1 with BERTH_ERR_NOT_FOUND, that of the errno, or
 * BERTH_ERR_CORRUPT if it is no regular file of size_bytes.
 */
int berth_store_folder_open_file(const BerthStoreFolder *self, const BerthDigest *root,
                                 uint64_t size_bytes, GError **error);

/* Removes every file of a root; what is not there is no error. */
bool berth_store_folder_remove(BerthStoreFolder *self, const BerthDigest *root, GError **error);

/* Roots of which the folder has any file, in no order: array of BerthDigest, owned by the caller.
 */
GArray *berth_store_folder_list(const BerthStoreFolder *self);

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/file-identity.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define NS_PER_S 1000000000LL
#define SUFFIX "seen"
#define FORMAT "1 %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 "\n"
#define SCAN_FORMAT "1 %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64
#define N_FIELDS 5

int
berth_file_identity_read(const BerthStoreFolder *folder, const BerthDigest *root,
                         BerthFileIdentity *ret)
{
    struct stat info;
    g_autofree char *path = berth_store_folder_file(folder, root, "img");
    if (lstat(path, &info) != 0) {
        return berth_error_from_errno(errno);
    }
    *ret = (BerthFileIdentity){
        .device = info.st_dev,
        .inode = info.st_ino,
        .size_bytes = info.st_size,
        .modified_ns = info.st_mtim.tv_sec * NS_PER_S + info.st_mtim.tv_nsec,
        .changed_ns = info.st_ctim.tv_sec * NS_PER_S + info.st_ctim.tv_nsec,
    };
    return BERTH_OK;
}

bool
berth_file_identity_equal(const BerthFileIdentity *a, const BerthFileIdentity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

void
berth_file_identity_save(const BerthStoreFolder *folder, const BerthDigest *root,
                         const BerthFileIdentity *identity)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = berth_store_folder_file(folder, root, SUFFIX);
    g_autofree char *text =
        g_strdup_printf(FORMAT, identity->device, identity->inode, identity->size_bytes,
                        identity->modified_ns, identity->changed_ns);
    if (!g_file_set_contents(path, text, -1, &error)) {
        berth_log_warning("image", "%s cannot be written: %s", path, error->message);
    }
}

bool
berth_file_identity_load(const BerthStoreFolder *folder, const BerthDigest *root,
                         BerthFileIdentity *ret)
{
    BerthFileIdentity identity;
    g_autofree char *text = NULL;
    g_autofree char *path = berth_store_folder_file(folder, root, SUFFIX);
    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        sscanf(text, SCAN_FORMAT, &identity.device, &identity.inode, &identity.size_bytes,
               &identity.modified_ns, &identity.changed_ns) != N_FIELDS) {
        return false;
    }
    *ret = identity;
    return true;
}

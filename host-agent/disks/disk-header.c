/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-header.h"

#include "base/depot/qcow2-header.h"
#include "base/error.h"
#include "base/read-start.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>

#define MIB (1024LL * 1024)

bool
berth_disk_header_read(const uint8_t *bytes, size_t len, BerthDiskHeader *ret, GError **error)
{
    BerthQcow2Header header;
    if (berth_qcow2_header_read(bytes, len, &header) != BERTH_OK || header.version != 3) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "it is no qcow2 file of version 3");
    }
    if (header.backing_offset != 0) {
        return berth_set_error(error, BERTH_ERR_UNTRUSTED,
                               "its header names another file below it, which no user disk has");
    }
    if ((header.incompatible & ~(uint64_t)(BERTH_QCOW2_DIRTY | BERTH_QCOW2_CORRUPT)) != 0 ||
        header.crypt != 0) {
        return berth_set_error(error, BERTH_ERR_UNTRUSTED,
                               "its header needs features that no user disk has");
    }
    if ((header.incompatible & BERTH_QCOW2_CORRUPT) != 0) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "QEMU has marked it as damaged");
    }
    if (header.cluster_bits < BERTH_QCOW2_MIN_CLUSTER_BITS ||
        header.cluster_bits > BERTH_QCOW2_MAX_CLUSTER_BITS ||
        header.size_bytes > (uint64_t)BERTH_LIMIT_USER_DISK_MIB * MIB) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "its header tells sizes that cannot be");
    }
    ret->size_bytes = header.size_bytes;
    ret->is_dirty = (header.incompatible & BERTH_QCOW2_DIRTY) != 0;
    return true;
}

bool
berth_disk_header_load(const char *path, BerthDiskHeader *ret, GError **error)
{
    uint8_t bytes[BERTH_QCOW2_HEADER_3_BYTES];
    ssize_t n = berth_read_file_start(path, O_NOFOLLOW, bytes, sizeof bytes);
    if (n < 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "it cannot be read: %s",
                               g_strerror(errnum));
    }
    return berth_disk_header_read(bytes, (size_t)n, ret, error);
}

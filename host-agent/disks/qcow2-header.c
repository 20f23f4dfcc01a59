/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layout: docs/interop/qcow2.txt of QEMU; all numbers are big endian. */
#include "host-agent/disks/qcow2-header.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x514649fbu
#define OFFSET_VERSION 4
#define OFFSET_BACKING 8
#define OFFSET_CLUSTER_BITS 20
#define OFFSET_SIZE 24
#define OFFSET_CRYPT 32
#define OFFSET_INCOMPATIBLE 72
#define INCOMPATIBLE_DIRTY 1u
#define INCOMPATIBLE_CORRUPT 2u
#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21
#define MIB (1024LL * 1024)

static uint64_t
get_number(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

bool
berth_qcow2_header_read(const uint8_t *bytes, size_t len, BerthQcow2Header *ret, GError **error)
{
    if (len < BERTH_QCOW2_HEADER_BYTES || get_number(bytes, 4) != MAGIC ||
        get_number(bytes + OFFSET_VERSION, 4) != 3) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "it is no qcow2 file of version 3");
    }
    uint64_t cluster_bits = get_number(bytes + OFFSET_CLUSTER_BITS, 4);
    uint64_t size_bytes = get_number(bytes + OFFSET_SIZE, 8);
    uint64_t incompatible = get_number(bytes + OFFSET_INCOMPATIBLE, 8);
    if (get_number(bytes + OFFSET_BACKING, 8) != 0) {
        return berth_set_error(error, BERTH_ERR_UNTRUSTED,
                               "its header names another file below it, which no user disk has");
    }
    if ((incompatible & ~(uint64_t)(INCOMPATIBLE_DIRTY | INCOMPATIBLE_CORRUPT)) != 0 ||
        get_number(bytes + OFFSET_CRYPT, 4) != 0) {
        return berth_set_error(error, BERTH_ERR_UNTRUSTED,
                               "its header needs features that no user disk has");
    }
    if ((incompatible & INCOMPATIBLE_CORRUPT) != 0) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "QEMU has marked it as damaged");
    }
    if (cluster_bits < CLUSTER_BITS_MIN || cluster_bits > CLUSTER_BITS_MAX ||
        size_bytes > (uint64_t)BERTH_LIMIT_USER_DISK_MIB * MIB) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "its header tells sizes that cannot be");
    }
    ret->size_bytes = size_bytes;
    ret->is_dirty = (incompatible & INCOMPATIBLE_DIRTY) != 0;
    return true;
}

bool
berth_qcow2_header_load(const char *path, BerthQcow2Header *ret, GError **error)
{
    uint8_t bytes[BERTH_QCOW2_HEADER_BYTES];
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd >= 0 ? pread(fd, bytes, sizeof bytes, 0) : -1;
    if (n < 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "it cannot be read: %s",
                               g_strerror(errnum));
    }
    return berth_qcow2_header_read(bytes, (size_t)n, ret, error);
}

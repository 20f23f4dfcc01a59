/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/qcow2-header.h"

#include "berth/errors.h"

#define MAGIC 0x514649fbu
#define EXTENSION_HEAD_BYTES 8u

/* Offsets in the header; all numbers are big-endian. */
enum {
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_BYTES = 16,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT = 32,
    AT_N_L1 = 36,
    AT_L1_OFFSET = 40,
    AT_SNAPSHOTS = 60,
    AT_INCOMPATIBLE = 72,
    AT_HEADER_BYTES = 100,
};

/* The caller has checked that the bytes are there. */
static uint32_t
peek_u32(const uint8_t *bytes, size_t at)
{
    return (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 |
           (uint32_t)bytes[at + 2] << 8 | bytes[at + 3];
}

static uint64_t
peek_u64(const uint8_t *bytes, size_t at)
{
    return (uint64_t)peek_u32(bytes, at) << 32 | peek_u32(bytes, at + 4);
}

int
berth_qcow2_header_read(const uint8_t *bytes, size_t n, BerthQcow2Header *ret)
{
    if (n >= 4 && peek_u32(bytes, 0) != MAGIC) {
        return BERTH_ERR_CORRUPT;
    }
    if (n < BERTH_QCOW2_HEADER_2_BYTES) {
        return BERTH_ERR_TRUNCATED;
    }
    BerthQcow2Header header = { .version = peek_u32(bytes, AT_VERSION),
                                .backing_offset = peek_u64(bytes, AT_BACKING_OFFSET),
                                .backing_bytes = peek_u32(bytes, AT_BACKING_BYTES),
                                .cluster_bits = peek_u32(bytes, AT_CLUSTER_BITS),
                                .size_bytes = peek_u64(bytes, AT_SIZE),
                                .crypt = peek_u32(bytes, AT_CRYPT),
                                .n_l1 = peek_u32(bytes, AT_N_L1),
                                .l1_offset = peek_u64(bytes, AT_L1_OFFSET),
                                .n_snapshots = peek_u32(bytes, AT_SNAPSHOTS),
                                .header_bytes = BERTH_QCOW2_HEADER_2_BYTES };
    if (header.version != 2 && header.version != 3) {
        return BERTH_ERR_UNSUPPORTED;
    }
    if (header.version == 3 && n < BERTH_QCOW2_HEADER_3_BYTES) {
        return BERTH_ERR_TRUNCATED;
    }
    if (header.version == 3) {
        header.incompatible = peek_u64(bytes, AT_INCOMPATIBLE);
        header.header_bytes = peek_u32(bytes, AT_HEADER_BYTES);
    }
    *ret = header;
    return BERTH_OK;
}

int
berth_qcow2_extension_read(const uint8_t *bytes, size_t n, size_t *at, BerthQcow2Extension *ret)
{
    if (*at > n || n - *at < EXTENSION_HEAD_BYTES) {
        return BERTH_ERR_NOT_FOUND;
    }
    BerthQcow2Extension extension = { .type = peek_u32(bytes, *at),
                                      .bytes = bytes + *at + EXTENSION_HEAD_BYTES,
                                      .n = peek_u32(bytes, *at + 4) };
    if (extension.type != BERTH_QCOW2_EXTENSION_END &&
        extension.n > n - *at - EXTENSION_HEAD_BYTES) {
        return BERTH_ERR_TRUNCATED;
    }
    *at += EXTENSION_HEAD_BYTES + (extension.n + 7) / 8 * 8;
    *ret = extension;
    return BERTH_OK;
}

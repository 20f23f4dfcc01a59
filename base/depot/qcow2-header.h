/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layout of a qcow2 file's first bytes; what of it is allowed is the business of who reads it.
 *
 * Only that the numbers are there is looked at.  Pure.  Thread: any.  Source:
 * docs/interop/qcow2.txt of QEMU.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shortest header of version 2; of version 3. */
#define BERTH_QCOW2_HEADER_2_BYTES 72u
#define BERTH_QCOW2_HEADER_3_BYTES 104u
/* Clusters that the format knows. */
#define BERTH_QCOW2_MIN_CLUSTER_BITS 9u
#define BERTH_QCOW2_MAX_CLUSTER_BITS 21u

/* Features that a reader must know. */
#define BERTH_QCOW2_DIRTY (1u << 0)
#define BERTH_QCOW2_CORRUPT (1u << 1)
#define BERTH_QCOW2_DATA_FILE (1u << 2)
#define BERTH_QCOW2_COMPRESSION (1u << 3)
#define BERTH_QCOW2_EXTENDED_L2 (1u << 4)

typedef struct {
    uint32_t version;
    uint64_t backing_offset; /* of the name of the file below; 0: none */
    uint32_t backing_bytes;
    uint32_t cluster_bits;
    uint64_t size_bytes; /* of the disk */
    uint32_t crypt;      /* 0: not encrypted */
    uint32_t n_l1;
    uint64_t l1_offset;
    uint32_t n_snapshots;
    uint64_t incompatible; /* features; 0 in version 2 */
    uint32_t header_bytes; /* where the extensions begin */
} BerthQcow2Header;

/*
 * Reads the header.
 *
 * Errors: BERTH_ERR_CORRUPT if it is none, BERTH_ERR_UNSUPPORTED for a version that is neither 2
 * nor 3, BERTH_ERR_TRUNCATED.
 */
int berth_qcow2_header_read(const uint8_t *bytes, size_t n, BerthQcow2Header *ret);

/* Types of extensions. */
#define BERTH_QCOW2_EXTENSION_END 0u
#define BERTH_QCOW2_EXTENSION_DATA_FILE 0x44415441u
#define BERTH_QCOW2_EXTENSION_BACKING_FORMAT 0xe2792acau

typedef struct {
    uint32_t type;
    const uint8_t *bytes; /* borrowed from the file's */
    size_t n;
} BerthQcow2Extension;

/*
 * Reads the extension at *at and moves on.
 *
 * n:   where extensions must end
 * at:  header_bytes at first
 *
 * Errors: BERTH_ERR_NOT_FOUND when there is no room for one more, BERTH_ERR_TRUNCATED for one that
 * is longer than what is there.
 */
int berth_qcow2_extension_read(const uint8_t *bytes, size_t n, size_t *at,
                               BerthQcow2Extension *ret);

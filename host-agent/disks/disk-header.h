/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the first bytes of a user disk may say, read before QEMU or qemu-img is let near it.
 *
 * A user disk is ours, but a broken QEMU may have written anything into it; a header that names
 * another file would make the next one read that file.  Such a header is refused.  Pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t size_bytes; /* as the guest sees it */
    bool is_dirty;       /* it was not closed; counts may be wrong, data is not */
} BerthDiskHeader;

/*
 * Reads a header.
 *
 * len:  bytes that are there; a header needs BERTH_QCOW2_HEADER_3_BYTES
 *
 * Errors: BERTH_ERR_CORRUPT if it is none, if QEMU marked it as damaged, or if it is larger than
 * a user disk may be; BERTH_ERR_UNTRUSTED if it names another file or needs what no disk of ours
 * needs.
 */
bool berth_disk_header_read(const uint8_t *bytes, size_t len, BerthDiskHeader *ret, GError **error);

/* Reads the header of a file; errors also those of open() and read(). */
bool berth_disk_header_load(const char *path, BerthDiskHeader *ret, GError **error);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own look at the first bytes of a disk image that somebody brought: which format it is, how
 * large its disk is, and whether it is whole in itself.
 *
 * Refused: a backing file, a data file or extents elsewhere, encryption, differences to a parent,
 * tables that cannot be in the file, unknown features that change how it is read, an impossible
 * size.  qemu-img looks again, in its sandbox; both must say the same.  Pure.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes from the start of the file that a look needs, or the whole file if it is shorter. */
#define BERTH_IMAGE_HEADER_BYTES (64u * 1024)

typedef enum {
    BERTH_IMAGE_RAW,
    BERTH_IMAGE_QCOW2,
    BERTH_IMAGE_VMDK,
    BERTH_IMAGE_VDI,
    BERTH_IMAGE_N_FORMATS,
} BerthImageFormat;

/* "raw", "qcow2", "vmdk", "vdi": for people and for qemu-img. */
const char *berth_image_format_name(BerthImageFormat format);

/* Errors: BERTH_ERR_UNSUPPORTED with the list of what there is. */
bool berth_image_format_parse(const char *name, BerthImageFormat *ret, GError **error);

/*
 * Guesses the format when nobody said it: by a magic number, or "raw" for what begins as a disk
 * does (boot sector).
 *
 * Errors: BERTH_ERR_UNSUPPORTED if it is neither; whoever brought it must say it.
 */
bool berth_image_format_guess(const uint8_t *bytes, size_t n, BerthImageFormat *ret,
                              GError **error);

/*
 * Checks the header and tells how large the disk is.
 *
 * bytes, n:           the first bytes of the file, as above
 * file_bytes:         size of the whole file
 * max_virtual_bytes:  largest disk that is allowed
 *
 * Errors: BERTH_ERR_INVALID (not of that format, damaged), BERTH_ERR_FORBIDDEN (wants other files,
 * is encrypted), BERTH_ERR_TOO_LARGE, BERTH_ERR_UNSUPPORTED.
 */
bool berth_image_header_check(BerthImageFormat format, const uint8_t *bytes, size_t n,
                              uint64_t file_bytes, uint64_t max_virtual_bytes,
                              uint64_t *ret_virtual_bytes, GError **error);

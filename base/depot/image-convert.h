/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns a disk image that somebody brought into a raw sparse file.
 *
 * Nothing of it is trusted.  We look at its header ourselves; then `qemu-img info` looks, in its
 * sandbox, and must find the same disk and nothing that is elsewhere; then `qemu-img convert` fills
 * a file of exactly that size, and both are looked at again.  The format is told, or guessed by us,
 * never by qemu-img.  A raw image is copied without qemu-img, or renamed if that is allowed.
 *
 * Thread: a worker; it blocks.
 */
#pragma once

#include "base/depot/image-header.h"
#include "base/depot/image-tool.h"

typedef struct {
    BerthImageTools tools;
    const char *source;         /* absolute path of a regular file */
    const char *target;         /* absolute path; made here, must not exist */
    const char *format;         /* name of its format; NULL or "": guess */
    bool may_rename;            /* source may become target (raw) */
    uint64_t max_virtual_bytes; /* of the disk */
    uint64_t max_stored_bytes;  /* of blocks that target takes; watched while it grows */
    int64_t timeout_us;         /* for each run of qemu-img */
    const gint *cancel;         /* set to other than 0 (atomically) to stop; may be NULL */
    gint *progress_permille;    /* atomic, 0 .. 1000; may be NULL */
} BerthImageConvert;

typedef struct {
    BerthImageFormat format;
    uint64_t virtual_bytes; /* size of target */
} BerthImageConverted;

/*
 * Converts; target is there on success only.
 *
 * Errors: those of berth_image_header_check() and berth_image_run().
 */
bool berth_image_convert(const BerthImageConvert *convert, BerthImageConverted *ret,
                         GError **error);

/*
 * Only looks, ours and qemu-img's: what a person is told before bytes are moved.
 *
 * Errors: as above.
 */
bool berth_image_look(const BerthImageConvert *convert, BerthImageConverted *ret, GError **error);

/*
 * Holds the JSON of `qemu-img info` against what our look found.  Pure; for tests and the fuzzer.
 *
 * Errors: BERTH_ERR_FORBIDDEN (other files, encryption), BERTH_ERR_INVALID.
 */
bool berth_image_info_check(const char *json, size_t n, BerthImageFormat format,
                            uint64_t virtual_bytes, GError **error);

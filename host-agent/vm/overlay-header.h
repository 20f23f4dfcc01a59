/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the header of a qcow2 overlay says: how large its disk is and what it stands on.
 *
 * The guest cannot write the header, but a file that was damaged or brought here by hand is checked
 * before any program opens it.  What Berth never makes is refused: external data files, encryption,
 * snapshots inside the file, unknown features, backing names that are not plain absolute paths.
 * Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The header, its extensions and the backing name lie in the first cluster; so much is looked at.
 */
#define BERTH_OVERLAY_HEADER_BYTES 65536u
/* QEMU's own limit of a backing name. */
#define BERTH_OVERLAY_BACKING_BYTES 1023u

typedef struct {
    char *backing_path;   /* absolute; NULL: the file stands alone */
    char *backing_format; /* "raw" or "qcow2"; NULL: not said */
    uint64_t size_bytes;  /* of the disk that the guest sees */
} BerthOverlayHeader;

/*
 * Reads the first bytes of a file.
 *
 * len:  what there is of the file, at most BERTH_OVERLAY_HEADER_BYTES of it
 * ret:  set on success only; clear it with berth_overlay_header_clear()
 *
 * Errors: BERTH_ERR_TRUNCATED, BERTH_ERR_CORRUPT, BERTH_ERR_UNSUPPORTED.
 */
int berth_overlay_header_parse(const uint8_t *bytes, size_t len, BerthOverlayHeader *ret);

/* The same of a file; no symbolic link is followed.  Errors: also the code of the errno. */
bool berth_overlay_header_load(const char *path, BerthOverlayHeader *ret, GError **error);

/* Frees the strings and zeroes the value. */
void berth_overlay_header_clear(BerthOverlayHeader *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthOverlayHeader, berth_overlay_header_clear)

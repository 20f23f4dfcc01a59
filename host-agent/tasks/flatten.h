/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes one raw file with holes of a disk and all that it stands on, by qemu-img in its sandbox: it
 * can read these files, write that one, and nothing else.  Thread: main.
 */
#pragma once

#include "host-agent/child.h"
#include "host-agent/vm/vm.h"

typedef struct {
    const BerthVmHost *host;
    const char *disk;     /* qcow2 */
    const char *point;    /* name of a point inside the file to copy instead of it; "": none */
    const char *raw_path; /* made; one that is there goes */
    int timeout_ms;
} BerthFlatten;

/*
 * Starts; done is called as by berth_child_run().  What was made stays, whatever became of it.
 *
 * Errors: BERTH_ERR_NOT_FOUND for a missing file or program, BERTH_ERR_CORRUPT, BERTH_ERR_TOO_LARGE
 * for a disk that stands on too many files, those of berth_child_run().
 */
BerthChild *berth_flatten_start(const BerthFlatten *flatten, BerthChildDone done, void *user_data,
                                GError **error);

/*
 * The files that a disk stands on, itself first, with a NULL at the end; for g_ptr_array_unref().
 *
 * ret_size_bytes:  of the disk as its guest sees it
 */
GPtrArray *berth_flatten_list_files(const char *disk, uint64_t *ret_size_bytes, GError **error);

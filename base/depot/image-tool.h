/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs qemu-img on one file that somebody brought, in berth-image-sandbox, with a time limit.
 *
 * Thread: a worker; it blocks.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *sandbox_program; /* berth-image-sandbox */
    const char *qemu_img;        /* absolute path */
} BerthImageTools;

/* What one run may. */
typedef struct {
    const BerthImageTools *tools;
    const char *const *read_paths; /* absolute, NULL-terminated; all that it may read */
    const char *write_path;        /* absolute; the only file that it may write; NULL: none */
    uint64_t file_bytes;           /* largest offset that it may write to */
    int64_t cpu_us;                /* processor time */
} BerthImageBox;

/* Most files that a disk and what it stands on may be. */
#define BERTH_IMAGE_MAX_READ_PATHS 16

/*
 * The command line that runs qemu-img with arguments in its sandbox, with a NULL at its end; for
 * g_ptr_array_unref().  Pure.
 *
 * arguments:  NULL-terminated, after the program's name
 */
GPtrArray *berth_image_box_argv(const BerthImageBox *box, const char *const *arguments);

typedef struct {
    BerthImageBox box;
    int64_t timeout_us; /* by the clock of the wall; the processor time has the same limit */
    const gint *cancel; /* set to other than 0 (atomically) to end it; may be NULL */
    /* Looks now and then whether it may go on; false ends it with that error.  NULL: it may. */
    bool (*may_go_on)(void *data, GError **error);
    /* Gets what it writes to its standard output, piece by piece; NULL: dropped. */
    void (*output)(void *data, const char *bytes, size_t n);
    void *data;    /* for the two */
    int also_good; /* a status beside 0 that is no error; 0: none */
} BerthImageRun;

/*
 * Runs qemu-img with arguments and waits for its end.
 *
 * arguments:  NULL-terminated, after the program's name
 *
 * Errors: BERTH_ERR_INVALID with what qemu-img said, BERTH_ERR_DISK_FULL, BERTH_ERR_TIMEOUT,
 * BERTH_ERR_FORBIDDEN (it did what the sandbox forbids), BERTH_ERR_TOO_LARGE (wrote too far),
 * BERTH_ERR_CLOSED (cancelled), that of may_go_on, BERTH_ERR_NOT_FOUND (a program is missing).
 */
bool berth_image_run(const BerthImageRun *run, const char *const *arguments, GError **error);

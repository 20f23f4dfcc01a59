/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an ended qemu-img means for a user disk.  Pure.
 */
#pragma once

#include <stdbool.h>

/*
 * The error of a run: BERTH_OK, BERTH_ERR_TIMEOUT, BERTH_ERR_BUSY, BERTH_ERR_DISK_FULL,
 * BERTH_ERR_CORRUPT for a check that found damage, BERTH_ERR_NOT_FOUND for a point that is not
 * there, else BERTH_ERR_IO.
 *
 * status, output:  as of BerthChildDone
 * is_check:        it was "qemu-img check"
 */
int berth_disk_tool_classify(int status, const char *output, bool is_check);

/* A sentence for such an error, for g_free(); NULL for BERTH_OK.  path: of the disk's file. */
char *berth_disk_tool_describe(int code, const char *path, const char *output);

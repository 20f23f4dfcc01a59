/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A picture in memory that its painter shares and goes on painting, by a descriptor.
 *
 * It is read with pread(), never mapped: if the painter cuts the file, a read comes out short,
 * where a mapping would kill the process.  Only files in memory are taken, so that no read waits.
 *
 * State: a band of rows.  Thread: one.
 */
#pragma once

#include "host-agent/session/screen.h"

#include <stdint.h>

typedef struct BerthSharedPicture BerthSharedPicture;

/* As a painter tells it: hostile numbers. */
typedef struct {
    uint64_t offset_bytes; /* of the first pixel */
    uint32_t w, h;
    uint32_t stride_bytes;
    uint32_t format; /* pixman's code */
} BerthSharedLayout;

/*
 * Takes a picture over.
 *
 * fd: borrowed, a copy is kept
 *
 * Errors: BERTH_ERR_INVALID (no size, or rows longer than the stride), BERTH_ERR_TOO_LARGE,
 * BERTH_ERR_UNSUPPORTED (format, or no file in memory), BERTH_ERR_TRUNCATED (shorter than the
 * picture), BERTH_ERR_IO.
 */
int berth_shared_picture_new(int fd, const BerthSharedLayout *layout, BerthSharedPicture **ret);

/* NULL is allowed. */
void berth_shared_picture_free(BerthSharedPicture *self);

/*
 * Brings a rectangle into a screen of the same size.
 *
 * Errors: BERTH_ERR_INVALID (not inside), BERTH_ERR_TRUNCATED (the file was cut; rows before that
 * are done), BERTH_ERR_IO, those of berth_screen_write().
 */
int berth_shared_picture_read(const BerthSharedPicture *self, BerthRect rect, BerthScreen *screen);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A picture in memory that another process can map: the X server, a compositor.
 */
#pragma once

#include "display/pixels/frame.h"

/*
 * Makes a black picture.
 *
 * ret_fd: of its memory, from the first byte on; the caller's
 *
 * Ownership: one reference for the caller; the memory goes with the last one.  Errors: NULL if the
 * size is not allowed or memory ran out.  Thread: any.
 */
BerthFrame *berth_shared_frame_new(int width, int height, int *ret_fd);

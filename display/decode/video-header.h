/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first bytes of VP8 and VP9 packets: what kind of frame and of which size.
 *
 * Pure; reads only what it is given.  Sources: RFC 6386 9.1; VP9 bitstream specification 6.2, 7.2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Says whether a packet is one shown frame of a stream with a fixed size.
 *
 * codec: BerthVideoCodec;  width, height: of the stream
 * ret_is_key: set on success: it needs no frame before it
 *
 * Frames of VP9 that take their size from an earlier frame are allowed: that one was checked.
 *
 * Errors: BERTH_ERR_CORRUPT (cut off, hidden, scaled, several frames in one packet, another size,
 * profile, depth or subsampling).
 */
int berth_video_header_check(uint8_t codec, int width, int height, const uint8_t *data, size_t len,
                             bool *ret_is_key);

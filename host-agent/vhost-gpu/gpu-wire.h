/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packets between berth-gpu and berth-session, one message each on a SOCK_SEQPACKET socket.
 *
 * berth-gpu sends state first (MODE of each scanout, with all of it shown, then the cursor), then
 * what changes.  A MODE comes with a descriptor: a memfd that is sealed against shrinking, in which
 * the picture lies and goes on changing; SHOWN says which rectangles of it differ from before.  The
 * session copies them and answers each packet SHOWN with WANT as soon as it can take more.
 *
 * Little-endian.  Pure.
 */
#pragma once

#include "base/bytes-writer.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_GPU_PACKET_BYTES (32u * 1024)
/* Rectangles of one SHOWN; more are told as their bounding box. */
#define BERTH_GPU_PACKET_RECTS 2048u

typedef enum {
    BERTH_GPU_MODE = 1,    /* u16 scanout, u32 w, h, stride_bytes; a descriptor unless w is 0 */
    BERTH_GPU_SHOWN = 2,   /* u16 scanout, u16 n, n * u16 x, y, w, h */
    BERTH_GPU_CURSOR = 3,  /* u16 scanout, u16 w, h, hot_x, hot_y, w * h * 4 of B, G, R, A */
    BERTH_GPU_POINTER = 4, /* u16 scanout, i32 x, y, u8 is_visible */
    BERTH_GPU_WANT = 16,   /* session: a picture can be taken */
} BerthGpuPacketType;

typedef struct {
    BerthGpuPacketType type;
    uint16_t scanout;
    uint32_t w, h;         /* MODE, CURSOR */
    uint32_t stride_bytes; /* MODE */
    uint32_t hot_x, hot_y; /* CURSOR */
    int32_t x, y;          /* POINTER */
    bool is_visible;       /* POINTER */
    const uint8_t *pixels; /* CURSOR: w * h * 4, borrowed */
    unsigned n_rects;      /* SHOWN */
    BerthRect rects[BERTH_GPU_PACKET_RECTS];
} BerthGpuPacket;

/* Appends a packet to an empty writer of at least BERTH_GPU_PACKET_BYTES. */
void berth_gpu_packet_encode(const BerthGpuPacket *packet, BerthWriter *writer);

/*
 * Reads a packet.  Rectangles are not empty and sizes are within the limits; whether they lie
 * inside the picture is the caller's to check.
 *
 * ret: set on success only; borrows data
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_TOO_LARGE.
 */
int berth_gpu_packet_decode(const uint8_t *data, size_t n_bytes, BerthGpuPacket *ret);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The device's end of one split virtqueue in guest memory.
 *
 * Everything in it is written by a hostile guest while we read: each descriptor is copied once and
 * judged by the copy, a chain has a bounded number of segments, and every segment lies in the
 * memory table.  An error means that the queue can be used no more until it is set up again.
 *
 * Source: Virtual I/O Device 1.2, 2.7.  Thread: one.
 */
#pragma once

#include "berth/limits.h"
#include "host-agent/vhost-gpu/guest-memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes;
    uint32_t n_bytes;
} BerthVringSegment;

/* One request: segments to read, then segments to write. */
typedef struct {
    uint16_t head;
    unsigned n_read, n_segments;
    BerthVringSegment segments[BERTH_LIMIT_VRING_SEGMENTS];
} BerthVringChain;

typedef struct {
    const BerthGuestMemory *memory;
    uint16_t size; /* descriptors; 0: not set up */
    uint16_t last_avail;
    uint16_t next_used;
    uint16_t signalled_used;
    bool has_event_idx;
    const uint8_t *desc;
    uint8_t *avail;
    uint8_t *used;
} BerthVring;

/*
 * Sets the queue up; it goes on where the used ring says.
 *
 * memory: borrowed; size: descriptors; addresses: in QEMU
 *
 * Errors: BERTH_ERR_INVALID; the queue is not set up then.
 */
int berth_vring_setup(BerthVring *self, const BerthGuestMemory *memory, uint32_t size,
                      uint64_t desc_addr, uint64_t avail_addr, uint64_t used_addr,
                      bool has_event_idx);

/*
 * Takes the next request.
 *
 * Returns 1, 0 if there is none (the guest will kick for the next), or BERTH_ERR_PROTOCOL.
 */
int berth_vring_pop(BerthVring *self, BerthVringChain *ret);

/* Walks the chain of a descriptor that was taken before.  Errors: BERTH_ERR_PROTOCOL. */
int berth_vring_walk(const BerthVring *self, uint16_t head, BerthVringChain *ret);

/* Gives a request back; n_written: bytes of the answer. */
void berth_vring_push(BerthVring *self, uint16_t head, uint32_t n_written);

/* Whether the guest wants to be told of what was given back since the last time. */
bool berth_vring_take_interrupt(BerthVring *self);

/* The index that the guest sees as used. */
uint16_t berth_vring_get_used(const BerthVring *self);

/* Bytes that can be read in all. */
size_t berth_vring_chain_n_readable(const BerthVringChain *chain);

/* Copies readable bytes, each read once; returns how many there were up to n. */
size_t berth_vring_chain_read(const BerthVringChain *chain, uint8_t *dst, size_t n);

/* Copies an answer out; returns how many bytes had room. */
size_t berth_vring_chain_write(const BerthVringChain *chain, const uint8_t *src, size_t n);

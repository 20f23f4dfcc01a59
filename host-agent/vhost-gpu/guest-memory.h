/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's memory as the vhost-user memory table tells it: guest addresses to our own.
 *
 * The guest writes to it at any time.  Whoever reads a value to judge it copies it first and reads
 * it once.  Thread: one.
 */
#pragma once

#include "berth/limits.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t guest_addr;
    uint64_t user_addr; /* in QEMU, which speaks of queues that way */
    uint64_t size_bytes;
    uint8_t *bytes;       /* where it begins here */
    void *mapping;        /* to be unmapped; NULL if somebody else's */
    size_t mapping_bytes; /* of mapping */
} BerthGuestRegion;

typedef struct {
    BerthGuestRegion regions[BERTH_LIMIT_GUEST_REGIONS];
    unsigned n_regions;
} BerthGuestMemory;

/*
 * Adds memory that is here already.
 *
 * bytes: size_bytes of them, borrowed until the region is cleared
 *
 * Errors: BERTH_ERR_INVALID (nothing, or an address that wraps), BERTH_ERR_TOO_LARGE (too many).
 */
int berth_guest_memory_add(BerthGuestMemory *self, uint64_t guest_addr, uint64_t user_addr,
                           uint64_t size_bytes, uint8_t *bytes);

/*
 * Maps a region of a file and adds it.
 *
 * fd: borrowed; offset_bytes: where the region begins in it
 *
 * Errors: as above; BERTH_ERR_TRUNCATED if the file is shorter, BERTH_ERR_NO_MEMORY.
 */
int berth_guest_memory_map(BerthGuestMemory *self, int fd, uint64_t offset_bytes,
                           uint64_t guest_addr, uint64_t user_addr, uint64_t size_bytes);

/* Unmaps what was mapped and forgets all. */
void berth_guest_memory_clear(BerthGuestMemory *self);

/* Our address of n bytes of guest memory, or NULL unless all of them lie in one region. */
uint8_t *berth_guest_memory_find(const BerthGuestMemory *self, uint64_t guest_addr, uint64_t n);

/* The same for an address in QEMU. */
uint8_t *berth_guest_memory_find_user(const BerthGuestMemory *self, uint64_t user_addr, uint64_t n);

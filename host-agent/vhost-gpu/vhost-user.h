/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What QEMU tells a vhost-user device: features, the memory table, two queues and their eventfds.
 *
 * One call a message; descriptors come with it.  QEMU is trusted less than it could be: a guest
 * that broke it must not break this process as well.  Thread: one.
 *
 * Source: QEMU docs/interop/vhost-user.rst.
 */
#pragma once

#include "base/bytes-writer.h"
#include "host-agent/vhost-gpu/guest-memory.h"
#include "host-agent/vhost-gpu/vring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_VHOST_QUEUES 2
#define BERTH_VHOST_HEADER_BYTES 12
/* A memory table of 8 regions and the device's configuration are the longest. */
#define BERTH_VHOST_PAYLOAD_BYTES 512

typedef struct {
    uint32_t request;
    uint32_t flags;
    uint32_t n_bytes;
} BerthVhostHeader;

typedef struct {
    uint32_t size;
    uint32_t base; /* where it begins, or where it was stopped */
    uint64_t desc_addr, avail_addr, used_addr;
    bool has_addr, is_enabled;
    int kick_fd, call_fd; /* -1: none */
    bool is_started;
    BerthVring vring;
} BerthVhostQueue;

/* As QEMU told, so that another process can go on with it. */
typedef struct {
    uint64_t guest_addr, user_addr, size_bytes, offset_bytes;
} BerthVhostRegion;

typedef struct BerthVhostUser BerthVhostUser;

/* What a message changed. */
typedef enum {
    BERTH_VHOST_MEMORY = 1u << 0,         /* the table is a new one */
    BERTH_VHOST_QUEUES_CHANGED = 1u << 1, /* some queue was started or stopped, or an eventfd */
    BERTH_VHOST_SOCKET = 1u << 2,         /* the display socket came */
} BerthVhostChange;

struct BerthVhostUser {
    uint64_t features, protocol_features;
    BerthGuestMemory memory;
    unsigned n_regions;
    BerthVhostRegion regions[BERTH_LIMIT_GUEST_REGIONS];
    int region_fds[BERTH_LIMIT_GUEST_REGIONS];
    BerthVhostQueue queues[BERTH_VHOST_QUEUES];
    int display_fd; /* -1: none */
    /* Before a queue stops: whatever of it is under way must be given back. */
    void (*stopping)(unsigned queue, void *user_data);
    void *user_data;
};

/* A device that has been told nothing. */
void berth_vhost_user_init(BerthVhostUser *self, void (*stopping)(unsigned queue, void *user_data),
                           void *user_data);

/* Closes and unmaps everything. */
void berth_vhost_user_clear(BerthVhostUser *self);

/* Reads a header.  Errors: BERTH_ERR_PROTOCOL (version), BERTH_ERR_TOO_LARGE. */
int berth_vhost_header_parse(const uint8_t bytes[BERTH_VHOST_HEADER_BYTES], BerthVhostHeader *ret);

/*
 * Runs one message.
 *
 * fds:    those that are used are set to -1, the rest stay the caller's
 * reply:  empty; gets header and payload if there is something to answer
 *
 * Returns BERTH_VHOST_* bits, or an error after which the connection is of no use:
 * BERTH_ERR_PROTOCOL, BERTH_ERR_INVALID, BERTH_ERR_TRUNCATED, BERTH_ERR_NO_MEMORY.
 */
int berth_vhost_user_handle(BerthVhostUser *self, const BerthVhostHeader *header,
                            const uint8_t *payload, int *fds, int n_fds, BerthWriter *reply);

/* Maps the regions and starts the queues that were noted; for a process that goes on. */
int berth_vhost_user_restore(BerthVhostUser *self);

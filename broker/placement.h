/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a new machine goes: among the hosts that are up and have the memory, the one with the most
 * memory left.  Pure; the reservation itself is a guarded UPDATE.
 */
#pragma once

#include "broker/fsm/host.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *id;
    BerthHostState state;
    int64_t memory_limit_mib;
    int64_t memory_reserved_mib;
    int64_t n_machines;
} BerthPlaceHost;

/* Index of the best host, -1 if none has room; the first of equals wins. */
int berth_place(const BerthPlaceHost *hosts, size_t n_hosts, int64_t memory_mib);

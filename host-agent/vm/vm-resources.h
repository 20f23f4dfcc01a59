/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one machine may use of its host, as its pool says.  A value; 0 of a member is no limit.
 */
#pragma once

#include "host-agent/json-fields.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct {
    int cpu_weight;     /* 1..10000, shares against other machines; 100 is usual */
    int cpu_quota_pct;  /* of one core: 250 is two and a half cores */
    int memory_max_mib; /* of QEMU as a whole; 0: the guest's memory and what QEMU needs */
    int io_weight;      /* 1..10000 */
    int io_read_mbps, io_write_mbps; /* 1000000 bytes a second */
    int io_read_iops, io_write_iops; /* operations a second */
} BerthVmResources;

/* Reads the optional object "resources" of a machine; mistakes are recorded in fields. */
void berth_vm_resources_read(BerthJsonFields *fields, BerthVmResources *ret);

/* As a new JSON object; members without a limit are left out. */
json_t *berth_vm_resources_to_json(const BerthVmResources *self);

bool berth_vm_resources_equal(const BerthVmResources *a, const BerthVmResources *b);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first message of an agent: who it is and what its host has.  Pure; thread: any.
 */
#pragma once

#include "broker/inventory.h"

#include "berth/ids.h"

/* JSON text of the labels, and of the list of networks. */
#define BERTH_HELLO_LIST_BYTES 2048
#define BERTH_HELLO_MAX_NETWORKS 16

typedef struct {
    char host[BERTH_ID_HEX_CHARS + 1];
    char boot_id[BERTH_INVENTORY_TEXT_BYTES + 1];
    char address[BERTH_INVENTORY_TEXT_BYTES + 1];       /* ip:port for display connections */
    char image_address[BERTH_INVENTORY_TEXT_BYTES + 1]; /* ip:port for images, "" for none */
    char cpu_model[BERTH_INVENTORY_TEXT_BYTES + 1];
    char accel[BERTH_INVENTORY_TEXT_BYTES + 1];
    char qemu[BERTH_INVENTORY_TEXT_BYTES + 1];
    char cgroup[BERTH_INVENTORY_TEXT_BYTES + 1];
    char labels[BERTH_HELLO_LIST_BYTES + 1];   /* JSON object of texts */
    char networks[BERTH_HELLO_LIST_BYTES + 1]; /* JSON array of texts */
    int64_t agent_epoch;
    int64_t cluster_epoch; /* highest that the host was welcomed with */
    int64_t memory_limit_mib;
    int64_t vcpu_limit;
    int64_t start_slots;
} BerthHello;

/*
 * Reads a hello message.
 *
 * ret:  set on success only
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_VERSION.
 */
bool berth_hello_from_json(const json_t *message, BerthHello *ret, GError **error);

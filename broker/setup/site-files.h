/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key files of a site: what berth-setup writes into one folder, and never overwrites.
 *
 *   ca.pem ca.key               the authority; the key belongs off the machines that face users
 *   gateway.pem gateway.key     for the names and addresses that users dial
 *   broker.pem broker.key       for the port that agents dial
 *   host-NAME.pem host-NAME.key one for each host, with its id
 *   ticket.key ticket.pub       Ed25519: signs launch tickets; the public half as hexadecimal
 *
 * A file is complete or absent: it is linked to its name after it was written.  Thread: any;
 * blocks.
 */
#pragma once

#include "berth/ids.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *folder;            /* made with mode 0700 if it is missing */
    const char *gateway_name;      /* DNS name that users dial */
    const char *const *addresses;  /* further IP addresses of gateway and broker; NULL ends */
    const char *const *host_names; /* NULL ends */
} BerthSiteRequest;

/* Called for each host whose certificate was made. */
typedef void (*BerthSiteHostFunc)(const char *name, const BerthId *id, void *user_data);

/*
 * Makes what is missing; an existing authority is kept and signs, so hosts can be added later.
 *
 * Errors: BERTH_ERR_INVALID for a name that cannot stand in a file name or certificate,
 * BERTH_ERR_EXISTS for a host that has a certificate, BERTH_ERR_CORRUPT for an authority that
 * cannot be read, the code of the errno.
 */
bool berth_site_files_make(const BerthSiteRequest *request, BerthSiteHostFunc on_host,
                           void *user_data, GError **error);

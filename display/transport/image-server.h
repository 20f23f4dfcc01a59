/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serves the files of images to hosts: berth-image/1 over mutual TLS (docs/PROTOCOL-IMAGES.md).
 *
 * One thread accepts, and each connection has one of its own, so bulk data never passes a main
 * loop.  Who may fetch: whoever shows a certificate of the site's authority that is a host's, or
 * that is valid for allowed_name.  What is sent needs no trust: a client checks each chunk.
 *
 * Thread: new and free from one; open_file is called in the server's threads, several at once.
 */
#pragma once

#include "base/depot/chunk-list.h"
#include "display/transport/tcp.h"
#include "display/transport/tls-key.h"

typedef struct BerthImageServer BerthImageServer;

typedef struct {
    BerthAddress listen; /* port 0: the kernel chooses */
    BerthTlsKey *key;    /* the server takes its own reference */
    const char *ca_file;
    const char *allowed_name; /* DNS name of a peer that is no host; NULL: hosts only */
    int max_connections;      /* each costs a thread and 600 KiB while it sends */

    /*
     * Opens a complete file for reading, with its list.  Both are owned by the server, and set on
     * success only.  Errors: BERTH_ERR_NOT_FOUND and others, which the client is told.
     */
    int (*open_file)(const BerthDigest *root, int *ret_fd, BerthChunkList **ret_list,
                     void *user_data);
    void *user_data;
} BerthImageServerConfig;

/*
 * Listens and starts.  Returns NULL on error: BERTH_ERR_TLS, or why the address cannot be used.
 */
BerthImageServer *berth_image_server_new(const BerthImageServerConfig *config, GError **error);

/* Cuts all connections and joins the threads; NULL is allowed. */
void berth_image_server_free(BerthImageServer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthImageServer, berth_image_server_free)

/* The address that is listened on. */
void berth_image_server_get_address(const BerthImageServer *self, BerthAddress *ret);

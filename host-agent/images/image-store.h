/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The versions of images on this host: fetched as the broker wants them, verified before their
 * first use and whenever a file was touched since, served to other hosts, removed when nobody needs
 * them.
 *
 * All files lie in one folder by their roots (base/depot/store-folder.h), which is made when it is
 * first needed; two agents cannot share it.  Files and connections are worker threads' work.
 * Thread: main.
 */
#pragma once

#include "base/clock.h"
#include "base/depot/store-folder.h"
#include "berth/ids.h"
#include "display/transport/tcp.h"
#include "host-agent/vm/manifest.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct BerthImageStore BerthImageStore;

typedef struct {
    const char *folder;
    const char *cert_file, *key_file, *ca_file;
    const char *broker_name; /* whose certificate is as good as a host's */
    BerthAddress listen;     /* where other hosts may fetch */
    const BerthClock *clock; /* NULL: the monotonic one */
    const BerthClock *wall;  /* for the age of files; NULL: the real one */

    /* A version came, or its state changed. */
    void (*on_changed)(void *user_data);
    /* Adds the file names ("<root>.img") of all machines to a set that owns its keys. */
    void (*add_used)(GHashTable *names, void *user_data);
    void *user_data;
} BerthImageStoreConfig;

/*
 * Opens the store, and listens.  Strings of config are copied.
 *
 * Returns NULL on error: BERTH_ERR_TLS, those of listening.  A folder that cannot be used is no
 * error here: versions fail with it.
 */
BerthImageStore *berth_image_store_new(const BerthImageStoreConfig *config, GError **error);

/* Ends what is under way, which goes on from there at the next start.  NULL is allowed. */
void berth_image_store_free(BerthImageStore *self);

/* Takes the public keys of the site: an array of hexadecimal texts. */
void berth_image_store_set_keys(BerthImageStore *self, const json_t *ticket_keys);

/*
 * Takes "images" of the desired state.  What is not listed is kept for a while (image-keep.h).
 *
 * is_safe_mode:  nothing is removed
 */
void berth_image_store_want(BerthImageStore *self, const json_t *images, bool is_safe_mode);

/* "images" of the inventory; a new reference. */
json_t *berth_image_store_report(BerthImageStore *self);

/*
 * The manifest of a version whose files are here and as they were when they were verified.
 *
 * ret_manifest:  filled on BERTH_OK: raw files by their names in the folder; clear it
 * ret_detail:    a sentence for g_free() on any other answer
 *
 * Errors: BERTH_ERR_AGAIN (it is being fetched or verified), BERTH_ERR_NOT_FOUND (nobody asked for
 * it), BERTH_ERR_UNTRUSTED, BERTH_ERR_REPLAYED, BERTH_ERR_CORRUPT, BERTH_ERR_DISK_FULL and others.
 */
int berth_image_store_find(BerthImageStore *self, const BerthId *version,
                           BerthManifest *ret_manifest, char **ret_detail);

/*
 * The folder, for who makes files here; borrowed.  What comes into it is kept for half an hour even
 * if no version wants it yet.  NULL on error.
 */
BerthStoreFolder *berth_image_store_get_folder(BerthImageStore *self, GError **error);

/* Path of the folder, whether it is there or not; borrowed. */
const char *berth_image_store_get_path(const BerthImageStore *self);

/* Where others may fetch; the port is the real one. */
void berth_image_store_get_address(const BerthImageStore *self, BerthAddress *ret);

/* Looks again at once for what can be done or removed; also done every few seconds. */
void berth_image_store_tick(BerthImageStore *self);

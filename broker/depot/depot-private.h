/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the depot share: uploads (depot.c) and imports (imports.c).  Thread: main.
 */
#pragma once

#include "base/depot/store-folder.h"
#include "base/worker-pool.h"
#include "broker/broker.h"
#include "broker/depot/depot.h"
#include "broker/depot/import-work.h"
#include "display/transport/image-server.h"

struct BerthDepot {
    BerthBroker *broker;
    BerthStoreFolder *store;
    char *uploads, *incoming;
    char *advertise;
    char *qemu_img, *sandbox_program;
    uint64_t max_virtual_bytes;
    int64_t timeout_us;
    GHashTable *table;          /* id -> BerthUpload */
    BerthWorkerPool *writers;   /* pieces and journals */
    BerthWorkerPool *importers; /* one import at a time */
    GPtrArray *jobs;            /* of imports that run */
    unsigned n_sealing;         /* imports whose files are made and whose seal is not written */
    bool is_sweeping;
    BerthImageServer *server;
    gint cancel; /* atomic: the broker stops */
    guint tick;
    unsigned n_ticks;
};

/* Finds in the store what became of imports that were cut off, and goes on with them. */
bool berth_imports_resume(BerthDepot *self, GError **error);

/* Puts an upload whose operation is known into the queue of imports. */
void berth_imports_run(BerthDepot *self, BerthUpload *upload);

/* Writes down how far imports are; each second. */
void berth_imports_tell(BerthDepot *self);

/* Begins to serve hosts and tells the site where. */
bool berth_depot_serve(BerthDepot *self, const BerthConfig *config, GError **error);

/* Lets go what no version needs any more; in the background, does nothing while imports run. */
void berth_depot_sweep(BerthDepot *self);

/* Forgets an upload and removes its files. */
void berth_depot_drop(BerthDepot *self, BerthUpload *upload);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of sealing: the manifest of a version is composed, signed and written down, and from then
 * on nothing of it changes.  Thread: writer.
 */
#pragma once

#include "broker/audit.h"

/* What the site's key signs is this, a line end and the manifest's canonical text. */
#define BERTH_VERSION_CONTEXT "berth-image-1"

typedef struct {
    const char *version;   /* id, in state sealing */
    const json_t *files;   /* array of {"role", "root", "size_bytes", "chunk_bytes"} */
    const json_t *machine; /* object: how its machines are run */
    const json_t *report;  /* object: what sealing found; NULL: {} */
    const char *sealed_by; /* name of who asked for it */
    const char *place;     /* that has the files: "host:<id>" or "broker:<holder>" */
} BerthVersionSeal;

/*
 * Seals a version and makes it available.
 *
 * State: a manifest of at most BERTH_LIMIT_VERSION_MANIFEST_BYTES, a report of at most
 * BERTH_LIMIT_TASK_RESULT_BYTES.
 * Errors: BERTH_ERR_NOT_FOUND, BERTH_ERR_STATE, BERTH_ERR_INVALID for files that are none,
 * BERTH_ERR_TOO_LARGE, those of berth_tx_run().
 */
int berth_version_seal(BerthTx *tx, const BerthCause *cause, const BerthSigningKey *key,
                       const BerthVersionSeal *seal);

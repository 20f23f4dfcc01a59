/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the handlers of kinds of objects share: one object as an answer, a changed one, JSON for the
 * store.
 */
#pragma once

#include "broker/api/request.h"
#include "broker/restore-points.h"

/* The name of a backup, in a body. */
#define BERTH_FIELD_BACKUP_NAME \
    BERTH_FIELD_TEXT("name", true, 1, 64, "name of the backup: letters, digits and . _ - +")

/*
 * One object as the answer.
 *
 * statement:  takes the id
 *
 * Errors: BERTH_ERR_NOT_FOUND with a sentence.
 */
int berth_object_reply(BerthTx *tx, BerthRequest *request, BerthStatement statement,
                       const char *kind, const char *id);

/*
 * What an object is, with what the body changes.  Ownership: new reference, NULL on error.
 *
 * Errors: as berth_object_reply().
 */
json_t *berth_object_merge(BerthTx *tx, BerthRequest *request, BerthStatement statement,
                           const char *kind, int *ret_error);

/* JSON text for the store, to be freed with g_free(); `empty` for NULL. */
char *berth_object_dump(const json_t *json, const char *empty);

/*
 * Ends an addition: sentence for a name that is taken, audit row, answer.
 *
 * error:  of the insertion
 */
int berth_object_added(BerthTx *tx, BerthRequest *request, int error, const char *kind,
                       const char *id);

/*
 * Ends a change: sentences, audit row with the body, the changed object as the answer.
 *
 * error:  of the guarded update
 */
int berth_object_changed(BerthTx *tx, BerthRequest *request, int error, BerthStatement statement,
                         const char *kind);

/*
 * The answer to what goes on after it: its operation, and the id of what it makes.
 *
 * why:  a sentence for the error, or NULL
 */
int berth_object_started(BerthRequest *request, int error, const BerthStarted *started,
                         const char *why);

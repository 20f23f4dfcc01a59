/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must change so that a site is as a file says: the difference, as a list of acts in order.
 *
 * A file is an object of "schedules", "groups", "pools", "entitlements" (arrays) and "policies" (an
 * object of "site", "groups", "users", "devices").  Only what a file names is compared; what it
 * does not name stays, unless pruning is asked for.  Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum {
    BERTH_CTL_CREATE,
    BERTH_CTL_UPDATE,
    BERTH_CTL_DELETE,
} BerthCtlAct;

typedef struct {
    BerthCtlAct act;
    const char *kind;   /* "pools" ... or "policies"; borrowed from a literal */
    char *label;        /* for people */
    char *id;           /* of what is there; NULL when created */
    json_int_t version; /* that it had; 0 for things without one */
    json_t *before;     /* values of the keys that change, as they are; NULL when created */
    json_t *after;      /* body of the request; NULL when deleted */
} BerthCtlChange;

/*
 * Compares.
 *
 * file:      as above, borrowed
 * site:      the same members as the API lists them, borrowed; policies as rows with level and name
 * is_prune:  whether things of the file's kinds that it does not name are to be deleted
 *
 * Returns a GArray of BerthCtlChange, to be freed with g_array_unref(); NULL on error:
 * BERTH_ERR_CONFIG for a file that is not one.
 */
GArray *berth_ctl_plan(const json_t *file, const json_t *site, bool is_prune, GError **error);

/* A change as lines for people; free with g_free(). */
char *berth_ctl_format_change(const BerthCtlChange *change);

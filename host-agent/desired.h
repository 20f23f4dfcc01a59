/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the broker wants of this host, read strictly from its "desired" message.
 *
 * A machine or session that cannot be read does not stop the others: it is kept as broken, so that
 * it counts as listed and is reported, but nothing is done for it.  Images, templates, tasks and
 * disks are only bounded here: their modules read them.
 */
#pragma once

#include "berth/ids.h"
#include "host-agent/vm/vm-spec.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Machines and sessions of one host in one message. */
#define BERTH_DESIRED_MACHINES_MAX 4096
#define BERTH_DESIRED_SESSIONS_MAX 4096

typedef struct {
    BerthVmSpec spec; /* wanted fields only */
    BerthVmWish wish;
    bool is_broken; /* only spec.id and spec.epoch are good */
    char *problem;  /* of a broken one */
} BerthDesiredMachine;

typedef enum {
    BERTH_WANT_OPEN,
    BERTH_WANT_DISCONNECTED,
    BERTH_WANT_ENDED,
} BerthWantSession;

typedef struct {
    BerthId id, machine;
    uint64_t epoch; /* of the machine */
    uint64_t connection_epoch;
    char *user, *user_name;
    char *reason;
    BerthWantSession want;
    json_t *policy;    /* owned */
    int64_t notice;    /* number of the notice to be shown; 0: none */
    char *notice_text; /* NULL without one */
} BerthDesiredSession;

typedef struct {
    int64_t generation;
    GPtrArray *machines; /* of BerthDesiredMachine * */
    GPtrArray *sessions; /* of BerthDesiredSession * */
    /* Arrays of objects, owned, never NULL; each is read by the module whose it is. */
    json_t *images, *templates, *tasks, *disks;
} BerthDesired;

/* Reads a message of type "desired"; NULL on error (BERTH_ERR_INVALID). */
BerthDesired *berth_desired_parse(const json_t *message, GError **error);

/* NULL is allowed. */
void berth_desired_free(BerthDesired *self);

/* The machine or session of that id, NULL if it is not listed; borrowed. */
const BerthDesiredMachine *berth_desired_find_machine(const BerthDesired *self, const BerthId *id);
const BerthDesiredSession *berth_desired_find_session(const BerthDesired *self, const BerthId *id);

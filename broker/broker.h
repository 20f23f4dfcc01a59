/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The broker process: what its parts share.
 *
 * Nothing in here outlives the process except through the store.  Thread: main.
 */
#pragma once

#include "base/config.h"
#include "broker/agents.h"
#include "broker/api/events.h"
#include "broker/api/http-server.h"
#include "broker/api/rate-limit.h"
#include "broker/audit.h"
#include "broker/beat.h"
#include "broker/connects.h"
#include "broker/depot/depot.h"
#include "broker/people.h"
#include "broker/store/store.h"
#include "display/transport/ticket.h"

#include <glib.h>

struct BerthBroker {
    BerthStore *store;
    BerthPeople *people;
    BerthWorkerPool *readers;      /* who asks, and short reads */
    BerthWorkerPool *slow_readers; /* long reads */
    BerthRateLimit *login_rate;    /* by login token */
    BerthRateLimit *source_rate;   /* by address of the client */
    BerthSigningKey *signing_key;
    BerthTicketKey ticket_key;
    BerthAgents *agents;
    BerthConnects *connects;
    BerthBeat *beat;
    BerthDepot *depot;
    BerthEvents *events;
    BerthHttpServer *api;
    BerthHttpServer *internal;
    char cluster[BERTH_ID_HEX_CHARS + 1]; /* id of this site */
    int64_t cluster_epoch;                /* grows with every restored backup */
    bool is_safe_mode;                    /* restored: adopts, destroys nothing */
    char holder[BERTH_ID_HEX_CHARS + 1];  /* who holds leases: this state_dir */
    int lock_fd;
    guint tick_source;
    bool is_sealing;   /* the audit chain is being signed */
    int64_t sealed_us; /* monotonic */
    guint change_source;
    int64_t started_us; /* monotonic */
};

/* Group "broker" and "limits" of the configuration. */
extern const BerthConfigRow berth_broker_schema[];
extern const size_t berth_broker_n_schema;

/*
 * Opens store and keys, without serving anybody.
 *
 * Errors: those of the store and of the key files; BERTH_ERR_BUSY if another broker has state_dir.
 * Returns NULL on error.
 */
BerthBroker *berth_broker_new(const BerthConfig *config, GError **error);

/* Begins to serve: both sockets and the port for agents. */
bool berth_broker_start(BerthBroker *broker, const BerthConfig *config, GError **error);

/* Answers who waits, writes what is queued, closes.  NULL is allowed. */
void berth_broker_free(BerthBroker *broker);

/* Makes an administrator.  Errors: BERTH_ERR_EXISTS, BERTH_ERR_INVALID, those of the store. */
bool berth_broker_create_admin(BerthBroker *broker, const char *name, const char *password,
                               GError **error);

/*
 * Something was written that hosts, waiting users or the planner may care about: they look again
 * as soon as the loop is idle.
 */
void berth_broker_changed(BerthBroker *broker);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pretended host: its link to the broker over the real protocol and real TLS, its machines,
 * and a file that outlives its agent.  Thread: main.
 */
#pragma once

#include "fake-model.h"

#include "base/id.h"
#include "display/transport/socket-hub.h"
#include "display/transport/tcp.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct FakeHost FakeHost;

/* What all hosts of a process share; borrowed by each. */
typedef struct {
    BerthSocketHub *hub;
    BerthAddress broker;
    const char *broker_name;
    const char *ca_file;
    const char *state_dir; /* NULL: nothing is kept */
    int64_t report_us;     /* between two messages that nothing has changed */
    int64_t memory_mib;
    FakeModelConfig model;
    bool does_tell; /* every new wish for a machine */
    /* Says something to whoever drives the test; takes the reference. */
    void (*tell)(json_t *event);
} FakeSite;

/* A host with certificate and key from files.  Returns NULL with error set. */
FakeHost *fake_host_new(const FakeSite *site, const BerthId *id, const char *cert_file,
                        const char *key_file, GError **error);

/* Hangs up and forgets it; NULL is allowed. */
void fake_host_free(FakeHost *host);

/* Begins to dial, and dials again whenever the link ends. */
void fake_host_dial(FakeHost *host);

/* Ends the link; it dials again unless it is to stay away. */
void fake_host_cut(FakeHost *host, bool stays_away);

/* A mute host hears and says nothing, its connection stays. */
void fake_host_set_mute(FakeHost *host, bool is_mute);

/* What is wrong with the host: a JSON array of names. */
void fake_host_set_conditions(FakeHost *host, const json_t *conditions);

/* Pretends to have been welcomed with this epoch. */
void fake_host_set_cluster_epoch(FakeHost *host, int64_t epoch);

/* Looks at the clock; to be called every few milliseconds. */
void fake_host_tick(FakeHost *host, int64_t now_us);

/* Its machines and sessions; borrowed. */
FakeModel *fake_host_get_model(FakeHost *host);

/* Its id as 32 digits; borrowed. */
const char *fake_host_get_id(const FakeHost *host);

/* {"id", "is_welcome", "generation", "agent_epoch", "machines", "sessions"}; a new reference. */
json_t *fake_host_describe(const FakeHost *host);

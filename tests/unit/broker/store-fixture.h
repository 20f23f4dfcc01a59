/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store with one image, one host that is up, one pool and some users.
 */
#pragma once

#include "store-place.h"

#include "base/id.h"
#include "broker/claim.h"
#include "broker/fsck.h"
#include "broker/host-parts.h"
#include "broker/host-sync.h"
#include "broker/jobs.h"
#include "broker/steps.h"
#include "broker/store/store.h"
#include "broker/tick.h"

#define FIXTURE_USERS 16
#define FIXTURE_SECOND_US (1000LL * 1000)

typedef struct {
    StorePlace place;
    BerthStore *store;
    char host[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    char image[BERTH_ID_HEX_CHARS + 1];
    char users[FIXTURE_USERS][BERTH_ID_HEX_CHARS + 1];
    int64_t size;
    int64_t spares;
    int64_t now_us;
    int64_t keep_us;        /* how long history is kept */
    const char *disk_state; /* what the host says of disks; NULL: nothing */
} Fixture;

static inline void
fixture_new_id(char out[BERTH_ID_HEX_CHARS + 1])
{
    BerthId id;
    berth_id_random(&id);
    berth_id_format(&id, out);
}

static inline int
fixture_fill(BerthTx *tx, void *data)
{
    Fixture *f = data;
    BerthCause cause = { .now_us = f->now_us, .actor = "test" };
    BerthHello hello = { .boot_id = "b",
                         .address = "127.0.0.1:1",
                         .accel = "tcg",
                         .qemu = "7.2",
                         .agent_epoch = 1,
                         .memory_limit_mib = 100000,
                         .start_slots = 64 };
    fixture_new_id(f->host);
    fixture_new_id(f->pool);
    fixture_new_id(f->image);
    g_strlcpy(hello.host, f->host, sizeof hello.host);
    int error = berth_tx_run(tx, BERTH_SQL_IMAGE_INSERT, "sssi", f->image, "demo", "{}", f->now_us);
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_HOST_INSERT, "ssi", f->host, "one", f->now_us);
    }
    if (error == BERTH_OK) {
        error = berth_host_hello(tx, &cause, &hello, "test");
    }
    if (error == BERTH_OK) {
        error = berth_tx_run(tx, BERTH_SQL_POOL_INSERT, "ssssiiiii", f->pool, "p", "floating",
                             f->image, f->size, f->spares, (int64_t)1, (int64_t)64, f->now_us);
    }
    for (int i = 0; i < FIXTURE_USERS && error == BERTH_OK; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "user%d", i);
        fixture_new_id(f->users[i]);
        error =
            berth_tx_run(tx, BERTH_SQL_ACCOUNT_INSERT, "sssi", f->users[i], name, "x", f->now_us);
        if (error == BERTH_OK) {
            char id[BERTH_ID_HEX_CHARS + 1];
            berth_id_random_hex(id);
            error =
                berth_tx_run(tx, BERTH_SQL_ENTITLE, "sssi", id, f->users[i], f->pool, f->now_us);
        }
    }
    return error;
}

static inline BerthStore *
fixture_open(const Fixture *f)
{
    g_autoptr(GError) error = NULL;
    BerthStore *store = berth_store_open(f->place.url, STORE_PLACE_WRITER, NULL, &error);
    if (store == NULL) {
        g_printerr("%s\n", error->message);
    }
    return store;
}

static inline void
fixture_init(Fixture *f, int64_t size, int64_t spares)
{
    *f = (Fixture){ .size = size,
                    .spares = spares,
                    .now_us = 1000 * FIXTURE_SECOND_US,
                    .keep_us = 90LL * 24 * 3600 * FIXTURE_SECOND_US };
    store_place_init(&f->place);
    f->store = fixture_open(f);
    g_assert_nonnull(f->store);
    g_assert_cmpint(berth_store_write(f->store, fixture_fill, f), ==, BERTH_OK);
}

static inline void
fixture_clear(Fixture *f)
{
    berth_store_free(f->store);
    store_place_clear(&f->place);
}

static inline int
fixture_run_tick(BerthTx *tx, void *data)
{
    Fixture *f = data;
    BerthCause cause = { .now_us = f->now_us, .actor = "planner" };
    BerthTick tick = { .holder = "test", .is_thorough = true, .keep_us = f->keep_us };
    int n_changes = 0;
    g_autoptr(GArray) jobs = NULL;
    int error = berth_tick(tx, &cause, &tick, &n_changes);
    if (error == BERTH_OK) {
        error = berth_jobs_lease(tx, &cause, tick.holder, &jobs);
    }
    return error == BERTH_OK ? berth_jobs_run(tx, &cause, tick.holder, jobs) : error;
}

static inline int
fixture_read_inventory(BerthTx *tx, void *data)
{
    json_t **message = data;
    const char *host = json_string_value(json_object_get(*message, "host"));
    json_t *desired = NULL;
    int error = berth_host_desired(tx, host, &desired);
    if (error == BERTH_OK) {
        json_object_update(*message, desired);
        json_decref(desired);
    }
    return error;
}

typedef struct {
    Fixture *fixture;
    BerthInventory *inventory;
} FixtureReport;

/* Disks are as f->disk_state says; without it nothing is said of them. */
static inline void
fixture_have_disks(const Fixture *f, json_t *message)
{
    size_t i = 0;
    size_t k = 0;
    json_t *item = NULL;
    json_t *machine = NULL;
    if (f->disk_state == NULL) {
        json_object_del(message, "disks");
        return;
    }
    json_array_foreach (json_object_get(message, "disks"), i, item) {
        bool is_absent = g_strcmp0(json_string_value(json_object_get(item, "want")), "absent") == 0;
        json_object_set_new(item, "state", json_string(is_absent ? "failed" : f->disk_state));
        json_object_set_new(item, "code", json_string(is_absent ? "not-found" : "corrupt"));
        json_array_foreach (json_object_get(message, "machines"), k, machine) {
            const json_t *disk = json_object_get(machine, "user_disk");
            if (json_equal(json_object_get(disk, "id"), json_object_get(item, "id"))) {
                json_object_set(item, "machine", json_object_get(machine, "id"));
            }
        }
    }
}

/* Every image and RAM template that is wanted is there; tasks are left alone. */
static inline void
fixture_have_parts(json_t *message)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach (json_object_get(message, "images"), i, item) {
        json_object_set_new(item, "state", json_string("present"));
    }
    json_array_foreach (json_object_get(message, "templates"), i, item) {
        json_object_set(item, "key", json_object_get(item, "version"));
        json_object_set_new(item, "state", json_string("ready"));
    }
    json_object_del(message, "tasks");
}

static inline int
fixture_run_report(BerthTx *tx, void *data)
{
    FixtureReport *report = data;
    BerthCause cause = { .now_us = report->fixture->now_us, .actor = "host" };
    BerthSyncResult result;
    const Fixture *f = report->fixture;
    int error = berth_host_apply_inventory(tx, &cause, f->host, report->inventory, NULL, &result);
    return error == BERTH_OK
               ? berth_host_apply_parts(tx, &cause, f->host, &report->inventory->parts, NULL,
                                        &result.n_steps)
               : error;
}

/*
 * A host that does at once what it should: every wanted machine is ready on a disk of its epoch or
 * gone, every wanted session listens.
 */
static inline int
fixture_obey(Fixture *f)
{
    size_t i = 0;
    json_t *item = NULL;
    json_auto_t *message = json_pack("{s:s}", "host", f->host);
    int error = berth_store_read(f->store, fixture_read_inventory, &message);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *sessions = json_array();
    json_t *machines = json_array();
    json_array_foreach (json_object_get(message, "machines"), i, item) {
        char overlay[64];
        if (g_strcmp0(json_string_value(json_object_get(item, "want")), "absent") == 0) {
            continue;
        }
        json_array_append(machines, item);
        g_snprintf(overlay, sizeof overlay, "%s-%d", json_string_value(json_object_get(item, "id")),
                   (int)json_integer_value(json_object_get(item, "epoch")));
        json_object_set_new(item, "state", json_string("ready"));
        json_object_set_new(item, "overlay", json_string(overlay));
    }
    json_array_foreach (json_object_get(message, "sessions"), i, item) {
        if (g_strcmp0(json_string_value(json_object_get(item, "want")), "ended") != 0) {
            json_object_set_new(item, "state", json_string("listening"));
            json_object_set_new(item, "session_key",
                                json_string("00112233445566778899aabbccddeeff"
                                            "00112233445566778899aabbccddeeff"));
            json_array_append(sessions, item);
        }
    }
    json_object_set_new(message, "machines", machines);
    json_object_set_new(message, "sessions", sessions);
    fixture_have_parts(message);
    fixture_have_disks(f, message);
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(message, NULL);
    FixtureReport report = { .fixture = f, .inventory = inventory };
    return inventory != NULL ? berth_store_write(f->store, fixture_run_report, &report)
                             : BERTH_ERR_PROTOCOL;
}

typedef struct {
    Fixture *fixture;
    int user;
    BerthClaimResult result;
    int error;
} FixtureClaim;

static inline int
fixture_run_claim(BerthTx *tx, void *data)
{
    FixtureClaim *claim = data;
    Fixture *f = claim->fixture;
    BerthCause cause = { .now_us = f->now_us, .actor = "user" };
    BerthClaim ask = { .account = f->users[claim->user],
                       .pool = f->pool,
                       .client = "test",
                       .client_key = "11",
                       .login = "" };
    char *policy = NULL;
    int error = berth_claim(tx, &cause, &ask, &claim->result, &policy);
    free(policy);
    return error;
}

static inline int
fixture_claim(Fixture *f, int user, BerthClaimResult *ret)
{
    FixtureClaim claim = { .fixture = f, .user = user };
    int error = berth_store_write(f->store, fixture_run_claim, &claim);
    *ret = claim.result;
    bool is_refused = error == BERTH_OK && claim.result.outcome == BERTH_CLAIM_REFUSED;
    return is_refused ? claim.result.error : error;
}

static inline int
fixture_run_fsck(BerthTx *tx, void *data)
{
    json_t *checks = NULL;
    int error = berth_fsck(tx, &checks, data);
    json_decref(checks);
    return error;
}

/* Breaches of invariants; 0 is what every test ends with. */
static inline int64_t
fixture_fsck(Fixture *f)
{
    int64_t n_breaches = -1;
    return berth_store_read(f->store, fixture_run_fsck, &n_breaches) == BERTH_OK ? n_breaches : -1;
}

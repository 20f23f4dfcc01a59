/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a version comes to be: edited, sealed or thrown away, tried; with a host that does at once
 * what it should, and a broker that knows no more than the rows.
 */
#include "store-fixture.h"

#include "berth/errors.h"
#include "broker/desired-parts.h"
#include "broker/image-versions.h"
#include "broker/maintenance.h"
#include "broker/steps-catalog.h"
#include "broker/store/connection.h"
#include "broker/version-seal.h"

#include "testing.h"

#include <string.h>

#define ROOT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NEW_ROOT "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KERNEL "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

typedef struct {
    Fixture base;
    BerthSigningKey *key;
    char parent[BERTH_ID_HEX_CHARS + 1];
    char version[BERTH_ID_HEX_CHARS + 1];
    char operation[BERTH_ID_HEX_CHARS + 1];
    char pool[BERTH_ID_HEX_CHARS + 1];
    char *busy;
    const char *kind;
    json_t *message;
    const char *sql;
    json_t *rows;
} World;

static BerthCause
cause_of(const World *w)
{
    return (BerthCause){ .now_us = w->base.now_us, .actor = "user:user0" };
}

/* ---- acts ---- */

static int
run_import(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    BerthVersionNew wanted = { .image = w->base.image, .changelog = "" };
    json_auto_t *files =
        json_pack("[{s:s, s:s, s:i, s:i}, {s:s, s:s, s:i, s:i}]", "role", "disk", "root", ROOT,
                  "size_bytes", 8 << 20, "chunk_bytes", 4 << 20, "role", "kernel", "root", KERNEL,
                  "size_bytes", 1 << 20, "chunk_bytes", 4 << 20);
    json_auto_t *machine = json_pack("{s:i, s:i}", "memory_mib", 96, "vcpus", 2);
    BerthVersionSeal seal = { .version = w->parent,
                              .files = files,
                              .machine = machine,
                              .sealed_by = "ann",
                              .place = "broker:test" };
    int error = berth_version_create(tx, &cause, &wanted, w->parent, NULL);
    if (error == BERTH_OK) {
        error = berth_image_version_step(tx, &cause, w->parent, BERTH_IMAGE_VERSION_EVENT_SEAL, "");
    }
    return error == BERTH_OK ? berth_version_seal(tx, &cause, w->key, &seal) : error;
}

static int
run_edit(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    BerthEdit edit = {
        .image = w->base.image, .version = "", .account = w->base.users[0], .changelog = "patched"
    };
    g_clear_pointer(&w->busy, g_free);
    return berth_edit_begin(tx, &cause, &edit, w->version, &w->busy);
}

static int
run_do(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    return berth_edit_do(tx, &cause, w->version, w->kind, json_object(), w->base.users[0],
                         1000 * FIXTURE_SECOND_US, w->operation);
}

static int
run_discard(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    return berth_edit_discard(tx, &cause, w->version);
}

static int
run_try(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    BerthTrial trial = { .version = w->parent, .account = w->base.users[0], .n_machines = 3 };
    return berth_trial_begin(tx, &cause, &trial, w->pool);
}

static int
run_end_trial(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    return berth_trial_end(tx, &cause, w->parent, w->pool);
}

static int
act(World *w, BerthTxFunc run)
{
    return berth_store_write(w->base.store, run, w);
}

/* What the tick, then the host, make of it, until nothing is left to be done. */
static void
settle(World *w)
{
    for (int i = 0; i < 8; i++) {
        w->base.now_us += FIXTURE_SECOND_US;
        assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
        assert_berth_ok(fixture_obey(&w->base));
    }
}

/* ---- looks ---- */

typedef struct {
    BerthStatement statement;
    const char *id;
    json_t *rows;
} Look;

static int
run_look(BerthTx *tx, void *data)
{
    Look *look = data;
    int error = BERTH_OK;
    look->rows = berth_tx_to_json(tx, &error, look->statement, "s", look->id);
    return error;
}

/* One text of the row with that id; for g_free(), "" if there is none. */
static char *
look_up(World *w, BerthStatement statement, const char *id, const char *key)
{
    Look look = { .statement = statement, .id = id };
    assert_berth_ok(berth_store_read(w->base.store, run_look, &look));
    const char *text = json_string_value(json_object_get(json_array_get(look.rows, 0), key));
    char *copy = g_strdup(text != NULL ? text : "");
    json_decref(look.rows);
    return copy;
}

static void
assert_version(World *w, const char *key, const char *expected)
{
    g_autofree char *text = look_up(w, BERTH_SQL_EDIT_JSON, w->version, key);
    assert_string_equal(text, expected);
}

/* The only task that the host is given, its id; for g_free(). */
static int
read_desired(BerthTx *tx, void *data)
{
    World *w = data;
    return berth_host_desired(tx, w->base.host, &w->message);
}

static char *
dup_task(World *w, const char *kind)
{
    assert_berth_ok(berth_store_read(w->base.store, read_desired, w));
    json_t *tasks = json_object_get(w->message, "tasks");
    assert_int_equal(json_array_size(tasks), 1);
    const json_t *task = json_array_get(tasks, 0);
    assert_string_equal(json_string_value(json_object_get(task, "kind")), kind);
    assert_non_null(json_string_value(json_object_get(task, "machine")));
    char *id = g_strdup(json_string_value(json_object_get(task, "id")));
    json_decref(w->message);
    return id;
}

static int
run_report(BerthTx *tx, void *data)
{
    World *w = data;
    g_autofree char *actor = g_strconcat("host:", w->base.host, NULL);
    BerthCause cause = { .now_us = w->base.now_us, .actor = actor };
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(w->message, NULL);
    int n_changes = 0;
    g_assert_nonnull(inventory);
    return berth_host_apply_parts(tx, &cause, w->base.host, &inventory->parts, w->key, &n_changes);
}

/* The host tells the end of its task; result: reference taken. */
static void
end_task(World *w, const char *kind, const char *code, json_t *result)
{
    g_autofree char *id = dup_task(w, kind);
    bool is_good = code[0] == '\0';
    w->message = json_pack("{s:[], s:[], s:[{s:s, s:s, s:i, s:s, s:s, s:o}]}", "machines",
                           "sessions", "tasks", "id", id, "state", is_good ? "done" : "failed",
                           "progress_pct", 100, "code", code, "detail",
                           is_good ? "well" : "store: no space is left", "result", result);
    assert_non_null(w->message);
    assert_berth_ok(berth_store_write(w->base.store, run_report, w));
    json_decref(w->message);
}

static json_t *
sealed(void)
{
    return json_pack("{s:[{s:s, s:s, s:i, s:i}], s:{s:[s], s:[]}}", "files", "role", "disk", "root",
                     NEW_ROOT, "size_bytes", 8 << 20, "chunk_bytes", 4 << 20, "report", "packages",
                     "base 2", "checks");
}

static void
begin_edit(World *w)
{
    assert_berth_ok(act(w, run_import));
    settle(w);
    assert_berth_ok(act(w, run_edit));
    settle(w);
    end_task(w, "facts", "", json_pack("{s:[s]}", "packages", "base 1"));
}

/* ---- tests ---- */

static void
an_edit_becomes_the_next_version(void **state)
{
    World *w = *state;
    begin_edit(w);
    assert_version(w, "state", "draft");
    assert_version(w, "pool", "edit-demo");
    w->kind = "run-script";
    assert_berth_ok(act(w, run_do));
    w->kind = "seal";
    assert_berth_error(act(w, run_do), BERTH_ERR_BUSY);
    end_task(w, "run-script", "", json_pack("{s:i}", "status", 0));
    assert_berth_ok(act(w, run_do));
    assert_version(w, "state", "sealing");
    assert_berth_error(act(w, run_do), BERTH_ERR_STATE);
    end_task(w, "seal", "", sealed());
    assert_version(w, "state", "available");

    /* The new disk, and the kernel of the parent; both know their packages. */
    g_autofree char *manifest = look_up(w, BERTH_SQL_VERSION_REPORT, w->version, "manifest");
    assert_non_null(strstr(manifest, NEW_ROOT));
    assert_non_null(strstr(manifest, KERNEL));
    assert_non_null(strstr(manifest, "\"memory_mib\":96"));
    assert_null(strstr(manifest, ROOT));
    g_autofree char *old = look_up(w, BERTH_SQL_VERSION_REPORT, w->parent, "report");
    assert_non_null(strstr(old, "base 1"));
    g_autofree char *new = look_up(w, BERTH_SQL_VERSION_REPORT, w->version, "report");
    assert_non_null(strstr(new, "base 2"));

    /* The maintenance machine and its pool go by themselves, and the next edit may begin. */
    settle(w);
    g_autofree char *pool = look_up(w, BERTH_SQL_POOL_BY_NAME, "edit-demo", "id");
    assert_string_equal(pool, "");
    assert_berth_ok(act(w, run_edit));
    assert_version(w, "pool", "edit-demo");
}

static void
two_administrators_are_told_of_each_other(void **state)
{
    World *w = *state;
    assert_berth_error(act(w, run_edit), BERTH_ERR_NOT_FOUND);
    begin_edit(w);
    assert_berth_error(act(w, run_edit), BERTH_ERR_BUSY);
    assert_string_equal(w->busy, "edit-demo");
}

static void
a_seal_that_fails_says_why_and_may_be_repeated(void **state)
{
    World *w = *state;
    begin_edit(w);
    w->kind = "seal";
    assert_berth_ok(act(w, run_do));
    end_task(w, "seal", "disk-full", json_object());
    assert_version(w, "state", "failed");
    g_autofree char *report = look_up(w, BERTH_SQL_VERSION_REPORT, w->version, "report");
    assert_non_null(strstr(report, "no space is left"));
    assert_berth_ok(act(w, run_do));
    end_task(w, "seal", "", sealed());
    assert_version(w, "state", "available");
}

/* A host's word is not enough: what is no version fails, and does not hang. */
static void
an_answer_that_is_none_fails_the_seal(void **state)
{
    World *w = *state;
    begin_edit(w);
    w->kind = "seal";
    assert_berth_ok(act(w, run_do));
    end_task(w, "seal", "", json_pack("{s:[{s:s}]}", "files", "role", "disk"));
    settle(w);
    assert_version(w, "state", "failed");
}

static void
a_host_that_never_answers_fails_the_seal(void **state)
{
    World *w = *state;
    begin_edit(w);
    w->kind = "seal";
    assert_berth_ok(act(w, run_do));
    w->base.now_us += 2000 * FIXTURE_SECOND_US;
    settle(w);
    assert_version(w, "state", "failed");
}

static void
an_edit_is_thrown_away_with_its_machine(void **state)
{
    World *w = *state;
    begin_edit(w);
    w->kind = "seal";
    assert_berth_ok(act(w, run_do));
    /* Its seal is stopped first. */
    assert_berth_ok(act(w, run_discard));
    assert_berth_error(act(w, run_discard), BERTH_ERR_STATE);
    settle(w);
    assert_version(w, "state", "deleted");
    g_autofree char *pool = look_up(w, BERTH_SQL_POOL_BY_NAME, "edit-demo", "id");
    assert_string_equal(pool, "");
}

static int
count_machines(BerthTx *tx, void *data)
{
    World *w = data;
    int error = BERTH_OK;
    w->rows = berth_tx_to_json(tx, &error, BERTH_SQL_POOL_RESTING_MACHINES, "s", w->pool);
    return error;
}

static size_t
n_machines(World *w)
{
    assert_berth_ok(berth_store_read(w->base.store, count_machines, w));
    size_t n = json_array_size(w->rows);
    json_decref(w->rows);
    return n;
}

static void
a_trial_has_its_machines_and_goes_with_them(void **state)
{
    World *w = *state;
    assert_berth_ok(act(w, run_import));
    settle(w);
    assert_berth_ok(act(w, run_try));
    settle(w);
    assert_int_equal(n_machines(w), 3);
    assert_berth_ok(act(w, run_end_trial));
    settle(w);
    assert_int_equal(n_machines(w), 0);
    assert_berth_error(act(w, run_end_trial), BERTH_ERR_NOT_FOUND);
}

static void
a_trial_that_nobody_ends_ends(void **state)
{
    World *w = *state;
    assert_berth_ok(act(w, run_import));
    settle(w);
    assert_berth_ok(act(w, run_try));
    settle(w);
    w->base.now_us += BERTH_TEST_POOL_LIFE_US;
    settle(w);
    assert_int_equal(n_machines(w), 0);
}

static int
setup(void **state)
{
    World *w = g_new0(World, 1);
    fixture_init(&w->base, 4, 1);
    w->key = berth_signing_key_generate(NULL);
    *state = w;
    return w->key != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    World *w = *state;
    int64_t n_breaches = fixture_fsck(&w->base);
    fixture_clear(&w->base);
    berth_signing_key_free(w->key);
    g_free(w->busy);
    g_free(w);
    return n_breaches == 0 ? 0 : -1;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_edit_becomes_the_next_version),
        TEST(two_administrators_are_told_of_each_other),
        TEST(a_seal_that_fails_says_why_and_may_be_repeated),
        TEST(an_answer_that_is_none_fails_the_seal),
        TEST(a_host_that_never_answers_fails_the_seal),
        TEST(an_edit_is_thrown_away_with_its_machine),
        TEST(a_trial_has_its_machines_and_goes_with_them),
        TEST(a_trial_that_nobody_ends_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

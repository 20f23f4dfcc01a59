/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions of images in the store: sealed once and for all, fetched by hosts, run by machines.
 */
#include "store-fixture.h"

#include "broker/desired-parts.h"
#include "broker/host-tasks.h"
#include "broker/image-versions.h"
#include "broker/operations.h"
#include "broker/plan-step.h"
#include "broker/steps-catalog.h"
#include "broker/store/connection.h"
#include "broker/version-gc.h"
#include "broker/version-seal.h"

#include <string.h>

#define ROOT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct {
    Fixture base;
    BerthSigningKey *key;
    char version[BERTH_ID_HEX_CHARS + 1];
    char task[BERTH_ID_HEX_CHARS + 1];
    char operation[BERTH_ID_HEX_CHARS + 1];
    const char *sql;
    json_t *json;
    const char *text; /* of what is run next */
} World;

static int
run_sql(BerthTx *tx, void *data)
{
    return berth_connection_exec(tx, data);
}

static int
exec(World *w, const char *sql)
{
    return berth_store_write(w->base.store, run_sql, (void *)sql);
}

static BerthCause
cause_of(const World *w)
{
    return (BerthCause){ .now_us = w->base.now_us, .actor = "test" };
}

static int
run_create(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    BerthVersionNew wanted = { .image = w->base.image, .changelog = "new" };
    int error = berth_version_create(tx, &cause, &wanted, w->version, NULL);
    return error == BERTH_OK ? berth_image_version_step(tx, &cause, w->version,
                                                        BERTH_IMAGE_VERSION_EVENT_SEAL, "")
                             : error;
}

static int
run_seal(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    json_auto_t *files = json_pack("[{s:s, s:s, s:i, s:i}]", "role", "disk", "root", ROOT,
                                   "size_bytes", 8 << 20, "chunk_bytes", 4 << 20);
    json_auto_t *machine = json_pack("{s:i, s:i}", "memory_mib", 64, "vcpus", 1);
    BerthVersionSeal seal = { .version = w->version,
                              .files = w->json != NULL ? w->json : files,
                              .machine = machine,
                              .sealed_by = "ann",
                              .place = "broker:test" };
    return berth_version_seal(tx, &cause, w->key, &seal);
}

static void
add_version(World *w)
{
    assert_berth_ok(berth_store_write(w->base.store, run_create, w));
    assert_berth_ok(berth_store_write(w->base.store, run_seal, w));
}

typedef struct {
    BerthStatement statement;
    const char *value;
    json_t *rows;
} Query;

static int
run_query(BerthTx *tx, void *data)
{
    Query *query = data;
    int error = BERTH_OK;
    query->rows = berth_tx_to_json(tx, &error, query->statement, "s", query->value);
    return error;
}

static json_t *
read_rows(World *w, BerthStatement statement, const char *value)
{
    Query query = { .statement = statement, .value = value };
    assert_berth_ok(berth_store_write(w->base.store, run_query, &query));
    return query.rows;
}

static const char *
get_text(const json_t *rows, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(rows, 0), key));
    return text != NULL ? text : "";
}

static int
read_desired(BerthTx *tx, void *data)
{
    World *w = data;
    return berth_host_desired(tx, w->base.host, &w->json);
}

static json_t *
get_desired(World *w)
{
    w->json = NULL;
    assert_berth_ok(berth_store_read(w->base.store, read_desired, w));
    return g_steal_pointer(&w->json);
}

static int
run_report(BerthTx *tx, void *data)
{
    World *w = data;
    g_autofree char *actor = g_strconcat("host:", w->base.host, NULL);
    BerthCause cause = { .now_us = w->base.now_us, .actor = actor };
    g_autoptr(GError) why = NULL;
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(w->json, &why);
    int n_changes = 0;
    return inventory != NULL ? berth_host_apply_parts(tx, &cause, w->base.host, &inventory->parts,
                                                      w->key, &n_changes)
                             : why->code;
}

/* An inventory with one list; the reference of the item is taken. */
static int
report(World *w, const char *list, json_t *item)
{
    json_auto_t *message = json_pack("{s:[], s:[], s:[o]}", "machines", "sessions", list, item);
    w->json = message;
    int error = berth_store_write(w->base.store, run_report, w);
    w->json = NULL;
    return error;
}

static json_t *
image_report(const World *w, const char *state)
{
    return json_pack("{s:s, s:s, s:i, s:i}", "version", w->version, "state", state, "bytes", 10,
                     "total_bytes", 20);
}

static void
a_sealed_version_is_signed_and_never_changes(void **state)
{
    World *w = *state;
    BerthTicketKey key;
    uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES];
    add_version(w);
    json_auto_t *rows = read_rows(w, BERTH_SQL_DESIRED_VERSION, w->version);
    berth_signing_key_get_public(w->key, &key);
    assert_berth_ok(berth_hex_parse(get_text(rows, "signature"), signature, sizeof signature));
    assert_berth_ok(berth_ticket_key_verify_text(&key, BERTH_VERSION_CONTEXT,
                                                 get_text(rows, "manifest"), signature));
    json_auto_t *manifest = json_loads(get_text(rows, "manifest"), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(manifest, "version")), w->version);
    assert_int_equal(json_integer_value(json_object_get(manifest, "number")), 1);
    assert_int_not_equal(exec(w, "UPDATE image_version SET manifest = '{}'"), BERTH_OK);
    assert_int_not_equal(exec(w, "UPDATE image_version SET signature = ''"), BERTH_OK);
    assert_int_not_equal(exec(w, "UPDATE image_version SET number = 9"), BERTH_OK);
    assert_berth_ok(exec(w, "UPDATE image_version SET changelog = 'said better'"));
    assert_int_equal(berth_store_write(w->base.store, run_seal, w), BERTH_ERR_STATE);
}

static void
files_that_are_none_are_not_sealed(void **state)
{
    static const char *const texts[] = {
        "[]",
        "[{\"role\":\"disk\",\"size_bytes\":1}]",
        "[{\"role\":\"disk\",\"root\":\"aa\",\"size_bytes\":1}]",
        "[{\"role\":\"disk\",\"root\":\"" ROOT "\",\"size_bytes\":0}]",
        "[{\"role\":\"disk\",\"root\":\"" ROOT "\",\"size_bytes\":-5}]",
        "[{\"role\":\"initrd\",\"root\":\"" ROOT "\",\"size_bytes\":5}]",
    };
    World *w = *state;
    assert_berth_ok(berth_store_write(w->base.store, run_create, w));
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        json_auto_t *files = json_loads(texts[i], 0, NULL);
        w->json = files;
        assert_int_equal(berth_store_write(w->base.store, run_seal, w), BERTH_ERR_INVALID);
    }
    w->json = NULL;
    assert_berth_ok(berth_store_write(w->base.store, run_seal, w));
}

static void
hosts_fetch_what_pools_may_need_and_machines_wait_for_it(void **state)
{
    World *w = *state;
    add_version(w);
    assert_berth_ok(exec(w, "INSERT INTO meta (key, value) VALUES ('depot_address:test', "
                            "'192.0.2.1:7446')"));
    assert_berth_ok(exec(w, "UPDATE pool SET template = 1"));
    json_auto_t *desired = get_desired(w);
    const json_t *image = json_array_get(json_object_get(desired, "images"), 0);
    assert_string_equal(json_string_value(json_object_get(image, "version")), w->version);
    assert_string_equal(json_string_value(json_array_get(json_object_get(image, "sources"), 0)),
                        "192.0.2.1:7446");
    assert_int_equal(json_array_size(json_object_get(desired, "templates")), 1);
    /* The first version took the tag, and the pool goes by it; no host has it yet. */
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *none = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(none, "machines")), 0);
    assert_berth_ok(report(w, "images", image_report(w, "fetching")));
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *still_none = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(still_none, "machines")), 0);
    assert_berth_ok(report(w, "images", image_report(w, "present")));
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *there = get_desired(w);
    const json_t *machine = json_array_get(json_object_get(there, "machines"), 0);
    assert_string_equal(json_string_value(json_object_get(machine, "version")), w->version);
    assert_null(json_object_get(machine, "manifest"));
}

static int
run_explain(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    int error = BERTH_OK;
    w->json = berth_plan_explain(tx, &cause, w->base.pool, &error);
    return error;
}

static void
a_pool_that_cannot_grow_says_why(void **state)
{
    World *w = *state;
    assert_berth_ok(berth_store_write(w->base.store, run_create, w));
    assert_berth_ok(berth_store_read(w->base.store, run_explain, w));
    assert_string_equal(get_text(w->json, "reason"), "no-version");
    json_decref(g_steal_pointer(&w->json));
    assert_berth_ok(berth_store_write(w->base.store, run_seal, w));
    assert_berth_ok(berth_store_read(w->base.store, run_explain, w));
    assert_string_equal(get_text(w->json, "reason"), "no-image");
    assert_non_null(strstr(get_text(w->json, "detail"), "version 1 of image \"demo\""));
    json_decref(g_steal_pointer(&w->json));
    assert_berth_ok(report(w, "images",
                           json_pack("{s:s, s:s, s:s, s:s}", "version", w->version, "state",
                                     "failed", "code", "corrupt", "detail", "chunk 3 is wrong")));
    assert_berth_ok(berth_store_read(w->base.store, run_explain, w));
    assert_non_null(strstr(get_text(w->json, "detail"), "chunk 3 is wrong"));
    json_decref(g_steal_pointer(&w->json));
}

static void
no_host_needs_a_disk_for_what_it_cannot_run(void **state)
{
    World *w = *state;
    add_version(w);
    assert_berth_ok(exec(w, "UPDATE pool SET labels = '{\"disk\":\"ssd\"}'"));
    json_auto_t *desired = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(desired, "images")), 0);
    assert_berth_ok(exec(w, "UPDATE host SET labels = '{\"disk\":\"ssd\"}'"));
    json_auto_t *fitting = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(fitting, "images")), 1);
}

static int
run_recycle(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    return berth_machine_step(tx, &cause, w->text, BERTH_MACHINE_EVENT_RECYCLE, NULL, "");
}

static void
a_recycled_machine_takes_the_next_version_once_its_host_has_it(void **state)
{
    World *w = *state;
    char first[BERTH_ID_HEX_CHARS + 1];
    add_version(w);
    assert_berth_ok(fixture_obey(&w->base));
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    assert_berth_ok(fixture_obey(&w->base));
    assert_berth_ok(fixture_obey(&w->base));
    json_auto_t *desired = get_desired(w);
    const json_t *machine = json_array_get(json_object_get(desired, "machines"), 0);
    g_autofree char *id = g_strdup(json_string_value(json_object_get(machine, "id")));
    w->text = id;
    g_strlcpy(first, w->version, sizeof first);
    add_version(w);
    g_autofree char *move = g_strdup_printf("UPDATE pool SET image_version = '%s'", w->version);
    assert_berth_ok(exec(w, move));
    assert_berth_ok(berth_store_write(w->base.store, run_recycle, w));
    json_auto_t *kept = get_desired(w);
    machine = json_array_get(json_object_get(kept, "machines"), 0);
    assert_string_equal(json_string_value(json_object_get(machine, "version")), first);
    assert_int_equal(json_array_size(json_object_get(kept, "images")), 2);
    assert_berth_ok(fixture_obey(&w->base));
    assert_berth_ok(fixture_obey(&w->base));
    assert_berth_ok(berth_store_write(w->base.store, run_recycle, w));
    json_auto_t *moved = get_desired(w);
    machine = json_array_get(json_object_get(moved, "machines"), 0);
    assert_string_equal(json_string_value(json_object_get(machine, "version")), w->version);
}

static int
run_add_task(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    int error = berth_operation_start(tx, &cause, "facts", "", "", w->operation);
    return error == BERTH_OK
               ? berth_host_task_add(tx, &cause, w->base.host, w->text, "x",
                                     json_pack("{s:s}", "machine", w->version), w->operation,
                                     w->base.now_us + 60 * FIXTURE_SECOND_US, w->task)
               : error;
}

static json_t *
task_report(const World *w, const char *state, int pct, const char *code)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:{s:i}}", "id", w->task, "state", state,
                     "progress_pct", pct, "code", code, "detail", "some words", "result", "n", 7);
}

static int
read_operation(BerthTx *tx, void *data)
{
    World *w = data;
    int error = BERTH_OK;
    w->json =
        berth_tx_to_json(tx, &error, BERTH_SQL_OPERATION_JSON, "ssi", w->operation, "", (int64_t)1);
    return error;
}

static json_t *
get_operation(World *w)
{
    assert_berth_ok(berth_store_read(w->base.store, read_operation, w));
    return g_steal_pointer(&w->json);
}

static void
a_task_is_listed_until_its_end_is_written_down(void **state)
{
    World *w = *state;
    w->text = "nonsense";
    assert_int_equal(berth_store_write(w->base.store, run_add_task, w), BERTH_ERR_UNSUPPORTED);
    w->text = "facts";
    assert_berth_ok(berth_store_write(w->base.store, run_add_task, w));
    json_auto_t *desired = get_desired(w);
    const json_t *task = json_array_get(json_object_get(desired, "tasks"), 0);
    assert_string_equal(json_string_value(json_object_get(task, "id")), w->task);
    assert_non_null(json_object_get(task, "machine"));
    assert_berth_ok(report(w, "tasks", task_report(w, "running", 40, "")));
    json_auto_t *running = get_operation(w);
    assert_string_equal(get_text(running, "state"), "running");
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(running, 0), "progress_pct")), 40);
    assert_berth_ok(report(w, "tasks", task_report(w, "done", 100, "")));
    json_auto_t *done = get_operation(w);
    assert_string_equal(get_text(done, "state"), "done");
    const json_t *result = json_object_get(json_array_get(done, 0), "result");
    assert_int_equal(json_integer_value(json_object_get(result, "n")), 7);
    /* A report that comes again, and one about a task of long ago, change nothing. */
    assert_berth_ok(report(w, "tasks", task_report(w, "failed", 0, "corrupt")));
    json_auto_t *empty = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(empty, "tasks")), 0);
}

static void
a_task_whose_host_never_ends_it_fails(void **state)
{
    World *w = *state;
    w->text = "facts";
    assert_berth_ok(berth_store_write(w->base.store, run_add_task, w));
    w->base.now_us += 61 * FIXTURE_SECOND_US;
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *failed = get_operation(w);
    assert_string_equal(get_text(failed, "state"), "failed");
    assert_string_equal(get_text(failed, "detail"), "the host did not end it in time");
}

static int
run_plan_gc(BerthTx *tx, void *data)
{
    World *w = data;
    int error = BERTH_OK;
    w->json = berth_versions_plan_gc(tx, "", w->base.now_us, &error);
    return error;
}

static json_t *
plan_gc(World *w)
{
    assert_berth_ok(berth_store_read(w->base.store, run_plan_gc, w));
    return g_steal_pointer(&w->json);
}

static int
run_delete(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = cause_of(w);
    return berth_version_delete(tx, &cause, w->text);
}

static void
versions_that_nobody_uses_go_and_the_plan_proves_it(void **state)
{
    World *w = *state;
    char ids[5][BERTH_ID_HEX_CHARS + 1];
    for (int i = 0; i < 5; i++) {
        add_version(w);
        g_strlcpy(ids[i], w->version, sizeof ids[i]);
    }
    assert_berth_ok(exec(w, "UPDATE image_replica SET place = 'broker:' || version"));
    /* Three are kept; the first has the tag; so the second goes, and its file is nobody else's
     * where it is. */
    json_auto_t *plan = plan_gc(w);
    assert_int_equal(json_array_size(json_object_get(plan, "versions")), 1);
    assert_int_equal(json_array_size(json_object_get(plan, "kept")), 1);
    assert_non_null(strstr(get_text(json_object_get(plan, "kept"), "why"), "\"stable\""));
    const json_t *version = json_array_get(json_object_get(plan, "versions"), 0);
    assert_string_equal(json_string_value(json_object_get(version, "id")), ids[1]);
    const json_t *freed = json_array_get(json_object_get(plan, "frees"), 0);
    assert_int_equal(json_array_size(json_object_get(freed, "roots")), 1);
    /* Where another version has the same file, it stays. */
    assert_berth_ok(exec(w, "UPDATE image_replica SET place = 'broker:one'"));
    json_auto_t *shared = plan_gc(w);
    freed = json_array_get(json_object_get(shared, "frees"), 0);
    assert_int_equal(json_array_size(json_object_get(freed, "roots")), 0);
    assert_int_equal(json_array_size(json_object_get(freed, "shared")), 1);
    w->text = ids[0];
    assert_int_equal(berth_store_write(w->base.store, run_delete, w), BERTH_ERR_BUSY);
    /* The tick lets it go; it is deleted when the last place has dropped it. */
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *going = read_rows(w, BERTH_SQL_IMAGE_VERSION_LOCK, ids[1]);
    assert_string_equal(get_text(going, "state"), "deleting");
    assert_berth_ok(exec(w, "DELETE FROM image_replica"));
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *gone = read_rows(w, BERTH_SQL_IMAGE_VERSION_LOCK, ids[1]);
    assert_string_equal(get_text(gone, "state"), "deleted");
}

static void
a_host_has_the_version_that_a_desktop_is_rebased_to(void **state)
{
    World *w = *state;
    add_version(w);
    assert_berth_ok(exec(w, "DELETE FROM image_tag"));
    assert_berth_ok(exec(w, "UPDATE pool SET image_version = NULL"));
    json_auto_t *before = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(before, "images")), 0);
    w->text = "rebase";
    assert_berth_ok(berth_store_write(w->base.store, run_add_task, w));
    json_auto_t *wanted = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(wanted, "images")), 1);
    w->text = w->version;
    assert_int_equal(berth_store_write(w->base.store, run_delete, w), BERTH_ERR_BUSY);
    assert_berth_ok(exec(w, "UPDATE host_task SET state = 'done', deadline_us = NULL"));
    json_auto_t *after = get_desired(w);
    assert_int_equal(json_array_size(json_object_get(after, "images")), 0);
    assert_berth_ok(berth_store_write(w->base.store, run_delete, w));
}

static void
sealing_that_never_ends_fails(void **state)
{
    World *w = *state;
    assert_berth_ok(berth_store_write(w->base.store, run_create, w));
    w->base.now_us += 2 * 3600 * FIXTURE_SECOND_US;
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    json_auto_t *rows = read_rows(w, BERTH_SQL_IMAGE_VERSION_LOCK, w->version);
    assert_string_equal(get_text(rows, "state"), "failed");
}

static void
hostile_lists_are_refused_whole(void **state)
{
    World *w = *state;
    add_version(w);
    json_t *twice = json_pack("{s:[], s:[], s:[o, o]}", "machines", "sessions", "images",
                              image_report(w, "present"), image_report(w, "failed"));
    assert_null(berth_inventory_new_from_json(twice, NULL));
    json_decref(twice);
    assert_int_equal(report(w, "images", json_pack("{s:s}", "version", w->version)),
                     BERTH_ERR_PROTOCOL);
    assert_int_equal(report(w, "tasks",
                            json_pack("{s:s, s:s, s:i}", "id", w->version, "state", "running",
                                      "progress_pct", 101)),
                     BERTH_ERR_PROTOCOL);
    assert_int_equal(report(w, "disks", json_string("x")), BERTH_ERR_PROTOCOL);
    assert_int_equal(report(w, "templates", json_pack("{s:s}", "state", "ready")),
                     BERTH_ERR_PROTOCOL);
    /* A version that nobody knows is no row. */
    assert_berth_ok(report(w, "images",
                           json_pack("{s:s, s:s}", "version", "00000000000000000000000000000009",
                                     "state", "present")));
    json_auto_t *rows = read_rows(w, BERTH_SQL_REPLICAS_OF_HOST, w->base.host);
    assert_int_equal(json_array_size(rows), 0);
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
    g_free(w);
    return n_breaches == 0 ? 0 : -1;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_sealed_version_is_signed_and_never_changes),
        TEST(files_that_are_none_are_not_sealed),
        TEST(hosts_fetch_what_pools_may_need_and_machines_wait_for_it),
        TEST(a_pool_that_cannot_grow_says_why),
        TEST(no_host_needs_a_disk_for_what_it_cannot_run),
        TEST(a_recycled_machine_takes_the_next_version_once_its_host_has_it),
        TEST(a_task_is_listed_until_its_end_is_written_down),
        TEST(a_task_whose_host_never_ends_it_fails),
        TEST(versions_that_nobody_uses_go_and_the_plan_proves_it),
        TEST(a_host_has_the_version_that_a_desktop_is_rebased_to),
        TEST(sealing_that_never_ends_fails),
        TEST(hostile_lists_are_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

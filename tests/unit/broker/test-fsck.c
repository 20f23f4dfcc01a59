/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each check finds a store that was broken by hand, and names the row.
 */
#include "store-fixture.h"

#include "broker/store/connection.h"

#include <string.h>

#define SOME_ID "'000000000000000000000000000000aa'"
#define IN_USE "(SELECT id FROM machine WHERE state = 'assigned')"
#define FREE "(SELECT min(id) FROM machine WHERE state = 'ready')"
#define NEW_ASSIGNMENT(machine, slot)                                                      \
    "INSERT INTO assignment (id, pool, machine, account, slot, machine_epoch, state, "     \
    "created_us) SELECT " SOME_ID ", pool, " machine ", account, " slot ", 77, 'open', 1 " \
    "FROM assignment WHERE state = 'open'"
#define VERSION(state, sealed)                                                               \
    "INSERT INTO image_version (id, image, number, state, created_us, sealed_us, since_us) " \
    "SELECT " SOME_ID ", id, 1, '" state "', 1, " sealed ", 1 FROM image"
#define ROLLOUT(id)                                                                          \
    "INSERT INTO rollout (id, pool, from_version, to_version, state, created_us, since_us) " \
    "SELECT '" id "', id, " SOME_ID ", " SOME_ID ", 'planned', 1, 1 FROM pool"

typedef struct {
    const char *check;
    const char *sql[5]; /* what an index or a CHECK of the schema refuses is switched off first */
} Case;

/* The name of the audit chain is not known here: its own test forges it. */
static const Case cases[] = {
    { "one-owner-a-machine", { "DROP INDEX assignment_machine", NEW_ASSIGNMENT("machine", "1") } },
    { "one-desktop-a-slot", { "DROP INDEX assignment_account", NEW_ASSIGNMENT(FREE, "0") } },
    { "one-session-a-machine",
      { "DROP INDEX session_machine", "DROP INDEX session_assignment",
        "INSERT INTO session (id, assignment, machine, host, pool, account, machine_epoch, state, "
        "started_us, since_us) SELECT " SOME_ID ", assignment, machine, host, pool, account, "
        "machine_epoch, 'active', 1, 1 FROM session" } },
    { "session-is-its-owners",
      { "UPDATE session SET account = (SELECT max(id) FROM account WHERE id <> "
        "(SELECT account FROM assignment))" } },
    { "session-has-its-assignment",
      { "UPDATE assignment SET state = 'released', released_us = 1" } },
    { "ticket-is-of-its-session", { "UPDATE ticket SET connection_epoch = 99" } },
    { "data-is-kept", { "UPDATE machine SET keep = 1, state = 'failed' WHERE id = " IN_USE } },
    { "clean-was-scrubbed", { "UPDATE machine SET scrub_overlay = 'old' WHERE id = " FREE } },
    { "pool-counts-its-machines", { "UPDATE pool SET n_machines = n_machines + 1" } },
    { "host-counts-its-memory", { "UPDATE host SET memory_reserved_mib = 1" } },
    { "host-counts-its-processors", { "UPDATE host SET vcpu_reserved = 99" } },
    { "host-is-not-ahead", { "UPDATE host SET cluster_epoch = 99" } },
    { "removed-host-is-empty", { "UPDATE host SET state = 'removed'" } },
    { "image-stays-sealed",
      { VERSION("deleted", "1"), ROLLOUT("000000000000000000000000000000ab") } },
    { "sealed-is-signed", { VERSION("available", "1") } },
    { "tag-can-be-run",
      { VERSION("retired", "1"), "INSERT INTO image_tag (image, tag, version, moved_us) "
                                 "SELECT image, 'stable', id, 1 FROM image_version" } },
    { "version-is-of-its-image",
      { VERSION("deleted", "1"), "UPDATE machine SET version = " SOME_ID " WHERE id = " FREE } },
    { "deleted-version-is-nowhere",
      { VERSION("deleted", "1"),
        "INSERT INTO image_replica (version, place, state, since_us) VALUES "
        "(" SOME_ID ", 'broker:b', 'present', 1)" } },
    { "disk-is-held-by-its-owner",
      { "INSERT INTO user_disk (id, account, size_mib, state, created_us, since_us) "
        "SELECT " SOME_ID ", account, 10, 'attached', 1, 1 FROM assignment",
        "INSERT INTO disk_lease (disk, machine, machine_epoch, host, epoch, state, since_us) "
        "SELECT " SOME_ID ", id, epoch, host, 1, 'held', 1 FROM machine WHERE id = " FREE } },
    { "task-has-a-host",
      { "INSERT INTO host_task (id, host, kind, object, state, created_us, since_us, deadline_us) "
        "SELECT " SOME_ID ", id, 'facts', '', 'waiting', 1, 1, 2 FROM host",
        "UPDATE host SET state = 'removed'" } },
    { "one-rollout-a-pool",
      { VERSION("available", "1"), "DROP INDEX rollout_pool",
        ROLLOUT("000000000000000000000000000000ab"),
        ROLLOUT("000000000000000000000000000000ac") } },
    { "one-holder-a-lease", { "UPDATE lease SET holder = ''" } },
    { "change-is-in-the-log",
      { "INSERT INTO machine (id, pool, host, name, state, memory_mib, vcpus, since_us) "
        "SELECT " SOME_ID ", pool, host, 'ghost', 'failed', 1, 1, 1 FROM machine "
        "WHERE id = " IN_USE } },
    { "job-is-there-once",
      { "INSERT INTO job (id, kind, target, epoch, state, run_at_us, locked_until_us) VALUES "
        "(" SOME_ID ", 'k', 't', 1, 'running', 1, 1)" } },
    { "state-has-a-deadline",
      { "UPDATE machine SET state = 'deleting', deadline_us = NULL WHERE id = " FREE } },
    { "assigned-has-an-assignment", { "UPDATE machine SET assignment = 'x' WHERE id = " IN_USE } },
    { "assignment-has-its-machine",
      { "UPDATE machine SET assignment = NULL, state = 'failed' WHERE id = " IN_USE } },
    { "epochs-only-grow", { "UPDATE machine SET epoch = epoch + 5 WHERE id = " IN_USE } },
};

static int
run_sql(BerthTx *tx, void *data)
{
    return berth_connection_exec(tx, data);
}

static int
run_fsck(BerthTx *tx, void *data)
{
    json_t **ret = data;
    int64_t n = 0;
    return berth_fsck(tx, ret, &n);
}

/* Rows that a check names; the breaches of all others must be none or follow from the same. */
static json_int_t
count_breaches(json_t *checks, const char *name, const char **ret_what)
{
    size_t i = 0;
    json_t *check = NULL;
    json_array_foreach (checks, i, check) {
        if (strcmp(json_string_value(json_object_get(check, "check")), name) == 0) {
            json_t *row = json_array_get(json_object_get(check, "rows"), 0);
            *ret_what = json_string_value(json_object_get(row, "what"));
            return json_integer_value(json_object_get(check, "breaches"));
        }
    }
    return -1;
}

/* A site with one user in a session and some spares. */
static void
fill(Fixture *f)
{
    BerthClaimResult claimed;
    fixture_init(f, 3, 3);
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_int_equal(claimed.outcome, BERTH_CLAIM_GRANTED);
    assert_int_equal(fixture_fsck(f), 0);
}

static void
break_and_check(const Case *one)
{
    Fixture f;
    const char *what = NULL;
    json_t *checks = NULL;
    fill(&f);
    for (size_t i = 0; i < G_N_ELEMENTS(one->sql) && one->sql[i] != NULL; i++) {
        assert_berth_ok(berth_store_write(f.store, run_sql, (void *)(uintptr_t)one->sql[i]));
    }
    assert_berth_ok(berth_store_read(f.store, run_fsck, &checks));
    json_int_t n = count_breaches(checks, one->check, &what);
    if (n < 1 || what == NULL) {
        print_error("%s: %d breaches\n", one->check, (int)n);
    }
    assert_true(n >= 1);
    assert_non_null(what);
    assert_true(fixture_fsck(&f) >= 1);
    json_decref(checks);
    fixture_clear(&f);
}

static void
every_check_finds_its_breach_and_names_the_row(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        break_and_check(&cases[i]);
    }
}

/* A host that starts again has to look at its files first: nothing is broken meanwhile. */
static void
a_version_that_its_host_has_not_got_is_a_warning(void **state)
{
    Fixture f;
    const char *what = NULL;
    json_t *checks = NULL;
    fill(&f);
    assert_berth_ok(berth_store_write(
        f.store, run_sql,
        (void *)(uintptr_t) "INSERT INTO image_version (id, image, number, state, manifest, "
                            "signature, sha256, created_us, sealed_us, since_us) SELECT " SOME_ID
                            ", id, 1, 'available', 'm', 's', 'h', 1, 1, 1 FROM image"));
    assert_berth_ok(berth_store_write(f.store, run_sql,
                                      (void *)(uintptr_t) "UPDATE machine SET version = " SOME_ID));
    assert_berth_ok(berth_store_read(f.store, run_fsck, &checks));
    assert_int_equal(count_breaches(checks, "machine-has-its-version", &what), 3);
    assert_non_null(what);
    assert_int_equal(fixture_fsck(&f), 0);
    json_decref(checks);
    fixture_clear(&f);
}

/* The schema holds this one: only a file that was changed from outside can break it. */
static void
a_spare_that_is_not_clean_is_refused_by_the_schema(void **state)
{
    Fixture f;
    fill(&f);
    assert_berth_error(
        berth_store_write(f.store, run_sql,
                          (void *)(uintptr_t) "UPDATE machine SET dirty = 1 WHERE id = " FREE),
        BERTH_ERR_STATE);
    assert_berth_ok(berth_store_write(
        f.store, run_sql, (void *)(uintptr_t) "UPDATE machine SET keep = 1 WHERE id = " FREE));
    assert_true(fixture_fsck(&f) >= 1);
    fixture_clear(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_finds_its_breach_and_names_the_row),
        cmocka_unit_test(a_version_that_its_host_has_not_got_is_a_warning),
        cmocka_unit_test(a_spare_that_is_not_clean_is_refused_by_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

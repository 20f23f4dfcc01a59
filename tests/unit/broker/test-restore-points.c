/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restore points, backups and other disks in the store, with a host that says how its tasks ended.
 */
#include "store-fixture.h"

#include "broker/host-tasks.h"
#include "broker/restore-points.h"
#include "broker/store/connection.h"

#include <string.h>

#define DAY_US (24LL * 3600 * FIXTURE_SECOND_US)

typedef struct {
    Fixture base;
    char desk[BERTH_ID_HEX_CHARS + 1]; /* user0's */
    const char *act;
    const char *point, *name, *user;
    int64_t keep_days;
    BerthStarted started;
    char *why;
    int64_t number;
    char text[256];
    BerthTaskReport report;
} World;

static int
run_sql(BerthTx *tx, void *data)
{
    return berth_connection_exec(tx, data);
}

static void
exec(World *w, const char *sql)
{
    assert_berth_ok(berth_store_write(w->base.store, run_sql, (void *)sql));
}

/* ---- what is asked ---- */

static int
run_act(BerthTx *tx, void *data)
{
    World *w = data;
    BerthCause cause = { .now_us = w->base.now_us, .actor = "ann" };
    const char *account = w->base.users[1];
    if (strcmp(w->act, "snapshot") == 0) {
        return berth_restore_point_take(tx, &cause, w->desk, "auto", w->keep_days, "friday",
                                        account, &w->started, &w->why);
    }
    if (strcmp(w->act, "restore") == 0) {
        return berth_restore_point_restore(tx, &cause, w->desk, w->point, account, &w->started,
                                           &w->why);
    }
    if (strcmp(w->act, "rebase") == 0) {
        return berth_machine_rebase(tx, &cause, w->desk, "", account, &w->started, &w->why);
    }
    if (strcmp(w->act, "remove") == 0) {
        return berth_restore_point_remove(tx, &cause, w->point, &w->why);
    }
    if (strcmp(w->act, "export") == 0) {
        return berth_backup_export(tx, &cause, w->point, w->name, account, &w->started, &w->why);
    }
    BerthNewDesktop wanted = { .pool = "p",
                               .user = w->user,
                               .host = w->base.host,
                               .name = w->point == NULL ? "friday" : NULL,
                               .point = w->point };
    return berth_restore_to_new(tx, &cause, &wanted, account, &w->started, &w->why);
}

static int
act(World *w, const char *what)
{
    w->act = what;
    g_clear_pointer(&w->why, g_free);
    return berth_store_write(w->base.store, run_act, w);
}

static void
refused(World *w, const char *what, int error, const char *word)
{
    assert_berth_error(act(w, what), error);
    assert_non_null(w->why);
    assert_non_null(strstr(w->why, word));
}

/* ---- what is there ---- */

static int
run_states(BerthTx *tx, void *data)
{
    World *w = data;
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_POINT_JSON, "s", w->started.id);
    const char *state = json_string_value(json_object_get(json_array_get(rows, 0), "state"));
    g_strlcpy(w->text, state != NULL ? state : "", sizeof w->text);
    return error;
}

static const char *
state_of_point(World *w, const char *id)
{
    g_strlcpy(w->started.id, id, sizeof w->started.id);
    assert_berth_ok(berth_store_read(w->base.store, run_states, w));
    return w->text;
}

static int
run_task(BerthTx *tx, void *data)
{
    World *w = data;
    json_t *desired = NULL;
    int error = berth_host_desired(tx, w->base.host, &desired);
    const json_t *task = json_array_get(json_object_get(desired, "tasks"), 0);
    const char *id = json_string_value(json_object_get(task, "id"));
    const char *kind = json_string_value(json_object_get(task, "kind"));
    memset(w->report.id, 0, sizeof w->report.id);
    g_strlcpy(w->report.id, id != NULL ? id : "", sizeof w->report.id);
    g_strlcpy(w->text, kind != NULL ? kind : "", sizeof w->text);
    w->number = (int64_t)json_array_size(json_object_get(desired, "tasks"));
    json_decref(desired);
    return error;
}

static int
run_end(BerthTx *tx, void *data)
{
    World *w = data;
    int n_changes = 0;
    BerthCause cause = { .now_us = w->base.now_us, .actor = "host" };
    g_autoptr(GArray) reports = g_array_new(FALSE, FALSE, sizeof(BerthTaskReport));
    g_array_append_val(reports, w->report);
    return berth_host_tasks_apply(tx, &cause, w->base.host, reports, NULL, &n_changes);
}

/* The one task that the host has ends. */
static void
end_task(World *w, const char *kind, bool is_good)
{
    assert_berth_ok(berth_store_read(w->base.store, run_task, w));
    assert_int_equal(w->number, 1);
    assert_string_equal(w->text, kind);
    w->report.state = is_good ? "done" : "failed";
    w->report.progress_pct = 100;
    w->report.code = is_good ? "" : "disk-full";
    w->report.detail = is_good ? "" : "no space is left";
    w->report.result = "{\"consistency\": \"frozen\", \"file_bytes\": 4096, \"state\": \"evil\"}";
    assert_berth_ok(berth_store_write(w->base.store, run_end, w));
}

static int64_t
n_tasks(World *w)
{
    assert_berth_ok(berth_store_read(w->base.store, run_task, w));
    return w->number;
}

/* ---- the world ---- */

static int
set_up(void **state)
{
    World *w = g_new0(World, 1);
    BerthClaimResult claim;
    fixture_init(&w->base, 4, 1);
    w->keep_days = 30;
    exec(w, "UPDATE pool SET kind = 'dedicated', on_logoff = 'keep'");
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    assert_berth_ok(fixture_obey(&w->base));
    assert_berth_ok(fixture_claim(&w->base, 0, &claim));
    g_strlcpy(w->desk, claim.machine, sizeof w->desk);
    *state = w;
    return 0;
}

static int
tear_down(void **state)
{
    World *w = *state;
    g_free(w->why);
    fixture_clear(&w->base);
    g_free(w);
    return 0;
}

static void
end_session(World *w)
{
    exec(w, "UPDATE session SET state = 'ended', ended_us = 1, deadline_us = NULL");
}

/* Id of a new restore point that is ready, to be freed. */
static char *
make_point(World *w)
{
    assert_berth_ok(act(w, "snapshot"));
    char *id = g_strdup(w->started.id);
    end_task(w, "snapshot", true);
    return id;
}

static void
a_restore_point_is_ready_when_its_host_says_so(void **state)
{
    World *w = *state;
    assert_berth_ok(act(w, "snapshot"));
    g_autofree char *id = g_strdup(w->started.id);
    assert_string_equal(state_of_point(w, id), "making");
    assert_int_equal(fixture_fsck(&w->base), 0);
    refused(w, "snapshot", BERTH_ERR_STATE, "works on it already");
    end_task(w, "snapshot", true);
    assert_string_equal(state_of_point(w, id), "ready");
    assert_int_equal(n_tasks(w), 0);
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
a_restore_point_that_was_not_made_is_never_ready(void **state)
{
    World *w = *state;
    assert_berth_ok(act(w, "snapshot"));
    g_autofree char *id = g_strdup(w->started.id);
    end_task(w, "snapshot", false);
    assert_string_equal(state_of_point(w, id), "failed");
    /* What may have been made is taken away. */
    end_task(w, "remove-point", true);
    end_session(w);
    w->point = id;
    refused(w, "restore", BERTH_ERR_STATE, "failed");
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
a_host_that_is_silent_leaves_nothing_in_the_making(void **state)
{
    World *w = *state;
    assert_berth_ok(act(w, "snapshot"));
    g_autofree char *id = g_strdup(w->started.id);
    w->base.now_us += DAY_US;
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    assert_string_equal(state_of_point(w, id), "failed");
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
nobodys_disk_changes_under_him(void **state)
{
    World *w = *state;
    g_autofree char *id = make_point(w);
    w->point = id;
    refused(w, "restore", BERTH_ERR_STATE, "log it off first");
    refused(w, "rebase", BERTH_ERR_STATE, "log it off first");
    end_session(w);
    assert_berth_ok(act(w, "restore"));
    refused(w, "rebase", BERTH_ERR_STATE, "works on it already");
    refused(w, "snapshot", BERTH_ERR_STATE, "works on it already");
    end_task(w, "restore", true);
    assert_berth_ok(act(w, "rebase"));
    end_task(w, "rebase", true);
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
desktops_that_are_fresh_each_time_have_no_restore_points(void **state)
{
    World *w = *state;
    exec(w, "UPDATE pool SET kind = 'floating'");
    refused(w, "snapshot", BERTH_ERR_STATE, "only dedicated");
}

static void
a_restore_point_goes_when_its_time_is_over(void **state)
{
    World *w = *state;
    g_autofree char *id = make_point(w);
    w->base.now_us += 31 * DAY_US;
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    assert_string_equal(state_of_point(w, id), "deleting");
    end_task(w, "remove-point", false);
    assert_int_equal(n_tasks(w), 0);
    /* Asked again, until it is gone. */
    w->base.now_us += DAY_US;
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    end_task(w, "remove-point", true);
    assert_string_equal(state_of_point(w, id), "");
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
a_restore_point_of_another_machine_is_refused(void **state)
{
    World *w = *state;
    BerthClaimResult claim;
    g_autofree char *id = make_point(w);
    end_session(w);
    assert_berth_ok(berth_store_write(w->base.store, fixture_run_tick, &w->base));
    assert_berth_ok(fixture_obey(&w->base));
    assert_berth_ok(fixture_claim(&w->base, 1, &claim));
    end_session(w);
    assert_string_not_equal(claim.machine, w->desk);
    g_strlcpy(w->desk, claim.machine, sizeof w->desk);
    w->point = id;
    refused(w, "restore", BERTH_ERR_STATE, "of another machine");
}

static void
a_backup_becomes_a_desktop_of_its_user_alone(void **state)
{
    World *w = *state;
    g_autofree char *id = make_point(w);
    w->point = id;
    w->name = "friday";
    assert_berth_ok(act(w, "export"));
    end_task(w, "export", true);
    refused(w, "export", BERTH_ERR_EXISTS, "friday");
    w->point = NULL;
    w->user = w->base.users[0];
    refused(w, "new", BERTH_ERR_EXISTS, "already");
    w->user = w->base.users[3];
    assert_berth_ok(act(w, "new"));
    g_autofree char *machine = g_strdup(w->started.id);
    /* Nobody else gets it meanwhile. */
    BerthClaimResult claim;
    assert_berth_ok(fixture_claim(&w->base, 3, &claim));
    assert_string_not_equal(claim.machine, machine);
    end_task(w, "import-backup", false);
    w->user = w->base.users[4];
    assert_berth_ok(act(w, "new"));
    g_strlcpy(w->desk, w->started.id, sizeof w->desk);
    end_task(w, "import-backup", true);
    assert_berth_ok(fixture_claim(&w->base, 4, &claim));
    assert_string_equal(claim.machine, w->desk);
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
a_restore_point_becomes_a_new_desktop(void **state)
{
    World *w = *state;
    g_autofree char *id = make_point(w);
    w->point = id;
    w->user = w->base.users[5];
    assert_berth_ok(act(w, "new"));
    g_strlcpy(w->desk, w->started.id, sizeof w->desk);
    end_task(w, "restore", true);
    BerthClaimResult claim;
    assert_berth_ok(fixture_claim(&w->base, 5, &claim));
    assert_string_equal(claim.machine, w->desk);
    assert_int_equal(fixture_fsck(&w->base), 0);
}

static void
what_is_not_there_is_said_in_words(void **state)
{
    World *w = *state;
    end_session(w);
    w->point = "00000000000000000000000000000000";
    refused(w, "restore", BERTH_ERR_NOT_FOUND, "no restore point");
    refused(w, "remove", BERTH_ERR_NOT_FOUND, "no restore point");
    g_strlcpy(w->desk, w->point, sizeof w->desk);
    refused(w, "snapshot", BERTH_ERR_NOT_FOUND, "no machine");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_restore_point_is_ready_when_its_host_says_so),
        TEST(a_restore_point_that_was_not_made_is_never_ready),
        TEST(a_host_that_is_silent_leaves_nothing_in_the_making),
        TEST(nobodys_disk_changes_under_him),
        TEST(desktops_that_are_fresh_each_time_have_no_restore_points),
        TEST(a_restore_point_goes_when_its_time_is_over),
        TEST(a_restore_point_of_another_machine_is_refused),
        TEST(a_backup_becomes_a_desktop_of_its_user_alone),
        TEST(a_restore_point_becomes_a_new_desktop),
        TEST(what_is_not_there_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "broker/host-acts.h"
#include "broker/plan-step.h"
#include "store-fixture.h"

#include <string.h>

typedef struct {
    Fixture *f;
    bool is_forced;
    BerthHostEvent event;
    json_t *names;
    int error;
} Act;

static int
run_event(BerthTx *tx, void *data)
{
    Act *act = data;
    BerthCause cause = { .now_us = act->f->now_us, .actor = "test" };
    return berth_host_step(tx, &cause, act->f->host, act->event);
}

static int
run_fence(BerthTx *tx, void *data)
{
    Act *act = data;
    BerthCause cause = { .now_us = act->f->now_us, .actor = "test" };
    g_clear_pointer(&act->names, json_decref);
    return berth_host_fence(tx, &cause, act->f->host, &act->names);
}

static int
run_remove(BerthTx *tx, void *data)
{
    Act *act = data;
    BerthCause cause = { .now_us = act->f->now_us, .actor = "test" };
    g_clear_pointer(&act->names, json_decref);
    return berth_host_remove(tx, &cause, act->f->host, act->is_forced, &act->names);
}

static void
lose_host(Fixture *f)
{
    Act act = { .f = f, .event = BERTH_HOST_EVENT_SILENT };
    assert_berth_ok(berth_store_write(f->store, run_event, &act));
    act.event = BERTH_HOST_EVENT_LEASE_OVER;
    assert_berth_ok(berth_store_write(f->store, run_event, &act));
}

typedef struct {
    int64_t n_machines; /* as the pool counts them */
    int64_t memory_mib; /* reserved on hosts that are there */
    int64_t n_assigned;
} Counts;

static int
read_counts(BerthTx *tx, void *data)
{
    Counts *counts = data;
    BerthRows rows;
    *counts = (Counts){ 0 };
    berth_tx_query(tx, &rows, BERTH_SQL_CAPACITY_POOLS, "");
    if (berth_rows_next(&rows)) {
        counts->n_machines = berth_rows_int(&rows, 3);
        counts->n_assigned = berth_rows_int(&rows, 4);
    }
    int error = berth_rows_end(&rows);
    berth_tx_query(tx, &rows, BERTH_SQL_CAPACITY_HOSTS, "");
    while (berth_rows_next(&rows)) {
        counts->memory_mib += berth_rows_int(&rows, 4);
    }
    return error == BERTH_OK ? berth_rows_end(&rows) : error;
}

static Counts
look(Fixture *f)
{
    Counts counts;
    assert_berth_ok(berth_store_read(f->store, read_counts, &counts));
    return counts;
}

static int
run_keep(BerthTx *tx, void *data)
{
    const BerthClaimResult *claim = data;
    return berth_tx_run_one(tx, BERTH_SQL_MACHINE_SET_DIRTY, "sib", claim->machine,
                            claim->machine_epoch, 1);
}

/* Six machines, one of them a user's. */
static void
fill_host(Fixture *f, bool is_kept)
{
    BerthClaimResult claim;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claim));
    if (is_kept) {
        assert_berth_ok(berth_store_write(f->store, run_keep, &claim));
    }
}

static void
a_fence_frees_users_at_once_and_keeps_their_data(void **state)
{
    Fixture *f = *state;
    Act act = { .f = f };
    fill_host(f, false);
    assert_berth_error(berth_store_write(f->store, run_fence, &act), BERTH_ERR_STATE);
    lose_host(f);
    assert_int_equal(look(f).n_assigned, 1);
    assert_berth_ok(berth_store_write(f->store, run_fence, &act));
    assert_int_equal(json_array_size(act.names), 0);
    assert_int_equal(look(f).n_assigned, 0);
    assert_int_equal(fixture_fsck(f), 0);
    json_decref(act.names);
}

static void
a_desktop_with_data_stays_its_users_when_its_host_is_fenced(void **state)
{
    Fixture *f = *state;
    Act act = { .f = f };
    fill_host(f, true);
    lose_host(f);
    assert_berth_ok(berth_store_write(f->store, run_fence, &act));
    assert_int_equal(json_array_size(act.names), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(act.names, 0), "user")),
                        "user0");
    assert_int_equal(look(f).n_assigned, 1);
    json_decref(act.names);
}

static void
a_lost_host_is_removed_and_everything_is_free(void **state)
{
    Fixture *f = *state;
    Act act = { .f = f };
    fill_host(f, false);
    assert_berth_error(berth_store_write(f->store, run_remove, &act), BERTH_ERR_BUSY);
    assert_int_equal(json_array_size(act.names), 6);
    lose_host(f);
    assert_berth_ok(berth_store_write(f->store, run_remove, &act));
    Counts counts = look(f);
    assert_int_equal(counts.n_machines, 0);
    assert_int_equal(counts.n_assigned, 0);
    assert_int_equal(counts.memory_mib, 0);
    assert_int_equal(fixture_fsck(f), 0);
    assert_berth_error(berth_store_write(f->store, run_remove, &act), BERTH_ERR_STATE);
    json_decref(act.names);
}

static void
data_goes_with_its_host_only_by_force(void **state)
{
    Fixture *f = *state;
    Act act = { .f = f };
    fill_host(f, true);
    lose_host(f);
    assert_berth_error(berth_store_write(f->store, run_remove, &act), BERTH_ERR_BUSY);
    assert_int_equal(json_array_size(act.names), 1);
    assert_int_equal(look(f).n_machines, 6);
    act.is_forced = true;
    assert_berth_ok(berth_store_write(f->store, run_remove, &act));
    assert_int_equal(look(f).n_machines, 0);
    assert_int_equal(fixture_fsck(f), 0);
    json_decref(act.names);
}

static int
run_explain(BerthTx *tx, void *data)
{
    Act *act = data;
    BerthCause cause = { .now_us = act->f->now_us, .actor = "test" };
    act->names = berth_plan_explain(tx, &cause, act->f->pool, &act->error);
    return act->error;
}

static void
a_lost_host_gets_no_machines_and_says_why(void **state)
{
    Fixture *f = *state;
    Act act = { .f = f };
    lose_host(f);
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_int_equal(look(f).n_machines, 0);
    assert_berth_ok(berth_store_read(f->store, run_explain, &act));
    const char *reason = json_string_value(json_object_get(json_array_get(act.names, 0), "reason"));
    assert_string_equal(reason, "not-up");
    json_decref(act.names);
}

static int
set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    fixture_init(f, 6, 6);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_clear(*state);
    g_free(*state);
    return 0;
}

int
main(void)
{
#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        HOST_TEST(a_fence_frees_users_at_once_and_keeps_their_data),
        HOST_TEST(a_desktop_with_data_stays_its_users_when_its_host_is_fenced),
        HOST_TEST(a_lost_host_is_removed_and_everything_is_free),
        HOST_TEST(data_goes_with_its_host_only_by_force),
        HOST_TEST(a_lost_host_gets_no_machines_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps in the store: what the tables of the state machines do to rows.
 */
#include "store-fixture.h"

#include "broker/store/connection.h"

#include <string.h>

typedef struct {
    Fixture *fixture;
    const char *machine;
    BerthMachineEvent event;
    const char *power;
    bool is_explicit;
} StepJob;

static int
run_step(BerthTx *tx, void *data)
{
    const StepJob *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "test" };
    if (job->power != NULL) {
        return berth_machine_set_power(tx, &cause, job->machine, job->power, "");
    }
    if (job->is_explicit) {
        return berth_machine_discard(tx, &cause, job->machine, job->event, "");
    }
    return berth_machine_step(tx, &cause, job->machine, job->event, NULL, "");
}

static int
step(Fixture *f, const char *machine, BerthMachineEvent event)
{
    StepJob job = { .fixture = f, .machine = machine, .event = event };
    return berth_store_write(f->store, run_step, &job);
}

static int
discard(Fixture *f, const char *machine, BerthMachineEvent event)
{
    StepJob job = { .fixture = f, .machine = machine, .event = event, .is_explicit = true };
    return berth_store_write(f->store, run_step, &job);
}

static int
power(Fixture *f, const char *machine, const char *wanted)
{
    StepJob job = { .fixture = f, .machine = machine, .power = wanted };
    return berth_store_write(f->store, run_step, &job);
}

typedef struct {
    const char *machine;
    char state[16];
    char power[16];
    int64_t epoch;
    bool is_kept;
} Row;

static int
read_row(BerthTx *tx, void *data)
{
    Row *row = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MACHINE_LOCK, "s", row->machine);
    if (berth_rows_next(&rows)) {
        g_strlcpy(row->state, berth_rows_text(&rows, 0), sizeof row->state);
        row->epoch = berth_rows_int(&rows, 2);
        g_strlcpy(row->power, berth_rows_text(&rows, 9), sizeof row->power);
        row->is_kept = berth_rows_int(&rows, 10) != 0;
    }
    return berth_rows_end(&rows);
}

static Row
get_row(Fixture *f, const char *machine)
{
    Row row = { .machine = machine };
    assert_berth_ok(berth_store_write(f->store, read_row, &row));
    return row;
}

static int
keep_all(BerthTx *tx, void *data)
{
    return berth_connection_exec(tx, "UPDATE machine SET keep = 1 WHERE state = 'assigned'");
}

/* A desktop in use that holds its user's data. */
static BerthClaimResult
claim_kept(Fixture *f)
{
    BerthClaimResult claimed;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_int_equal(claimed.outcome, BERTH_CLAIM_GRANTED);
    assert_berth_ok(berth_store_write(f->store, keep_all, NULL));
    return claimed;
}

static void
no_report_and_no_timer_ends_a_machine_with_data(void **state)
{
    static const BerthMachineEvent events[] = {
        BERTH_MACHINE_EVENT_SEEN_FAILED, BERTH_MACHINE_EVENT_SEEN_ABSENT,
        BERTH_MACHINE_EVENT_SEEN_ABSENT, BERTH_MACHINE_EVENT_HOST_LOST,
        BERTH_MACHINE_EVENT_BACK_DIRTY,
    };
    Fixture *f = *state;
    BerthClaimResult claimed = claim_kept(f);
    int64_t epoch = get_row(f, claimed.machine).epoch;
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++) {
        assert_berth_ok(step(f, claimed.machine, events[i]));
        Row row = get_row(f, claimed.machine);
        assert_string_equal(row.state, i == 0 ? "assigned" : "lost");
        assert_int_equal(row.epoch, epoch);
        assert_true(row.is_kept);
    }
    assert_berth_ok(step(f, claimed.machine, BERTH_MACHINE_EVENT_BACK_OWNED));
    assert_string_equal(get_row(f, claimed.machine).state, "assigned");
}

static void
an_order_ends_a_machine_with_data_only_if_it_says_so(void **state)
{
    Fixture *f = *state;
    BerthClaimResult claimed = claim_kept(f);
    assert_berth_error(step(f, claimed.machine, BERTH_MACHINE_EVENT_RECYCLE), BERTH_ERR_STATE);
    assert_berth_error(step(f, claimed.machine, BERTH_MACHINE_EVENT_RELEASE), BERTH_ERR_STATE);
    assert_berth_error(discard(f, claimed.machine, BERTH_MACHINE_EVENT_RELEASE), BERTH_ERR_INVALID);
    assert_berth_ok(discard(f, claimed.machine, BERTH_MACHINE_EVENT_RECYCLE));
    Row row = get_row(f, claimed.machine);
    assert_string_equal(row.state, "recycling");
    assert_false(row.is_kept);
    assert_int_equal(fixture_fsck(f), 0);
}

static void
a_spare_is_switched_off_and_on(void **state)
{
    Fixture *f = *state;
    BerthClaimResult claimed = claim_kept(f);
    assert_berth_ok(power(f, claimed.machine, "off"));
    assert_string_equal(get_row(f, claimed.machine).state, "assigned");
    assert_string_equal(get_row(f, claimed.machine).power, "off");
    assert_berth_ok(step(f, claimed.machine, BERTH_MACHINE_EVENT_SEEN_STOPPED));
    assert_berth_ok(power(f, claimed.machine, "on"));
    assert_berth_ok(discard(f, claimed.machine, BERTH_MACHINE_EVENT_RECYCLE));
    assert_berth_ok(fixture_obey(f));
    const char *machine = claimed.machine;
    assert_string_equal(get_row(f, machine).state, "ready");
    assert_berth_ok(power(f, machine, "frozen"));
    assert_string_equal(get_row(f, machine).state, "stopped");
    assert_string_equal(get_row(f, machine).power, "frozen");
    assert_berth_error(power(f, machine, "sideways"), BERTH_ERR_INVALID);
    assert_berth_ok(step(f, machine, BERTH_MACHINE_EVENT_START));
    assert_string_equal(get_row(f, machine).state, "starting");
    assert_string_equal(get_row(f, machine).power, "on");
    /* It should run, so a report that it is off says only that it is not up yet. */
    assert_berth_ok(step(f, machine, BERTH_MACHINE_EVENT_SEEN_STOPPED));
    assert_string_equal(get_row(f, machine).state, "starting");
    assert_berth_ok(step(f, machine, BERTH_MACHINE_EVENT_SEEN_READY));
    assert_berth_ok(step(f, machine, BERTH_MACHINE_EVENT_SEEN_STOPPED));
    assert_string_equal(get_row(f, machine).state, "starting");
    assert_int_equal(fixture_fsck(f), 0);
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
    const struct CMUnitTest tests[] = {
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        STORE_TEST(no_report_and_no_timer_ends_a_machine_with_data),
        STORE_TEST(an_order_ends_a_machine_with_data_only_if_it_says_so),
        STORE_TEST(a_spare_is_switched_off_and_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

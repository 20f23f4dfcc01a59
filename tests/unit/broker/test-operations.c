/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "store-fixture.h"

#include "broker/operations.h"

#include <string.h>

typedef struct {
    Fixture base;
    char id[BERTH_ID_HEX_CHARS + 1];
    json_t *row; /* as read last; NULL if it is gone */
} Operations;

static int
begin(void **state)
{
    Operations *o = g_new0(Operations, 1);
    fixture_init(&o->base, 0, 0);
    *state = o;
    return 0;
}

static int
end(void **state)
{
    Operations *o = *state;
    json_decref(o->row);
    fixture_clear(&o->base);
    g_free(o);
    return 0;
}

static int
run_start(BerthTx *tx, void *data)
{
    Operations *o = data;
    BerthCause cause = { .now_us = o->base.now_us, .actor = "test" };
    return berth_operation_start(tx, &cause, "read", "", o->base.users[0], o->id);
}

static int
run_progress(BerthTx *tx, void *data)
{
    const Operations *o = data;
    BerthCause cause = { .now_us = o->base.now_us, .actor = "test" };
    return berth_operation_progress(tx, &cause, o->id, 40, "nearly half");
}

static int
run_finish(BerthTx *tx, void *data)
{
    const Operations *o = data;
    BerthCause cause = { .now_us = o->base.now_us, .actor = "test" };
    return berth_operation_finish(tx, &cause, o->id, BERTH_OK, NULL, json_pack("{s:i}", "n", 1));
}

static int
run_read(BerthTx *tx, void *data)
{
    Operations *o = data;
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_OPERATION_JSON, "ssi", o->id,
                                         o->base.users[0], (int64_t)0);
    json_decref(o->row);
    o->row = json_incref(json_array_get(rows, 0));
    return error;
}

static const char *
state_of(Operations *o)
{
    assert_berth_ok(berth_store_read(o->base.store, run_read, o));
    return o->row != NULL ? json_string_value(json_object_get(o->row, "state")) : "gone";
}

static void
tick(Operations *o)
{
    assert_berth_ok(berth_store_write(o->base.store, fixture_run_tick, &o->base));
}

static void
what_a_dead_broker_began_is_called_failed(void **state)
{
    Operations *o = *state;
    assert_berth_ok(berth_store_write(o->base.store, run_start, o));
    o->base.now_us += BERTH_OPERATION_SILENCE_US - FIXTURE_SECOND_US;
    tick(o);
    assert_string_equal(state_of(o), "running");
    o->base.now_us += 2 * FIXTURE_SECOND_US;
    tick(o);
    assert_string_equal(state_of(o), "failed");
    assert_non_null(strstr(json_string_value(json_object_get(o->row, "detail")), "start it again"));
    /* It was not dead after all: what was told stays. */
    assert_berth_ok(berth_store_write(o->base.store, run_finish, o));
    assert_string_equal(state_of(o), "failed");
}

static void
one_that_reports_goes_on(void **state)
{
    Operations *o = *state;
    assert_berth_ok(berth_store_write(o->base.store, run_start, o));
    for (int i = 0; i < 3; i++) {
        o->base.now_us += BERTH_OPERATION_SILENCE_US - FIXTURE_SECOND_US;
        assert_berth_ok(berth_store_write(o->base.store, run_progress, o));
        tick(o);
        assert_string_equal(state_of(o), "running");
    }
    assert_berth_ok(berth_store_write(o->base.store, run_finish, o));
    assert_string_equal(state_of(o), "done");
}

static void
one_that_ended_is_forgotten_in_the_end(void **state)
{
    Operations *o = *state;
    assert_berth_ok(berth_store_write(o->base.store, run_start, o));
    assert_berth_ok(berth_store_write(o->base.store, run_finish, o));
    o->base.now_us += BERTH_OPERATION_KEEP_US - FIXTURE_SECOND_US;
    tick(o);
    assert_string_equal(state_of(o), "done");
    o->base.now_us += 2 * FIXTURE_SECOND_US;
    tick(o);
    assert_string_equal(state_of(o), "gone");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_dead_broker_began_is_called_failed, begin, end),
        cmocka_unit_test_setup_teardown(one_that_reports_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(one_that_ended_is_forgotten_in_the_end, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

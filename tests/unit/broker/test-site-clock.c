/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store-fixture.h"

#include "broker/site-clock.h"

#define HOUR_US (3600 * FIXTURE_SECOND_US)
#define START_US (1700000000LL * 1000 * 1000)

static void
the_site_follows_a_good_clock(void **state)
{
    BerthSiteTime time = berth_site_time_init(50, START_US);
    for (int64_t i = 1; i <= 1000; i++) {
        int64_t boot_us = 50 + i * FIXTURE_SECOND_US;
        berth_site_time_steer(&time, boot_us, START_US + i * FIXTURE_SECOND_US);
        assert_int_equal(berth_site_time_now_us(&time, boot_us), START_US + i * FIXTURE_SECOND_US);
    }
}

/* The reference jumps after ten minutes; returns how far the site is off after so many seconds. */
static int64_t
run_with_jump(int64_t jump_us, int64_t n_seconds)
{
    BerthSiteTime time = berth_site_time_init(0, START_US);
    int64_t last_us = START_US;
    int64_t error_us = 0;
    for (int64_t i = 1; i <= n_seconds; i++) {
        int64_t boot_us = i * FIXTURE_SECOND_US;
        int64_t reference_us = START_US + boot_us + (i > 600 ? jump_us : 0);
        int64_t before_us = berth_site_time_now_us(&time, boot_us);
        berth_site_time_steer(&time, boot_us, reference_us);
        int64_t now_us = berth_site_time_now_us(&time, boot_us);
        assert_int_equal(now_us, before_us); /* steering itself moves nothing */
        assert_true(now_us > last_us);
        assert_in_range(now_us - last_us, FIXTURE_SECOND_US * 95 / 100,
                        FIXTURE_SECOND_US * 105 / 100);
        last_us = now_us;
        error_us = now_us - reference_us;
    }
    return error_us;
}

static void
a_jump_of_an_hour_moves_no_second_by_more_than_a_twentieth(void **state)
{
    assert_int_equal(run_with_jump(HOUR_US, 601), -HOUR_US);
    assert_int_equal(run_with_jump(-HOUR_US, 601), HOUR_US);
    assert_true(run_with_jump(HOUR_US, 4200) < -HOUR_US * 9 / 10);
    assert_true(run_with_jump(-HOUR_US, 4200) > HOUR_US * 9 / 10);
}

static void
a_jump_is_worked_off_in_a_day(void **state)
{
    assert_int_equal(run_with_jump(HOUR_US, 24 * 3600), 0);
    assert_int_equal(run_with_jump(-HOUR_US, 24 * 3600), 0);
}

static void
a_clock_that_goes_back_does_not_take_time_back(void **state)
{
    BerthSiteTime time = berth_site_time_init(1000, START_US);
    assert_int_equal(berth_site_time_now_us(&time, 900), START_US);
    berth_site_time_steer(&time, 900, 0);
    assert_int_equal(berth_site_time_now_us(&time, 1000), START_US);
}

/* Years at once neither overflow nor overshoot. */
static void
a_long_sleep_is_counted_whole(void **state)
{
    BerthSiteTime time = berth_site_time_init(0, START_US);
    int64_t years_us = 50LL * 365 * 24 * HOUR_US;
    berth_site_time_steer(&time, 0, START_US - 10);
    assert_int_equal(berth_site_time_now_us(&time, years_us), START_US + years_us - 10);
}

typedef struct {
    Fixture *fixture;
    char state[16];
} SessionRow;

static int
read_session(BerthTx *tx, void *data)
{
    SessionRow *row = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MY_SESSIONS, "s", row->fixture->users[0]);
    row->state[0] = '\0';
    if (berth_rows_next(&rows)) {
        g_strlcpy(row->state, berth_rows_text(&rows, 4), sizeof row->state);
    }
    return berth_rows_end(&rows);
}

/*
 * A session that its host never opens has 600 s.  The wall clock jumps after 100 of them; returns
 * how many real seconds it had.
 */
static int64_t
measure_deadline(int64_t jump_us)
{
    Fixture f;
    BerthClaimResult claimed;
    fixture_init(&f, 2, 2);
    BerthSiteTime time = berth_site_time_init(0, f.now_us);
    int64_t start_us = f.now_us;
    SessionRow row = { .fixture = &f };
    int64_t i = 0;
    assert_berth_ok(berth_store_write(f.store, fixture_run_tick, &f));
    assert_berth_ok(fixture_obey(&f));
    assert_berth_ok(fixture_claim(&f, 0, &claimed));
    do {
        i += 5;
        int64_t boot_us = i * FIXTURE_SECOND_US;
        berth_site_time_steer(&time, boot_us, start_us + boot_us + (i > 100 ? jump_us : 0));
        f.now_us = berth_site_time_now_us(&time, boot_us);
        assert_berth_ok(berth_store_write(f.store, fixture_run_tick, &f));
        assert_berth_ok(berth_store_write(f.store, read_session, &row));
    } while (row.state[0] != '\0' && i < 7200);
    fixture_clear(&f);
    return i;
}

static void
no_deadline_moves_by_more_than_the_slew_when_the_clock_jumps(void **state)
{
    assert_in_range(measure_deadline(0), 600, 605);
    assert_in_range(measure_deadline(HOUR_US), 570, 605);
    assert_in_range(measure_deadline(-HOUR_US), 600, 635);
}

static int
open_clock(BerthTx *tx, void *data)
{
    return berth_site_clock_open(tx);
}

static int
keep_clock(BerthTx *tx, void *data)
{
    return berth_site_clock_keep(tx, *(bool *)data);
}

static int
set_future(BerthTx *tx, void *data)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT " 1", *(int64_t *)data);
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "site_clock", text);
}

static void
a_broker_that_starts_never_falls_behind_what_the_store_saw(void **state)
{
    Fixture f;
    bool is_leader = true;
    fixture_init(&f, 1, 1);
    assert_berth_error(berth_store_write(f.store, keep_clock, &is_leader), BERTH_ERR_STATE);
    assert_berth_ok(berth_store_write(f.store, open_clock, NULL));
    int64_t future_us = berth_site_clock_now_us() + HOUR_US;
    assert_berth_ok(berth_store_write(f.store, set_future, &future_us));
    assert_berth_ok(berth_store_write(f.store, open_clock, NULL));
    assert_true(berth_site_clock_now_us() >= future_us);
    assert_berth_ok(berth_store_write(f.store, keep_clock, &is_leader));
    int64_t now_us = berth_site_clock_now_us();
    assert_true(now_us >= future_us);
    is_leader = false;
    assert_berth_ok(berth_store_write(f.store, keep_clock, &is_leader));
    assert_true(berth_site_clock_now_us() >= now_us);
    fixture_clear(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_site_follows_a_good_clock),
        cmocka_unit_test(a_jump_of_an_hour_moves_no_second_by_more_than_a_twentieth),
        cmocka_unit_test(a_jump_is_worked_off_in_a_day),
        cmocka_unit_test(a_clock_that_goes_back_does_not_take_time_back),
        cmocka_unit_test(a_long_sleep_is_counted_whole),
        cmocka_unit_test(no_deadline_moves_by_more_than_the_slew_when_the_clock_jumps),
        cmocka_unit_test(a_broker_that_starts_never_falls_behind_what_the_store_saw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ladder and the queue.
 */
#include "store-fixture.h"

#include "broker/claim-queue.h"
#include "broker/explain.h"
#include "broker/store/connection.h"

#include <string.h>

static int
run_sql(BerthTx *tx, void *data)
{
    return berth_connection_exec(tx, data);
}

static void
sql(Fixture *f, const char *text)
{
    assert_berth_ok(berth_store_write(f->store, run_sql, (void *)(uintptr_t)text));
}

static void
run_all(Fixture *f)
{
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
    assert_berth_ok(fixture_obey(f));
}

static BerthClaimResult
claim(Fixture *f, int user)
{
    BerthClaimResult result;
    assert_berth_ok(fixture_claim(f, user, &result));
    return result;
}

typedef struct {
    Fixture *fixture;
    const char *session;
} SessionJob;

static int
run_logoff(BerthTx *tx, void *data)
{
    const SessionJob *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "user" };
    return berth_session_logoff(tx, &cause, job->session, "logged-off");
}

static void
logoff(Fixture *f, const char *session)
{
    SessionJob job = { .fixture = f, .session = session };
    assert_berth_ok(berth_store_write(f->store, run_logoff, &job));
}

static void
an_estimate_is_honest(void **state)
{
    static const struct {
        BerthQueueFacts facts;
        int64_t expected_s;
    } rows[] = {
        { { .position = 1, .n_coming = 1, .coming_us = 10 * FIXTURE_SECOND_US }, 10 },
        { { .position = 2, .n_coming = 2, .coming_us = 10 * FIXTURE_SECOND_US }, 10 },
        { { .position = 1, .n_coming = 1 }, 30 },
        { { .position = 1 }, -1 },
        { { .position = 2, .n_in_use = 5 }, -1 },
        { { .position = 2, .n_in_use = 5, .give_back_us = 60 * FIXTURE_SECOND_US }, 150 },
        { { .position = 3,
            .n_coming = 1,
            .n_in_use = 5,
            .coming_us = 5 * FIXTURE_SECOND_US,
            .give_back_us = 60 * FIXTURE_SECOND_US },
          125 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t estimate_us = berth_queue_estimate_us(&rows[i].facts);
        assert_int_equal(estimate_us < 0 ? -1 : estimate_us / FIXTURE_SECOND_US,
                         rows[i].expected_s);
    }
}

static void
who_waits_longer_comes_first_and_no_machine_idles(void **state)
{
    Fixture f;
    fixture_init(&f, 2, 2);
    run_all(&f);
    BerthClaimResult first = claim(&f, 0);
    BerthClaimResult second = claim(&f, 1);
    f.now_us += FIXTURE_SECOND_US;
    assert_int_equal(claim(&f, 2).position, 1);
    f.now_us += FIXTURE_SECOND_US;
    assert_int_equal(claim(&f, 3).position, 2);
    logoff(&f, first.session);
    run_all(&f);
    run_all(&f);
    /* One machine is free: a newcomer and the second do not get it. */
    f.now_us += FIXTURE_SECOND_US;
    BerthClaimResult newcomer = claim(&f, 4);
    assert_int_equal(newcomer.outcome, BERTH_CLAIM_QUEUED);
    assert_int_equal(newcomer.position, 3);
    assert_int_equal(claim(&f, 3).outcome, BERTH_CLAIM_QUEUED);
    assert_int_equal(claim(&f, 2).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(claim(&f, 3).position, 1);
    logoff(&f, second.session);
    run_all(&f);
    run_all(&f);
    /* The one before has gone away without a word: after a while nothing is kept for them. */
    assert_int_equal(claim(&f, 4).outcome, BERTH_CLAIM_QUEUED);
    f.now_us += BERTH_QUEUE_FRESH_US + 1;
    assert_int_equal(claim(&f, 4).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_newcomer_takes_what_those_before_leave_over(void **state)
{
    Fixture f;
    fixture_init(&f, 3, 3);
    run_all(&f);
    sql(&f, "UPDATE machine SET hold = 1");
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_QUEUED);
    f.now_us += FIXTURE_SECOND_US;
    sql(&f, "UPDATE machine SET hold = 0 WHERE id IN (SELECT id FROM machine LIMIT 2)");
    assert_int_equal(claim(&f, 1).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(claim(&f, 2).outcome, BERTH_CLAIM_QUEUED);
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static int
read_power(BerthTx *tx, void *data)
{
    char **ret = data;
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_MACHINE_LOCK, "s", ret[0]);
    if (berth_rows_next(&rows)) {
        ret[1] = g_strconcat(berth_rows_text(&rows, 0), " ", berth_rows_text(&rows, 9), NULL);
    }
    return berth_rows_end(&rows);
}

static void
assert_machine(Fixture *f, char *machine, const char *expected)
{
    char *texts[2] = { machine, NULL };
    assert_berth_ok(berth_store_write(f->store, read_power, texts));
    assert_string_equal(texts[1], expected);
    g_free(texts[1]);
}

static void
frozen_and_cold_machines_are_switched_on(void **state)
{
    Fixture f;
    fixture_init(&f, 3, 3);
    run_all(&f);
    sql(&f, "UPDATE machine SET state = 'stopped', power = 'off'");
    sql(&f, "UPDATE machine SET power = 'frozen' WHERE id = (SELECT max(id) FROM machine)");
    sql(&f, "UPDATE machine SET state = 'ready', power = 'on' "
            "WHERE id = (SELECT min(id) FROM machine)");
    BerthClaimResult ready = claim(&f, 0);
    BerthClaimResult frozen = claim(&f, 1);
    BerthClaimResult cold = claim(&f, 2);
    assert_true(strcmp(frozen.machine, ready.machine) > 0);
    assert_true(strcmp(frozen.machine, cold.machine) > 0);
    assert_machine(&f, frozen.machine, "assigned on");
    assert_machine(&f, cold.machine, "assigned on");
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_machine_is_made_for_a_user_only_within_the_limits(void **state)
{
    Fixture f;
    fixture_init(&f, 2, 0);
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(claim(&f, 1).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(claim(&f, 2).outcome, BERTH_CLAIM_QUEUED);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
    fixture_init(&f, 2, 0);
    sql(&f, "UPDATE host SET memory_limit_mib = 100");
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_STARTING);
    assert_int_equal(claim(&f, 1).outcome, BERTH_CLAIM_QUEUED);
    sql(&f, "UPDATE machine SET keep = 1");
    BerthClaimResult refused;
    assert_berth_error(fixture_claim(&f, 1, &refused), BERTH_ERR_NO_DESKTOP);
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_dedicated_desktop_is_kept_and_switched_on(void **state)
{
    Fixture f;
    fixture_init(&f, 2, 2);
    sql(&f, "UPDATE pool SET kind = 'dedicated', on_logoff = 'stop'");
    run_all(&f);
    BerthClaimResult first = claim(&f, 0);
    assert_berth_ok(fixture_obey(&f));
    first = claim(&f, 0);
    assert_int_equal(first.outcome, BERTH_CLAIM_GRANTED);
    logoff(&f, first.session);
    assert_machine(&f, first.machine, "assigned off");
    run_all(&f);
    BerthClaimResult second = claim(&f, 0);
    assert_string_equal(second.machine, first.machine);
    assert_string_not_equal(second.session, first.session);
    assert_machine(&f, first.machine, "assigned on");
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
an_entitlement_counts_only_in_its_hours(void **state)
{
    Fixture f;
    BerthClaimResult result;
    fixture_init(&f, 2, 2);
    run_all(&f);
    /* The fixture's time is a Thursday, a quarter past midnight. */
    sql(&f, "INSERT INTO schedule (id, name, timezone, rules, created_us) VALUES "
            "('00000000000000000000000000000001', 'office', 'UTC', "
            "'[{\"days\": [4], \"from\": \"08:00\", \"to\": \"18:00\"}]', 1)");
    sql(&f, "UPDATE entitlement SET schedule = '00000000000000000000000000000001'");
    assert_berth_error(fixture_claim(&f, 0, &result), BERTH_ERR_FORBIDDEN);
    f.now_us = 9 * 3600 * FIXTURE_SECOND_US;
    assert_int_equal(claim(&f, 0).outcome, BERTH_CLAIM_STARTING);
    sql(&f, "UPDATE account SET enabled = 0");
    assert_berth_error(fixture_claim(&f, 0, &result), BERTH_ERR_FORBIDDEN);
    fixture_clear(&f);
}

static void
a_ticket_is_dated_by_the_clock_of_its_host(void **state)
{
    Fixture f;
    fixture_init(&f, 1, 1);
    run_all(&f);
    sql(&f, "UPDATE host SET clock_offset_us = -3600000000");
    claim(&f, 0);
    assert_berth_ok(fixture_obey(&f));
    BerthClaimResult granted = claim(&f, 0);
    assert_int_equal(granted.outcome, BERTH_CLAIM_GRANTED);
    assert_int_equal(granted.not_before_us, f.now_us - 3600 * FIXTURE_SECOND_US);
    fixture_clear(&f);
}

typedef struct {
    Fixture *fixture;
    json_t *reply;
} Explain;

static int
run_explain(BerthTx *tx, void *data)
{
    Explain *explain = data;
    BerthCause cause = { .now_us = explain->fixture->now_us, .actor = "test" };
    return berth_explain(tx, &cause, explain->fixture->users[0], &explain->reply);
}

/* The first sentence why user 0 gets nothing; "" if nothing stands in the way. */
static char *
why_not(Fixture *f, const char *outcome)
{
    Explain explain = { .fixture = f };
    assert_berth_ok(berth_store_read(f->store, run_explain, &explain));
    json_t *pool = json_array_get(json_object_get(explain.reply, "pools"), 0);
    json_t *trace = json_object_get(json_object_get(pool, "last_connect"), "trace");
    assert_string_equal(json_string_value(json_object_get(trace, "outcome")), outcome);
    assert_true(json_array_size(json_object_get(trace, "steps")) > 0);
    const char *text = json_string_value(json_array_get(json_object_get(pool, "why_not"), 0));
    char *copy = g_strdup(text != NULL ? text : "");
    json_decref(explain.reply);
    return copy;
}

static void
a_user_is_told_why_there_is_no_desktop(void **state)
{
    static const struct {
        const char *sql;
        const char *outcome;
        const char *why;
    } rows[] = {
        { "UPDATE pool SET enabled = 1", "starting", "" },
        { "UPDATE pool SET enabled = 0, state = 'disabled'", "forbidden",
          "the pool \"p\" is disabled" },
        { "UPDATE account SET enabled = 0", "forbidden", "the account is disabled" },
        { "UPDATE host SET state = 'suspect'", "host-down", "no host is up" },
        { "UPDATE machine SET hold = 1", "queued",
          "all 1 machines that the pool may have are taken: 0 in use, 0 failed" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture f;
        BerthClaimResult result;
        fixture_init(&f, 1, 1);
        run_all(&f);
        sql(&f, rows[i].sql);
        (void)fixture_claim(&f, 0, &result);
        g_autofree char *why = why_not(&f, rows[i].outcome);
        assert_string_equal(why, rows[i].why);
        fixture_clear(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_estimate_is_honest),
        cmocka_unit_test(who_waits_longer_comes_first_and_no_machine_idles),
        cmocka_unit_test(a_newcomer_takes_what_those_before_leave_over),
        cmocka_unit_test(frozen_and_cold_machines_are_switched_on),
        cmocka_unit_test(a_machine_is_made_for_a_user_only_within_the_limits),
        cmocka_unit_test(a_dedicated_desktop_is_kept_and_switched_on),
        cmocka_unit_test(an_entitlement_counts_only_in_its_hours),
        cmocka_unit_test(a_ticket_is_dated_by_the_clock_of_its_host),
        cmocka_unit_test(a_user_is_told_why_there_is_no_desktop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

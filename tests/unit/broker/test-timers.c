/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers of pools, jobs that fire them, revocation, and rows that are too old.
 */
#include "store-fixture.h"

#include "broker/lease.h"
#include "broker/session-timers.h"
#include "broker/store/connection.h"
#include "broker/unit.h"

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

/* A pool of a negative size is refused by the schema. */
static void
assert_true_in_store(Fixture *f, const char *condition)
{
    g_autofree char *text =
        g_strdup_printf("UPDATE pool SET size = CASE WHEN %s THEN size ELSE -1 END", condition);
    sql(f, text);
}

static void
timers_are_checked(void **state)
{
    static const struct {
        const char *text;
        int n; /* -1: refused */
    } rows[] = {
        { "", 0 },
        { "[]", 0 },
        { "[{\"event\":\"idle\",\"delay_s\":600,\"warn_s\":60,\"action\":\"lock\"}]", 1 },
        { "[{\"event\":\"max-duration\",\"delay_s\":0,\"action\":\"recycle\"},"
          "{\"event\":\"schedule\",\"delay_s\":9,\"action\":\"message\"}]",
          2 },
        { "{}", -1 },
        { "[", -1 },
        { "[1]", -1 },
        { "[{\"event\":\"never\",\"delay_s\":1,\"action\":\"lock\"}]", -1 },
        { "[{\"event\":\"idle\",\"delay_s\":1,\"action\":\"explode\"}]", -1 },
        { "[{\"event\":\"idle\",\"action\":\"lock\"}]", -1 },
        { "[{\"event\":\"idle\",\"delay_s\":-1,\"action\":\"lock\"}]", -1 },
        { "[{\"event\":\"idle\",\"delay_s\":99999999999,\"action\":\"lock\"}]", -1 },
        { "[{\"event\":\"idle\",\"delay_s\":5,\"warn_s\":6,\"action\":\"lock\"}]", -1 },
        { "[{\"event\":\"idle\",\"delay_s\":5,\"action\":\"lock\",\"x\":1}]", -1 },
        { "[{},{},{},{},{}]", -1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthTimer timers[BERTH_TIMERS_MAX];
        size_t n = 0;
        g_autoptr(GError) error = NULL;
        bool is_good = berth_timers_parse(rows[i].text, timers, &n, &error);
        assert_int_equal(is_good ? (int)n : -1, rows[i].n);
        assert_int_equal(is_good, error == NULL);
    }
}

typedef struct {
    Fixture *fixture;
    const char *session;
    BerthSessionEvent event;
    int64_t idle_us;
} Job;

static int
run_event(BerthTx *tx, void *data)
{
    const Job *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "host" };
    return berth_session_step(tx, &cause, job->session, job->event, "");
}

static void
event(Fixture *f, const char *session, BerthSessionEvent what)
{
    Job job = { .fixture = f, .session = session, .event = what };
    assert_berth_ok(berth_store_write(f->store, run_event, &job));
}

static int
run_idle(BerthTx *tx, void *data)
{
    const Job *job = data;
    return berth_session_set_idle(tx, job->session, job->idle_us);
}

static void
idle(Fixture *f, const char *session, int64_t since_us)
{
    Job job = { .session = session, .idle_us = since_us };
    assert_berth_ok(berth_store_write(f->store, run_idle, &job));
}

static void
pass(Fixture *f, int64_t seconds)
{
    f->now_us += seconds * FIXTURE_SECOND_US;
    assert_berth_ok(berth_store_write(f->store, fixture_run_tick, f));
}

/* A pool with these timers, and user 0 in a session that is active. */
static BerthClaimResult
enter(Fixture *f, const char *timers)
{
    BerthClaimResult claimed;
    g_autofree char *text = g_strdup_printf("UPDATE pool SET timers = '%s'", timers);
    fixture_init(f, 2, 2);
    sql(f, text);
    pass(f, 0);
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_berth_ok(fixture_obey(f));
    assert_berth_ok(fixture_claim(f, 0, &claimed));
    assert_int_equal(claimed.outcome, BERTH_CLAIM_GRANTED);
    event(f, claimed.session, BERTH_SESSION_EVENT_SEEN_CONNECTED);
    return claimed;
}

/* state, order to disconnect, number of notices. */
static void
assert_session(Fixture *f, const char *session, const char *expected)
{
    g_autofree char *text =
        g_strdup_printf("(SELECT state || ' ' || want_disconnect || ' ' || notice_number "
                        "FROM session WHERE id = '%s') = '%s'",
                        session, expected);
    assert_true_in_store(f, text);
}

static void
an_idle_user_is_warned_and_then_disconnected(void **state)
{
    Fixture f;
    BerthClaimResult claimed =
        enter(&f, "[{\"event\":\"idle\",\"delay_s\":600,\"warn_s\":60,\"action\":\"lock\"}]");
    idle(&f, claimed.session, f.now_us);
    pass(&f, 539);
    assert_session(&f, claimed.session, "active 0 0");
    pass(&f, 1);
    assert_session(&f, claimed.session, "active 0 1");
    /* A key is pressed at the last moment: everything begins anew. */
    idle(&f, claimed.session, 0);
    pass(&f, 100);
    assert_session(&f, claimed.session, "active 0 1");
    idle(&f, claimed.session, f.now_us);
    pass(&f, 600);
    assert_session(&f, claimed.session, "active 1 2");
    fixture_clear(&f);
}

static void
coming_back_takes_the_timer_of_absence_back(void **state)
{
    Fixture f;
    BerthClaimResult claimed =
        enter(&f, "[{\"event\":\"disconnect\",\"delay_s\":300,\"action\":\"logoff\"}]");
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_LISTENING);
    pass(&f, 299);
    assert_session(&f, claimed.session, "disconnected 0 0");
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_CONNECTED);
    pass(&f, 1000);
    assert_session(&f, claimed.session, "active 0 0");
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_LISTENING);
    pass(&f, 300);
    assert_session(&f, claimed.session, "ending 0 0");
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static void
a_session_lasts_as_long_as_it_may_however_often_it_is_left(void **state)
{
    Fixture f;
    BerthClaimResult claimed = enter(
        &f, "[{\"event\":\"max-duration\",\"delay_s\":1000,\"warn_s\":100,\"action\":\"logoff\"}]");
    pass(&f, 500);
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_LISTENING);
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_CONNECTED);
    pass(&f, 400);
    assert_session(&f, claimed.session, "active 0 1");
    pass(&f, 100);
    assert_session(&f, claimed.session, "ending 0 1");
    fixture_clear(&f);
}

/* As enter(), with a policy of the pool instead of timers. */
static BerthClaimResult
enter_with_policy(Fixture *f, const char *policy)
{
    g_autofree char *text = g_strdup_printf("[]', policy = '%s", policy);
    return enter(f, text);
}

static void
a_policy_limits_how_long_somebody_is_idle_and_away(void **state)
{
    Fixture f;
    BerthClaimResult claimed =
        enter_with_policy(&f, "{\"idle_disconnect_s\":300,\"disconnected_logoff_s\":200}");
    idle(&f, claimed.session, f.now_us);
    pass(&f, 240);
    assert_session(&f, claimed.session, "active 0 1");
    pass(&f, 60);
    assert_session(&f, claimed.session, "active 1 1");
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_LISTENING);
    pass(&f, 199);
    assert_session(&f, claimed.session, "disconnected 1 1");
    pass(&f, 1);
    assert_session(&f, claimed.session, "ending 1 1");
    fixture_clear(&f);
}

static void
a_policy_limits_how_long_a_session_lasts(void **state)
{
    Fixture f;
    BerthClaimResult claimed = enter_with_policy(&f, "{\"session_max_s\":1000}");
    pass(&f, 939);
    assert_session(&f, claimed.session, "active 0 0");
    pass(&f, 1);
    assert_session(&f, claimed.session, "active 0 1");
    pass(&f, 60);
    assert_session(&f, claimed.session, "ending 0 1");
    fixture_clear(&f);
}

static void
the_end_of_the_hours_ends_the_session(void **state)
{
    Fixture f;
    BerthClaimResult claimed = enter(
        &f, "[{\"event\":\"schedule\",\"delay_s\":60,\"warn_s\":60,\"action\":\"disconnect\"}]");
    sql(&f, "INSERT INTO schedule (id, name, timezone, rules, created_us) VALUES "
            "('00000000000000000000000000000001', 'office', 'UTC', "
            "'[{\"days\": [4], \"from\": \"00:00\", \"to\": \"01:00\"}]', 1)");
    sql(&f, "UPDATE entitlement SET schedule = '00000000000000000000000000000001'");
    pass(&f, 60);
    pass(&f, 0);
    assert_session(&f, claimed.session, "active 0 0");
    pass(&f, 3600);
    pass(&f, 0);
    assert_session(&f, claimed.session, "active 0 1");
    pass(&f, 60);
    assert_session(&f, claimed.session, "active 1 1");
    fixture_clear(&f);
}

static void
a_desktop_of_its_user_is_switched_off_some_time_after_the_log_off(void **state)
{
    Fixture f;
    BerthClaimResult claimed =
        enter(&f, "[{\"event\":\"logoff\",\"delay_s\":120,\"action\":\"stop\"}]");
    sql(&f, "UPDATE pool SET kind = 'dedicated', on_logoff = 'keep'");
    sql(&f, "UPDATE machine SET keep = 1 WHERE state = 'assigned'");
    event(&f, claimed.session, BERTH_SESSION_EVENT_END);
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_ENDED);
    pass(&f, 120);
    assert_true_in_store(&f, "(SELECT power FROM machine WHERE state = 'assigned') = 'off'");
    BerthClaimResult again;
    assert_berth_ok(fixture_claim(&f, 0, &again));
    assert_string_equal(again.machine, claimed.machine);
    assert_int_equal(again.outcome, BERTH_CLAIM_STARTING);
    fixture_clear(&f);
}

typedef struct {
    Fixture *fixture;
    const char *holder;
    GArray *jobs;
} Runner;

static int
run_lease(BerthTx *tx, void *data)
{
    Runner *runner = data;
    BerthCause cause = { .now_us = runner->fixture->now_us, .actor = "timer" };
    return berth_jobs_lease(tx, &cause, runner->holder, &runner->jobs);
}

static int
run_jobs(BerthTx *tx, void *data)
{
    const Runner *runner = data;
    BerthCause cause = { .now_us = runner->fixture->now_us, .actor = "timer" };
    return berth_jobs_run(tx, &cause, runner->holder, runner->jobs);
}

static guint
lease(Runner *runner)
{
    assert_berth_ok(berth_store_write(runner->fixture->store, run_lease, runner));
    return runner->jobs->len;
}

static void
a_job_of_a_broker_that_died_is_run_by_another_and_only_once(void **state)
{
    Fixture f;
    BerthClaimResult claimed =
        enter(&f, "[{\"event\":\"max-duration\",\"delay_s\":10,\"action\":\"message\"}]");
    Runner first = { .fixture = &f, .holder = "first" };
    Runner second = { .fixture = &f, .holder = "second" };
    f.now_us += 10 * FIXTURE_SECOND_US;
    assert_int_equal(lease(&first), 1);
    assert_int_equal(lease(&second), 0);
    g_array_unref(second.jobs);
    f.now_us += BERTH_JOB_LEASE_US + 1;
    assert_int_equal(lease(&second), 1);
    assert_berth_ok(berth_store_write(f.store, run_jobs, &second));
    /* The first one only slept. */
    assert_berth_ok(berth_store_write(f.store, run_jobs, &first));
    assert_session(&f, claimed.session, "active 0 1");
    g_array_unref(first.jobs);
    g_array_unref(second.jobs);
    fixture_clear(&f);
}

static void
a_job_that_always_fails_is_dead_in_the_end(void **state)
{
    Fixture f;
    (void)enter(&f, "[]");
    sql(&f, "INSERT INTO job (id, kind, target, epoch, state, run_at_us) VALUES "
            "('00000000000000000000000000000002', 'no-such-kind', 'x', 1, 'waiting', 1)");
    for (int i = 0; i < BERTH_JOB_MAX_ATTEMPTS; i++) {
        pass(&f, 1000);
    }
    Runner runner = { .fixture = &f, .holder = "test" };
    f.now_us += 1000 * FIXTURE_SECOND_US;
    assert_int_equal(lease(&runner), 0);
    g_array_unref(runner.jobs);
    assert_true_in_store(&f, "(SELECT state FROM job WHERE kind = 'no-such-kind') = 'dead'");
    fixture_clear(&f);
}

static int
run_take(BerthTx *tx, void *data)
{
    Runner *runner = data;
    int64_t epoch = 0;
    BerthCause cause = { .now_us = runner->fixture->now_us, .actor = "timer" };
    int error = berth_lease_take(tx, &cause, "tick", runner->holder, &epoch);
    runner->jobs = error == BERTH_OK ? GINT_TO_POINTER((int)epoch) : NULL;
    return error;
}

static void
a_lease_has_one_holder_and_every_new_one_a_higher_epoch(void **state)
{
    Fixture f;
    fixture_init(&f, 1, 1);
    Runner first = { .fixture = &f, .holder = "first" };
    Runner second = { .fixture = &f, .holder = "second" };
    assert_berth_ok(berth_store_write(f.store, run_take, &first));
    assert_berth_error(berth_store_write(f.store, run_take, &second), BERTH_ERR_AGAIN);
    f.now_us += BERTH_LEASE_US;
    assert_berth_ok(berth_store_write(f.store, run_take, &first));
    assert_int_equal(GPOINTER_TO_INT(first.jobs), 1);
    f.now_us += BERTH_LEASE_US + 1;
    assert_berth_ok(berth_store_write(f.store, run_take, &second));
    assert_int_equal(GPOINTER_TO_INT(second.jobs), 2);
    assert_berth_error(berth_store_write(f.store, run_take, &first), BERTH_ERR_AGAIN);
    fixture_clear(&f);
}

typedef struct {
    Fixture *fixture;
    const char *account;
    const char *login;
} Revoke;

static int
run_revoke(BerthTx *tx, void *data)
{
    const Revoke *job = data;
    BerthCause cause = { .now_us = job->fixture->now_us, .actor = "user" };
    if (job->login != NULL) {
        return berth_session_revoke_login(tx, &cause, job->login, "revoked");
    }
    return job->account != NULL
               ? berth_session_revoke_account(tx, &cause, job->account, "revoked")
               : berth_session_revoke_unentitled(tx, &cause, job->fixture->pool, "", "revoked");
}

static void
who_loses_a_right_is_disconnected(void **state)
{
    Fixture f;
    BerthClaimResult claimed = enter(&f, "[]");
    Revoke nobody = { .fixture = &f };
    Revoke login = { .fixture = &f, .login = "no-such-login" };
    Revoke account = { .fixture = &f, .account = f.users[0] };
    assert_berth_ok(berth_store_write(f.store, run_revoke, &nobody));
    assert_berth_ok(berth_store_write(f.store, run_revoke, &login));
    assert_session(&f, claimed.session, "active 0 0");
    sql(&f, "DELETE FROM entitlement");
    assert_berth_ok(berth_store_write(f.store, run_revoke, &nobody));
    assert_session(&f, claimed.session, "active 1 0");
    sql(&f, "UPDATE session SET want_disconnect = 0");
    assert_berth_ok(berth_store_write(f.store, run_revoke, &account));
    assert_session(&f, claimed.session, "active 1 0");
    fixture_clear(&f);
}

static void
history_goes_after_its_time_and_what_lives_stays(void **state)
{
    Fixture f;
    BerthClaimResult claimed = enter(&f, "[]");
    event(&f, claimed.session, BERTH_SESSION_EVENT_END);
    event(&f, claimed.session, BERTH_SESSION_EVENT_SEEN_ENDED);
    f.keep_us = 100 * FIXTURE_SECOND_US;
    pass(&f, 99);
    assert_true_in_store(&f, "(SELECT count(*) FROM session) = 1");
    pass(&f, 2);
    assert_true_in_store(&f, "(SELECT count(*) FROM session) = 0");
    assert_true_in_store(&f, "(SELECT count(*) FROM assignment) = 1");
    assert_int_equal(fixture_fsck(&f), 0);
    fixture_clear(&f);
}

static int
fail_after_a_statement(BerthTx *tx, void *data)
{
    int error = berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "unit", "there");
    return error == BERTH_OK
               ? berth_tx_run(tx, BERTH_SQL_HOST_INSERT, "ssi", "short", "x", (int64_t)1)
               : error;
}

static int
run_units(BerthTx *tx, void *data)
{
    int result = BERTH_OK;
    int error = berth_unit_run(tx, fail_after_a_statement, NULL, &result);
    if (error == BERTH_OK && result == BERTH_OK) {
        return BERTH_ERR_INTERNAL;
    }
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_META_SET, "ss", "after", "there") : error;
}

static int
read_meta(BerthTx *tx, void *data)
{
    g_autofree char *value = NULL;
    return berth_tx_get_text(tx, &value, BERTH_SQL_META_GET, "s", data);
}

static void
a_unit_fails_alone(void **state)
{
    Fixture f;
    char unit[] = "unit";
    char after[] = "after";
    fixture_init(&f, 1, 1);
    assert_berth_ok(berth_store_write(f.store, run_units, NULL));
    assert_berth_error(berth_store_read(f.store, read_meta, unit), BERTH_ERR_NOT_FOUND);
    assert_berth_ok(berth_store_read(f.store, read_meta, after));
    fixture_clear(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_are_checked),
        cmocka_unit_test(an_idle_user_is_warned_and_then_disconnected),
        cmocka_unit_test(coming_back_takes_the_timer_of_absence_back),
        cmocka_unit_test(a_session_lasts_as_long_as_it_may_however_often_it_is_left),
        cmocka_unit_test(a_policy_limits_how_long_somebody_is_idle_and_away),
        cmocka_unit_test(a_policy_limits_how_long_a_session_lasts),
        cmocka_unit_test(the_end_of_the_hours_ends_the_session),
        cmocka_unit_test(a_desktop_of_its_user_is_switched_off_some_time_after_the_log_off),
        cmocka_unit_test(a_job_of_a_broker_that_died_is_run_by_another_and_only_once),
        cmocka_unit_test(a_job_that_always_fails_is_dead_in_the_end),
        cmocka_unit_test(a_lease_has_one_holder_and_every_new_one_a_higher_epoch),
        cmocka_unit_test(who_loses_a_right_is_disconnected),
        cmocka_unit_test(history_goes_after_its_time_and_what_lives_stays),
        cmocka_unit_test(a_unit_fails_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
